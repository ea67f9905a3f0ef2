// SPDX-License-Identifier: Apache-2.0
// Cleans up after a kill -9 of the supervisor or of everything.
#include "cli/leftovers.h"

#include "cli/drop_rule.h"
#include "cli/proc.h"
#include "cli/say.h"
#include "cli/state.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { END_MS = 500 };

// We hold the lock, so the supervisor that wrote the file is dead; its children may live.
static void end_children(const struct state *s)
{
	struct proc all[STATE_CHILDREN_MAX];
	unsigned n = 0;

	for (size_t i = 0; i < s->n_children; i++) {
		if (!proc_is_alive(&s->children[i].proc))
			continue;
		say_info("ending a process of the instance before name=%s pid=%d",
			s->children[i].name, (int)s->children[i].proc.pid);
		all[n++] = s->children[i].proc;
	}
	proc_end_all(all, n, END_MS);
}

int leftovers_clean(const struct run_dir *d, struct err *err)
{
	char path[PATH_MAX];
	struct state s;

	if (!run_dir_file(d, "state", path))
		return err_set(err, -ENAMETOOLONG, "%.100s: too long", d->path);
	int rc = state_read(path, &s);
	if (rc == -ENOENT)
		return 0;
	if (rc != 0)
		return err_set(err, rc, "%.120s: %s", path, strerror(-rc));
	end_children(&s);
	// It may name another network namespace's table; then there is none here, which is fine.
	if (s.table[0] != 0)
		rc = drop_rule_del(s.table, err);
	if (rc == 0)
		(void)unlink(path); // the next state replaces it anyway
	return rc;
}
