// SPDX-License-Identifier: Apache-2.0
// Synthesis under churn: whatever happens to the objects, base and overlay together answer every
// name as a snapshot that is built from scratch.
#include "tests/unit/objects_fixture.h"
#include "tests/unit/temp_file.h"

#include "control/layers.h"
#include "control/publish/sealed.h"
#include "zones/base/array.h"
#include "zones/link/publish.h"
#include "zones/snapshot/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char corefile[] =
	".:53 {\n kubernetes cluster.local set.test in-addr.arpa ip6.arpa {\n pods verified\n"
	" multicluster set.test\n zonal\n ttl 30\n }\n}\n"
	"example.test:5353 {\n kubernetes example.test set.example.test {\n pods verified\n"
	" multicluster set.example.test\n zonal\n ttl 9\n ignore empty_service\n"
	" namespaces n0 n1\n }\n}\n";

static const char dump[] = "{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[{\"kind\":"
			   "\"Namespace\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n0\"}}]}";

// Two instances of one cluster, and the layers that follow its changes.
struct fixture {
	char paths[2][64];
	struct setup_options options;
	struct setup *setup;
	struct layers layers;
	uint32_t now_s;
	uint64_t generation;
};

static void on_changing(void *user, const struct cluster *c, const struct object_meta *old,
	const struct object_meta *new)
{
	struct fixture *f = user;

	layers_changing(&f->layers, c, old, new, ++f->now_s);
}

static void on_synced(void *user, struct cluster *c)
{
	(void)user;
	(void)c;
}

static int fixture_make(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const struct cluster_events events = {f, on_changing, on_synced};
	struct err e = {0};

	temp_file_write(f->paths[0], corefile);
	temp_file_write(f->paths[1], dump);
	f->options.corefile = f->paths[0];
	f->options.source.dump = f->paths[1];
	f->setup = setup_new(&f->options, NULL, &e);
	if (f->setup == NULL)
		fail_msg("%s", e.text);
	assert_ptr_equal(f->setup->instances[0].cluster, f->setup->instances[1].cluster);
	layers_init(&f->layers, f->setup);
	assert_int_equal(setup_start(f->setup, NULL, NULL, &events, &e), 0);
	assert_int_equal(layers_synced(&f->layers, f->setup->instances[0].cluster), 0);
	*state = f;
	return 0;
}

static int fixture_free(void **state)
{
	struct fixture *f = *state;

	layers_fini(&f->layers);
	setup_release(f->setup, NULL);
	(void)unlink(f->paths[0]);
	(void)unlink(f->paths[1]);
	free(f);
	return 0;
}

// A checked image with its mapping.
struct opened {
	struct sealed sealed;
	const void *bytes;
	struct image image;
};

static void open_built(struct image_build *b, struct opened *out)
{
	struct err e = {0};

	assert_non_null(b);
	assert_int_equal(sealed_make(b, &out->sealed, &e), 0);
	assert_int_equal(publish_map(out->sealed.fd, out->sealed.size_bytes, &out->bytes, &e), 0);
	if (image_check(out->bytes, out->sealed.size_bytes, &out->image, &e) != IMAGE_REFUSED_OK)
		fail_msg("%s", e.text);
}

static void close_opened(struct opened *o)
{
	publish_unmap(o->bytes, o->sealed.size_bytes);
	sealed_close(&o->sealed);
	memset(o, 0, sizeof(*o));
	o->sealed.fd = -1;
}

static void make_base(struct layers *l, uint64_t generation, struct opened *out)
{
	assert_int_equal(layers_cut(l, generation, layers_serial(l)), 0);
	while (layers_step(l, 7) == 1)
		;
	open_built(layers_take(l), out);
}

static size_t section_size(const struct image_section *s)
{
	size_t n = (s->stride != 0 ? 0u : (size_t)s->n_an + s->n_ar) + s->n_ptr + s->n_tail +
		s->n_zone;

	return (size_t)((const char *)image_section_ends(s) - (const char *)s) + 4 * n;
}

