// SPDX-License-Identifier: Apache-2.0
// Makes, in order, what the children inherit and what protects the port; removes it in reverse.
#include "cli/supervisor.h"

#include "cli/claim.h"
#include "cli/cookies.h"
#include "cli/hugepages.h"
#include "cli/leftovers.h"
#include "cli/proc.h"
#include "cli/route.h"
#include "cli/say.h"

#include "zones/base/array.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PUNT_BUFFER_BYTES = 8 << 20 };

static int make_counters(struct supervisor *s, struct err *err)
{
	char path[40];

	s->counters_fd = counters_open();
	if (s->counters_fd < 0)
		return err_set(err, s->counters_fd, "counters: %s", strerror(-s->counters_fd));
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", s->counters_fd);
	s->counters_ro_fd = open(path, O_RDONLY | O_CLOEXEC);
	s->counters = counters_map(s->counters_fd);
	if (s->counters_ro_fd < 0 || s->counters == NULL)
		return err_set(err, -errno, "counters: %s", strerror(errno));
	return 0;
}

// The counters are not the monitor's to write: it shows its life by a descriptor of its own.
static int make_beat(struct supervisor *s, struct err *err)
{
	s->beat_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return s->beat_fd < 0 ? err_set(err, -errno, "eventfd: %s", strerror(errno)) : 0;
}

