// SPDX-License-Identifier: Apache-2.0
// Tests of what is no answer: chains without an end, and messages that are not whole.
#include "tests/unit/answer_maker.h"

#include "slowpath/message/chain.h"

#include <stdio.h>

// n aliases in a row, first to last or the other way round, and the address of the last.
static void put_chain(int n, bool is_reversed)
{
	char from[32], to[32];

	for (int i = 0; i < n; i++) {
		int k = is_reversed ? n - 1 - i : i;
		(void)snprintf(from, sizeof(from), "n%d.example.", k);
		(void)snprintf(to, sizeof(to), "n%d.example.", k + 1);
		put_target(1, from, RR_TYPE_CNAME, to);
	}
	(void)snprintf(to, sizeof(to), "n%d.example.", n);
	put_a(1, to, 60, 1);
}

static void chains_end_at_loops_and_are_never_cut(void **state)
{
	struct ask a = ask_for("n0.example.", RR_TYPE_A);
	struct entry *e;

	(void)state; // proto:S9
	begin(&a, 0);
	put_target(1, "n0.example.", RR_TYPE_CNAME, "n1.example.");
	put_target(1, "n1.example.", RR_TYPE_CNAME, "n0.example.");
	put_a(1, "n1.example.", 60, 1);
	e = read_it(&a);
	assert_int_equal(e->n_an, 3);
	entry_drop(e);
	static const int lengths[] = {1, 12, CHAIN_MAX, CHAIN_MAX + 1, 10 * CHAIN_MAX};
	for (size_t i = 0; i < 2 * sizeof(lengths) / sizeof(lengths[0]); i++) {
		int n = lengths[i / 2];
		begin(&a, 0);
		put_chain(n, i % 2 == 1);
		e = read_it(&a);
		assert_non_null(e);
		assert_int_equal(e->n_an, n > CHAIN_MAX ? 0 : n + 1);
		assert_int_equal(e->rcode, n > CHAIN_MAX ? RCODE_SERVFAIL : RCODE_NOERROR);
		assert_int_equal(e->ede, n > CHAIN_MAX ? EDE_INVALID_DATA : EDE_NONE);
		entry_drop(e);
	}
}

// An OPT record with so many bytes of options, the first of which says that it has option_size.
static void put_opt(int section, const char *owner, uint32_t ttl, int size, uint16_t option_size)
{
	put_rr(section, owner, RR_TYPE_OPT, ttl);
	wrbuf_u16(&made.w, (uint16_t)size);
	for (int i = 0; i < size; i++)
		wrbuf_u8(&made.w, i == 3 ? (uint8_t)option_size : 0);
}

static void what_nobody_asked_for_must_be_whole_too(void **state)
{
	static const struct {
		const char *what;
		int section, n, size;
		uint16_t option_size;
		const char *owner;
		size_t cut;
		bool is_fine;
	} cases[] = {
		{"no OPT", 3, 0, 0, 0, "", 0, true},
		{"an OPT", 3, 1, 0, 0, "", 0, true},
		{"an OPT with an option", 3, 1, 6, 2, "", 0, true},
		{"an option longer than its OPT", 3, 1, 6, 3, "", 0, false},
		{"an option shorter than its OPT", 3, 1, 6, 1, "", 0, false},
		{"half an option", 3, 1, 3, 0, "", 0, false},
		{"an OPT cut short", 3, 1, 0, 0, "", 1, false},
		{"an OPT cut to its name", 3, 1, 0, 0, "", 10, false},
		{"no OPT where one is announced", 3, 1, 0, 0, "", 11, false},
		{"two OPTs", 3, 2, 0, 0, "", 0, false},
		{"an OPT with a name", 3, 1, 0, 0, "a.example.", 0, false},
		{"an OPT in the authority", 2, 1, 0, 0, "", 0, false},
		{"an OPT in the answer", 1, 1, 0, 0, "", 0, false},
	};
	struct ask a = ask_for("www.example.", RR_TYPE_A);

	(void)state; // proto:F8
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&a, 0);
		put_a(1, "www.example.", 60, 1);
		for (int k = 0; k < cases[i].n; k++)
			put_opt(cases[i].section, cases[i].owner[0] == 0 ? "." : cases[i].owner, 0,
				cases[i].size, cases[i].option_size);
		struct entry *e = entry_read(&a, made.bytes, made.w.pos - cases[i].cut);
		if ((e != NULL) != cases[i].is_fine)
			fail_msg("%s", cases[i].what);
		entry_drop(e);
	}
}

static void rcodes_of_edns_are_read(void **state)
{
	static const struct {
		uint32_t ttl;
		uint16_t low, rcode;
	} cases[] = {
		{0, RCODE_NXDOMAIN, RCODE_NXDOMAIN},
		{0x00008000, RCODE_NOERROR, RCODE_NOERROR},
		{0x01000000, 0, RCODE_NOTIMP}, // BADVERS: asked again without EDNS
		{0x01000000, 7, RCODE_SERVFAIL}, // BADCOOKIE
		{0xff000000, 15, RCODE_SERVFAIL},
	};
	struct ask a = ask_for("www.example.", RR_TYPE_A);

	(void)state; // RFC 6891 6.1.3
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&a, cases[i].low);
		put_opt(3, ".", cases[i].ttl, 0, 0);
		struct entry *e = read_it(&a);
		assert_non_null(e);
		assert_int_equal(e->rcode, cases[i].rcode);
		entry_drop(e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chains_end_at_loops_and_are_never_cut),
		cmocka_unit_test(what_nobody_asked_for_must_be_whole_too),
		cmocka_unit_test(rcodes_of_edns_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
