// SPDX-License-Identifier: Apache-2.0
// `loadbalance weighted` and `loadbalance prefer`: the order of addresses (k8s:2.13). Workers do
// `round_robin`.
#include "slowpath/plugin/plugins.h"
#include "slowpath/plugin/weights.h"

#include "slowpath/base/file_mark.h"
#include "slowpath/base/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_MAX_BYTES = 16 * 1024 * 1024 };

struct balance_state {
	struct weights weights;
	uint64_t mark; // of the file; 0: it is not there
};

static void balance_release(void *state)
{
	struct balance_state *s = state;

	if (s == NULL)
		return;
	weights_fini(&s->weights);
	free(s);
}

static char *file_text(const char *path)
{
	struct stat st;
	FILE *f = fopen(path, "re");
	char *text = NULL;

	if (f == NULL)
		return NULL;
	if (fstat(fileno(f), &st) == 0 && st.st_size <= FILE_MAX_BYTES)
		text = malloc((size_t)st.st_size + 1);
	if (text != NULL)
		text[fread(text, 1, (size_t)st.st_size, f)] = '\0';
	(void)fclose(f); // only read
	return text;
}

// A file that is not there yet is waited for: until then all weigh the same.
static bool balance_prepare(const void *data, void **state, struct err *err)
{
	const struct policy_loadbalance *b = data;
	struct balance_state *s = calloc(1, sizeof(*s));
	int rc = 0;

	if (s == NULL)
		return err_set(err, -ENOMEM, "memory is short") == 0; // false
	*state = s;
	if (!b->is_weighted)
		return true;
	s->mark = file_mark(b->weight_file);
	char *text = file_text(b->weight_file);
	if (text != NULL)
		rc = weights_parse(&s->weights, text, err);
	else if (b->reload_ms == 0)
		rc = err_set(err, -ENOENT, "%.120s: cannot be read", b->weight_file);
	free(text);
	if (rc == 0)
		return true;
	balance_release(s);
	*state = NULL;
	return false;
}

// A changed file with a mistake in it changes nothing.
static bool balance_is_outdated(const void *data, const void *state)
{
	const struct policy_loadbalance *b = data;
	const struct balance_state *s = state;
	struct weights weights;

	if (!b->is_weighted || b->reload_ms == 0)
		return false;
	uint64_t mark = file_mark(b->weight_file);
	if (mark == 0 || (s != NULL && s->mark == mark))
		return false;
	char *text = file_text(b->weight_file);
	if (text == NULL)
		return false;
	int rc = weights_parse(&weights, text, NULL);
	weights_fini(&weights);
	free(text);
	return rc == 0;
}

static bool is_address(const struct response_rr *rr)
{
	return rr->type == RR_TYPE_A || rr->type == RR_TYPE_AAAA;
}

enum group { GROUP_ALIAS, GROUP_REST, GROUP_ADDRESS, GROUP_MX, GROUPS };

static enum group group_of(const struct response_rr *rr)
{
	if (is_address(rr))
		return GROUP_ADDRESS;
	if (rr->type == RR_TYPE_CNAME)
		return GROUP_ALIAS;
	return rr->type == RR_TYPE_MX ? GROUP_MX : GROUP_REST;
}

// Records by group in the given order; inside a group they stay as they were. Returns where the
// addresses begin, n when memory is short.
static size_t regroup(struct job *j, struct response_rrs *rrs, const enum group order[GROUPS])
{
	struct response_rr *copy = arena_copy(&j->arena, rrs->items, rrs->n * sizeof(*copy));
	size_t addresses = rrs->n;
	size_t n = 0;

	for (size_t g = 0; copy != NULL && g < GROUPS; g++) {
		addresses = order[g] == GROUP_ADDRESS ? n : addresses;
		for (size_t i = 0; i < rrs->n; i++) {
			if (group_of(&copy[i]) == order[g])
				rrs->items[n++] = copy[i];
		}
	}
	return addresses;
}

static size_t count_addresses(const struct response_rrs *rrs)
{
	size_t n = 0;

	for (size_t i = 0; i < rrs->n; i++)
		n += is_address(&rrs->items[i]);
	return n;
}

// Puts one address first, each as likely as it weighs.
static void weigh(struct job *j, const struct weights *w, struct response_rrs *rrs)
{
	static const enum group order[] = {GROUP_ALIAS, GROUP_REST, GROUP_ADDRESS, GROUP_MX};
	size_t n = count_addresses(rrs);
	uint32_t sum = 0;

	if (n == 0)
		return;
	struct response_rr *first = rrs->items + regroup(j, rrs, order);
	if (first == rrs->items + rrs->n)
		return;
	for (size_t i = 0; i < n; i++)
		sum += weights_find(w, &first[i]);
	uint32_t at = random_below(sum);
	for (size_t i = 0; i < n; i++) {
		unsigned weight = weights_find(w, &first[i]);
		if (at < weight) {
			const struct response_rr top = first[i];
			first[i] = first[0];
			first[0] = top;
			return;
		}
		at -= weight;
	}
}

// Which of the networks holds the address; their number for none.
static size_t rank_of(const struct policy_cidrs *nets, const struct response_rr *rr)
{
	struct plugin_peer peer = {.family = rr->type == RR_TYPE_A ? 4 : 6};
	size_t i = 0;

	memcpy(peer.address, rr->rdata, rr->rdata_size < 16 ? rr->rdata_size : 16);
	while (i < nets->n && !plugin_is_in(&nets->items[i], &peer))
		i++;
	return i;
}

static void prefer(struct job *j, const struct policy_cidrs *nets, struct response_rrs *rrs)
{
	static const enum group order[] = {GROUP_ALIAS, GROUP_ADDRESS, GROUP_MX, GROUP_REST};
	size_t n = count_addresses(rrs);
	size_t at = regroup(j, rrs, order);
	const struct response_rr *copy = arena_copy(&j->arena, rrs->items, rrs->n * sizeof(*copy));

	for (size_t rank = 0, out = at; copy != NULL && rank <= nets->n; rank++) {
		for (size_t i = at; i < at + n && out < at + n; i++) {
			if (rank_of(nets, &copy[i]) == rank)
				rrs->items[out++] = copy[i];
		}
	}
}

static enum plugin_verdict balance_reply(struct job *j, struct frame *f)
{
	static const enum response_part parts[] = {RESPONSE_ANSWER, RESPONSE_ADDITIONAL};
	const struct policy_loadbalance *b = f->data;
	const struct balance_state *s = f->state;
	uint16_t type = f->saved.type;
	bool is_weighed = type == RR_TYPE_A || type == RR_TYPE_AAAA || type == RR_TYPE_SRV;

	if (j->response.rcode != RCODE_NOERROR)
		return PLUGIN_ANSWER;
	for (size_t i = 0; i < 2; i++) {
		struct response_rrs *rrs = &j->response.part[parts[i]];
		if (rrs->n < 2)
			continue;
		if (!b->is_weighted)
			prefer(j, &b->prefer, rrs);
		else if (is_weighed)
			weigh(j, &s->weights, rrs);
	}
	return PLUGIN_ANSWER;
}

const struct plugin plugin_loadbalance = {.kind = POLICY_LOADBALANCE,
	.prepare = balance_prepare,
	.release = balance_release,
	.is_outdated = balance_is_outdated,
	.reply = balance_reply};