static int make_punt_pair(struct supervisor *s, struct err *err)
{
	const int size = PUNT_BUFFER_BYTES;
	int pair[2];

	if (s->o->port_kind == PORT_NONE)
		return 0;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
		return err_set(err, -errno, "socket pair: %s", strerror(errno));
	s->punt_dataplane_fd = pair[0];
	s->punt_slowpath_fd = pair[1];
	for (unsigned i = 0; i < 2; i++) {
		// Without the right, the system's limit stays.
		if (setsockopt(pair[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) != 0)
			(void)setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	}
	return 0;
}

// The served addresses of one mode; returns how many.
static size_t addresses_of(
	const struct supervisor *s, enum address_mode mode, struct address out[RUN_ADDRESSES_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < s->o->n_addresses; i++) {
		if (s->pre.modes[i] == mode)
			out[n++] = s->o->addresses[i];
	}
	return n;
}

// Kernel mode, and shared mode for TCP and for clients on this machine, whom no port sees.
static int make_sockets(struct supervisor *s, struct err *err)
{
	const struct run_options *o = s->o;
	struct address addresses[RUN_ADDRESSES_MAX];
	static struct listens places; // too large for a stack frame
	bool is_kernel = o->port_kind == PORT_NONE;

	if (s->children[CHILD_SLOWPATH].path[0] == 0)
		return 0;
	size_t n = addresses_of(s, is_kernel ? MODE_KERNEL : MODE_SHARED, addresses);
	int rc = is_kernel ? listens_kernel(&s->pre.listens, addresses, n, &places, err)
			   : listens_of(&s->pre.listens, addresses, n, &places, err);
	const struct sockets_plan plan = {
		.places = places.list, .n_places = places.n, .threads = is_kernel ? o->workers : 1};
	return rc == 0 ? sockets_open(&plan, &s->sockets, err) : rc;
}

// Next hops for what the kernel side sends, unless they were given.
static void find_gateways(struct supervisor *s)
{
	const struct run_options *o = s->o;
	static const uint8_t families[] = {4, 6};

	s->n_gateways = o->n_gateways;
	memcpy(s->gateways, o->gateways, sizeof(s->gateways));
	for (size_t f = 0; f < 2 && o->ifname[0] != 0; f++) {
		bool is_given = false;
		for (size_t i = 0; i < o->n_gateways; i++)
			is_given |= o->gateways[i].family == families[f];
		if (!is_given && route_gateway(o->ifname, families[f], &s->gateways[s->n_gateways]))
			s->n_gateways++;
	}
}

// A way into the namespace of the served addresses, for routing daemons that speak from them:
// nsenter --net=/run/burst53/net. It ends with us.
static void link_own_net(const struct supervisor *s)
{
	char path[PATH_MAX], target[40];

	(void)snprintf(
		target, sizeof(target), "/proc/%d/fd/%d", (int)getpid(), s->own_net.netns_fd);
	if (!run_dir_file(&s->dir, "net", path))
		return;
	(void)unlink(path); // of one that was killed
	if (symlink(target, path) != 0)
		say_warn("no link to the namespace reason=\"%s\"", strerror(errno));
}

static unsigned mtu_of(const struct supervisor *s)
{
	if (s->pre.link.mtu != 0)
		return s->pre.link.mtu;
	return s->o->mtu != 0 ? s->o->mtu : 1500;
}

static int make_own_net(struct supervisor *s, struct err *err)
{
	struct address own[RUN_ADDRESSES_MAX];
	static struct listens places; // too large for a stack frame
	// UDP for the node itself, which no port sees.
	struct sockets_plan inside = {.places = places.list, .threads = 1};
	struct own_net_plan plan = {
		.addresses = own, .gateways = s->gateways, .mtu = mtu_of(s), .sockets = &inside};
	struct err why = {0};

	find_gateways(s);
	plan.n_gateways = s->n_gateways;
	plan.n_addresses = addresses_of(s, MODE_OWN, own);
	if (plan.n_addresses == 0 || s->children[CHILD_SLOWPATH].path[0] == 0)
		return 0;
	int rc = listens_of(&s->pre.listens, own, plan.n_addresses, &places, err);
	if (rc != 0)
		return rc;
	inside.n_places = places.n;
	rc = own_net_open(&plan, &s->own_net, &s->sockets, &why);
	if (rc == 0)
		link_own_net(s);
	if (rc == 0 || rc == -ENOTRECOVERABLE)
		return rc == 0 ? 0 : err_set(err, rc, "%s", why.text);
	// Workers answer UDP all the same.
	say_warn("no TCP on addresses of no interface reason=\"%s\"", why.text);
	sockets_close(&s->sockets);
	own_net_close(&s->own_net);
	return 0;
}

// An XDP program takes what workers serve; what it leaves to the kernel of an own address is still
// none of the node's.
static bool has_rule(const struct supervisor *s, size_t address)
{
	if (s->o->port_kind == PORT_AF_XDP)
		return s->pre.modes[address] == MODE_OWN;
	return s->o->port_kind == PORT_AF_PACKET;
}

static int make_rule(struct supervisor *s, struct err *err)
{
	const struct run_options *o = s->o;
	enum drop_scope scopes[RUN_ADDRESSES_MAX];
	struct address addresses[RUN_ADDRESSES_MAX];
	struct drop_rule rule = {.table = s->state.table,
		.ifname = o->ifname,
		.addresses = addresses,
		.scopes = scopes,
		.ports = s->pre.ports,
		.n_ports = s->pre.n_ports};

	for (size_t i = 0; i < o->n_addresses; i++) {
		if (!has_rule(s, i))
			continue;
		scopes[rule.n_addresses] =
			s->pre.modes[i] == MODE_OWN ? DROP_EVERYTHING : DROP_SERVED_UDP;
		addresses[rule.n_addresses++] = o->addresses[i];
	}
	if (rule.n_addresses == 0)
		return 0;
	drop_rule_name(s->dir.path, s->state.table);
	int rc = drop_rule_add(&rule, err);
	if (rc != 0)
		s->state.table[0] = 0;
	return rc;
}

// Of whoever answers: workers, or the slow path.
static int note_listens(struct supervisor *s, struct err *err)
{
	const struct run_options *o = s->o;
	static struct listens places; // too large for a stack frame
	int rc = o->port_kind == PORT_NONE
		? listens_kernel(&s->pre.listens, o->addresses, o->n_addresses, &places, err)
		: listens_of(&s->pre.listens, o->addresses, o->n_addresses, &places, err);

	s->state.n_listens = rc == 0 ? places.n : 0;
	for (size_t i = 0; i < s->state.n_listens; i++) {
		const struct address *a = &places.list[i].address;
		s->state.listens[i] =
			(struct server_address){.family = a->family, .port = places.list[i].port};
		memcpy(s->state.listens[i].bytes, a->bytes, sizeof(a->bytes));
	}
	return rc;
}

static int fill_state(struct supervisor *s, struct err *err)
{
	const struct run_options *o = s->o;

	s->state.supervisor =
		(struct proc){.pid = getpid(), .start_ticks = proc_start_ticks(getpid())};
	(void)snprintf(s->state.port, sizeof(s->state.port), "%s", o->port);
	s->state.counters_fd = s->counters_fd;
	s->state.n_addresses = o->n_addresses;
	for (size_t i = 0; i < o->n_addresses; i++) {
		s->state.addresses[i].mode = s->pre.modes[i];
		memcpy(s->state.addresses[i].text, o->addresses[i].text, ADDRESS_TEXT_BYTES);
	}
	return note_listens(s, err);
}

// Two on one address would both answer. Those on an interface are found by the sockets, and a card
// has one process.
static int claim_addresses(struct supervisor *s, struct err *err)
{
	const struct run_options *o = s->o;
	int rc = 0;

	for (size_t i = 0; i < o->n_addresses && o->ifname[0] != 0 && rc == 0; i++) {
		const struct claim_place place = {
			.ifname = o->ifname, .vlan = o->vlan, .address = &o->addresses[i]};
		if (s->pre.modes[i] == MODE_OWN)
			rc = claim_address(&place, &s->claims[1 + i], err);
	}
	return rc;
}

// Control saves snapshots there, whoever started it before.
static int make_state_dir(struct supervisor *s, struct err *err)
{
	static const char *const files[] = {"", "/base.img", "/overlay.img"};
	const char *dir = s->o->state_dir;
	char path[PATH_MAX];
	int rc = mkdir(dir, 0700) == 0 || errno == EEXIST ? 0 : -errno;

	if (rc == 0 && claim_directory(dir, &s->claims[0], err) != 0)
		return err->code;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && rc == 0; i++) {
		if (snprintf(path, sizeof(path), "%s%s", dir, files[i]) < (int)sizeof(path))
			rc = user_give(&s->user, path);
	}
	return rc == 0 ? 0 : err_set(err, rc, "state directory %.100s: %s", dir, strerror(-rc));
}

