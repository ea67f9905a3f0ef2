// SPDX-License-Identifier: Apache-2.0
// Headers as they stand on the wire, at any alignment. RFC 894, 826, 791, 8200, 768, 792, 4443.
#pragma once

#include "zones/base/be.h"

#include <assert.h>
#include <stdint.h>

enum {
	ETH_BYTES = 14,
	VLAN_BYTES = 4,
	IP4_BYTES = 20,
	IP6_BYTES = 40,
	UDP_BYTES = 8,
	ICMP_BYTES = 8,
	ETH_MIN_BYTES = 60, // without the checksum
};

enum ether_type {
	ETHER_IP4 = 0x0800,
	ETHER_ARP = 0x0806,
	ETHER_VLAN = 0x8100, // 802.1Q
	ETHER_IP6 = 0x86dd,
};

enum ip_proto {
	IP_HOP_BY_HOP = 0,
	IP_ICMP = 1,
	IP_TCP = 6,
	IP_UDP = 17,
	IP_ROUTING = 43,
	IP_FRAGMENT = 44,
	IP_AUTH = 51,
	IP_ICMP6 = 58,
	IP_DEST_OPTIONS = 60,
	IP_MOBILITY = 135,
	IP_HIP = 139,
	IP_SHIM6 = 140,
};

struct eth_header {
	uint8_t dst[6], src[6];
	be16_t type;
} __attribute__((packed));

struct arp_pkt {
	be16_t hardware, protocol;
	uint8_t hardware_size, protocol_size;
	be16_t op;
	uint8_t sender_mac[6], sender_ip[4], target_mac[6], target_ip[4];
} __attribute__((packed));

struct ip4_header {
	uint8_t version_ihl, tos;
	be16_t total_bytes, id, fragment;
	uint8_t ttl, proto;
	be16_t checksum;
	uint8_t src[4], dst[4];
} __attribute__((packed));

struct ip6_header {
	be32_t version_class_flow;
	be16_t payload_bytes;
	uint8_t next, hop_limit;
	uint8_t src[16], dst[16];
} __attribute__((packed));

struct udp_header {
	be16_t src, dst, size, checksum;
} __attribute__((packed));

struct icmp_header {
	uint8_t type, code;
	be16_t checksum;
	be32_t rest;
} __attribute__((packed));

// Neighbour solicitation and advertisement with one link-layer address option (RFC 4861 4.3, 4.4).
struct nd_pkt {
	struct icmp_header icmp;
	uint8_t target[16];
	uint8_t option, option_units;
	uint8_t mac[6];
} __attribute__((packed));

static_assert(sizeof(struct eth_header) == ETH_BYTES, "eth_header layout");
static_assert(sizeof(struct arp_pkt) == 28, "arp_pkt layout");
static_assert(sizeof(struct ip4_header) == IP4_BYTES, "ip4_header layout");
static_assert(sizeof(struct ip6_header) == IP6_BYTES, "ip6_header layout");
static_assert(sizeof(struct udp_header) == UDP_BYTES, "udp_header layout");
static_assert(sizeof(struct nd_pkt) == 32, "nd_pkt layout");
