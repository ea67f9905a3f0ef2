// SPDX-License-Identifier: Apache-2.0
// node-cache's flags with their defaults.
#include "cli/nodelocal_options.h"

#include "cli/go_flags.h"

#include "zones/base/array.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

static int parse_addresses(const char *text, struct nodelocal_options *o, struct err *err)
{
	char one[ADDRESS_TEXT_BYTES + 8];

	while (*text != 0) {
		size_t len = strcspn(text, ",");
		if (o->n_addresses == NODELOCAL_ADDRESSES_MAX)
			return err_set(err, -EINVAL, "-localip has more than %d addresses",
				NODELOCAL_ADDRESSES_MAX);
		if (len >= sizeof(one))
			return err_set(err, -EINVAL, "-localip: '%.60s' is no address", text);
		memcpy(one, text, len);
		one[len] = 0;
		struct address *a = &o->addresses[o->n_addresses++];
		int rc = address_parse(one, a, err);
		if (rc != 0)
			return rc;
		if (a->family != o->addresses[0].family)
			return err_set(
				err, -EINVAL, "-localip: all addresses must be of one family");
		text += len + (text[len] == ',');
	}
	return 0;
}

static int finish(struct nodelocal_options *o, const char *local, const char *conf, struct err *err)
{
	if (o->shows_version || o->shows_plugins)
		return 0;
	if (local == NULL || *local == 0)
		return err_set(err, -EINVAL, "-localip is missing: the addresses to serve");
	if (conf != NULL)
		o->corefile = conf;
	if (o->kube_dns_dir == NULL)
		o->kube_dns_dir = access("/etc/kube-dns", R_OK) == 0 ? "/etc/kube-dns" : "";
	if (*o->ifname == 0 || strlen(o->ifname) >= IFNAMSIZ ||
		strpbrk(o->ifname, "/ \t\n\"") != NULL)
		return err_set(
			err, -EINVAL, "-interfacename: '%.40s' is no name of a link", o->ifname);
	return parse_addresses(local, o, err);
}

int nodelocal_options_parse(int argc, char **argv, struct nodelocal_options *o, struct err *err)
{
	const char *local = NULL, *conf = NULL;

	*o = (struct nodelocal_options){.ifname = "nodelocaldns",
		.makes_interface = true,
		.makes_rules = true,
		.sync_ms = 60000,
		.metrics_listen = "0.0.0.0:9353",
		.base_corefile = "/etc/coredns/Corefile.base",
		.corefile = "/etc/Corefile",
		.upstream_service = "kube-dns",
		.health_port = 8080,
		.run_dir = "/run/burst53"};
	const struct go_flag flags[] = {
		{"localip", GO_TEXT, &local},
		{"interfacename", GO_TEXT, &o->ifname},
		{"setupinterface", GO_BOOL, &o->makes_interface},
		{"setupiptables", GO_BOOL, &o->makes_rules},
		{"setupebtables", GO_BOOL, &(bool){false}},
		{"skipteardown", GO_BOOL, &o->skips_teardown},
		{"syncinterval", GO_DURATION, &o->sync_ms},
		{"metrics-listen-address", GO_TEXT, &o->metrics_listen},
		{"basecorefile", GO_TEXT, &o->base_corefile},
		{"corefile", GO_TEXT, &o->corefile},
		{"kubednscm", GO_TEXT, &o->kube_dns_dir},
		{"upstreamsvc", GO_TEXT, &o->upstream_service},
		{"health-port", GO_PORT, &o->health_port},
		{"reloadwithsignal", GO_BOOL, &o->reloads_by_signal},
		{"conf", GO_TEXT, &conf},
		{"dns.port", GO_PORT, &o->dns_port},
		{"p", GO_PORT, &o->dns_port},
		{"pidfile", GO_TEXT, &o->pidfile},
		{"quiet", GO_BOOL, &o->is_quiet},
		{"version", GO_BOOL, &o->shows_version},
		{"plugins", GO_BOOL, &o->shows_plugins},
		{"run-dir", GO_TEXT, &o->run_dir},
	};
	int rc = go_flags_parse(argc, argv, flags, ARRAY_LEN(flags), err);

	return rc == 0 ? finish(o, local, conf, err) : rc;
}
