// SPDX-License-Identifier: Apache-2.0
// Replies that come later: the connection counts them, so that it outlives its own end.
#include "slowpath/tcp/conn.h"

static void origin_reply(struct origin *o, const uint8_t *msg, size_t size_bytes)
{
	tally_message(&o->tally, msg, size_bytes);
	if (conn_unpend(o->conn))
		stream_reply(o->conn, msg, size_bytes);
}

static void origin_drop(struct origin *o)
{
	if (conn_unpend(o->conn))
		stream_reply(o->conn, NULL, 0);
}

void later_fill(struct conn *c, struct origin *o)
{
	o->reply = origin_reply;
	o->drop = origin_drop;
	o->share = NULL;
	o->conn = c;
}
