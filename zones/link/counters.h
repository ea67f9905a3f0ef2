// SPDX-License-Identifier: Apache-2.0
// The pages that processes share their counters through: one memfd made by the supervisor, mapped
// by everybody; each block has exactly one writer and is read with relaxed loads. Nothing here is
// trusted for anything but display, health and readiness.
#pragma once

#include "zones/link/capture.h"
#include "zones/link/control_counters.h"
#include "zones/link/counter.h"
#include "zones/link/outside_counters.h"
#include "zones/link/qlog.h"
#include "zones/link/scope.h"

#include <stddef.h>
#include <stdint.h>

enum {
	COUNTERS_VERSION = 12,
	COUNTERS_WORKERS_MAX = 32,
	COUNTERS_THREADS_MAX = 32, // of the slow path
};

// Why a frame was dropped. A frame ends in exactly one of: reply, punt, one of these (DESIGN 4).
#define DROP_REASONS(X) \
	X(ETH_SHORT, "frame shorter than its Ethernet header") \
	X(ETH_SOURCE, "source MAC is multicast or our own (proto:I1)") \
	X(ETH_OTHER, "destination MAC is not ours (proto:I1)") \
	X(ETH_TYPE, "EtherType not served") \
	X(SEGMENTS, "frame in more than one buffer (proto:I16)") \
	X(KERNEL, "left to the kernel, which has the address too") \
	X(VLAN, "VLAN tag not served (proto:I2)") \
	X(ARP_BAD, "malformed ARP") \
	X(ARP_OTHER, "ARP not for us") \
	X(ADDRESS_CONFLICT, "another host claims our address (proto:I12, I13)") \
	X(IP4_HEADER, "IPv4 version, header length or total length wrong (proto:I3)") \
	X(IP4_CHECKSUM, "IPv4 header checksum wrong (proto:I3)") \
	X(IP4_OPTIONS, "IPv4 options (proto:I3)") \
	X(IP4_FRAGMENT, "IPv4 fragment (proto:I4)") \
	X(IP6_HEADER, "IPv6 version or payload length wrong") \
	X(IP6_EXTENSION, "IPv6 extension header (proto:I8)") \
	X(IP6_FRAGMENT, "IPv6 fragment (proto:I8)") \
	X(IP_DESTINATION, "destination address is not ours (proto:I7)") \
	X(IP_SOURCE, "source address cannot be answered (proto:I7)") \
	X(IP_PROTOCOL, "IP protocol not served") \
	X(UDP_LENGTH, "UDP length differs from the IP payload (proto:I5)") \
	X(UDP_CHECKSUM, "UDP checksum wrong, or zero over IPv6 (proto:I6)") \
	X(UDP_PORT, "no service on this port") \
	X(UDP_SOURCE_PORT, "source port belongs to another service (proto:H19)") \
	X(ICMP_BAD, "malformed ICMP") \
	X(ICMP_OTHER, "ICMP that is no echo request") \
	X(ND_BAD, "malformed neighbour discovery") \
	X(ND_OTHER, "neighbour discovery not for us") \
	X(DNS_SHORT, "shorter than a DNS header (proto:H1)") \
	X(DNS_RESPONSE, "a response, never answered (proto:H2)") \
	X(DNS_ERROR_LOOP, "an error would go to port 53 (proto:H20)") \
	X(ACL, "source is not allowed (proto:A1)") \
	X(RATE_LIMIT, "over the response rate limit (proto:A2)") \
	X(NO_SLOWPATH, "to be punted, and there is no slow path") \
	X(PUNT_FULL, "the slow path's queue is full") \
	X(EXCEPTION_FULL, "the exception path's queue is full") \
	X(NO_EXCEPTION, "not DNS, and no exception path") \
	X(NO_ROOM, "the reply does not fit the buffer") \
	X(TX_FULL, "the port's transmit queue is full")

#define DROP_REASON_ENUM(name, text) DROP_##name,
enum drop_reason { DROP_REASONS(DROP_REASON_ENUM) DROP_REASON_COUNT };
#undef DROP_REASON_ENUM

// One worker's block, written by that worker only, on cache lines of its own.
struct worker_counters {
	_Alignas(64) counter_t loops; // stands still: the worker hangs
	counter_t busy_cycles, all_cycles;
	counter_t rx_pkts, tx_pkts;
	counter_t replies_udp; // DNS replies
	counter_t replies_other; // ARP, ND, echo
	counter_t punts, exceptions;
	counter_t punt_replies; // of the slow path, sent
	counter_t truncated;
	counter_t generation; // of the snapshot it serves
	counter_t probes_answered; // own health queries
	counter_t drops[DROP_REASON_COUNT];
	counter_t cache_hits[2]; // outside answers from the workers' cache: positive, denials
};

