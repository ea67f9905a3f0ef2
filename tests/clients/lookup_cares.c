// SPDX-License-Identifier: Apache-2.0
// What a program on c-ares sees: lookup_cares NAME... prints the same lines as lookup_libc.
#include <ares.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>

enum { ADDRESSES_MAX = 64 };

static char texts[ADDRESSES_MAX][INET6_ADDRSTRLEN];

static int text_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *list)
{
	const char *name = arg;
	size_t n = 0;

	(void)timeouts;
	if (status != ARES_SUCCESS) {
		printf("%s none\n", name);
		return;
	}
	for (const struct ares_addrinfo_node *a = list->nodes; a != NULL && n < ADDRESSES_MAX;
		a = a->ai_next) {
		const void *raw = &((const struct sockaddr_in *)(const void *)a->ai_addr)->sin_addr;
		if (a->ai_family == AF_INET6)
			raw = &((const struct sockaddr_in6 *)(const void *)a->ai_addr)->sin6_addr;
		if (inet_ntop(a->ai_family, raw, texts[n], INET6_ADDRSTRLEN) != NULL)
			n++;
	}
	ares_freeaddrinfo(list);
	qsort(texts, n, INET6_ADDRSTRLEN, text_compare);
	printf("%s", name);
	for (size_t i = 0; i < n; i++)
		printf(" %s", texts[i]);
	printf("\n");
}

static void wait_for_answers(ares_channel channel)
{
	for (;;) {
		fd_set readers, writers;
		struct timeval limit;
		FD_ZERO(&readers);
		FD_ZERO(&writers);
		int n = ares_fds(channel, &readers, &writers);
		if (n == 0)
			return;
		struct timeval *wait = ares_timeout(channel, NULL, &limit);
		if (select(n, &readers, &writers, NULL, wait) < 0)
			return;
		ares_process(channel, &readers, &writers);
	}
}

int main(int argc, char **argv)
{
	const struct ares_addrinfo_hints hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = ARES_AI_NOSORT};
	ares_channel channel;

	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS ||
		ares_init(&channel) != ARES_SUCCESS)
		return 1;
	for (int i = 1; i < argc; i++) {
		ares_getaddrinfo(channel, argv[i], NULL, &hints, on_answer, argv[i]);
		wait_for_answers(channel);
	}
	ares_destroy(channel);
	ares_library_cleanup();
	return 0;
}
