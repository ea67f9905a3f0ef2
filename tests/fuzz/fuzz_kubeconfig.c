// SPDX-License-Identifier: Apache-2.0
// Fuzzes the reader of kubeconfigs: what is accepted names a server, what is refused has a reason
// and leaves nothing.
#include "control/kube/config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	int fd = memfd_create("kubeconfig", MFD_CLOEXEC);
	struct kube_config config = {0};
	struct err e = {0};
	char path[64];
	int rc;

	if (fd < 0 || write(fd, data, size_bytes) != (ssize_t)size_bytes)
		abort();
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	rc = kube_config_load(&config, path, NULL, &e);
	if (rc == 0 ? config.servers == NULL || config.servers[0] == NULL : e.text[0] == '\0')
		abort();
	kube_config_fini(&config);
	(void)close(fd);
	return 0;
}
