// SPDX-License-Identifier: Apache-2.0
// The image: one flat, position-independent byte string that control builds, everybody checks once
// and the fast path reads. This file is the contract between the processes; change it only
// together with IMAGE_VERSION. All integers are little-endian host integers (x86-64, aarch64), all
// offsets are 32-bit and relative to their section, there are no pointers and no padding bytes
// that are not zero. The same objects give the same bytes (rel:S5).
//   header | servers | listeners | rules | steps | names | sets | bytes | sections | policy
// names is sorted by (view, hash, normalised name, underscore mask); see image_name.
#pragma once

#include <stdint.h>

enum {
	IMAGE_VERSION = 2,
	IMAGE_ALIGN_BYTES = 64,
	IMAGE_NONE = 0xffffffff, // "no offset"
	// A listener of this family is server block `port` (from 1): its rules have all steps, for
	// the slow path, which goes on where a worker's way ends.
	IMAGE_FAMILY_BLOCK = 255,
};

#define IMAGE_MAGIC "B53IMG\r\n"

enum image_kind { IMAGE_BASE = 1, IMAGE_OVERLAY = 2 };

// The sections in file order.
enum image_part {
	IMAGE_SERVERS,
	IMAGE_LISTENERS,
	IMAGE_RULES,
	IMAGE_STEPS,
	IMAGE_NAMES,
	IMAGE_SETS,
	IMAGE_BYTES, // names in wire form and texts
	IMAGE_SECTIONS, // answer sections, each 8-aligned
	IMAGE_POLICY, // directives that the slow path executes (policy.h)
	IMAGE_PARTS
};

struct image_extent {
	uint64_t offset; // from the start of the image, IMAGE_ALIGN_BYTES-aligned
	uint64_t bytes;
};

struct image_header {
	uint8_t magic[8];
	uint32_t version;
	uint32_t kind; // enum image_kind
	uint64_t total_bytes;
	uint64_t hash; // XXH3-64 of the whole image with this field zero
	uint64_t generation;
	uint64_t base_generation; // overlay: the base it belongs to; base: 0
	uint64_t base_hash;
	uint32_t serial; // newest SOA serial in it (k8s:2.1)
	uint32_t corefile; // what the policy was made of: a hash of its words; 0 unknown
	struct image_extent part[IMAGE_PARTS];
};

// A server block of the Corefile. Texts are (offset, size) in IMAGE_BYTES.
struct image_server {
	uint32_t label_off; // "dns://:53", for metrics
	uint16_t label_size;
	uint16_t udp_max_bytes; // bufsize; 1232 without (quirk 20)
	uint32_t nsid_off; // `nsid`: told to who asks (RFC 5001)
	uint8_t nsid_size; // 0 without
	uint8_t reserved[3];
};

// One (address, port) that is served; the most specific match wins. Longest zone first.
struct image_listener {
	uint8_t address[16]; // IPv4 as the first 4 bytes; all zero with family 0
	uint8_t family; // 0: any address, 4, 6
	uint8_t reserved[3];
	uint16_t port;
	uint16_t reserved2;
	uint32_t first_rule;
	uint32_t n_rules;
};

enum image_rule_flag {
	RULE_ROTATE = 1, // loadbalance: rotate addresses (quirk 18)
	RULE_MINIMAL = 2,
	RULE_LOG_SHIFT = 3, // three bits: classes of responses that `log` writes (qlog_class_bit)
	RULE_LOG_MASK = 7 << RULE_LOG_SHIFT,
	RULE_CLASSES = 64, // questions of other classes than IN are the slow path's (`chaos`)
	RULE_TAP = 128, // `dnstap`: messages are told to collectors
	RULE_TAP_FULL = 256, // with their bytes; only with RULE_TAP
};

// What a listener does with the names under one zone: the steps, until one answers.
struct image_rule {
	uint32_t zone_off; // wire name, lower case, in IMAGE_BYTES
	uint32_t first_step;
	uint16_t n_steps;
	uint16_t server;
	uint8_t zone_size;
	uint8_t zone_labels;
	uint16_t flags; // enum image_rule_flag
	uint32_t metric_zone; // zone label of the server block, text in IMAGE_BYTES
	uint16_t metric_zone_size;
	uint16_t reserved;
};

