// SPDX-License-Identifier: Apache-2.0
// What is read of a virtual function's host: messages as the kernel writes them come through a
// pair of sockets, and folders as in sysfs are made up.
#include "dataplane/port/vf.h"

#include "zones/base/array.h"

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { UP = IFF_UP | IFF_RUNNING, OURS = 1, CHANGES = 4 };

static const uint8_t mac[6] = {0x52, 0x54, 0, 0x53, 1, 3}, other[6] = {2, 0, 0, 0, 0, 9};

struct message {
	size_t size;
	_Alignas(struct nlmsghdr) char bytes[1024];
};

static void put(struct message *m, const void *data, size_t size)
{
	assert_true(m->size + NLMSG_ALIGN(size) <= sizeof(m->bytes));
	if (size > 0)
		memcpy(m->bytes + m->size, data, size);
	m->size += NLMSG_ALIGN(size);
}

// Begins an attribute; returns where, for end.
static size_t begin(struct message *m, unsigned short type)
{
	const struct rtattr a = {.rta_type = type};
	size_t at = m->size;

	put(m, &a, sizeof(a));
	return at;
}

static void end(struct message *m, size_t at)
{
	((struct rtattr *)(void *)(m->bytes + at))->rta_len = (unsigned short)(m->size - at);
}

static void put_function(struct message *m, unsigned number, const uint8_t address[6])
{
	struct ifla_vf_mac v = {.vf = number};
	size_t info = begin(m, IFLA_VF_INFO), a = begin(m, IFLA_VF_MAC);

	memcpy(v.mac, address, 6);
	put(m, &v, sizeof(v));
	end(m, a);
	end(m, info);
}

// The physical function's interface with functions 0 and OURS, of which the latter has the address.
static void side_write(
	struct message *m, unsigned flags, uint32_t changes, const uint8_t address[6])
{
	const struct nlmsghdr head = {.nlmsg_type = RTM_NEWLINK};
	const struct ifinfomsg link = {.ifi_flags = flags};

	m->size = 0;
	put(m, &head, sizeof(head));
	put(m, &link, sizeof(link));
	size_t at = begin(m, IFLA_CARRIER_CHANGES);
	put(m, &changes, sizeof(changes));
	end(m, at);
	at = begin(m, IFLA_VFINFO_LIST | NLA_F_NESTED);
	put_function(m, 0, other);
	put_function(m, OURS, address);
	end(m, at);
	((struct nlmsghdr *)(void *)m->bytes)->nlmsg_len = (uint32_t)m->size;
}

// What vf_loss says when the kernel answers with so many bytes.
static const char *told(struct vf *vf, const void *bytes, size_t size)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	assert_int_equal(send(pair[1], bytes, size, 0), (ssize_t)size);
	vf->fd = pair[0];
	const char *loss = vf_loss(vf);
	(void)close(pair[1]);
	vf_close(vf);
	assert_int_equal(vf->fd, -1);
	return loss;
}

struct loss_case {
	const char *what;
	bool is_dependent;
	unsigned flags;
	uint32_t changes;
	const uint8_t *mac;
	const char *loss; // a word of it, NULL: none
	bool is_stopped;
};

static const struct loss_case losses[] = {
	{"nothing happened", true, UP, CHANGES, mac, NULL, false},
	{"another MAC", true, UP, CHANGES, other, "another MAC", false},
	{"another MAC, another card", false, UP, CHANGES, other, "another MAC", false},
	{"down", true, 0, CHANGES + 1, mac, NULL, true},
	{"up, without a carrier yet", true, IFF_UP, CHANGES + 1, mac, NULL, false},
	{"up again", true, UP, CHANGES + 2, mac, "down or reset", false},
	{"started while it was down", true, UP, CHANGES + 1, mac, "down or reset", false},
	{"the counter begins anew", true, UP, 0, mac, "down or reset", false},
	{"down, another card", false, 0, CHANGES + 1, mac, NULL, false},
	{"up again, another card", false, UP, CHANGES + 2, mac, NULL, false},
};

static struct vf started(bool is_dependent)
{
	struct vf vf = {.number = OURS,
		.is_dependent = is_dependent,
		.start = {.is_up = true, .is_running = true, .changes = CHANGES}};