static bool is_same_answer(const struct found *a, const struct found *b)
{
	if ((a->name == NULL) != (b->name == NULL))
		return false;
	if (a->name == NULL)
		return true;
	if (a->name->n_sets != b->name->n_sets || a->name->flags != b->name->flags)
		return false;
	for (unsigned i = 0; i < a->name->n_sets; i++) {
		const struct image_set *x = &a->img->sets[a->name->first_set + i];
		const struct image_set *y = &b->img->sets[b->name->first_set + i];
		const struct image_section *s = image_section_at(a->img, x->section);
		const struct image_section *t = image_section_at(b->img, y->section);
		if (x->type != y->type || x->flags != y->flags ||
			section_size(s) != section_size(t) || memcmp(s, t, section_size(s)) != 0)
			return false;
	}
	return true;
}

// Every name of one image, in every spelling, in both snapshots.
static size_t compare_names(const struct image *names, const struct snapshot *a,
	const struct snapshot *b, unsigned step)
{
	for (uint32_t i = 0; i < names->n_names; i++) {
		const struct image_name *n = &names->names[i];
		for (uint8_t us = 0; us < 4; us++) {
			const struct name_key key = {
				image_name_wire(names, n), n->name_size, us, n->view};
			struct found x;
			struct found y;
			char text[DNAME_TEXT_MAX_BYTES];
			snapshot_find(a, &key, &x);
			snapshot_find(b, &key, &y);
			if (!is_same_answer(&x, &y))
				fail_msg("step %u: view %u %s (underscores %u) differs: %s in "
					 "layers, %s "
					 "from scratch",
					step, n->view, dname_print(key.norm, text, sizeof(text)),
					us, x.name == NULL ? "missing" : "there",
					y.name == NULL ? "missing" : "there");
		}
	}
	return names->n_names;
}

static const char *const hosts[] = {
	"", ";host=a", ";host=b", ";pod=p.q", ";zone=z1", ";host=a;zone=z2"};

static void random_endpoints(char *line)
{
	unsigned n = (unsigned)random() % 5;

	for (unsigned i = 0; i < n; i++)
		(void)sprintf(line + strlen(line), " ep=%s%ld%s",
			random() % 4 == 0 ? "fd00::" : "10.1.0.", random() % 8 + 1,
			hosts[(size_t)random() % ARRAY_LEN(hosts)]);
}

// One address has one label beside the canonical one.
static void random_pod(char *line, long ns, long name)
{
	long last = random() % 5 + 1;

	int n = sprintf(line, "pod n%ld/s%ld ip=10.1.0.%ld", ns, name, last);
	if (random() % 4 == 0)
		(void)sprintf(line + n, " to=--ffff-a01-%ld", last);
}

static void random_service(char *line, long ns, long name)
{
	static const char *const ports[] = {"", " ports=http/tcp/80",
		" ports=http/tcp/80,dns/udp/53", " ports=/tcp/8080",
		" ports=dns/udp/53,dns/tcp/53"};
	long kind = random() % 6;
	int n = sprintf(
		line, "service n%ld/s%ld%s", ns, name, ports[(size_t)random() % ARRAY_LEN(ports)]);

	if (kind == 0)
		(void)sprintf(line + n, " to=s%ld.n%ld.svc.%s", random() % 6, random() % 3,
			random() % 4 == 0 ? "example.test" : "cluster.local");
	else if (kind == 1)
		(void)sprintf(
			line + n, " to=a.s%ld.n%ld.svc.cluster.local", random() % 6, random() % 3);
	else if (kind == 2)
		(void)sprintf(line + n, " headless");
	else
		(void)sprintf(line + n, " ips=10.0.0.%ld%s", random() % 12 + 1,
			random() % 3 == 0 ? ",fd00::7" : "");
}

