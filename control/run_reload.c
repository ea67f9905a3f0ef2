// SPDX-License-Identifier: Apache-2.0
// A new Corefile: read and judged beside the one in force, which stays until the new one has all
// its data; a bad one changes nothing (k8s:2.13 reload).
#include "control/run.h"

#include "control/base/log.h"
#include "control/kept.h"
#include "zones/corefile/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void refuse(struct run *r, const struct err *e)
{
	char text[CONTROL_REASON_BYTES] = "";

	(void)err_print(e, text, sizeof(text));
	memcpy(r->counters->reload_reason, text, sizeof(text)); // before who waits for it is told
	counter_set(&r->counters->corefile_refused, 1);
	counter_add(&r->counters->reloads_failed, 1);
	log_error("corefile", "reload refused, the old one stays", LOG_STR("reason", text));
}

// A control that nobody starts again keeps nothing.
static void keep(const struct run *r, enum kept which, const struct config *c)
{
	int rc = r->o->counters_fd < 0 ? 0 : kept_write(r->o->run_dir, which, c);

	if (rc != 0)
		log_warn("corefile", "cannot be kept for a new start of control",
			LOG_STR("reason", strerror(-rc)));
}

static void drop_next(struct run *r)
{
	struct stage *next = r->next;

	r->next = NULL;
	if (next == NULL)
		return;
	counter_set(&r->counters->corefile_waits, 0);
	fold_forget(r, next);
	stage_free(next, r->cur);
}

// Serials of a new stage go on from those in force.
static void inherit(struct run *r, struct stage *next)
{
	uint32_t serial = layers_serial(&r->cur->layers);

	if (serial > r->serial_floor)
		r->serial_floor = serial;
	for (size_t i = 0; i < next->setup->n_instances; i++) {
		struct instance *in = &next->setup->instances[i];
		if (!cluster_is_synced(in->cluster))
			continue;
		in->synth.serial = in->synth.clusterset_serial = r->serial_floor;
		in->synth.external_serial = r->serial_floor;
		if (layers_synced(&next->layers, in->cluster) != 0)
			log_error("build", "memory is short while reloading");
	}
}

static void begin(struct run *r, struct setup *setup)
{
	struct err e = {0};
	struct stage *next = stage_new(setup);

	if (next == NULL) {
		(void)err_set(&e, -ENOMEM, "memory is short");
		setup_release(setup, r->cur->setup);
		refuse(r, &e);
		return;
	}
	inherit(r, next);
	r->next = next;
	const struct cluster_events events = run_events(r);
	if (setup_start(setup, r->cur->setup, &r->loop, &events, &e) != 0) {
		refuse(r, &e);
		drop_next(r);
		return;
	}
	keep(r, KEPT_TAKEN, &setup->config);
	counter_set(&r->counters->corefile_refused, 0);
	if (!setup_is_synced(setup))
		run_tell_waiting(r,
			"taken, and waits for the objects of its clusters: the rules of the old "
			"one are served until they have been read");
	counter_add(&r->counters->reloads, 1);
	log_info("corefile", "reloaded", LOG_STR("file", r->o->setup.corefile));
}

void reload_now(struct run *r)
{
	struct err e = {0};

	drop_next(r);
	struct setup *setup = setup_new(&r->o->setup, r->cur->setup, &e);
	if (setup == NULL) {
		refuse(r, &e);
		return;
	}
	if (places_check(&r->places, &setup->config, &e) != 0) {
		setup_release(setup, r->cur->setup);
		refuse(r, &e);
		return;
	}
	r->config_hash = setup->config.hash;
	r->refused[0] = '\0';
	begin(r, setup);
}

static const struct config_reload *find_reload(const struct config *c)
{
	for (size_t i = 0; i < c->n_servers; i++) {
		const struct config_directive *d = config_find(&c->servers[i], DIR_RELOAD, 0);
		if (d != NULL && d->data != NULL)
			return d->data;
	}
	return NULL;
}

static void arm(struct run *r);

// The same mistake is told once, however often the file is looked at.
static void refuse_once(struct run *r, const struct err *e)
{
	char text[sizeof(r->refused)];

	(void)err_print(e, text, sizeof(text));
	if (strcmp(text, r->refused) == 0)
		return;
	memcpy(r->refused, text, sizeof(text));
	refuse(r, e);
}

