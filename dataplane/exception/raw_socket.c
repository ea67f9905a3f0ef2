// SPDX-License-Identifier: Apache-2.0
// The filter is only there so that a flood of queries does not push TCP out of the socket's buffer;
// what passes is judged like any frame.
#include "dataplane/exception/raw_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECEIVE_BYTES = 4 << 20 };

// Classic BPF; jumps count instructions to skip.
static struct sock_filter filter[] = {
	/*  0 */ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT),
	/*  1 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 16), // tagged: no
	/*  2 */ BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
	/*  3 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_ARP, 13, 0), // ARP: yes
	/*  4 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 8, 0),
	/*  5 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 12), // neither: no
	/*  6 */ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 14 + 9),
	/*  7 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 9), // not UDP: yes
	/*  8 */ BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 14 + 6),
	/*  9 */ BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x3fff, 8, 0), // a fragment: no
	/* 10 */ BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14),
	/* 11 */ BPF_STMT(BPF_LD | BPF_H | BPF_IND, 14 + 2),
	/* 12 */ BPF_STMT(BPF_JMP | BPF_JA, 3),
	/* 13 */ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 14 + 6),
	/* 14 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 2), // not UDP: yes
	/* 15 */ BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 14 + 40 + 2),
	/* 16 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 53, 1, 0), // the port of most queries: no
	/* 17 */ BPF_STMT(BPF_RET | BPF_K, 0x40000),
	/* 18 */ BPF_STMT(BPF_RET | BPF_K, 0),
};

static int options_set(int fd)
{
	const struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
	const int on = 1, bytes = RECEIVE_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) != 0 ||
		setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) != 0)
		return -errno;
	// Our own frames would come back; older kernels show them, and they are dropped as such.
	(void)setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	return 0;
}

int raw_socket_open(const char *ifname, struct err *err)
{
	const struct sockaddr_ll where = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(ifname)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_set(err, -errno, "packet socket: %s", strerror(errno));
	int rc = options_set(fd); // before it is bound: nothing slips past the filter
	if (rc == 0 && bind(fd, (const struct sockaddr *)&where, sizeof(where)) != 0)
		rc = -errno;
	if (rc == 0)
		return fd;
	(void)close(fd); // the first failure is the one to report
	return err_set(err, rc, "packet socket on %s: %s", ifname, strerror(-rc));
}
