// SPDX-License-Identifier: Apache-2.0
// dnstap SOCKET [full] [WRITEBUFFER] [QUEUE] { identity, version, extra, skipverify }.
#include "zones/corefile/directives.h"

#include "zones/base/array.h"

#include <arpa/inet.h>
#include <limits.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum { TEXT_MAX_BYTES = 255, WRITEBUFFER_MAX = 1024, QUEUE_MAX = 4096 };

static int take_address(struct parse *p, const struct token *t, struct config_dnstap *d)
{
	char *host = NULL;
	int rc = word_host_port(p->arena, t->text + strlen("tcp://"), &host, &d->port);

	if (rc == -ENOMEM)
		return parse_no_memory(p);
	if (rc == 0 && d->port != 0 && inet_pton(AF_INET, host, d->address) == 1)
		d->family = 4;
	else if (rc == 0 && d->port != 0 && inet_pton(AF_INET6, host, d->address) == 1)
		d->family = 6;
	return d->family != 0
		? 0
		: parse_error(p, t, "dnstap needs an address and a port: tcp://192.0.2.1:6000");
}

static int take_collector(struct parse *p, const struct token *t, struct config_dnstap *d)
{
	static const char unix_scheme[] = "unix://";
	const char *path = t->text;

	d->text = t->text;
	d->path = "";
	if (strncmp(path, "tcp://", strlen("tcp://")) == 0)
		return take_address(p, t, d);
	if (strncmp(path, "tls://", strlen("tls://")) == 0)
		return parse_error(p, t,
			"dnstap over TLS is not available: use tcp:// or a socket, and a collector "
			"beside burst53 that sends on");
	if (strcmp(path, "listen") == 0)
		return parse_error(p, t,
			"dnstap listen is not available: let the collector listen, and name its "
			"socket");
	if (strncmp(path, unix_scheme, sizeof(unix_scheme) - 1) == 0)
		path += sizeof(unix_scheme) - 1;
	if (path[0] != '/' || strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return parse_error(p, t,
			"dnstap needs tcp://ADDRESS:PORT or the whole path of a socket, at most "
			"%zu bytes",
			sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
	d->path = path;
	return 0;
}

static int take_number(struct parse *p, const struct token *t, const char *name, uint64_t max)
{
	uint64_t v;

	if (word_number(t->text, 1, max, &v) != 0)
		return parse_error(p, t, "%s of dnstap is a number from 1 to %llu", name,
			(unsigned long long)max);
	return (int)v;
}

static int take_words(struct parse *p, const struct node *n, struct config_dnstap *d)
{
	int rc = take_collector(p, &n->args[0], d);

	d->is_full = n->n_args > 1 && strcmp(n->args[1].text, "full") == 0;
	if (rc == 0 && n->n_args > 2) {
		rc = take_number(p, &n->args[2], "writebuffer", WRITEBUFFER_MAX);
		d->buffer_mib = rc > 0 ? (uint16_t)rc : d->buffer_mib;
	}
	if (rc >= 0 && n->n_args > 3)
		rc = take_number(p, &n->args[3], "queue", QUEUE_MAX);
	if (rc > 0 && n->n_args > 3)
		rc = parse_tell(p, &n->args[3], PROBLEM_NOTE,
			"queue has no effect: the rings of dnstap have a fixed size");
	return rc < 0 ? rc : 0;
}

static int check_texts(struct parse *p, const struct node *n, const struct config_dnstap *d)
{
	const char *const texts[] = {d->identity, d->version, d->extra};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (strlen(texts[i]) > TEXT_MAX_BYTES)
			return parse_error(p, n->name,
				"identity, version and extra of dnstap have at most %d bytes",
				TEXT_MAX_BYTES);
	}
	return 0;
}

int dnstap_parse(struct parse *p, const struct node *n, struct config_directive *out)
{
	static const struct property table[] = {
		{"identity", PROP_TEXT, offsetof(struct config_dnstap, identity), 0, 0, NULL, LAX},
		{"version", PROP_TEXT, offsetof(struct config_dnstap, version), 0, 0, NULL, LAX},
		{"extra", PROP_TEXT, offsetof(struct config_dnstap, extra), 0, 0, NULL, LAX},
		{"skipverify", PROP_IGNORED, 0, 0, 0, NULL, LAX},
	};
	struct config_dnstap *d = arena_alloc(p->arena, sizeof(*d));
	int rc = parse_shape(p, n, 1, ANY_NUMBER, BRACES_YES);

	if (rc != 0)
		return rc;
	if (d == NULL)
		return parse_no_memory(p);
	out->data = d;
	d->identity = d->version = d->extra = d->path = "";
	d->buffer_mib = 1;
	rc = take_words(p, n, d);
	if (rc == 0)
		rc = properties_parse(p, n, table, ARRAY_LEN(table), d);
	return rc == 0 ? check_texts(p, n, d) : rc;
}
