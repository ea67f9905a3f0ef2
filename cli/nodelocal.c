// SPDX-License-Identifier: Apache-2.0
// `burst53 nodelocal`: stands in for node-cache of NodeLocal DNSCache with its command line
// (k8s:2.15). It furnishes the node, renders the Corefile, runs `burst53 run` in kernel mode, looks
// after both, and leaves the node as it found it.
#include "cli/command.h"

#include "cli/nodelocal_corefile.h"
#include "cli/nodelocal_metrics.h"
#include "cli/nodelocal_net.h"
#include "cli/nodelocal_options.h"
#include "cli/say.h"
#include "cli/usage.h"

#include "zones/base/array.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CONFIG_POLL_MS = 10000, RUN_WORDS_MAX = 24 };

static const char help[] =
	"usage: burst53 nodelocal -localip A[,A...] [OPTION]...\n"
	"Stands in for node-cache of NodeLocal DNSCache, with its options:\n\n"
	"  -localip A[,A]             addresses to serve, all of one family\n"
	"  -conf F, -corefile F       Corefile that is written and served (default /etc/Corefile)\n"
	"  -basecorefile F            its template (default /etc/coredns/Corefile.base)\n"
	"  -upstreamsvc NAME          Service that cluster names go to (default kube-dns)\n"
	"  -kubednscm D               folder of the kube-dns ConfigMap\n"
	"  -interfacename L           link that carries the addresses (default nodelocaldns)\n"
	"  -setupinterface=BOOL       make it (default true)\n"
	"  -setupiptables=BOOL        keep connection tracking off the addresses (default true)\n"
	"  -skipteardown              leave link and rules behind\n"
	"  -syncinterval D            how often both are looked after (default 60s)\n"
	"  -metrics-listen-address A  what went wrong with that (default 0.0.0.0:9353)\n"
	"  -health-port N             untracked too (default 8080)\n"
	"  -reloadwithsignal          reload at once when the Corefile is written anew\n"
	"  -dns.port N, -pidfile F, -quiet, -version, -plugins   as CoreDNS\n"
	"  -run-dir D                 sockets and state (default /run/burst53)\n"
	"  -help\n";

struct nodelocal {
	struct nodelocal_options o;
	struct nodelocal_net net;
	struct nodelocal_metrics *metrics;
	int signal_fd;
	pid_t child; // 0: not running
	bool is_stopping;
	int code;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

// Link and rules: made, and made again when somebody took them away.
static int furnish(struct nodelocal *n, struct err *err)
{
	int rc = 0;

	if (n->o.makes_interface) {
		rc = nodelocal_link_add(&n->o, &n->net, err);
		if (rc != 0)
			nodelocal_metrics_count(n->metrics, NODELOCAL_INTERFACE_ADD);
	}
	if (rc == 0 && n->o.makes_rules) {
		rc = nodelocal_rules_add(&n->o, err);
		if (rc != 0)
			nodelocal_metrics_count(n->metrics, NODELOCAL_IPTABLES);
	}
	return rc;
}

static void look_after_network(struct nodelocal *n)
{
	struct err err = {0};

	if (n->o.makes_interface && !nodelocal_link_is_there(&n->o)) {
		nodelocal_metrics_count(n->metrics, NODELOCAL_INTERFACE_CHECK);
		say_warn("an address is gone from this node: made again");
	}
	if (furnish(n, &err) != 0)
		say_error("the node's network cannot be set up: %s", err.text);
}

static void look_after_config(struct nodelocal *n)
{
	struct err err = {0};
	bool has_changed = false;

	if (nodelocal_corefile_write(&n->o, &has_changed, &err) != 0) {
		nodelocal_metrics_count(n->metrics, NODELOCAL_CONFIGMAP);
		say_error("the Corefile stays as it is: %s", err.text);
	}
	if (!has_changed)
		return;
	say_info("Corefile written file=%s", n->o.corefile);
	if (n->o.reloads_by_signal && n->child > 0)
		(void)kill(n->child, SIGUSR1);
}

static void unfurnish(const struct nodelocal *n)
{
	if (n->o.skips_teardown)
		return;
	if (n->o.makes_rules)
		nodelocal_rules_del();
	if (n->o.makes_interface)
		nodelocal_link_del(&n->o, &n->net);
}

// `burst53 run` as it would be typed.
static void exec_run(const struct nodelocal *n)
{
	char port[8], program[] = "burst53", run[] = "run";
	const char *words[RUN_WORDS_MAX] = {program, run, "--port", "none", "--conf", n->o.corefile,
		"--run-dir", n->o.run_dir, "--state-dir", n->o.run_dir};
	char *argv[RUN_WORDS_MAX];
	size_t i = 10;
	sigset_t none;

	if (n->o.dns_port != 0) {
		(void)snprintf(port, sizeof(port), "%u", n->o.dns_port);
		words[i++] = "--dns.port";
		words[i++] = port;
	}
	if (n->o.pidfile != NULL) {
		words[i++] = "--pidfile";
		words[i++] = n->o.pidfile;
	}
	if (n->o.is_quiet)
		words[i] = "--quiet";
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	memcpy(argv, words, sizeof(argv)); // execv takes them without const, and changes nothing
	(void)execv("/proc/self/exe", argv);
	_exit(127);
}

static int start_run(struct nodelocal *n, struct err *err)
{
	pid_t pid = fork();

	if (pid < 0)
		return err_set(err, -errno, "fork: %s", strerror(errno));
	if (pid == 0)
		exec_run(n);
	n->child = pid;
	return 0;
}

static int open_signals(struct nodelocal *n, struct err *err)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD};
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		(void)sigaddset(&set, numbers[i]);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	n->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return n->signal_fd < 0 ? err_set(err, -errno, "signals: %s", strerror(errno)) : 0;
}