static void random_change(struct store *s)
{
	static const enum object_kind kinds[] = {OBJECT_NAMESPACE, OBJECT_SERVICE, OBJECT_SERVICE,
		OBJECT_SLICE, OBJECT_SLICE, OBJECT_SLICE, OBJECT_POD, OBJECT_IMPORT,
		OBJECT_IMPORT_SLICE};
	enum object_kind kind = kinds[(size_t)random() % ARRAY_LEN(kinds)];
	long ns = random() % 3;
	long name = random() % 6;
	char line[512] = "";
	char names[2][16];

	(void)sprintf(names[0], "n%ld", ns);
	(void)sprintf(names[1], kind == OBJECT_NAMESPACE ? "n%ld" : "s%ld",
		kind == OBJECT_NAMESPACE ? ns : name);
	if (random() % 3 == 0) {
		assert_int_equal(store_del(s, OBJECT_LIVE, kind,
					 kind == OBJECT_NAMESPACE ? "" : names[0], names[1]),
			0);
		return;
	}
	if (kind == OBJECT_NAMESPACE)
		(void)sprintf(line, "namespace n%ld", ns);
	else if (kind == OBJECT_SERVICE)
		random_service(line, ns, name);
	else if (kind == OBJECT_POD)
		random_pod(line, ns, name);
	else if (kind == OBJECT_IMPORT)
		(void)sprintf(line, "import n%ld/s%ld ports=http/tcp/80 %s", ns, name,
			random() % 2 ? "headless" : "ips=10.9.0.1");
	else
		(void)sprintf(line, "%s n%ld/s%ld of=s%ld %s ports=http/tcp/%ld",
			kind == OBJECT_SLICE ? "slice" : "import-slice", ns, name, random() % 6,
			kind == OBJECT_SLICE   ? ""
				: random() % 2 ? "cluster=c1"
					       : "cluster=c2",
			8080 + random() % 2);
	if (kind == OBJECT_SLICE || kind == OBJECT_IMPORT_SLICE)
		random_endpoints(line);
	objects_put(s, OBJECT_LIVE, line);
}

// Bases are made in steps in between, as in the running process.
struct churn {
	struct opened base, next;
	bool is_cutting;
	size_t folds, names, tombstones;
};

static void churn_fold(struct fixture *f, struct churn *c)
{
	struct layers *l = &f->layers;

	if (!c->is_cutting) {
		if (random() % 8 != 0)
			return;
		assert_int_equal(layers_cut(l, ++f->generation, layers_serial(l)), 0);
		c->is_cutting = true;
		return;
	}
	int more = layers_step(l, 5);
	assert_true(more >= 0);
	if (more == 1)
		return;
	open_built(layers_take(l), &c->next);
	layers_switch(l, c->next.sealed.generation, c->next.sealed.hash);
	close_opened(&c->base);
	c->base = c->next;
	c->is_cutting = false;
	c->folds++;
}

static void churn_check(struct fixture *f, struct churn *c, unsigned step)
{
	struct opened overlay;
	struct opened scratch;
	struct layers fresh;

	open_built(
		layers_overlay(&f->layers, ++f->generation, layers_serial(&f->layers)), &overlay);
	assert_true(snapshot_is_pair(&c->base.image, &overlay.image));
	layers_init(&fresh, f->setup);
	make_base(&fresh, 1, &scratch);
	const struct snapshot layered = {&c->base.image, &overlay.image};
	const struct snapshot whole = {&scratch.image, NULL};
	c->names += compare_names(&c->base.image, &layered, &whole, step);
	c->names += compare_names(&overlay.image, &layered, &whole, step);
	c->names += compare_names(&scratch.image, &layered, &whole, step);
	for (uint32_t i = 0; i < overlay.image.n_names; i++)
		c->tombstones += (overlay.image.names[i].flags & NAME_TOMBSTONE) != 0;
	layers_fini(&fresh);
	close_opened(&scratch);
	close_opened(&overlay);
}

