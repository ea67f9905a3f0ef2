// SPDX-License-Identifier: Apache-2.0
// CoreDNS plugin/pkg/replacer. Words in braces that it does not know stay as they are; a slash
// begins a metadata label, of which there are none here.
#include "control/monitor/qlog_text.h"

#include "zones/link/counters.h"
#include "zones/wire/dname.h"
#include "zones/wire/rr.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { WORD_BYTES = 32, UDP_MIN_BYTES = 512, TCP_BYTES = 65535, OPCODE_SHIFT = 11 };

struct line {
	char *text;
	size_t len, size_bytes;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *l, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(l->text + l->len, l->size_bytes - l->len, format, args);
	va_end(args);
	if (n > 0)
		l->len +=
			(size_t)n < l->size_bytes - l->len ? (size_t)n : l->size_bytes - l->len - 1;
}

static void add_address(const struct qlog_record *r, const uint8_t *bytes, struct line *l)
{
	char text[INET6_ADDRSTRLEN] = "";

	(void)inet_ntop(r->family == 4 ? AF_INET : AF_INET6, bytes, text,
		sizeof(text)); // the buffer is large enough
	add(l, r->family == 4 ? "%s" : "[%s]", text);
}

static void put_remote(const struct qlog_record *r, struct line *l)
{
	add_address(r, r->client, l);
}

static void put_local(const struct qlog_record *r, struct line *l)
{
	add_address(r, r->server, l);
}

static void put_port(const struct qlog_record *r, struct line *l)
{
	add(l, "%u", r->client_port);
}

static void put_id(const struct qlog_record *r, struct line *l)
{
	add(l, "%u", r->id);
}

static void put_type(const struct qlog_record *r, struct line *l)
{
	char text[WORD_BYTES];

	add(l, "%s", rr_type_print(r->type, text, sizeof(text)));
}

static void put_class(const struct qlog_record *r, struct line *l)
{
	switch (r->class) {
	case RR_CLASS_IN:
		add(l, "IN");
		break;
	case RR_CLASS_CH:
		add(l, "CH");
		break;
	case RR_CLASS_HS:
		add(l, "HS");
		break;
	case RR_CLASS_NONE:
		add(l, "NONE");
		break;
	case RR_CLASS_ANY:
		add(l, "ANY");
		break;
	default:
		add(l, "CLASS%u", r->class);
		break;
	}
}

// In lower case; bytes that are not printable come escaped.
static void put_name(const struct qlog_record *r, struct line *l)
{
	struct dname name = {.size_bytes = r->name_size};
	char text[DNAME_TEXT_MAX_BYTES];

	if (dname_size(r->name, r->name_size) != r->name_size || r->name_size == 0)
		return; // nothing in the page is trusted
	memcpy(name.wire, r->name, r->name_size);
	dname_lower(&name);
	add(l, "%s", dname_print(name.wire, text, sizeof(text)));
}

static void put_proto(const struct qlog_record *r, struct line *l)
{
	add(l, "%s", (r->flags & QLOG_RECORD_TCP) != 0 ? "tcp" : "udp");
}

static void put_size(const struct qlog_record *r, struct line *l)
{
	add(l, "%u", r->request_bytes);
}

static void put_do(const struct qlog_record *r, struct line *l)
{
	add(l, "%s", (r->flags & QLOG_RECORD_DO) != 0 ? "true" : "false");
}

// The size that counts: never below 512 over UDP, whole messages over TCP.
static void put_bufsize(const struct qlog_record *r, struct line *l)
{
	unsigned size = r->udp_bytes < UDP_MIN_BYTES ? UDP_MIN_BYTES : r->udp_bytes;

	add(l, "%u", (r->flags & QLOG_RECORD_TCP) != 0 ? TCP_BYTES : size);
}

static void put_opcode(const struct qlog_record *r, struct line *l)
{
	add(l, "%u", (r->header_flags & HEADER_OPCODE) >> OPCODE_SHIFT);
}

static void put_rcode(const struct qlog_record *r, struct line *l)
{
	enum scope_rcode rcode = counters_rcode(r->rcode);

	if ((r->flags & QLOG_RECORD_NO_REPLY) != 0)
		add(l, "-");
	else if (rcode == SCOPE_RCODE_OTHER)
		add(l, "%u", r->rcode);
	else
		add(l, "%s", counters_rcode_name(rcode));
}