static void on_reload(uv_timer_t *t)
{
	struct run *r = t->data;
	const struct config_options options = {.port = r->o->setup.dns_port};
	struct config c = {0};
	struct err e = {0};

	// The hash is over the words behind imports.
	if (config_parse_file(r->o->setup.corefile, &options, &c, &e) != 0)
		refuse_once(r, &e);
	else if (c.hash != r->config_hash) {
		r->config_hash = c.hash; // refused or not: it is tried once, as CoreDNS does
		reload_now(r);
	} else if (c.hash == r->cur->setup->config.hash && r->refused[0] != '\0') {
		r->refused[0] = '\0'; // put back as it was
		counter_set(&r->counters->corefile_refused, 0);
	}
	config_free(&c);
	arm(r);
}

// The directive's interval, and a part of its jitter so that replicas do not move together.
static void arm(struct run *r)
{
	const struct config_reload *c = find_reload(&r->cur->setup->config);

	if (c == NULL || c->off)
		return;
	uint64_t jitter = c->jitter_ms == 0 ? 0 : uv_hrtime() % c->jitter_ms;
	(void)uv_timer_start(
		&r->reload, on_reload, c->interval_ms + jitter, 0); // fails only when closing
}

static void arm_hosts(struct run *r);

static void on_hosts(uv_timer_t *t)
{
	struct run *r = t->data;
	uint64_t interval_ms;

	if (r->next == NULL && setup_hosts_have_changed(r->cur->setup, &interval_ms))
		reload_now(r);
	arm_hosts(r);
}

static void arm_hosts(struct run *r)
{
	uint64_t interval_ms;

	(void)setup_hosts_have_changed(r->cur->setup, &interval_ms); // only the time
	if (interval_ms > 0)
		(void)uv_timer_start(
			&r->hosts, on_hosts, interval_ms, 0); // fails only when closing
}

// The places that the sockets were made for, when an earlier control has run with them.
static bool find_bound(struct run *r)
{
	const struct config_options options = {
		.port = r->o->setup.dns_port, .skip_file_checks = true};
	struct config c = {0};
	char path[PATH_MAX];

	if (r->o->counters_fd < 0 || !kept_find(r->o->run_dir, KEPT_BOUND, path))
		return false;
	bool found = config_parse_file(path, &options, &c, NULL) == 0 &&
		places_take(&c, &r->places) == 0;
	config_free(&c);
	return found;
}

// What the control before this one had taken, instead of a Corefile that is refused.
static struct setup *go_on(struct run *r, const struct err *why)
{
	struct setup_options o = r->o->setup;
	struct setup *s = NULL;
	struct err e = {0};
	char path[PATH_MAX];

	o.corefile = path;
	if (kept_find(r->o->run_dir, KEPT_TAKEN, path))
		s = setup_new(&o, NULL, &e);
	if (s == NULL)
		return NULL;
	(void)err_print(why, r->refused, sizeof(r->refused));
	refuse(r, why);
	return s;
}

struct setup *reload_first(struct run *r, struct err *e)
{
	struct setup *s = setup_new(&r->o->setup, NULL, e);
	bool has_bound = find_bound(r);

	if (!has_bound && s != NULL && places_take(&s->config, &r->places) != 0)
		log_error("corefile", "memory is short: no new Corefile is taken");
	if (!has_bound && s != NULL)
		keep(r, KEPT_BOUND, &s->config);
	if (has_bound && s != NULL && places_check(&r->places, &s->config, e) != 0) {
		r->config_hash = s->config.hash;
		setup_release(s, NULL);
		s = NULL;
	}
	if (has_bound && s == NULL)
		s = go_on(r, e);
	if (s == NULL)
		return NULL;
	if (r->refused[0] == '\0') {
		counter_set(&r->counters->corefile_refused, 0);
		keep(r, KEPT_TAKEN, &s->config);
	}
	if (r->config_hash == 0)
		r->config_hash = s->config.hash;
	return s;
}

void reload_init(struct run *r)
{
	(void)uv_timer_init(&r->loop, &r->hosts); // cannot fail
	r->hosts.data = r;
	arm_hosts(r);
	(void)uv_timer_init(&r->loop, &r->reload); // cannot fail
	r->reload.data = r;
	arm(r);
}
