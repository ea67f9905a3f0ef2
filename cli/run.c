// SPDX-License-Identifier: Apache-2.0
// `burst53 run`: checks everything, makes what outlives the children, supervises, removes it all.
#include "cli/command.h"

#include "cli/hugepages.h"
#include "cli/leftovers.h"
#include "cli/proc.h"
#include "cli/say.h"
#include "cli/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PUNT_BUFFER_BYTES = 8 << 20 };

static int make_signal_fd(struct supervisor *s, struct err *err)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
	sigset_t set;

	(void)signal(SIGPIPE, SIG_IGN); // cannot fail with these arguments
	(void)sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaddset(&set, signals[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return err_set(err, -errno, "signals: %s", strerror(errno));
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd < 0 ? err_set(err, -errno, "signals: %s", strerror(errno)) : 0;
}

static int find_programs(struct supervisor *s, struct err *err)
{
	static const struct child roles[CHILD_COUNT] = {
		[CHILD_SLOWPATH] = {.name = "slowpath", .rights = RIGHTS_NONE},
		[CHILD_DATAPLANE] = {.name = "dataplane", .rights = RIGHTS_ALL},
		[CHILD_CONTROL] = {.name = "control", .rights = RIGHTS_READ_FILES},
	};

	for (unsigned i = 0; i < CHILD_COUNT; i++) {
		struct child *c = &s->children[i];
		*c = roles[i];
		c->netns_fd = -1;
		c->pidfd = -1;
		if (i == CHILD_DATAPLANE && s->o->port_kind == PORT_NONE)
			continue;
		// Without a slow path, workers still answer what they can.
		bool is_needed = i != CHILD_SLOWPATH || s->o->port_kind == PORT_NONE;
		if (child_find(c) != 0 && is_needed)
			return err_set(err, -ENOENT,
				"there is no program burst53-%s beside burst53 or in %s", c->name,
				B53_LIBEXECDIR);
	}
	return 0;
}

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

// Kernel mode, and shared mode for TCP and for clients on this machine, whom no port sees.
static int make_sockets(struct supervisor *s, struct err *err)
{
	const struct run_options *o = s->o;
	struct address served[RUN_ADDRESSES_MAX];
	struct sockets_plan plan = {.addresses = served,
		.ports = s->pre.ports,
		.n_ports = s->pre.n_ports,
		.threads = o->port_kind == PORT_NONE ? o->workers : 1};

	if (s->children[CHILD_SLOWPATH].path[0] == 0)
		return 0;
	for (size_t i = 0; i < o->n_addresses; i++) {
		if (s->pre.modes[i] != MODE_OWN)
			served[plan.n_addresses++] = o->addresses[i];
	}
	if (plan.n_addresses == 0 && o->port_kind != PORT_NONE)
		return 0;
	return sockets_open(&plan, &s->sockets, err);
}

static int make_rule(struct supervisor *s, struct err *err)
{
	const struct run_options *o = s->o;
	enum drop_scope scopes[RUN_ADDRESSES_MAX];
	struct drop_rule rule = {.table = s->state.table,
		.ifname = o->ifname,
		.addresses = o->addresses,
		.scopes = scopes,
		.n_addresses = o->n_addresses,
		.ports = s->pre.ports,
		.n_ports = s->pre.n_ports};

	if (o->port_kind != PORT_AF_PACKET)
		return 0;
	for (size_t i = 0; i < o->n_addresses; i++)
		scopes[i] = s->pre.modes[i] == MODE_OWN ? DROP_EVERYTHING : DROP_SERVED_UDP;
	drop_rule_name(s->dir.path, s->state.table);
	int rc = drop_rule_add(&rule, err);
	if (rc != 0)
		s->state.table[0] = 0;
	return rc;
}

static void fill_state(struct supervisor *s)
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
}