// The workers' cache of outside answers; the dataplane's punt thread: wo.
struct outside_cache_counters {
	_Alignas(64) counter_t entries;
	counter_t bytes;
	counter_t stored, evicted, refused; // refused: malformed, or no room
};

// What the port says of itself, and the buffers of its frames; the dataplane's main thread: wo.
struct port_counters {
	_Alignas(64) counter_t rx_pkts;
	counter_t tx_pkts, rx_bytes, tx_bytes, rx_errors, tx_errors;
	counter_t buffers, buffers_free;
};

// One thread of the slow path, written by that thread only.
struct thread_counters {
	_Alignas(64) counter_t loops; // stands still for more than THREAD_LOOP_MS: the thread hangs
	counter_t generation; // of the snapshot it serves
};

enum { THREAD_LOOP_MS = 250 };

// One thread's counters of one scope.
struct thread_scope {
	struct scope_counters both; // udp is UDP only, the rest is of both transports
	struct scope_sizes tcp;
};

// What one process says of the snapshots it takes.
struct snapshot_counters {
	_Alignas(64) counter_t generation;
	counter_t base_generation;
	counter_t published, refused;
	counter_t names, image_bytes;
	counter_t published_monotonic_ns;
	counter_t check_ns, index_ns;
	counter_t reclaim_pending;
};

enum counters_process {
	PROCESS_SUPERVISOR,
	PROCESS_CONTROL,
	PROCESS_DATAPLANE,
	PROCESS_MONITOR,
	PROCESS_SLOWPATH,
	PROCESS_COUNT
};

// Written by the supervisor.
struct process_counters {
	counter_t pid; // 0 while it does not run
	counter_t starts;
};

struct counters_page {
	uint32_t version;
	uint32_t n_workers; // set by the dataplane at start
	_Alignas(64) counter_t dataplane_pid;
	counter_t dataplane_ready; // 1 while workers run with a snapshot
	counter_t link_up;
	counter_t rx_missed, rx_nombuf; // the port's own drops
	counter_t punts_lost; // handed over by workers, not taken by the slow path
	counter_t exceptions_lost; // not taken by the kernel side
	counter_t kernel_frames; // of the kernel side, sent
	counter_t punt_replies_bad, punt_replies_lost; // of the slow path: malformed, no room
	counter_t tsc_hz;
	_Alignas(64) counter_t is_stopping; // supervisor: the last answers are being given
	struct process_counters processes[PROCESS_COUNT];
	_Alignas(64) counter_t n_threads; // set by the slow path at start
	counter_t connections; // TCP, open; slow path's main thread: wo
	struct snapshot_counters dataplane, slowpath;
	struct control_counters control;
	struct worker_counters workers[COUNTERS_WORKERS_MAX];
	struct thread_counters threads[COUNTERS_THREADS_MAX];
	struct scope_table worker_table; // dataplane's snapshot thread: wo
	struct scope_table thread_table; // slow path's main thread: wo
	struct scope_counters worker_scopes[COUNTERS_WORKERS_MAX][SCOPES_MAX];
	struct thread_scope thread_scopes[COUNTERS_THREADS_MAX][SCOPES_MAX];
	struct outside_cache_counters outside_cache;
	struct outside_counters outside; // slow path: wo
	struct port_counters port;
	struct capture_request capture;
	// Memory is taken for rings only when somebody writes into them: nothing stands behind.
	struct qlog_ring worker_rings[COUNTERS_WORKERS_MAX];
	struct qlog_ring thread_rings[COUNTERS_THREADS_MAX];
	struct capture_ring captures[COUNTERS_WORKERS_MAX];
	struct tap_ring worker_taps[COUNTERS_WORKERS_MAX];
	struct tap_ring thread_taps[COUNTERS_THREADS_MAX];
};

// Text of a drop reason, and its name in lower case for metrics ("udp_checksum").
const char *drop_reason_text(enum drop_reason reason);
const char *drop_reason_name(enum drop_reason reason);

// A new memfd of the page's size, zeroed. Returns the fd or -errno.
[[nodiscard]] int counters_open(void);
// Maps the page of an fd read-write or read-only; NULL on failure (errno says why).
struct counters_page *counters_map(int fd);
const struct counters_page *counters_map_readonly(int fd);