static void put_rflags(const struct qlog_record *r, struct line *l)
{
	static const struct {
		uint16_t bit;
		const char *name;
	} flags[] = {{HEADER_QR, "qr"}, {HEADER_AA, "aa"}, {HEADER_TC, "tc"}, {HEADER_RD, "rd"},
		{HEADER_RA, "ra"}, {HEADER_Z, "z"}, {HEADER_AD, "ad"}, {HEADER_CD, "cd"}};
	const char *comma = "";

	if ((r->flags & QLOG_RECORD_NO_REPLY) != 0) {
		add(l, "-");
		return;
	}
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if ((r->header_flags & flags[i].bit) == 0)
			continue;
		add(l, "%s%s", comma, flags[i].name);
		comma = ",";
	}
}

static void put_rsize(const struct qlog_record *r, struct line *l)
{
	if ((r->flags & QLOG_RECORD_NO_REPLY) != 0)
		add(l, "-");
	else
		add(l, "%u", r->reply_bytes);
}

// As Go prints seconds: no more digits than needed.
static void put_duration(const struct qlog_record *r, struct line *l)
{
	char text[WORD_BYTES];

	if ((r->flags & QLOG_RECORD_NO_REPLY) != 0) {
		add(l, "-");
		return;
	}
	(void)snprintf(text, sizeof(text), "%" PRIu64 ".%09" PRIu64, r->took_ns / 1000000000,
		r->took_ns % 1000000000); // always fits
	size_t n = strlen(text);
	while (text[n - 1] == '0')
		n--;
	n -= text[n - 1] == '.';
	add(l, "%.*ss", (int)n, text);
}

static const struct {
	const char *word;
	void (*put)(const struct qlog_record *r, struct line *l);
} words[] = {
	{"type", put_type},
	{"name", put_name},
	{"class", put_class},
	{"proto", put_proto},
	{"size", put_size},
	{"remote", put_remote},
	{"port", put_port},
	{"local", put_local},
	{">rflags", put_rflags},
	{">id", put_id},
	{">opcode", put_opcode},
	{">do", put_do},
	{">bufsize", put_bufsize},
	{"rcode", put_rcode},
	{"rsize", put_rsize},
	{"duration", put_duration},
};

// The word of n characters between braces. False: it is none.
static bool put_word(const struct qlog_record *r, const char *word, size_t n, struct line *l)
{
	if (n > 0 && word[0] == '/') {
		add(l, "-");
		return true;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i].word) == n && memcmp(words[i].word, word, n) == 0) {
			words[i].put(r, l);
			return true;
		}
	}
	return false;
}

size_t qlog_text(const struct qlog_record *r, const char *format, char line[QLOG_LINE_BYTES])
{
	struct line l = {.text = line, .size_bytes = QLOG_LINE_BYTES};

	for (const char *at = format; *at != 0;) {
		size_t plain = strcspn(at, "{");
		const char *end = strchr(at + plain, '}');
		add(&l, "%.*s", (int)plain, at);
		at += plain;
		if (*at == 0)
			break;
		if (end != NULL && put_word(r, at + 1, (size_t)(end - at) - 1, &l)) {
			at = end + 1;
			continue;
		}
		add(&l, "{");
		at++;
	}
	return l.len;
}

// The words of Go's net.OpError, as far as patterns of `consolidate` look at them: "read udp" at
// the begin, "i/o timeout" or "connection refused" at the end.
size_t qlog_text_reason(const struct qlog_record *r, char text[QLOG_ERROR_BYTES])
{
	static const char *const reasons[QLOG_REASONS] = {[QLOG_TIMED_OUT] = "i/o timeout",
		[QLOG_UNREACHABLE] = "unreachable, or connection refused",
		[QLOG_MALFORMED] = "malformed reply",
		[QLOG_CERTIFICATE] = "certificate refused"};
	struct line l = {.text = text, .size_bytes = QLOG_ERROR_BYTES};

	if (memchr(r->upstream, 0, sizeof(r->upstream)) == NULL || r->upstream[0] == 0)
		add(&l, "no upstream could be asked");
	else
		add(&l, "read %s %s: %s", (r->flags & QLOG_RECORD_TCP) != 0 ? "tcp" : "udp",
			r->upstream,
			reasons[r->reason < QLOG_REASONS ? r->reason : QLOG_MALFORMED]);
	return l.len;
}

size_t qlog_text_error(const struct qlog_record *r, const char *reason, char line[QLOG_LINE_BYTES])
{
	struct line l = {.text = line, .size_bytes = QLOG_LINE_BYTES};

	add(&l, "%u ", r->rcode);
	put_name(r, &l);
	add(&l, " ");
	put_type(r, &l);
	add(&l, ": %s", reason);
	return l.len;
}
