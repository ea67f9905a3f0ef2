// SPDX-License-Identifier: Apache-2.0
// The filter is only there so that a flood of queries does not push TCP out of the socket's buffer;
// what passes is judged like any frame.
#include "dataplane/exception/raw_socket.h"

#include "dataplane/net/vlan.h"

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

// Classic BPF; jumps count instructions to skip. The first and the fifth are for no tag.
static const struct sock_filter untagged[] = {
	/*  0 */ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT),
	/*  1 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 19), // tagged: no
	/*  2 */ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG),
	/*  3 */ BPF_STMT(BPF_ALU | BPF_AND | BPF_K, VLAN_ID_MASK),
	/*  4 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 16), // another tag: no
	/*  5 */ BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
	/*  6 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_ARP, 13, 0), // ARP: yes
	/*  7 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 8, 0),
	/*  8 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 12), // neither: no
	/*  9 */ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 14 + 9),
	/* 10 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 9), // not UDP: yes
	/* 11 */ BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 14 + 6),
	/* 12 */ BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x3fff, 8, 0), // a fragment: no
	/* 13 */ BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14),
	/* 14 */ BPF_STMT(BPF_LD | BPF_H | BPF_IND, 14 + 2),
	/* 15 */ BPF_STMT(BPF_JMP | BPF_JA, 3),
	/* 16 */ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 14 + 6),
	/* 17 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 2), // not UDP: yes
	/* 18 */ BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 14 + 40 + 2),
	/* 19 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 53, 1, 0), // the port of most queries: no
	/* 20 */ BPF_STMT(BPF_RET | BPF_K, 0x40000),
	/* 21 */ BPF_STMT(BPF_RET | BPF_K, 0),
};
enum { N_FILTER = sizeof(untagged) / sizeof(untagged[0]), AT_PRESENCE = 1, AT_TAG = 4 };

static int options_set(int fd, uint16_t vlan)
{
	struct sock_filter filter[N_FILTER];
	const struct sock_fprog program = {N_FILTER, filter};
	const int on = 1, bytes = RECEIVE_BYTES;

	memcpy(filter, untagged, sizeof(filter));
	if (vlan != 0) {
		filter[AT_PRESENCE] =
			(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 19, 0);
		filter[AT_TAG].k = vlan;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) != 0 ||
		setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) != 0)
		return -errno;
	// Our own frames would come back; older kernels show them, and they are dropped as such.
	(void)setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	return 0;
}

int raw_socket_open(const char *ifname, uint16_t vlan, struct err *err)
{
	const struct sockaddr_ll where = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(ifname)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_set(err, -errno, "packet socket: %s", strerror(errno));
	int rc = options_set(fd, vlan); // before it is bound: nothing slips past the filter
	if (rc == 0 && bind(fd, (const struct sockaddr *)&where, sizeof(where)) != 0)
		rc = -errno;
	if (rc == 0)
		return fd;
	(void)close(fd); // the first failure is the one to report
	return err_set(err, rc, "packet socket on %s: %s", ifname, strerror(-rc));
}
