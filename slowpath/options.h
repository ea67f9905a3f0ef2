// SPDX-License-Identifier: Apache-2.0
// The command line of burst53-slowpath: descriptors that the supervisor made, and how many threads.
#pragma once

#include "zones/base/networks.h"

#include <stdbool.h>
#include <sys/types.h>

enum { OPTIONS_SOCKETS_MAX = 256 };

struct options {
	int publish_fd, counters_fd, punt_fd, base_fd, overlay_fd, cookie_fd; // -1: none
	int udp_fds[OPTIONS_SOCKETS_MAX], tcp_fds[OPTIONS_SOCKETS_MAX];
	unsigned n_udp, n_tcp;
	struct networks networks; // none: everybody is answered
	unsigned keep_inside; // enum inside_kind
	bool mixes_case;
	unsigned threads; // 0: as many as processors
	uid_t peer_uid;
	bool help;
};

// 0, or -EINVAL after a message on standard error.
[[nodiscard]] int options_parse(struct options *o, int argc, char **argv);

void options_usage(void);
