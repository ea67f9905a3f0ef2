// SPDX-License-Identifier: Apache-2.0
// A new Corefile: read and judged beside the one in force, which stays until the new one has all
// its data; a bad one changes nothing (k8s:2.13 reload).
#include "control/run.h"

#include "control/base/log.h"
#include "zones/corefile/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void refuse(struct run *r, const struct err *e)
{
	char text[CONTROL_REASON_BYTES] = "";

	(void)err_print(e, text, sizeof(text));
	memcpy(r->counters->reload_reason, text, sizeof(text)); // before who waits for it is told
	counter_add(&r->counters->reloads_failed, 1);
	log_error("corefile", "reload refused, the old one stays", LOG_STR("reason", text));
}

static void drop_next(struct run *r)
{
	struct stage *next = r->next;

	r->next = NULL;
	if (next == NULL)
		return;
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

void reload_init(struct run *r)
{
	(void)uv_timer_init(&r->loop, &r->hosts); // cannot fail
	r->hosts.data = r;
	arm_hosts(r);
	(void)uv_timer_init(&r->loop, &r->reload); // cannot fail
	r->reload.data = r;
	r->config_hash = r->cur->setup->config.hash;
	if (places_take(&r->cur->setup->config, &r->places) != 0)
		log_error("corefile", "memory is short: no new Corefile is taken");
	arm(r);
}
