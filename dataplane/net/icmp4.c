// SPDX-License-Identifier: Apache-2.0
// ICMP echo (RFC 792, RFC 1122 3.2.2.6; proto:I14). Errors are the kernel side's, for TCP; nobody
// is told the time or sent elsewhere.
#include "dataplane/net/cksum.h"
#include "dataplane/net/layers.h"

enum icmp_type {
	ICMP_ECHO_REPLY = 0,
	ICMP_UNREACHABLE = 3, // path MTU too
	ICMP_ECHO = 8,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_BAD_PARAMETER = 12,
};

static bool is_error(uint8_t type)
{
	return type == ICMP_UNREACHABLE || type == ICMP_TIME_EXCEEDED || type == ICMP_BAD_PARAMETER;
}

enum verdict icmp4_parse(const struct host *h, struct frame *f)
{
	const struct icmp_header *icmp = (const struct icmp_header *)(f->bytes + f->l4);

	if (f->l4_bytes < ICMP_BYTES ||
		cksum_fold(cksum_add(0, f->bytes + f->l4, f->l4_bytes)) != 0xffff)
		return frame_drop(f, DROP_ICMP_BAD);
	if (is_error(icmp->type))
		return frame_except(h, f, DROP_ICMP_OTHER);
	if (icmp->type != ICMP_ECHO)
		return frame_drop(f, DROP_ICMP_OTHER);
	if (icmp->code != 0)
		return frame_drop(f, DROP_ICMP_BAD);
	f->answer = FRAME_ECHO4;
	return VERDICT_ANSWER;
}

bool icmp4_answer(struct frame *f)
{
	struct icmp_header *icmp = (struct icmp_header *)(f->bytes + f->l4);

	eth_turn(f);
	(void)ip4_turn(f, IP_ICMP, f->l4_bytes);
	icmp->type = ICMP_ECHO_REPLY;
	icmp->checksum = (be16_t){0};
	icmp->checksum = cksum_finish(cksum_add(0, f->bytes + f->l4, f->l4_bytes));
	f->size_bytes = (uint16_t)(f->l4 + f->l4_bytes);
	return true;
}