static int make_state_dir(const char *path, struct err *err)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	return err_set(err, -errno, "state directory %.100s: %s", path, strerror(errno));
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
static int make_all(struct supervisor *s, struct err *err)
{
	int rc = leftovers_clean(&s->dir, err);

	if (rc == 0)
		rc = hugepages_decide(s->o, &s->pre.is_no_huge, &s->pre.hugepage_note, err);
	if (rc == 0)
		rc = preflight_probe(s->o, &s->pre, err);
	if (rc == 0)
		rc = make_state_dir(s->o->state_dir, err);
	if (rc == 0)
		rc = run_dir_listen(&s->dir, err);
	if (rc == 0)
		rc = make_counters(s, err);
	if (rc == 0)
		rc = make_punt_pair(s, err);
	if (rc == 0)
		rc = make_sockets(s, err);
	if (rc == 0)
		rc = write_pidfile(s->o->pidfile, err);
	if (rc == 0)
		rc = make_rule(s, err);
	if (rc == 0)
		fill_state(s);
	return rc;
}

static void remove_all(struct supervisor *s)
{
	struct err err = {0};
	const int fds[] = {s->counters_fd, s->counters_ro_fd, s->punt_dataplane_fd,
		s->punt_slowpath_fd, s->signal_fd};

	if (s->state.table[0] != 0 && drop_rule_del(s->state.table, &err) != 0)
		say_warn("rule cannot be removed reason=\"%s\"", err.text);
	peers_close(s);
	sockets_close(&s->sockets);
	vault_fini(&s->vault);
	if (s->counters != NULL)
		(void)munmap(s->counters, sizeof(*s->counters));
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0)
			(void)close(fds[i]);
	}
	if (s->o->pidfile != NULL && s->dir.lock_fd >= 0)
		(void)unlink(s->o->pidfile);
	run_dir_close(&s->dir);
	preflight_close(&s->pre);
}

static void init(struct supervisor *s, const struct run_options *o)
{
	*s = (struct supervisor){.o = o,
		.dir = {.lock_fd = -1},
		.pre = {.api_netns_fd = -1},
		.counters_fd = -1,
		.counters_ro_fd = -1,
		.punt_dataplane_fd = -1,
		.punt_slowpath_fd = -1,
		.signal_fd = -1};
	for (unsigned i = 0; i < PEERS_MAX; i++)
		s->peers[i] = -1;
	vault_init(&s->vault);
}

static void say_start(const struct supervisor *s)
{
	const struct run_options *o = s->o;

	if (s->pre.hugepage_note != NULL)
		say_info("%s", s->pre.hugepage_note);
	if (s->children[CHILD_SLOWPATH].path[0] == 0)
		say_info("no slow path is installed: only cluster data over UDP is answered");
	if (o->is_quiet)
		return;
	for (size_t i = 0; i < o->n_addresses; i++)
		say_info("serving address=%s mode=%s port=%s", o->addresses[i].text,
			address_mode_text(s->pre.modes[i]), o->port);
	if (o->n_addresses == 0)
		say_info("serving every address mode=kernel");
}

// Descriptors 0 to 2 must be taken, or the next ones opened would be written to as stderr.
static void open_standard(void)
{
	int fd = 0;

	while (fd >= 0 && fd <= STDERR_FILENO)
		fd = open("/dev/null", O_RDWR);
	if (fd >= 0)
		(void)close(fd);
}

int command_run(int argc, char **argv)
{
	static struct supervisor s;
	static struct run_options o;
	struct err err = {0};
	enum run_parse parsed = run_options_parse(argc, argv, &o);
	char text[400];

	if (parsed != RUN_PARSED)
		return parsed == RUN_HELP ? EXIT_OK : EXIT_USAGE;
	open_standard();
	init(&s, &o);
	int rc = make_signal_fd(&s, &err);
	if (rc == 0)
		rc = preflight_check(&o, &s.pre, &err);
	if (rc == 0)
		rc = find_programs(&s, &err);
	if (rc == 0)
		rc = run_dir_open(o.run_dir, &s.dir, &err);
	if (rc == 0)
		rc = make_all(&s, &err);
	s.children[CHILD_CONTROL].netns_fd = s.pre.api_netns_fd;
	s.children[CHILD_DATAPLANE].runtime_dir = s.dir.path;
	if (rc == 0)
		say_start(&s);
	else
		say_error("cannot start: %s", err_print(&err, text, sizeof(text)));
	int code = rc == 0 ? supervise(&s) : EXIT_FAILED;
	remove_all(&s);
	return code;
}
