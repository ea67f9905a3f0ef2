// SPDX-License-Identifier: Apache-2.0
// `burst53 capture`: the frames of the port, which no packet socket sees under kernel bypass. The
// supervisor is asked for them; the workers copy them into rings that are read here.
#include "cli/command.h"

#include "cli/address.h"
#include "cli/capture_file.h"
#include "cli/capture_text.h"
#include "cli/proc.h"
#include "cli/running.h"
#include "cli/usage.h"

#include "zones/link/seqpacket.h"
#include "zones/wire/dname.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char help[] =
	"usage: burst53 capture [OPTION]...\n"
	"Shows frames as the workers receive and send them; under kernel bypass tcpdump sees\n"
	"none. Each worker copies at most 20,000 frames a second and never waits.\n\n"
	"  --seconds S      how long (default 10)\n"
	"  --count N        end after N frames (default 1000, 0 for no end)\n"
	"  --name NAME      only queries and replies about this name and those below it\n"
	"  --client NET     only of clients in this network (198.18.0.0/24) or of one address\n"
	"  --sample N       one in N of the queries, each with its reply\n"
	"  --write FILE     as pcapng, for tcpdump -r and Wireshark; - for standard output\n"
	"  --run-dir D      of the running instance (default /run/burst53)\n"
	"  --json           an object a line\n"
	"  --help\n\n"
	"Exit code 1 when there is no port to look at, or nothing was seen.\n";

enum { LOOK_NS = 5000000, ANSWER_MS = 2000, MS = 1000 };

struct capture_options {
	const char *run_dir, *file;
	unsigned count;
	bool is_json;
	struct capture_filter filter;
};

// One worker's ring, and the frame of it that comes next.
struct source {
	const struct capture_ring *ring;
	uint64_t taken, left_out_before;
	bool has_next;
	struct capture_record next;
};

struct capture {
	const struct capture_options *o;
	struct source sources[COUNTERS_WORKERS_MAX];
	unsigned n_sources;
	uint64_t shown, missed;
	FILE *out; // NULL: text on standard output
	int rc;
};

static volatile sig_atomic_t is_interrupted;

static void on_signal(int number)
{
	(void)number;
	is_interrupted = 1;
}

static bool take_name(const char *text, struct capture_filter *f)
{
	struct dname name;

	if (dname_parse(text, &name) != 0)
		return false;
	dname_lower(&name);
	f->name_size = name.size_bytes;
	memcpy(f->name, name.wire, name.size_bytes);
	return true;
}

static bool take_client(const char *text, struct capture_filter *f)
{
	struct address a;
	struct err err = {0};

	if (address_parse(text, &a, &err) != 0)
		return false;
	f->family = a.family;
	f->prefix_len = a.prefix_len;
	memcpy(f->client, a.bytes, sizeof(f->client));
	return true;
}

static int take_option(int key, const char *value, struct capture_options *o)
{
	unsigned n;

	switch (key) {
	case 's':
		if (!usage_number(value, 1, CAPTURE_SECONDS_MAX, &n))
			return usage_error("capture", "not a number of seconds: ", value);
		o->filter.seconds = (uint32_t)n;
		break;
	case 'c':
		if (!usage_number(value, 0, 1000000000, &o->count))
			return usage_error("capture", "not a number of frames: ", value);
		break;
	case 'p':
		if (!usage_number(value, 1, CAPTURE_ONE_IN_MAX, &n))
			return usage_error("capture", "not a number of queries: ", value);
		o->filter.one_in = (uint32_t)n;
		break;
	case 'n':
		if (!take_name(value, &o->filter))
			return usage_error("capture", "not a name: ", value);
		break;
	case 'a':
		if (!take_client(value, &o->filter))
			return usage_error("capture", "not an address or network: ", value);
		break;
	case 'w':
		o->file = value;
		break;
	case 'r':
		o->run_dir = value;
		break;
	case 'j':
		o->is_json = true;
		break;
	default:
		return usage_error("capture", NULL, NULL);
	}
	return EXIT_OK;
}