enum step_kind {
	STEP_LOOKUP = 1, // a Kubernetes zone: authoritative data of `view`
	STEP_STATIC, // names fixed by the Corefile (hosts): a miss goes to the next step
	STEP_PUNT, // to the slow path
	STEP_REFUSE, // REFUSED
	STEP_SERVFAIL, // no plugin answers (k8s:2.12 row 26)
	STEP_KIND_MAX = STEP_SERVFAIL
};

enum step_flag {
	STEP_FALLTHROUGH = 1, // a name error goes on to the next step
	STEP_UNSYNCED = 2, // a miss is SERVFAIL with EDE 14 (proto:S11, quirk 21)
	STEP_PODS_INSECURE = 4,
	STEP_ZONAL = 8,
	STEP_FALLS_BY_TYPE = 16, // STATIC: names there go on for types that hosts files cannot hold
	STEP_PASSES_PTR = 32, // SERVFAIL: questions for PTR go on
};

struct image_step {
	uint8_t kind;
	uint8_t flags;
	uint16_t view; // whose names; PUNT: the only type it is for, or 0
	uint32_t soa_section; // negative answers; IMAGE_NONE without
	uint32_t plugin_off; // plugin name in IMAGE_BYTES, for metrics and explain
	uint16_t plugin_size;
	uint16_t line; // in the Corefile
	uint16_t pod_ttl_s; // of synthesised pod addresses
	uint8_t zone_size; // of the step's own zone, an ancestor of the rule's or the same
	uint8_t zone_labels;
	uint32_t policy; // see step_chain and step_ordinal; 0 without a chain
};

// The number of the step's chain in IMAGE_POLICY, from 1, or 0.
static inline uint32_t step_chain(const struct image_step *s)
{
	return s->policy & 0xffff;
}

// Which directive of its server block a step stands for, in order of execution.
static inline uint16_t step_ordinal(const struct image_step *s)
{
	return (uint16_t)(s->policy >> 16);
}

enum name_flag {
	NAME_TOMBSTONE = 1, // there is no such name; in a base only with a reason below
	NAME_POD_NS = 2, // ns.pod.Z of an existing namespace: pods insecure may be synthesised
	NAME_WILDCARD = 4, // answers for every name below it that has no entry (zonal)
	NAME_STRICT = 8, // a type without a set is a name error, but for SOA (k8s:2.3, 2.7)
	NAME_NO_PTR = 16, // PTR is a name error (k8s:2.3, ns.dns)
	// Why there is no name although there is an object: for who asks why, with NAME_TOMBSTONE.
	NAME_FOR_ADDRESS = 32, // an ExternalName service whose target is an address (k8s:2.5)
	NAME_UNREADY = 64, // a service without ready endpoints (k8s:2.5, 2.1 ignore)
};

// A name that exists. Identity: (view, normalised name, us_mask); an overlay's hides the base's.
struct image_name {
	uint32_t hash; // upper 32 bits of XXH3-64 of the normalised name
	uint32_t name_off; // normalised wire name (lower case, query.underscores) in IMAGE_BYTES
	uint32_t first_set; // in IMAGE_SETS; sets of one name are contiguous, ascending by type
	uint16_t view;
	uint8_t name_size;
	uint8_t n_sets;
	uint8_t us_mask; // bit u set: accepts a query with query.underscores == u
	uint8_t flags;
	uint16_t reserved;
};

enum set_flag { SET_PUNT = 1 }; // the slow path completes the answer (an alias to outside)

struct image_set {
	uint16_t type;
	uint16_t flags; // enum set_flag
	uint32_t section; // byte offset in IMAGE_SECTIONS, 8-aligned
};

// A precompiled answer: this struct, then an_bytes of answer RRs, then ar_bytes of additional RRs,
// zero padding to 4, then (when stride is 0) n_an + n_ar uint32 end offsets of the RRs (relative
// to the first RR), then n_ptr + n_tail + n_zone uint32 positions to fix (relative to the first
// RR):
//   ptr:  a compression pointer, to a name in the section or the last labels of the question;
//         computed for a question of qname_size bytes, it moves with the size of the question
//   tail: where the zone's name stands spelled out; gets the client's spelling (k8s:2.2 Case)
//   zone: a pointer that must aim at the zone's name inside the question
struct image_section {
	uint32_t an_bytes;
	uint32_t ar_bytes;
	uint16_t n_an;
	uint16_t n_ar;
	uint16_t stride; // size of every answer RR, when all are equal and there is no additional
	uint16_t n_ptr;
	uint16_t n_tail;
	uint16_t n_zone;
	uint8_t qname_size;
	uint8_t reserved[3];
};
