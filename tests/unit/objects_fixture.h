// SPDX-License-Identifier: Apache-2.0
// Objects and their records as lines of text, for tests of the store and of record synthesis.
//
//   namespace NAME
//   service NS/NAME [ips=A,B] [ports=NAME/PROTO/NUMBER,...] [headless] [to=NAME]
//                   [external=A]... [host=NAME]...
//   slice NS/NAME of=SERVICE [ports=...] [ep=A,B[;host=H][;pod=P][;zone=Z]]...
//   pod NS/NAME ip=A [to=LABEL]
//   import NS/NAME [ips=...] [ports=...] [headless]
//   import-slice NS/NAME of=SERVICE cluster=C [ports=...] [ep=...]...
//
// and rv=N anywhere. Lines that begin with '#' and empty ones are skipped.
#pragma once

#include "control/store/store.h"
#include "control/synth/synth.h"
#include "zones/corefile/config.h"

// The object of one line, packed; NULL for an empty line. Fails the test on a bad one.
struct object_meta *objects_parse(const char *line);

// Puts all lines into the set.
void objects_put(struct store *s, enum object_set set, const char *text);

// A kubernetes directive: `options` are its lines, `zones` its zones (NULL: cluster.local and the
// reverse zones). Free with config_free.
const struct config_kubernetes *objects_config(
	struct config *c, const char *zones, const char *options);

// Everything the units give, one record a line, sorted: "NAME TYPE RDATA", with "[mask]" behind
// the name unless it is exact, "-" for a name without records, "+ NAME TYPE RDATA" for additional
// records. The apex units are left out unless wanted. malloc'ed.
enum objects_apex { OBJECTS_WITHOUT_APEX, OBJECTS_WITH_APEX };
char *objects_records(struct store *s, const struct synth *y, enum objects_apex apex);
