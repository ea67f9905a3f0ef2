// SPDX-License-Identifier: Apache-2.0
// Readers take no lock: a series is filled before the number tells of it, and stays. Writers that
// meet a new one wait for each other.
#include "zones/link/rule_counters.h"

#include <pthread.h>
#include <string.h>

static pthread_mutex_t adding = PTHREAD_MUTEX_INITIALIZER;

static void key_make(struct rule_series *key, enum rule_metric metric, const char *const *values,
	size_t n_values)
{
	uint32_t hash = 2166136261u ^ (uint32_t)metric; // FNV-1a
	size_t pos = 0;

	for (size_t i = 0; i < n_values && pos < RULE_LABELS_BYTES; i++) {
		size_t len = strnlen(values[i], RULE_LABELS_BYTES - pos - 1);
		memcpy(key->values + pos, values[i], len);
		key->values[pos + len] = 0;
		pos += len + 1;
	}
	for (size_t i = 0; i < pos; i++)
		hash = (hash ^ (uint8_t)key->values[i]) * 16777619u;
	key->hash = hash;
	key->metric = (uint16_t)metric;
	key->size_bytes = (uint16_t)pos;
}

static struct rule_series *find(struct rule_counters *c, uint32_t from, const struct rule_series *k)
{
	uint32_t n = rule_counters_n(c);

	for (uint32_t i = from; i < n; i++) {
		struct rule_series *s = &c->series[i];
		if (s->hash == k->hash && s->metric == k->metric &&
			s->size_bytes == k->size_bytes &&
			memcmp(s->values, k->values, k->size_bytes) == 0)
			return s;
	}
	return NULL;
}

// NULL: the table is full.
static struct rule_series *add(struct rule_counters *c, uint32_t known, const struct rule_series *k)
{
	(void)pthread_mutex_lock(&adding); // it is no recursive one, and held for a moment
	struct rule_series *s = find(c, known, k); // another thread may have been faster
	uint32_t n = rule_counters_n(c);
	if (s == NULL && n < RULE_SERIES_MAX) {
		s = &c->series[n];
		s->hash = k->hash;
		s->metric = k->metric;
		s->size_bytes = k->size_bytes;
		memcpy(s->values, k->values, k->size_bytes);
		atomic_store_explicit(&c->n, n + 1, memory_order_release);
	}
	(void)pthread_mutex_unlock(&adding);
	return s;
}

void rule_count(struct rule_counters *c, enum rule_metric metric, const char *const *values,
	size_t n_values)
{
	struct rule_series key;
	uint32_t known = rule_counters_n(c);

	key_make(&key, metric, values, n_values);
	struct rule_series *s = find(c, 0, &key);
	if (s == NULL)
		s = add(c, known, &key);
	atomic_fetch_add_explicit(
		s == NULL ? &c->left_out[metric] : &s->n, 1, memory_order_relaxed);
}

uint64_t rule_counters_sum(const struct rule_counters *c, enum rule_metric metric)
{
	uint32_t n = rule_counters_n(c);
	uint64_t sum = counter_get(&c->left_out[metric]);

	for (uint32_t i = 0; i < n; i++)
		sum += c->series[i].metric == metric ? counter_get(&c->series[i].n) : 0;
	return sum;
}

uint32_t rule_counters_n(const struct rule_counters *c)
{
	uint32_t n = atomic_load_explicit(&c->n, memory_order_acquire);

	return n > RULE_SERIES_MAX ? RULE_SERIES_MAX : n;
}
