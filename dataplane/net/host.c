// SPDX-License-Identifier: Apache-2.0
// Sorts our addresses by what is looked up.
#include "dataplane/net/host.h"

#include "zones/base/be.h"

static void index_ip4(struct host *h, uint8_t i)
{
	const struct host_address *a = &h->addresses[i];

	h->index4[h->n4] = i;
	memcpy(&h->keys4[h->n4++], a->bytes, 4);
	if (a->prefix_len < 31) {
		uint32_t all = be32_get(a->bytes) | UINT32_MAX >> a->prefix_len;
		h->broadcasts[h->n_broadcasts++] = be32_from(all).raw;
	}
}

void host_index(struct host *h)
{
	static const uint8_t type_and_version[3] = {0x08, 0x00, 0x45};
	static const uint8_t tagged[3] = {0x81, 0x00, 0x00};

	memcpy(h->begin, h->mac, sizeof(h->mac));
	memcpy(h->begin + 12, h->vlan == 0 ? type_and_version : tagged, sizeof(tagged));
	h->n4 = h->n6 = h->n_broadcasts = 0;
	for (uint8_t i = 0; i < h->n_addresses; i++) {
		if (h->addresses[i].family == 4) {
			index_ip4(h, i);
			continue;
		}
		h->index6[h->n6] = i;
		memcpy(h->keys6[h->n6++], h->addresses[i].bytes, 16);
	}
}
