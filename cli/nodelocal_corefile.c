// SPDX-License-Identifier: Apache-2.0
// What people configure for kube-dns (stub domains, name servers of their own) becomes blocks and
// upstreams here too. The file is replaced by renaming, so that nobody reads half of it.
#include "cli/nodelocal_corefile.h"

#include "cli/kube_dns.h"

#include "zones/base/array.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX_BYTES = 1 << 20, PATH_BYTES = 4096 };

struct word {
	const char *name;
	const char *value;
};

char *nodelocal_corefile_render(const char *template_text, const struct nodelocal_words *w)
{
	const struct word words[] = {
		{"__PILLAR__CLUSTER__DNS__", w->cluster_dns},
		{"__PILLAR__UPSTREAM__SERVERS__", w->upstreams},
		{"__PILLAR__LOCAL__DNS__", w->local},
	};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	for (const char *p = template_text; *p != 0;) {
		size_t taken = 0;
		for (size_t i = 0; i < ARRAY_LEN(words) && taken == 0; i++) {
			size_t len = strlen(words[i].name);
			if (words[i].value == NULL || strncmp(p, words[i].name, len) != 0)
				continue;
			(void)fputs(words[i].value, out);
			taken = len;
		}
		if (taken == 0)
			(void)fputc(*p++, out);
		p += taken;
	}
	(void)fputs(w->blocks, out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

// A whole file as text, owned by the caller; NULL with errno.
static char *read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = fd < 0 ? NULL : malloc(FILE_MAX_BYTES + 1);
	ssize_t n = 0;
	size_t size = 0;

	if (text == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return NULL;
	}
	while (size < FILE_MAX_BYTES && (n = read(fd, text + size, FILE_MAX_BYTES - size)) > 0)
		size += (size_t)n;
	int code = errno;
	(void)close(fd);
	text[size] = 0;
	if (n == 0)
		return text;
	free(text);
	errno = n < 0 ? code : EFBIG;
	return NULL;
}

static int write_file(const char *path, const char *text, struct err *err)
{
	char next[PATH_BYTES];
	size_t size = strlen(text);
	int n = snprintf(next, sizeof(next), "%s.next", path);

	if (n < 0 || (size_t)n >= sizeof(next))
		return err_set(err, -ENAMETOOLONG, "%.80s: the path is too long", path);
	int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set(err, -errno, "%.80s: %s", next, strerror(errno));
	ssize_t written = write(fd, text, size);
	int rc = written == (ssize_t)size ? 0 : -(written < 0 ? errno : ENOSPC);
	(void)close(fd);
	if (rc == 0 && rename(next, path) != 0)
		rc = -errno;
	if (rc == 0)
		return 0;
	(void)unlink(next);
	return err_set(err, rc, "%.80s: %s", path, strerror(-rc));
}

// As in the names of variables.
static char upper(char c)
{
	if (c == '-')
		return '_';
	return (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

// $KUBE_DNS_UPSTREAM_SERVICE_HOST for the Service kube-dns-upstream, as Kubernetes names it.
static const char *cluster_dns(const char *service)
{
	char name[300];
	size_t n = 0;

	for (; n < sizeof(name) - sizeof("_SERVICE_HOST") && service[n] != 0; n++)
		name[n] = upper(service[n]);
	memcpy(name + n, "_SERVICE_HOST", sizeof("_SERVICE_HOST"));
	return getenv(name);
}

static void print_local(const struct nodelocal_options *o, char *buf, size_t size_bytes)
{
	size_t pos = 0;

	buf[0] = 0;
	for (size_t i = 0; i < o->n_addresses && pos < size_bytes; i++) {
		int n = snprintf(buf + pos, size_bytes - pos, "%s%s", i == 0 ? "" : " ",
			o->addresses[i].text);
		pos += n < 0 ? size_bytes : (size_t)n;
	}
}

// One key of the kube-dns ConfigMap as it is mounted; NULL when it is not there.
static char *read_key(const struct nodelocal_options *o, const char *key)
{
	char path[PATH_BYTES];
	int n = snprintf(path, sizeof(path), "%s/%s", o->kube_dns_dir, key);

	if (*o->kube_dns_dir == 0 || n < 0 || (size_t)n >= sizeof(path))
		return NULL;
	return read_file(path);
}

static char *render(const struct nodelocal_options *o, const char *template_text, struct err *err)
{
	char local[NODELOCAL_ADDRESSES_MAX * ADDRESS_TEXT_BYTES];
	char *stubs = read_key(o, "stubDomains");
	char *servers = read_key(o, "upstreamNameservers");
	char *text = NULL;

	print_local(o, local, sizeof(local));
	char *blocks = kube_dns_stub_blocks(stubs, local, err);
	char *upstreams = kube_dns_upstreams(servers, err);
	if (blocks != NULL && upstreams != NULL) {
		const struct nodelocal_words w = {.cluster_dns = cluster_dns(o->upstream_service),
			.upstreams = *upstreams == 0 ? "/etc/resolv.conf" : upstreams,
			.local = local,
			.blocks = blocks};
		if (w.cluster_dns == NULL &&
			strstr(template_text, "__PILLAR__CLUSTER__DNS__") != NULL)
			(void)err_set(err, -ENOENT,
				"%.60s: the Service %.60s is not in the environment: does it exist "
				"in this pod's namespace?",
				o->base_corefile, o->upstream_service);
		else
			text = nodelocal_corefile_render(template_text, &w);
	}
	free(blocks);
	free(upstreams);
	free(stubs);
	free(servers);
	return text;
}

int nodelocal_corefile_write(const struct nodelocal_options *o, bool *has_changed, struct err *err)
{
	char *template_text = read_file(o->base_corefile);
	int rc = 0;

	*has_changed = false;
	if (template_text == NULL) {
		if (errno == ENOENT && access(o->corefile, R_OK) == 0)
			return 0;
		return err_set(err, -errno, "%.80s: %s", o->base_corefile, strerror(errno));
	}
	char *text = render(o, template_text, err);
	char *old = read_file(o->corefile);
	bool is_new = text != NULL && (old == NULL || strcmp(old, text) != 0);
	if (text == NULL)
		rc = err_set(err, -ENOMEM, "out of memory"); // the first reason wins
	else if (is_new)
		rc = write_file(o->corefile, text, err);
	*has_changed = rc == 0 && is_new;
	free(template_text);
	free(text);
	free(old);
	return rc == 0 ? 0 : err->code;
}