// The supervisor looks after its own children: when it ends, it was told to, or could not start.
static void take_child(struct nodelocal *n)
{
	int status = 0;

	if (n->child <= 0 || waitpid(n->child, &status, WNOHANG) != n->child)
		return;
	n->child = 0;
	n->code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
	if (!n->is_stopping)
		say_error("burst53 run has ended code=%d", n->code);
}

static void take_signals(struct nodelocal *n)
{
	struct signalfd_siginfo info;

	while (read(n->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		int number = (int)info.ssi_signo;
		if (number == SIGCHLD) {
			take_child(n);
			continue;
		}
		n->is_stopping |= number == SIGTERM || number == SIGINT;
		if (n->child > 0)
			(void)kill(n->child, number);
	}
}

static void serve(struct nodelocal *n)
{
	uint64_t sync_at = now_ms() + n->o.sync_ms;
	uint64_t config_at = now_ms() + CONFIG_POLL_MS;

	while (n->child > 0) {
		struct pollfd fd = {.fd = n->signal_fd, .events = POLLIN};
		uint64_t next = sync_at < config_at ? sync_at : config_at;
		uint64_t now = now_ms();
		(void)poll(&fd, 1, next <= now ? 0 : (int)(next - now));
		take_signals(n);
		now = now_ms();
		if (now >= config_at) {
			look_after_config(n);
			config_at = now + CONFIG_POLL_MS;
		}
		if (now >= sync_at) {
			look_after_network(n);
			sync_at = now + n->o.sync_ms;
		}
	}
}

static int start(struct nodelocal *n, struct err *err)
{
	bool has_changed = false;
	int rc = open_signals(n, err);

	if (rc == 0 && *n->o.metrics_listen != 0) {
		n->metrics = nodelocal_metrics_start(n->o.metrics_listen, err);
		rc = err->code;
	}
	if (rc == 0)
		rc = nodelocal_corefile_write(&n->o, &has_changed, err);
	if (rc == 0)
		rc = furnish(n, err);
	return rc == 0 ? start_run(n, err) : rc;
}

int command_nodelocal(int argc, char **argv)
{
	static struct nodelocal n;
	struct err err = {0};

	switch (nodelocal_options_parse(argc, argv, &n.o, &err)) {
	case 0:
		break;
	case -ECANCELED:
		(void)fputs(help, stdout);
		return EXIT_OK;
	default:
		return usage_error("nodelocal", err.text, "");
	}
	if (n.o.shows_version || n.o.shows_plugins)
		return command_coredns_facts(n.o.shows_plugins);
	if (start(&n, &err) != 0) {
		say_error("cannot start: %s", err.text);
		n.code = EXIT_FAILED;
	} else {
		serve(&n);
	}
	unfurnish(&n);
	nodelocal_metrics_stop(n.metrics);
	return n.code;
}
