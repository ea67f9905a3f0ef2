// SPDX-License-Identifier: Apache-2.0
// libmicrohttpd with one thread of its own: the page is a few lines.
#include "cli/nodelocal_metrics.h"

#include "zones/corefile/words.h"

#include <microhttpd.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECTIONS_MAX = 16, TIMEOUT_S = 5, PAGE_BYTES = 2048 };

struct nodelocal_metrics {
	struct MHD_Daemon *mhd;
	_Atomic uint64_t errors[NODELOCAL_ERRORS];
};

static const char *const names[NODELOCAL_ERRORS] = {
	"iptables", "iptables_lock", "interface_add", "interface_check", "configmap"};

static size_t print_page(const struct nodelocal_metrics *m, char *page, size_t size_bytes)
{
	size_t pos = (size_t)snprintf(page, size_bytes,
		"# HELP coredns_nodecache_setup_errors_total The number of errors during periodic "
		"network setup for node-cache\n"
		"# TYPE coredns_nodecache_setup_errors_total counter\n");

	for (int i = 0; i < NODELOCAL_ERRORS && pos < size_bytes; i++)
		pos += (size_t)snprintf(page + pos, size_bytes - pos,
			"coredns_nodecache_setup_errors_total{errortype=\"%s\"} %llu\n", names[i],
			(unsigned long long)atomic_load_explicit(
				&m->errors[i], memory_order_relaxed));
	return pos < size_bytes ? pos : size_bytes - 1;
}

// size: the library's own signature
// NOLINTNEXTLINE(readability-function-size)
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **request)
{
	char page[PAGE_BYTES] = "no such page\n";
	bool is_found = strcmp(url, "/metrics") == 0 && strcmp(method, "GET") == 0;
	size_t size = is_found ? print_page(ctx, page, sizeof(page)) : strlen(page);
	(void)version;
	(void)upload;
	(void)upload_size;
	(void)request;

	struct MHD_Response *r = MHD_create_response_from_buffer(size, page, MHD_RESPMEM_MUST_COPY);
	if (r == NULL)
		return MHD_NO;
	(void)MHD_add_response_header(r, "Content-Type", "text/plain; version=0.0.4");
	enum MHD_Result rc = MHD_queue_response(c, is_found ? MHD_HTTP_OK : MHD_HTTP_NOT_FOUND, r);
	MHD_destroy_response(r);
	return rc;
}

static bool find_place(const char *listen, struct sockaddr_in6 *out)
{
	struct arena arena = {0};
	struct config_listen l = {0};
	bool is_good = word_listen(&arena, listen, &l) == 0;

	*out = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(l.port)};
	if (is_good && *l.host != 0 && inet_pton(AF_INET6, l.host, &out->sin6_addr) != 1) {
		// An IPv4 address inside IPv6; 0.0.0.0 is every address then.
		out->sin6_addr.s6_addr[10] = out->sin6_addr.s6_addr[11] = 0xff;
		is_good = inet_pton(AF_INET, l.host, &out->sin6_addr.s6_addr[12]) == 1;
	}
	arena_fini(&arena);
	return is_good;
}

struct nodelocal_metrics *nodelocal_metrics_start(const char *listen, struct err *err)
{
	struct nodelocal_metrics *m = calloc(1, sizeof(*m));
	struct sockaddr_in6 place;

	if (m == NULL || !find_place(listen, &place)) {
		free(m);
		(void)err_set(err, -EINVAL,
			"-metrics-listen-address: '%.60s' is no address and port", listen);
		return NULL;
	}
	m->mhd = MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_DUAL_STACK, 0, NULL, NULL,
		on_request, m, MHD_OPTION_SOCK_ADDR, &place, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
		MHD_OPTION_END);
	if (m->mhd != NULL)
		return m;
	(void)err_set(err, -errno, "-metrics-listen-address %.60s: %s", listen, strerror(errno));
	free(m);
	return NULL;
}

void nodelocal_metrics_stop(struct nodelocal_metrics *m)
{
	if (m == NULL)
		return;
	MHD_stop_daemon(m->mhd);
	free(m);
}

void nodelocal_metrics_count(struct nodelocal_metrics *m, enum nodelocal_error e)
{
	if (m != NULL)
		atomic_fetch_add_explicit(&m->errors[e], 1, memory_order_relaxed);
}
