// SPDX-License-Identifier: Apache-2.0
// Runs what control/kube does with memory with each allocation failing in turn: the failure is
// reported, nothing crashes, nothing leaks (ASan), and no object is taken for unreadable because
// memory was short.
#include "control/base/log.h"
#include "control/kube/dump.h"
#include "control/kube/jsonmem.h"
#include "control/kube/stream.h"
#include "zones/base/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include <sys/mman.h>

#include <cmocka.h>

// The linker sends our calls here (--wrap), jansson's come through ours; other libraries keep their
// own.
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);

static size_t countdown; // the allocation that fails; 0: none
static bool failed;

static bool must_fail(void)
{
	if (countdown == 0 || --countdown != 0)
		return false;
	failed = true;
	return true;
}

void *__wrap_malloc(size_t n)
{
	return must_fail() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return must_fail() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return must_fail() ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *s)
{
	return must_fail() ? NULL : __real_strdup(s);
}

#define SERVICE(name) \
	"{\"kind\":\"Service\",\"metadata\":{\"name\":\"" name "\",\"namespace\":\"s\"," \
	"\"resourceVersion\":\"7\"},\"spec\":{\"clusterIPs\":[\"10.0.0.1\"],\"externalIPs\":" \
	"[\"1.1.1.1\"],\"ports\":[{\"name\":\"http\",\"port\":80}]},\"status\":{\"loadBalancer\":" \
	"{\"ingress\":[{\"hostname\":\"h\"}]}}}"
#define SLICE \
	"{\"kind\":\"EndpointSlice\",\"metadata\":{\"name\":\"n\",\"namespace\":\"s\"," \
	"\"resourceVersion\":\"7\",\"labels\":{\"kubernetes.io/service-name\":\"svc\"}}," \
	"\"endpoints\":[{\"addresses\":[\"10.0.0.1\"],\"hostname\":\"a\"}],\"ports\":[{\"port\":" \
	"1}]}"

static size_t puts_seen;

static void on_put(void *user, struct object_meta *object)
{
	(void)user;
	puts_seen++;
	object_free(object);
}

static void on_del(void *user, const char *ns, const char *name)
{
	(void)user;
	(void)ns;
	(void)name;
}

static void on_progress(void *user, const char *resource_version, bool initial_end)
{
	(void)user;
	(void)resource_version;
	(void)initial_end;
}

static const struct {
	enum object_kind kind;
	enum stream_kind stream;
	const char *text;
	size_t objects;
} streams[] = {
	{OBJECT_SERVICE, STREAM_WATCH,
		"{\"type\":\"ADDED\",\"object\":" SERVICE(
			"a") "}\n{\"type\":\"ADDED\",\"object\":" SERVICE("b") "}\n",
		2},
	{OBJECT_SLICE, STREAM_WATCH, "{\"type\":\"MODIFIED\",\"object\":" SLICE "}\n", 1},
	{OBJECT_SERVICE, STREAM_PAGE,
		"{\"kind\":\"ServiceList\",\"metadata\":{\"resourceVersion\":\"9\",\"continue\":"
		"\"c\"},"
		"\"items\":[" SERVICE("a") "," SERVICE("b") "]}",
		2},
};

// True when it went through, with all objects; false when it was broken.
static bool run_stream(size_t i)
{
	const struct kube_spec spec = {.kind = streams[i].kind};
	struct stream_handler handler = {NULL, on_put, on_del, NULL, on_progress};
	struct kube_stats stats = {0};
	struct stream s;
	int rc;
	bool whole;

	puts_seen = 0;
	stream_init(&s, streams[i].stream, &spec, &stats, &handler);
	rc = stream_body(&s, 200, "application/json", streams[i].text, strlen(streams[i].text));
	assert_int_equal(stats.objects_skipped, 0);
	assert_int_equal(rc != 0, s.broken.code != 0);
	whole = rc == 0;
	if (whole)
		assert_int_equal(puts_seen, streams[i].objects);
	stream_fini(&s);
	return whole;
}

static void a_stream_breaks_instead_of_losing_an_object(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
		size_t n;

		failed = true;
		for (n = 1; failed; n++) {
			bool whole;

			failed = false;
			countdown = n;
			whole = run_stream(i);
			countdown = 0;
			if (whole == failed)
				fail_msg("stream %zu, allocation %zu: whole %d", i, n, whole);
		}
		assert_true(n > 10); // else the linker has not put us in between
		assert_true(run_stream(i));
	}
}

static int memory_file(const char *text, char path[64])
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

