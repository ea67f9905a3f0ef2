// SPDX-License-Identifier: Apache-2.0
// Command lines of the children: options, and the descriptors they inherit.
#include "cli/supervisor.h"

#include <stdio.h>
#include <string.h>

static void add_addresses(const struct run_options *o, struct child_args *a)
{
	for (size_t i = 0; i < o->n_addresses; i++) {
		char text[ADDRESS_TEXT_BYTES + 4];
		(void)snprintf(text, sizeof(text), "%s/%u", o->addresses[i].text,
			o->addresses[i].prefix_len);
		child_args_option(a, "--address", text);
	}
}

// What a restarted process answers from until control is back.
static void add_images(const struct supervisor *s, struct child_args *a)
{
	if (s->vault.base.fd >= 0)
		child_args_fd(a, "--base-fd", s->vault.base.fd);
	if (s->vault.overlay.fd >= 0)
		child_args_fd(a, "--overlay-fd", s->vault.overlay.fd);
}

static void limit_args(const struct run_options *o, struct child_args *a)
{
	child_args_option(a, "--outside", o->outside);
	child_args_number(a, "--rate", o->rate);
	child_args_number(a, "--rate-burst", o->rate_burst);
	child_args_number(a, "--rate-slip", o->rate_slip);
	child_args_option(a, "--rate-prefixes4", o->rate_prefixes4);
	child_args_option(a, "--rate-prefixes6", o->rate_prefixes6);
}

static void add_networks(const struct run_options *o, struct child_args *a)
{
	for (size_t i = 0; i < o->n_networks; i++) {
		char text[ADDRESS_TEXT_BYTES + 4];
		(void)snprintf(text, sizeof(text), "%s/%u", o->networks[i].text,
			o->networks[i].prefix_len);
		child_args_option(a, "--network", text);
	}
}

static void dataplane_args(const struct supervisor *s, struct child_args *a)
{
	const struct run_options *o = s->o;

	child_args_option(a, "--port", o->port);
	add_addresses(o, a);
	for (size_t i = 0; i < s->pre.n_ports && o->port_kind == PORT_AF_XDP; i++)
		child_args_number(a, "--served-port", s->pre.ports[i]);
	add_networks(o, a);
	limit_args(o, a);
	if (s->cookie_fd >= 0)
		child_args_fd(a, "--cookie-fd", s->cookie_fd);
	child_args_number(a, "--workers", o->workers);
	child_args_option(a, "--idle", o->idle);
	if (s->pre.is_no_huge) {
		child_args_add(a, "--no-huge");
		child_args_number(a, "--memory", o->memory_mb);
	}
	if (o->vlan != 0)
		child_args_number(a, "--vlan", o->vlan);
	if (o->mtu != 0)
		child_args_number(a, "--mtu", o->mtu);
	child_args_fd(a, "--publish-fd", s->dir.dataplane_fd);
	if (s->user.uid != 0)
		child_args_number(a, "--peer-uid", s->user.uid);
	child_args_fd(a, "--counters-fd", s->counters_fd);
	child_args_fd(a, "--punt-fd", s->punt_dataplane_fd);
	if (s->own_net.tap_fd >= 0)
		child_args_fd(a, "--tun-fd", s->own_net.tap_fd);
	if (s->go_read_fd >= 0)
		child_args_fd(a, "--go-fd", s->go_read_fd);
	add_images(s, a);
}

static void slowpath_args(const struct supervisor *s, struct child_args *a)
{
	child_args_fd(a, "--publish-fd", s->dir.slowpath_fd);
	child_args_fd(a, "--counters-fd", s->counters_fd);
	if (s->o->port_kind != PORT_NONE)
		child_args_fd(a, "--punt-fd", s->punt_slowpath_fd);
	if (s->cookie_fd >= 0)
		child_args_fd(a, "--cookie-fd", s->cookie_fd);
	if (strcmp(s->o->outside, "drop") == 0) {
		add_networks(s->o, a);
		for (size_t i = 0; i < 2 && s->own_net.host.ifname[0] != 0; i++)
			child_args_option(a, "--network", own_host_networks[i]);
	}
	if (s->o->keep_inside != NULL)
		child_args_option(a, "--keep-inside", s->o->keep_inside);
	if (s->o->mixes_case)
		child_args_add(a, "--mixed-case");
	add_images(s, a);
	for (size_t i = 0; i < s->sockets.n_udp; i++)
		child_args_fd(a, "--udp-fd", s->sockets.udp[i]);
	for (size_t i = 0; i < s->sockets.n_tcp; i++)
		child_args_fd(a, "--tcp-fd", s->sockets.tcp[i]);
	if (s->o->port_kind == PORT_NONE)
		child_args_number(a, "--threads", s->o->workers);
}

static void control_args(const struct supervisor *s, struct child_args *a)
{
	const struct run_options *o = s->o;

	child_args_option(a, "--conf", o->conf);
	if (o->kubeconfig != NULL)
		child_args_option(a, "--kubeconfig", o->kubeconfig);
	if (o->context != NULL)
		child_args_option(a, "--context", o->context);
	if (o->dump != NULL)
		child_args_option(a, "--dump", o->dump);
	child_args_option(a, "--run-dir", s->dir.path);
	child_args_option(a, "--state-dir", o->state_dir);
	child_args_fd(a, "--counters-fd", s->counters_fd);
	add_addresses(o, a);
	if (o->dns_port != 0)
		child_args_number(a, "--dns-port", o->dns_port);
	if (o->max_image_age != NULL)
		child_args_option(a, "--max-image-age", o->max_image_age);
}

static void monitor_args(const struct supervisor *s, struct child_args *a)
{
	static const char *const options[] = {[PLACE_HEALTH] = "--health",
		[PLACE_READY] = "--ready",
		[PLACE_METRICS] = "--metrics"};
	const struct places *p = &s->pre.places;

	child_args_fd(a, "--counters-fd", s->counters_ro_fd);
	child_args_fd(a, "--beat-fd", s->beat_fd);
	child_args_option(
		a, "--served-by", s->o->port_kind == PORT_NONE ? "slowpath" : "dataplane");
	for (size_t i = 0; i < p->n; i++)
		child_args_option(a, options[p->list[i].kind], p->list[i].text);
}

void launch_args(const struct supervisor *s, enum child_role role, struct child_args *a)
{
	char name[40];

	(void)snprintf(name, sizeof(name), "burst53-%s", s->children[role].name);
	child_args_add(a, name);
	if (role == CHILD_DATAPLANE)
		dataplane_args(s, a);
	else if (role == CHILD_SLOWPATH)
		slowpath_args(s, a);
	else if (role == CHILD_MONITOR)
		monitor_args(s, a);
	else
		control_args(s, a);
}
