// SPDX-License-Identifier: Apache-2.0
// Reads kubeconfig files whole, as YAML or JSON.
#include "control/kube/kubeconfig.h"

#include "control/base/cleanup.h"
#include "control/kube/decode.h"
#include "control/kube/yamldoc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES (1U << 20)

static int take_document(void *user, const struct yamldoc_value *value)
{
	struct kubeconfig_file *s = user;

	if (s->doc == NULL)
		s->doc = json_incref((json_t *)(uintptr_t)value->json); // counted, not changed
	return 0;
}

static char *text_read(const char *path, size_t *n)
{
	CLEANUP_FILE FILE *f = fopen(path, "re");
	char *text = f != NULL ? malloc(FILE_BYTES) : NULL;

	if (text == NULL)
		return NULL;
	*n = fread(text, 1, FILE_BYTES, f);
	if (ferror(f) || *n == FILE_BYTES) {
		errno = *n == FILE_BYTES ? EFBIG : EIO;
		free(text);
		return NULL;
	}
	return text;
}

static int source_read(struct kubeconfig *k, const char *path, size_t len)
{
	struct kubeconfig_file *s = &k->files[k->n];
	CLEANUP_CHAR char *text = NULL;
	size_t n = 0;
	int rc;

	if (k->n == KUBECONFIG_FILES)
		return err_set(k->e, -EINVAL, "more than %u kubeconfig files", KUBECONFIG_FILES);
	s->path = strndup(path, len);
	if (s->path == NULL)
		return -ENOMEM;
	k->n++;
	text = text_read(s->path, &n);
	if (text == NULL)
		return errno == ENOENT
			? 0
			: err_set(k->e, -errno, "cannot read %s: %s", s->path, strerror(errno));
	rc = yamldoc_read_text(text, n, s->path, take_document, s, k->e);
	if (rc == 0 && s->doc != NULL && !json_is_object(s->doc))
		rc = err_set(k->e, -EINVAL, "%s is no kubeconfig", s->path);
	explicit_bzero(text, n); // keys and tokens
	return rc;
}

int kubeconfig_read(struct kubeconfig *k, const char *paths)
{
	bool any = false;
	int rc = 0;

	for (const char *p = paths; rc == 0 && *p != '\0';) {
		size_t len = strcspn(p, ":");

		if (len != 0)
			rc = source_read(k, p, len);
		p += len + (p[len] == ':');
	}
	for (size_t i = 0; i < k->n; i++)
		any = any || k->files[i].doc != NULL;
	if (rc == 0 && !any)
		rc = err_set(k->e, -ENOENT, "no kubeconfig at %.120s", paths);
	return rc;
}

void kubeconfig_fini(struct kubeconfig *k)
{
	for (size_t i = 0; i < k->n; i++) {
		free(k->files[i].path);
		json_decref(k->files[i].doc);
	}
}

const json_t *kubeconfig_find(const struct kubeconfig *k, const char *list, const char *name,
	const char *member, const struct kubeconfig_file **at)
{
	for (size_t i = 0; i < k->n; i++) {
		const json_t *entries = decode_member(k->files[i].doc, list, JSON_ARRAY);

		for (size_t j = 0; j < json_array_size(entries); j++) {
			const json_t *entry = json_array_get(entries, j);
			const char *its = decode_str(entry, "name");

			*at = &k->files[i];
			if (its != NULL && strcmp(its, name) == 0)
				return decode_member(entry, member, JSON_OBJECT);
		}
	}
	return NULL;
}

const char *kubeconfig_current_context(const struct kubeconfig *k)
{
	for (size_t i = 0; i < k->n; i++) {
		const char *name = decode_str(k->files[i].doc, "current-context");

		if (name != NULL && *name != '\0')
			return name;
	}
	return NULL;
}

char *kubeconfig_resolve(const struct kubeconfig_file *at, const char *path)
{
	const char *slash = strrchr(at->path, '/');
	char *full = NULL;

	if (*path == '/' || slash == NULL)
		return strdup(path);
	return asprintf(&full, "%.*s%s", (int)(slash - at->path + 1), at->path, path) < 0 ? NULL
											  : full;
}
