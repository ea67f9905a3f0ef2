// SPDX-License-Identifier: Apache-2.0
// What a program on the C library's resolver sees: lookup_libc NAME... prints, a line each, the
// name and its sorted addresses, or the error. Built with glibc and with musl.
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { ADDRESSES_MAX = 64 };

static char texts[ADDRESSES_MAX][INET6_ADDRSTRLEN];

static int text_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void lookup(const char *name)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	size_t n = 0;
	int rc = getaddrinfo(name, NULL, &hints, &list);

	if (rc != 0) {
		printf("%s none\n", name);
		return;
	}
	for (const struct addrinfo *a = list; a != NULL && n < ADDRESSES_MAX; a = a->ai_next) {
		const void *raw = &((const struct sockaddr_in *)(const void *)a->ai_addr)->sin_addr;
		if (a->ai_family == AF_INET6)
			raw = &((const struct sockaddr_in6 *)(const void *)a->ai_addr)->sin6_addr;
		if (inet_ntop(a->ai_family, raw, texts[n], INET6_ADDRSTRLEN) != NULL)
			n++;
	}
	freeaddrinfo(list);
	qsort(texts, n, INET6_ADDRSTRLEN, text_compare);
	printf("%s", name);
	for (size_t i = 0; i < n; i++)
		printf(" %s", texts[i]);
	printf("\n");
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		lookup(argv[i]);
	return 0;
}
