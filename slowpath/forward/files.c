// SPDX-License-Identifier: Apache-2.0
// A file is read when its mark has changed, and at every look while it cannot be used.
#include "slowpath/forward/files.h"

#include "slowpath/base/file_mark.h"
#include "slowpath/base/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char *advice(int fault)
{
	if (fault == -EACCES || fault == -EPERM)
		return "make the file and its folders readable for that user";
	if (fault == -ENODATA)
		return "write a line such as: nameserver 192.0.2.1";
	return "put the file back, or name upstreams by address in the Corefile";
}

static void log_fault(const struct upstream_file *f)
{
	log_line(LOG_ERROR, "forward", "file of upstreams cannot be used",
		"path=%s reason=\"%s\" uid=%u servers_kept=%u advice=\"%s\"", f->path,
		resolv_conf_reason(f->fault), (unsigned)geteuid(), f->servers.n, advice(f->fault));
}

static bool is_same(const struct resolv_conf *a, const struct resolv_conf *b)
{
	bool same = a->n == b->n;

	for (unsigned i = 0; same && i < a->n; i++)
		same = strcmp(a->list[i], b->list[i]) == 0;
	return same;
}

// Returns whether its servers are others now.
static bool look(struct upstream_file *f)
{
	uint64_t mark = file_mark(f->path); // in front of reading: a change in between shows later
	struct resolv_conf now;
	bool is_changed = false;

	if (f->was_read && mark == f->mark && f->fault == 0)
		return false;
	f->was_read = true;
	int fault = resolv_conf_read(f->path, &now);
	int before = f->fault;
	f->mark = mark;
	f->fault = fault;
	if (fault == 0) {
		is_changed = !is_same(&f->servers, &now);
		f->servers = now;
	}
	if (fault != 0 && fault != before)
		log_fault(f);
	if (fault == 0 && before != 0)
		log_line(LOG_INFO, "forward", "file of upstreams is fine again",
			"path=%s servers=%u", f->path, f->servers.n);
	return is_changed;
}

// The paths, each once. Returns how many; list may be NULL to count with repetitions.
static size_t collect(const struct policy_forward *p, struct upstream_files *f)
{
	size_t n = 0;

	for (size_t i = 0; i < p->to.n; i++) {
		const struct policy_upstream *u = &p->to.items[i];
		if (u->kind != POLICY_UPSTREAM_FILE)
			continue;
		n++;
		if (f->list != NULL && upstream_files_find(f, u->host) == NULL)
			f->list[f->n++].path = u->host;
	}
	return n;
}

static size_t collect_all(const struct policy_set *s, struct upstream_files *f)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		for (size_t k = 0; k < s->chains[i].n; k++) {
			if (s->chains[i].ops[k].kind == POLICY_FORWARD)
				n += collect(s->chains[i].ops[k].data, f);
		}
	}
	return n;
}

int upstream_files_make(struct upstream_files *f, struct arena *a, const struct policy_set *policy,
	const struct upstream_files *old)
{
	*f = (struct upstream_files){0};
	size_t n = collect_all(policy, f);
	if (n == 0)
		return 0;
	f->list = arena_alloc(a, n * sizeof(f->list[0])); // zeroed
	if (f->list == NULL)
		return -ENOMEM;
	(void)collect_all(policy, f); // counted before
	for (size_t i = 0; i < f->n; i++) {
		const struct upstream_file *known =
			old == NULL ? NULL : upstream_files_find(old, f->list[i].path);
		const char *path = f->list[i].path;
		if (known != NULL)
			f->list[i] = *known;
		f->list[i].path = path;
	}
	(void)upstream_files_look(f);
	f->is_changed = false; // nothing has been made from them yet
	return 0;
}

bool upstream_files_look(struct upstream_files *f)
{
	for (size_t i = 0; i < f->n; i++)
		f->is_changed |= look(&f->list[i]);
	return f->is_changed;
}

size_t upstream_files_faults(const struct upstream_files *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += f->list[i].fault != 0;
	return n;
}

const struct upstream_file *upstream_files_find(const struct upstream_files *f, const char *path)
{
	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(f->list[i].path, path) == 0)
			return &f->list[i];
	}
	return NULL;
}