static void layers_answer_as_a_snapshot_from_scratch(void **state)
{
	struct fixture *f = *state;
	struct store *s = cluster_store(f->setup->instances[0].cluster);
	struct churn c = {.next.sealed.fd = -1};

	srandom((unsigned)strtoul(
		getenv("B53_SEED") != NULL ? getenv("B53_SEED") : "53", NULL, 10));
	make_base(&f->layers, ++f->generation, &c.base);
	layers_switch(&f->layers, c.base.sealed.generation, c.base.sealed.hash);
	for (unsigned step = 0; step < 10000; step++) {
		random_change(s);
		if (step % 3 == 0)
			churn_fold(f, &c);
		// The walk of a base from scratch would move the one that goes on in slices.
		if (step % 7 == 0 && !c.is_cutting)
			churn_check(f, &c, step);
	}
	print_message(
		"%zu names compared, %zu folds, %zu tombstones\n", c.names, c.folds, c.tombstones);
	assert_true(c.folds > 50 && c.tombstones > 1000 && c.names > 10000);
	close_opened(&c.base);
}

static void the_same_objects_give_the_same_bytes(void **state)
{
	struct fixture *f = *state;
	struct store *s = cluster_store(f->setup->instances[0].cluster);
	static const char *const lines[] = {"namespace n1",
		"service n1/web ips=10.0.0.1 ports=http/tcp/80", "service n1/hl headless",
		"slice n1/a of=hl ep=10.1.0.1;host=x ports=p/tcp/1",
		"slice n1/b of=hl ep=10.1.0.2 ep=10.1.0.1;host=x ports=p/tcp/1"};
	struct opened first = {.sealed.fd = -1};
	struct opened again;

	for (unsigned turn = 0; turn < ARRAY_LEN(lines); turn++) {
		for (size_t i = 0; i < ARRAY_LEN(lines); i++)
			objects_put(s, OBJECT_LIVE, lines[(i + turn) % ARRAY_LEN(lines)]);
		for (size_t i = 0; i < f->setup->n_instances; i++)
			f->setup->instances[i].synth.serial =
				f->setup->instances[i].synth.clusterset_serial = 7;
		make_base(&f->layers, 1, &again);
		layers_abandon(&f->layers);
		if (first.bytes == NULL) {
			first = again;
		} else {
			assert_int_equal(first.sealed.hash, again.sealed.hash);
			close_opened(&again);
		}
		for (size_t i = 1; i < ARRAY_LEN(lines); i++) {
			char copy[64];
			char *name = strchr(strcpy(copy, lines[i]), '/') + 1;
			name[strcspn(name, " ")] = '\0';
			assert_int_equal(store_del(s, OBJECT_LIVE,
						 i < 3 ? OBJECT_SERVICE : OBJECT_SLICE, "n1", name),
				0);
		}
	}
	close_opened(&first);
}

static void serials_only_go_forward(void **state)
{
	struct fixture *f = *state;
	struct store *s = cluster_store(f->setup->instances[0].cluster);

	f->now_s = 1000;
	objects_put(s, OBJECT_LIVE, "service n0/a ips=10.0.0.1");
	assert_int_equal(layers_serial(&f->layers), 1001);
	f->now_s = 10; // the clock was set back
	objects_put(s, OBJECT_LIVE, "service n0/a ips=10.0.0.2");
	assert_int_equal(layers_serial(&f->layers), 1001);
	f->now_s = 2000;
	objects_put(s, OBJECT_LIVE, "service n0/a ips=10.0.0.2 rv=9"); // shows the same
	assert_int_equal(layers_serial(&f->layers), 1001);
	objects_put(s, OBJECT_LIVE, "import n0/m");
	assert_int_equal(f->setup->instances[0].synth.serial, 1001);
	assert_int_equal(f->setup->instances[0].synth.clusterset_serial, 2001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			layers_answer_as_a_snapshot_from_scratch, fixture_make, fixture_free),
		cmocka_unit_test_setup_teardown(
			the_same_objects_give_the_same_bytes, fixture_make, fixture_free),
		cmocka_unit_test_setup_teardown(
			serials_only_go_forward, fixture_make, fixture_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
