// SPDX-License-Identifier: Apache-2.0
// The same way as in the running process: setup, cut, steps, seal.
#include "control/image_file.h"

#include "control/layers.h"
#include "control/publish/sealed.h"
#include "zones/link/publish.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { STEP_UNITS = 1000, GENERATION = 1, SERIAL = 1 };

static void ignore_change(void *user, const struct cluster *c, const struct object_meta *old,
	const struct object_meta *new)
{
	(void)user;
	(void)c;
	(void)old;
	(void)new;
}

static void on_synced(void *user, struct cluster *c)
{
	(void)user;
	(void)c;
}

static int build(struct setup *s, struct sealed *out, struct err *e)
{
	struct layers l;
	uint32_t serial = 0;

	layers_init(&l, s);
	for (size_t i = 0; i < s->n_instances; i++) {
		if (!cluster_is_synced(s->instances[i].cluster))
			continue;
		serial = SERIAL;
		s->instances[i].synth.serial = SERIAL;
		s->instances[i].synth.clusterset_serial = SERIAL;
		s->instances[i].synth.external_serial = SERIAL;
	}
	int rc = layers_cut(&l, GENERATION, serial);
	for (int more = 1; rc == 0 && more == 1;) {
		more = layers_step(&l, STEP_UNITS);
		rc = more < 0 ? more : 0;
	}
	if (rc == 0)
		rc = sealed_make(layers_take(&l), out, e);
	else
		(void)err_set(e, rc, "building the image: %s", strerror(-rc));
	layers_fini(&l);
	return rc;
}

static int write_file(const char *path, const struct sealed *s, struct err *e)
{
	const void *bytes;
	int rc = publish_map(s->fd, s->size_bytes, &bytes, e);

	if (rc != 0)
		return rc;
	FILE *f = fopen(path, "wb");
	if (f == NULL || fwrite(bytes, 1, s->size_bytes, f) != s->size_bytes)
		rc = err_set(e, errno != 0 ? -errno : -EIO, "%.100s: %s", path, strerror(errno));
	if (f != NULL && fclose(f) != 0 && rc == 0)
		rc = err_set(e, -errno, "%.100s: %s", path, strerror(errno));
	publish_unmap(bytes, s->size_bytes);
	return rc;
}

int image_file_write(const struct setup_options *o, const char *path, struct err *e)
{
	const struct cluster_events events = {.changing = ignore_change, .synced = on_synced};
	struct sealed sealed = {.fd = -1};
	struct setup *s = setup_new(o, NULL, e);

	if (s == NULL)
		return e->code;
	// Without a dump nothing is started: nobody waits for an API server here.
	int rc = o->source.dump == NULL ? 0 : setup_start(s, NULL, NULL, &events, e);
	if (rc == 0)
		rc = build(s, &sealed, e);
	if (rc == 0)
		rc = write_file(path, &sealed, e);
	sealed_close(&sealed);
	setup_release(s, NULL);
	return rc;
}
