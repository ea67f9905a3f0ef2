// SPDX-License-Identifier: Apache-2.0
// `burst53 run`: checks everything, makes what outlives the children, supervises, removes it all.
#include "cli/command.h"

#include "cli/rights.h"
#include "cli/say.h"
#include "cli/supervisor.h"

#include "zones/base/array.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static int make_signal_fd(struct supervisor *s, struct err *err)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
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
		[CHILD_MONITOR] = {.name = "monitor", .rights = RIGHTS_NONE},
	};

	for (unsigned i = 0; i < CHILD_COUNT; i++) {
		struct child *c = &s->children[i];
		*c = roles[i];
		if (c->rights != RIGHTS_ALL) {
			c->uid = s->user.uid;
			c->gid = s->user.gid;
		}
		c->netns_fd = -1;
		c->pidfd = -1;
		if (i == CHILD_DATAPLANE && s->o->port_kind == PORT_NONE)
			continue;
		if (i == CHILD_MONITOR && s->pre.places.n == 0)
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

static void init(struct supervisor *s, const struct run_options *o)
{
	*s = (struct supervisor){.o = o,
		.dir = {.lock_fd = -1},
		.pre = {.api_netns_fd = -1, .probe.sock = -1},
		.counters_fd = -1,
		.counters_ro_fd = -1,
		.punt_dataplane_fd = -1,
		.punt_slowpath_fd = -1,
		.go_read_fd = -1,
		.go_write_fd = -1,
		.cookie_fd = -1,
		.beat_fd = -1,
		.own_net = {.netns_fd = -1, .tap_fd = -1},
		.capture_peer = -1,
		.signal_fd = -1};
	for (unsigned i = 0; i < PEERS_MAX; i++)
		s->peers[i] = -1;
	for (size_t i = 0; i < ARRAY_LEN(s->claims); i++)
		s->claims[i] = -1;
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

// The children's start needs no more.
static int keep_rights(const struct supervisor *s, struct err *err)
{
	const struct rights_plan plan = {.port_kind = s->o->port_kind,
		.is_root = geteuid() == 0,
		.has_api_netns = s->pre.api_netns_fd >= 0};

	return rights_keep(&plan, err);
}

int command_run(int argc, char **argv)
{
	static struct supervisor s;
	static struct run_options o;
	struct err err = {0};
	enum run_parse parsed = run_options_parse(argc, argv, &o);
	char text[400];

	if (parsed != RUN_PARSED) {
		run_options_fini(&o);
		return parsed == RUN_HELP ? EXIT_OK : EXIT_USAGE;
	}
	open_standard();
	init(&s, &o);
	int rc = make_signal_fd(&s, &err);
	if (rc == 0)
		rc = preflight_check(&o, &s.pre, &err);
	if (rc == 0)
		rc = user_choose(&o, &s.user, &err);
	if (rc == 0)
		rc = find_programs(&s, &err);
	if (rc == 0)
		rc = run_dir_open(o.run_dir, &s.dir, &err);
	if (rc == 0)
		rc = resources_make(&s, &err);
	if (rc == 0)
		rc = keep_rights(&s, &err);
	s.children[CHILD_CONTROL].netns_fd = s.pre.api_netns_fd;
	s.children[CHILD_DATAPLANE].runtime_dir = s.dir.path;
	if (rc == 0)
		say_start(&s);
	else
		say_error("cannot start: %s", err_print(&err, text, sizeof(text)));
	int code = rc == 0 ? supervise(&s) : EXIT_FAILED;
	resources_remove(&s);
	run_options_fini(&o);
	return code;
}