static void a_kubeconfig_is_refused_with_a_reason(void **state)
{
	static const char text[] =
		"current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
		"clusters: [{name: c, cluster: {server: http://h, certificate-authority-data: "
		"YQ==}}]\n"
		"users: [{name: u, user: {token: t, tokenFile: f, as: me, as-groups: [g], exec: "
		"{command: ./c,\n"
		"  apiVersion: client.authentication.k8s.io/v1, args: [a], env: [{name: n, value: "
		"v}]}}}]\n";
	char path[64];
	int fd = memory_file(text, path);

	(void)state;
	failed = true;
	for (size_t n = 1; failed; n++) {
		struct kube_config config = {0};
		struct err e = {0};
		int rc;

		failed = false;
		countdown = n;
		rc = kube_config_load(&config, path, NULL, &e);
		countdown = 0;
		if ((rc != 0) != failed || (rc != 0 && *e.text == '\0'))
			fail_msg("allocation %zu: rc %d, reason %s", n, rc, e.text);
		kube_config_fini(&config);
	}
	(void)close(fd);
}

static unsigned synced;

static void on_kind(void *user, enum object_kind kind)
{
	(void)user;
	(void)kind;
}

static void on_object(void *user, enum object_set set, struct object_meta *object)
{
	(void)set;
	on_put(user, object);
}

static void on_synced(void *user, enum object_kind kind, const char *resource_version)
{
	(void)user;
	synced += kind == OBJECT_SERVICE && *resource_version == '0';
}

static void a_dump_is_whole_or_refused(void **state)
{
	static const char *const texts[] = {
		"{\"kind\":\"List\",\"items\":[" SERVICE("a") "," SERVICE("b") "]}",
		"kind: Service\nmetadata: {name: a, labels: &l {x: y}}\nspec: {clusterIP: None, a: "
		"*l}\n---\n"
		"items:\n- kind: Service\n  metadata: {name: b}\n",
	};
	const struct kube_spec spec = {.kind = OBJECT_SERVICE};
	const struct kube_events events = {
		.begin = on_kind, .put = on_object, .synced = on_synced, .abandoned = on_kind};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		char path[64];
		int fd = memory_file(texts[i], path);

		failed = true;
		for (size_t n = 1; failed; n++) {
			struct err e = {0};
			int rc;

			failed = false;
			puts_seen = 0;
			synced = 0;
			countdown = n;
			rc = kube_dump_load(path, &spec, 1, &events, &e);
			countdown = 0;
			if ((rc != 0) != failed || synced != (rc == 0) ||
				(rc == 0 && puts_seen != 2))
				fail_msg("text %zu, allocation %zu: rc %d, %s", i, n, rc, e.text);
		}
		(void)close(fd);
	}
}

static void on_closed(void *user)
{
	*(bool *)user = true;
}

static void a_client_comes_up_or_says_why_and_goes_away(void **state)
{
	const struct kube_spec spec = {.kind = OBJECT_SERVICE, .label_selector = "a=b"};
	const struct kube_events events = {
		.begin = on_kind, .put = on_object, .synced = on_synced, .abandoned = on_kind};
	const char *const urls[] = {"http://127.0.0.1:1", NULL};
	struct kube_config config = {0};

	(void)state;
	assert_int_equal(kube_config_endpoint(&config, urls, NULL, NULL), 0);
	config.token = __real_strdup("t");
	failed = true;
	for (size_t n = 1; failed; n++) {
		struct err e = {0};
		struct kube_client *client;
		bool closed = false;
		uv_loop_t loop;
		int rc;

		assert_int_equal(uv_loop_init(&loop), 0);
		failed = false;
		countdown = n;
		client = kube_client_new(&loop, &config, &events, NULL, &e);
		rc = client != NULL ? kube_client_watch(client, &spec) : 0;
		if (client != NULL)
			assert_int_equal(rc != 0, failed);
		else
			assert_true(failed && *e.text != '\0');
		for (int turn = 0; client != NULL && turn < 20; turn++)
			(void)uv_run(&loop, UV_RUN_NOWAIT);
		countdown = 0;
		if (client != NULL)
			kube_client_close(client, on_closed, &closed);
		(void)uv_run(&loop, UV_RUN_DEFAULT);
		assert_int_equal(closed, client != NULL);
		assert_int_equal(uv_loop_close(&loop), 0);
	}
	kube_config_fini(&config);
}

// jansson's block is full: it has what every object needs from malloc, which can fail.
static int fill_block(void **state)
{
	enum { MORE_THAN_FIT = 8192 };
	json_t *all = json_array();

	for (int i = 0; i < MORE_THAN_FIT; i++)
		assert_int_equal(json_array_append_new(all, json_integer(i)), 0);
	*state = all;
	return 0;
}

static int empty_block(void **state)
{
	json_decref(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_breaks_instead_of_losing_an_object),
		cmocka_unit_test(a_kubeconfig_is_refused_with_a_reason),
		cmocka_unit_test(a_dump_is_whole_or_refused),
		cmocka_unit_test(a_client_comes_up_or_says_why_and_goes_away),
	};

	log_set_level(LOG_LEVEL_ERROR);
	jsonmem_init();
	return cmocka_run_group_tests(tests, fill_block, empty_block);
}
