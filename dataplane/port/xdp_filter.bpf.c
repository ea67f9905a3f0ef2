// SPDX-License-Identifier: Apache-2.0
// The XDP program of an AF_XDP port: hands over UDP to our addresses and served ports, and in own
// mode ARP requests, neighbour solicitations and echo requests for them. Everything else goes on to
// the kernel as if we were not there.
#include "dataplane/port/xdp_filter.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum { QUEUES_MAX = 64, VLAN_BYTES = 4, IP4_BYTES = 20, IP6_BYTES = 40, NONE = -1 };

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, QUEUES_MAX);
	__uint(key_size, sizeof(int));
	__uint(value_size, sizeof(int));
} xsks_map SEC(".maps"); // the driver looks for this name

const volatile struct xdp_filter filter = {.magic = XDP_MAGIC};

struct vlan_tag {
	__be16 tci, type;
};

static __always_inline int is_same(const volatile __u8 *own, const __u8 *addr, int n)
{
	for (int i = 0; i < n; i++) {
		if (own[i] != addr[i])
			return 0;
	}
	return 1;
}

// Index of an own address of n bytes, or NONE.
static __always_inline int find(const __u8 *addr, int n)
{
	for (int i = 0; i < XDP_ADDRESSES_MAX; i++) {
		if (filter.addresses[i].family == (n == 4 ? 4 : 6) &&
			is_same(filter.addresses[i].bytes, addr, n))
			return i;
	}
	return NONE;
}

static __always_inline int is_own(int i)
{
	return i >= 0 && i < XDP_ADDRESSES_MAX && !filter.addresses[i].is_shared;
}

static __always_inline int is_served(__u16 port)
{
	for (int i = 0; i < XDP_PORTS_MAX; i++) {
		if (i < (int)filter.n_ports && filter.ports[i] == port)
			return 1;
	}
	return 0;
}

static __always_inline int is_ours_arp(const __u8 *p, const __u8 *end)
{
	// Operation 1, target address behind 24 bytes (RFC 826).
	return p + 28 <= end && p[6] == 0 && p[7] == 1 && is_own(find(p + 24, 4));
}

static __always_inline int is_ours_ip4(const __u8 *p, const __u8 *end)
{
	if (p + IP4_BYTES + 8 > end || (p[6] & 0x3f) != 0 || p[7] != 0)
		return 0; // a fragment is nothing for us
	int i = find(p + 16, 4);
	if (i < 0)
		return 0;
	if (p[9] == 17 && p[0] == 0x45)
		return is_served(*(const __u16 *)(p + IP4_BYTES + 2));
	return p[9] == 1 && p[0] == 0x45 && p[IP4_BYTES] == 8 && is_own(i);
}

static __always_inline int is_ours_ip6(const __u8 *p, const __u8 *end)
{
	if (p + IP6_BYTES + 8 > end)
		return 0;
	const __u8 *next = p + IP6_BYTES;
	if (p[6] == 58 && next[0] == 135) // whatever group it was sent to: the target counts
		return next + 24 <= end && is_own(find(next + 8, 16));
	int i = find(p + 24, 16);
	if (i < 0)
		return 0;
	if (p[6] == 17)
		return is_served(*(const __u16 *)(next + 2));
	return p[6] == 58 && next[0] == 128 && is_own(i);
}

SEC("xdp")
int burst53_filter(struct xdp_md *ctx)
{
	const __u8 *p = (const __u8 *)(long)ctx->data;
	const __u8 *end = (const __u8 *)(long)ctx->data_end;
	int is_ours = 0;

	if (p + ETH_HLEN + VLAN_BYTES > end)
		return XDP_PASS;
	__be16 type = *(const __be16 *)(p + 12);
	p += ETH_HLEN;
	if (type == bpf_htons(ETH_P_8021Q)) {
		type = *(const __be16 *)(p + 2);
		p += VLAN_BYTES;
	}
	if (type == bpf_htons(ETH_P_IP))
		is_ours = is_ours_ip4(p, end);
	else if (type == bpf_htons(ETH_P_IPV6))
		is_ours = is_ours_ip6(p, end);
	else if (type == bpf_htons(ETH_P_ARP))
		is_ours = is_ours_arp(p, end);
	// Without a socket on the queue the kernel gets it.
	return is_ours ? (int)bpf_redirect_map(&xsks_map, ctx->rx_queue_index, XDP_PASS) : XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