// What control opens in a folder where only the supervisor makes files.
static int share_run_dir(const struct supervisor *s, struct err *err)
{
	enum { SOCKETS = 3 };
	static const char *const files[] = {[0] = "supervisor.sock",
		"dataplane.sock",
		"slowpath.sock",
		[SOCKETS] = "history",
		"corefile.bound",
		"corefile.taken"};
	char path[PATH_MAX];
	int rc = 0;

	if (s->user.uid == 0)
		return 0;
	for (size_t i = SOCKETS; i < sizeof(files) / sizeof(files[0]); i++) {
		if (!run_dir_file(&s->dir, files[i], path))
			continue;
		int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
		if (fd >= 0)
			(void)close(fd); // control says it when there is none
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && rc == 0; i++)
		rc = run_dir_file(&s->dir, files[i], path) ? user_give(&s->user, path)
							   : -ENAMETOOLONG;
	if (rc == 0 &&
		(lchown(s->dir.path, (uid_t)-1, s->user.gid) != 0 || chmod(s->dir.path, 0710) != 0))
		rc = -errno;
	return rc == 0 ? 0
		       : err_set(err, rc, "run directory %.100s: %s", s->dir.path, strerror(-rc));
}

// The dataplane starts while the link is asked, and waits in front of opening the port.
static int make_gate(struct supervisor *s, struct err *err)
{
	int pair[2];

	if (s->pre.probe.sock < 0)
		return 0;
	if (pipe2(pair, O_CLOEXEC) != 0)
		return err_set(err, -errno, "pipe: %s", strerror(errno));
	s->go_read_fd = pair[0];
	s->go_write_fd = pair[1];
	return 0;
}

static int make_cookies(struct supervisor *s, struct err *err)
{
	const struct run_options *o = s->o;

	return o->has_no_cookies ? 0
				 : cookies_open(o->cookie_file, o->state_dir, &s->cookie_fd, err);
}

static int write_pidfile(const char *path, struct err *err)
{
	if (path == NULL)
		return 0;
	// A new file of our own: what somebody else put there is not written through.
	(void)unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set(err, -errno, "pidfile %.100s: %s", path, strerror(errno));
	int n = dprintf(fd, "%d\n", (int)getpid());
	if (close(fd) != 0 || n < 0)
		return err_set(err, -EIO, "pidfile %.100s cannot be written", path);
	return 0;
}

// Everything that outlives a child, in an order in which each step finds what it needs.
int resources_make(struct supervisor *s, struct err *err)
{
	int rc = leftovers_clean(&s->dir, err);

	if (rc == 0)
		rc = hugepages_decide(s->o, &s->pre.is_no_huge, &s->pre.hugepage_note, err);
	if (rc == 0)
		rc = claim_addresses(s, err);
	if (rc == 0)
		rc = preflight_probe(s->o, &s->pre, err);
	if (rc == 0)
		rc = make_gate(s, err);
	if (rc == 0)
		rc = make_state_dir(s, err);
	if (rc == 0)
		rc = make_cookies(s, err);
	if (rc == 0)
		rc = run_dir_listen(&s->dir,
			s->o->port_kind == PORT_NONE ? RUN_DIR_NO_DATAPLANE : RUN_DIR_DATAPLANE,
			err);
	if (rc == 0)
		rc = share_run_dir(s, err);
	if (rc == 0)
		rc = make_counters(s, err);
	if (rc == 0)
		rc = make_beat(s, err);
	if (rc == 0)
		rc = make_punt_pair(s, err);
	if (rc == 0)
		rc = make_own_net(s, err);
	if (rc == 0)
		rc = make_sockets(s, err);
	if (rc == 0)
		rc = write_pidfile(s->o->pidfile, err);
	if (rc == 0)
		rc = make_rule(s, err);
	if (rc == 0)
		rc = fill_state(s, err);
	return rc;
}

void resources_remove_rule(struct supervisor *s)
{
	struct err err = {0};

	if (s->state.table[0] != 0 && drop_rule_del(s->state.table, &err) != 0)
		say_warn("rule cannot be removed reason=\"%s\"", err.text);
	s->state.table[0] = 0;
}

void resources_remove(struct supervisor *s)
{
	const int fds[] = {s->counters_fd, s->counters_ro_fd, s->punt_dataplane_fd,
		s->punt_slowpath_fd, s->cookie_fd, s->beat_fd, s->signal_fd};

	resources_remove_rule(s);
	peers_close(s);
	sockets_close(&s->sockets);
	own_net_close(&s->own_net);
	vault_fini(&s->vault);
	if (s->counters != NULL)
		(void)munmap(s->counters, sizeof(*s->counters));
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0)
			(void)close(fds[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(s->claims); i++) {
		if (s->claims[i] >= 0)
			(void)close(s->claims[i]);
	}
	if (s->o->pidfile != NULL && s->dir.lock_fd >= 0)
		(void)unlink(s->o->pidfile);
	run_dir_close(&s->dir);
	preflight_close(&s->pre);
}
