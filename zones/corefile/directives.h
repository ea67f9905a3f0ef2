// SPDX-License-Identifier: Apache-2.0
// The parser of each directive. They fill d->data, and d->runs and d->why where the options decide.
// Private to zones/corefile.
#pragma once

#include "zones/corefile/parse.h"

typedef int directive_parse(struct parse *p, const struct node *n, struct config_directive *d);

// dir_cluster.c
directive_parse kubernetes_parse;
directive_parse k8s_external_parse;
directive_parse autopath_parse;
// dir_forward.c, dir_cache.c
directive_parse forward_parse;
directive_parse cache_parse;
// Tells which files among the upstreams of a line do not exist.
[[nodiscard]] int forward_check_files(struct parse *p, const struct node *n);
// dir_rewrite.c
directive_parse rewrite_parse;
// dir_answers.c
directive_parse any_parse;
directive_parse chaos_parse;
directive_parse dns64_parse;
directive_parse file_parse;
directive_parse hosts_parse;
directive_parse local_parse;
directive_parse template_parse;
// dir_filters.c
directive_parse acl_parse;
directive_parse bufsize_parse;
directive_parse header_parse;
directive_parse loadbalance_parse;
directive_parse nsid_parse;
directive_parse transfer_parse;
// `transfer to` among the properties of another directive.
int transfer_legacy(struct parse *p, const struct node *n, void *out);
// dir_logs.c
directive_parse errors_parse;
directive_parse log_parse;
// dir_dnstap.c
directive_parse dnstap_parse;
// dir_service.c
directive_parse bind_parse;
directive_parse cancel_parse;
directive_parse health_parse;
directive_parse metadata_parse;
directive_parse multisocket_parse;
directive_parse pprof_parse;
directive_parse prometheus_parse;
directive_parse ready_parse;
directive_parse reload_parse;
directive_parse root_parse;
directive_parse timeouts_parse;
// directives.c: no arguments, no options; and: whatever follows
directive_parse bare_parse;
directive_parse ignored_parse;

// Parses all directives of a block into p->server, in order of execution.
[[nodiscard]] int directives_parse(struct parse *p, const struct block *b);

// Keys of a block into p->server.
[[nodiscard]] int server_keys(struct parse *p, const struct block *b);

// The same zone, port and address served twice (k8s:3.5).
[[nodiscard]] int servers_check(struct parse *p);