	memcpy(vf.start.mac, mac, 6);
	return vf;
}

static void a_new_process_is_wanted_when_only_that_helps(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(losses); i++) {
		const struct loss_case *c = &losses[i];
		struct vf vf = started(c->is_dependent);
		struct message m;
		side_write(&m, c->flags, c->changes, c->mac);
		const char *loss = told(&vf, m.bytes, m.size);
		if ((loss == NULL) != (c->loss == NULL) ||
			(loss != NULL && strstr(loss, c->loss) == NULL) ||
			vf.is_stopped != c->is_stopped)
			fail_msg("%s: \"%s\"", c->what, loss != NULL ? loss : "no loss");
	}
}

static void what_is_no_answer_changes_nothing(void **state)
{
	struct message m;

	(void)state;
	side_write(&m, UP, CHANGES + 2, other);
	struct nlmsghdr *head = (struct nlmsghdr *)(void *)m.bytes;
	for (size_t size = 0; size < m.size; size++) { // cut short
		struct vf vf = started(true);
		assert_null(told(&vf, m.bytes, size));
	}
	// Shorter inside than outside: read until where it says.
	for (uint32_t size = 0; size + 4 < m.size; size++) {
		struct vf vf = started(true);
		head->nlmsg_len = size;
		assert_null(told(&vf, m.bytes, m.size));
	}
	head->nlmsg_len = (uint32_t)m.size;
	head->nlmsg_type = NLMSG_ERROR;
	struct vf vf = started(true);
	assert_null(told(&vf, m.bytes, m.size));
	head->nlmsg_type = RTM_NEWLINK;
	vf = started(true);
	vf.number = 2; // not among them
	assert_null(told(&vf, m.bytes, m.size));
	assert_null(vf_loss(&vf)); // closed
}

static char root[] = "/tmp/b53-vf-XXXXXX";

static void path_make(char path[256], const char *file)
{
	(void)snprintf(path, 256, "%s/%s", root, file);
}

static void folder(const char *file)
{
	char path[256];

	path_make(path, file);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void functions_are_found_by_their_links(void **state)
{
	static const char *const folders[] = {"0000:01:10.2", "0000:01:10.2/physfn",
		"0000:01:10.2/physfn/net", "0000:01:10.2/physfn/net/lo"};
	char path[256];
	struct vf vf;

	(void)state;
	assert_non_null(mkdtemp(root));
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		folder(folders[i]);
	for (unsigned i = 0; i < 2; i++) {
		char file[64], target[64];
		(void)snprintf(file, sizeof(file), "0000:01:10.2/physfn/virtfn%u", i);
		(void)snprintf(target, sizeof(target), "../0000:01:10.%u", 2 * i);
		path_make(path, file);
		assert_int_equal(symlink(target, path), 0);
	}
	vf_open(root, "0000:01:10.2", "net_ixgbe_vf", &vf);
	assert_int_equal(vf.index, if_nametoindex("lo"));
	assert_int_equal(vf.number, 1);
	assert_true(vf.is_dependent);
	assert_int_equal(vf.fd, -1); // that interface has no functions
	assert_null(vf_loss(&vf));
	vf_open(root, "0000:01:10.2", "net_iavf", &vf);
	assert_false(vf.is_dependent);
	vf_open(root, "0000:01:10.9", "net_iavf", &vf);
	assert_int_equal(vf.index, 0);
	assert_int_equal(vf.fd, -1);
	vf_close(&vf);
	for (unsigned i = 0; i < 2; i++) {
		char file[64];
		(void)snprintf(file, sizeof(file), "0000:01:10.2/physfn/virtfn%u", i);
		path_make(path, file);
		assert_int_equal(unlink(path), 0);
	}
	for (size_t i = ARRAY_LEN(folders); i-- > 0;) {
		path_make(path, folders[i]);
		assert_int_equal(rmdir(path), 0);
	}
	assert_int_equal(rmdir(root), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_process_is_wanted_when_only_that_helps),
		cmocka_unit_test(what_is_no_answer_changes_nothing),
		cmocka_unit_test(functions_are_found_by_their_links),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
