// SPDX-License-Identifier: Apache-2.0
// Checks in the order in which a person would want to hear of them.
#include "cli/preflight.h"

#include "zones/corefile/config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int add_port(struct preflight *p, uint16_t port, struct err *err)
{
	size_t i = 0;

	while (i < p->n_ports && p->ports[i] < port)
		i++;
	if (i < p->n_ports && p->ports[i] == port)
		return 0;
	if (p->n_ports == DROP_PORTS_MAX)
		return err_set(
			err, -E2BIG, "the Corefile serves more than %d ports", DROP_PORTS_MAX);
	memmove(&p->ports[i + 1], &p->ports[i], (p->n_ports - i) * sizeof(p->ports[0]));
	p->ports[i] = port;
	p->n_ports++;
	return 0;
}

static int take_ports(const struct config *c, struct preflight *p, struct err *err)
{
	int rc = 0;

	for (size_t s = 0; s < c->n_servers && rc == 0; s++) {
		for (size_t k = 0; k < c->servers[s].n_keys && rc == 0; k++) {
			if (c->servers[s].keys[k].scheme == SCHEME_DNS)
				rc = add_port(p, c->servers[s].keys[k].port, err);
		}
	}
	if (rc == 0 && p->n_ports == 0)
		rc = err_set(err, -EINVAL, "the Corefile serves no plain DNS");
	return rc;
}

static int check_corefile(const struct run_options *o, struct preflight *p, struct err *err)
{
	const struct config_options how = {.port = o->dns_port};
	struct config c = {0};
	int rc = config_parse_file(o->conf, &how, &c, err);

	if (rc == 0)
		rc = take_ports(&c, p, err);
	if (rc == 0)
		rc = listens_take(&c, &p->listens, err);
	if (rc == 0)
		rc = places_take(&c, &p->places, err);
	config_free(&c);
	return rc;
}

static int check_readable(const char *what, const char *path, struct err *err)
{
	if (path == NULL || access(path, R_OK) == 0)
		return 0;
	return err_set(err, -errno, "%s %.100s: %s", what, path, strerror(errno));
}

static int check_files(const struct run_options *o, struct preflight *p, struct err *err)
{
	int rc = check_readable("kubeconfig", o->kubeconfig, err);

	if (rc == 0)
		rc = check_readable("dump", o->dump, err);
	if (rc != 0 || o->api_netns == NULL)
		return rc;
	p->api_netns_fd = open(o->api_netns, O_RDONLY | O_CLOEXEC);
	if (p->api_netns_fd < 0)
		return err_set(
			err, -errno, "network namespace %.100s: %s", o->api_netns, strerror(errno));
	return 0;
}

static bool has_capability(int capability)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	if (syscall(SYS_capget, &head, data) != 0)
		return false;
	return (data[capability / 32].effective >> (capability % 32) & 1) != 0;
}

static int check_rights(const struct run_options *o, struct err *err)
{
	if (o->port_kind == PORT_NONE)
		return 0;
	if (!has_capability(CAP_NET_ADMIN) || !has_capability(CAP_NET_RAW))
		return err_set(err, -EPERM,
			"--port %s needs CAP_NET_ADMIN and CAP_NET_RAW: run as root, or use --port "
			"none",
			o->port);
	if (o->port_kind == PORT_AF_XDP && !has_capability(CAP_BPF) &&
		!has_capability(CAP_SYS_ADMIN))
		return err_set(err, -EPERM, "--port %s needs CAP_BPF", o->port);
	return 0;
}

static int check_link(const struct run_options *o, struct preflight *p, struct err *err)
{
	if (o->mtu != 0 && o->port_kind != PORT_PCI && o->port_kind != PORT_EAL)
		return err_set(err, -EINVAL,
			"--mtu is for PCI ports: an interface has its own (ip link set dev I mtu "
			"%u)",
			o->mtu);
	if (o->vlan != 0 && o->port_kind == PORT_NONE)
		return err_set(err, -EINVAL, "--vlan is for ports, not for --port none");
	if (o->ifname[0] == 0)
		return 0;
	int rc = net_link_find(o->ifname, &p->link, err);
	if (rc != 0)
		return rc;
	if (!p->link.is_up)
		return err_set(err, -ENETDOWN, "interface %s is down: ip link set dev %s up",
			o->ifname, o->ifname);
	if (p->link.mtu > PORT_MTU_MAX)
		return err_set(err, -EMSGSIZE,
			"interface %s has MTU %u, more than the %d bytes that packet buffers hold: "
			"ip link set dev %s mtu %d",
			o->ifname, p->link.mtu, PORT_MTU_MAX, o->ifname, PORT_MTU_MAX);
	return 0;
}

// DESIGN 4, address modes: where the address is configured decides.
static int check_address(
	const struct run_options *o, size_t i, struct preflight *p, struct err *err)
{
	char owner[IFNAMSIZ];
	const struct address *a = &o->addresses[i];
	int rc = net_link_owner(a, owner);

	if (rc != 0)
		return err_set(err, rc, "addresses of the interfaces: %s", strerror(-rc));
	if (o->port_kind == PORT_NONE) {
		p->modes[i] = MODE_KERNEL;
		return owner[0] != 0
			? 0
			: err_set(err, -EADDRNOTAVAIL,
				  "%s is on no interface: --port none needs it", a->text);
	}
	p->modes[i] = owner[0] == 0 ? MODE_OWN : MODE_SHARED;
	if (p->modes[i] == MODE_SHARED && o->vlan != 0)
		return err_set(err, -EINVAL,
			"--vlan is for addresses of burst53's own, %s is on %s", a->text, owner);
	if (owner[0] == 0 || strcmp(owner, o->ifname) == 0)
		return 0;
	return err_set(err, -EADDRINUSE, "%s is in use on interface %s, the port is %s", a->text,
		owner, o->port);
}

int preflight_check(const struct run_options *o, struct preflight *p, struct err *err)
{
	memset(p, 0, sizeof(*p));
	p->api_netns_fd = -1;
	p->probe.sock = -1;
	int rc = check_corefile(o, p, err);
	if (rc == 0)
		rc = check_files(o, p, err);
	if (rc == 0)
		rc = check_rights(o, err);
	if (rc == 0)
		rc = check_link(o, p, err);
	for (size_t i = 0; i < o->n_addresses && rc == 0; i++)
		rc = check_address(o, i, p, err);
	return rc;
}

int preflight_probe(const struct run_options *o, struct preflight *p, struct err *err)
{
	struct address own[RUN_ADDRESSES_MAX];
	size_t n = 0;

	if (o->ifname[0] == 0)
		return 0;
	for (size_t i = 0; i < o->n_addresses; i++) {
		if (p->modes[i] == MODE_OWN)
			own[n++] = o->addresses[i];
	}
	return probe_start(&p->probe, &p->link, own, n, err);
}

void preflight_close(struct preflight *p)
{
	probe_stop(&p->probe);
	if (p->api_netns_fd >= 0)
		(void)close(p->api_netns_fd);
	p->api_netns_fd = -1;
}