// EXIT_OK, EXIT_USAGE, or -1 after --help.
static int parse(int argc, char **argv, struct capture_options *o)
{
	static const struct option longs[] = {{"seconds", required_argument, NULL, 's'},
		{"count", required_argument, NULL, 'c'}, {"name", required_argument, NULL, 'n'},
		{"client", required_argument, NULL, 'a'}, {"sample", required_argument, NULL, 'p'},
		{"write", required_argument, NULL, 'w'}, {"run-dir", required_argument, NULL, 'r'},
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	int key, code = EXIT_OK;

	*o = (struct capture_options){
		.run_dir = "/run/burst53", .count = 1000, .filter = {.seconds = 10}};
	optind = 0;
	while (code == EXIT_OK && (key = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (key == 'h') {
			(void)fputs(help, stdout);
			return -1;
		}
		code = take_option(key, optarg, o);
	}
	if (code == EXIT_OK && optind < argc)
		return usage_error("capture", "unexpected word: ", argv[optind]);
	return code;
}

static void fill_filter(void *ctx, uint8_t *out)
{
	const struct capture_filter *f = ctx;

	memcpy(out, f, sizeof(*f));
}

// Asks for the frames. Returns the connection, which ends the capture when it is closed, or -errno.
static int ask(struct capture_options *o, struct err *err)
{
	const struct publish_msg want = {.magic = PUBLISH_MAGIC, .type = PUBLISH_CAPTURE};
	struct publish_msg ack;
	char path[1024];
	int fd = -1;

	if (snprintf(path, sizeof(path), "%s/supervisor.sock", o->run_dir) >= (int)sizeof(path))
		return err_set(err, -ENAMETOOLONG, "%.100s: too long", o->run_dir);
	int sock = seqpacket_connect(path);
	if (sock < 0)
		return err_set(err, sock, "the supervisor is not there: %s", strerror(-sock));
	int filter = publish_memfd("capture", sizeof(o->filter), fill_filter, &o->filter);
	int rc = filter < 0 ? filter : seqpacket_send(sock, &want, sizeof(want), filter);
	struct pollfd pfd = {.fd = sock, .events = POLLIN};
	if (rc == 0 && poll(&pfd, 1, ANSWER_MS) != 1)
		rc = -ETIMEDOUT;
	if (rc == 0)
		rc = seqpacket_recv(sock, &ack, sizeof(ack), &fd);
	if (filter >= 0)
		(void)close(filter);
	if (fd >= 0)
		(void)close(fd);
	ack.reason[sizeof(ack.reason) - 1] = 0;
	if (rc != 0)
		rc = err_set(err, rc, "the supervisor does not answer: %s", strerror(-rc));
	else if (ack.status != 0)
		rc = err_set(err, ack.status, "%.150s", ack.reason);
	if (rc == 0)
		return sock;
	(void)close(sock);
	return rc;
}

// Has the next frame of a ring ready, if there is one.
static void advance(struct capture *c, struct source *s)
{
	uint64_t written = atomic_load_explicit(&s->ring->written, memory_order_acquire);

	if (written - s->taken > CAPTURE_SLOTS) {
		c->missed += written - s->taken - CAPTURE_SLOTS;
		s->taken = written - CAPTURE_SLOTS;
	}
	while (!s->has_next && s->taken < written) {
		s->has_next = capture_read(s->ring, ++s->taken, &s->next);
		c->missed += !s->has_next;
	}
}

static void show(struct capture *c, const struct capture_record *r, unsigned worker)
{
	static char line[CAPTURE_LINE_BYTES];

	c->shown++;
	if (c->out != NULL) {
		c->rc = capture_file_add(c->out, r, worker);
		return;
	}
	if (!c->o->is_json) {
		c->rc = puts(capture_text(r, worker, line)) < 0 ? -EIO : 0;
		return;
	}
	json_t *doc = capture_json(r, worker);
	c->rc = doc == NULL ? -ENOMEM : json_dumpf(doc, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
	(void)putchar('\n');
	json_decref(doc);
}

static bool is_over(const struct capture *c)
{
	return c->rc != 0 || is_interrupted != 0 || (c->o->count != 0 && c->shown >= c->o->count);
}

// Shows what all workers have, oldest first.
static void look(struct capture *c)
{
	for (unsigned left = CAPTURE_SLOTS * COUNTERS_WORKERS_MAX; left > 0 && !is_over(c);
		left--) {
		struct source *oldest = NULL;
		for (unsigned i = 0; i < c->n_sources; i++) {
			struct source *s = &c->sources[i];
			advance(c, s);
			if (s->has_next &&
				(oldest == NULL || s->next.time_ns < oldest->next.time_ns))
				oldest = s;
		}
		if (oldest == NULL)
			break;
		oldest->has_next = false;
		show(c, &oldest->next, (unsigned)(oldest - c->sources));
	}
	(void)fflush(c->out != NULL ? c->out : stdout); // what fails shows at the next frame
}

static void watch(struct capture *c)
{
	const struct timespec nap = {.tv_nsec = LOOK_NS};
	uint64_t end_ms = proc_now_ms() + (uint64_t)c->o->filter.seconds * MS;

	while (!is_over(c) && proc_now_ms() < end_ms) {
		look(c);
		if (!is_over(c))
			(void)nanosleep(&nap, NULL); // a signal only shortens the nap
	}
	look(c);
	for (unsigned i = 0; i < c->n_sources; i++)
		c->missed +=
			counter_get(&c->sources[i].ring->left_out) - c->sources[i].left_out_before;
}

static void open_sources(struct capture *c, const struct counters_page *page)
{
	// Workers that a restart brings have rings, too.
	c->n_sources = COUNTERS_WORKERS_MAX;
	for (unsigned i = 0; i < c->n_sources; i++) {
		struct source *s = &c->sources[i];
		*s = (struct source){.ring = &page->captures[i]};
		s->taken = counter_get(&s->ring->written);
		s->left_out_before = counter_get(&s->ring->left_out);
	}
}

static int open_file(struct capture *c, struct err *err)
{
	const char *name = c->o->file;

	if (name == NULL)
		return 0;
	c->out = strcmp(name, "-") == 0 ? stdout : fopen(name, "we");
	if (c->out == NULL)
		return err_set(err, -errno, "%.100s: %s", name, strerror(errno));
	return capture_file_begin(c->out) == 0 ? 0
					       : err_set(err, -EIO, "%.100s: not written", name);
}

static int run(
	struct capture *c, struct capture_options *o, const struct running *r, struct err *err)
{
	const struct sigaction act = {.sa_handler = on_signal};

	c->o = o;
	if (r->counters == NULL)
		return err_set(err, -ENOENT, "nobody has the counters");
	open_sources(c, r->counters);
	int sock = ask(o, err);
	if (sock < 0)
		return sock;
	(void)sigaction(SIGINT, &act, NULL); // cannot fail with these arguments
	(void)sigaction(SIGTERM, &act, NULL);
	if (open_file(c, err) == 0)
		watch(c);
	(void)close(sock);
	if (err->code != 0)
		return err->code;
	return c->rc == 0 ? 0 : err_set(err, c->rc, "writing: %s", strerror(-c->rc));
}

int command_capture(int argc, char **argv)
{
	static struct capture c; // large
	static struct capture_options o;
	struct running r;
	struct err err = {0};
	int code = parse(argc, argv, &o);

	if (code != EXIT_OK)
		return code < 0 ? EXIT_OK : code;
	int rc = running_open(o.run_dir, &r, &err);
	if (rc == 0)
		rc = run(&c, &o, &r, &err);
	running_close(&r);
	if (c.out != NULL && fclose(c.out) != 0 && rc == 0)
		rc = err_set(&err, -EIO, "writing: %s", strerror(errno));
	if (rc != 0)
		(void)fprintf(stderr, "burst53 capture: %s\n", err.text);
	else
		(void)fprintf(stderr, "%llu frames shown, %llu more not seen\n",
			(unsigned long long)c.shown, (unsigned long long)c.missed);
	return rc == 0 && c.shown > 0 ? EXIT_OK : EXIT_FAILED;
}
