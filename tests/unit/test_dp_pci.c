// SPDX-License-Identifier: Apache-2.0
// What a driver says of a card that is reset ends the process: no emulated card says it by itself.
#include "dataplane/port/pci.h"

#include "tests/unit/eal_fixture.h"

#include <rte_dev.h>
#include <rte_ethdev.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

// How drivers tell of events: DPDK has it in its libraries and, for drivers only, in a header that
// Debian does not have.
struct rte_eth_dev;
extern char rte_eth_devices[];
int rte_eth_dev_callback_process(
	struct rte_eth_dev *dev, enum rte_eth_event_type event, void *result);

static void a_reset_that_the_driver_tells_of_is_a_loss(void **state)
{
	uint16_t id;

	(void)state;
	(void)eal_fixture_start();
	assert_int_equal(rte_eal_hotplug_add("vdev", "net_null0", ""), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name("net_null0", &id), 0);
	assert_int_equal(id, 0); // the first of the array
	pci_watch("0000:01:10.0", id);
	struct rte_eth_dev *dev = (struct rte_eth_dev *)(void *)rte_eth_devices;
	(void)rte_eth_dev_callback_process(dev, RTE_ETH_EVENT_INTR_LSC, NULL);
	assert_null(pci_loss()); // a link that changes is none
	(void)rte_eth_dev_callback_process(dev, RTE_ETH_EVENT_INTR_RESET, NULL);
	assert_non_null(pci_loss());
	assert_string_equal(pci_loss(), "the physical function was reset");
	assert_int_equal(rte_eal_hotplug_remove("vdev", "net_null0"), 0);
}

static void a_device_that_is_not_there_is_named(void **state)
{
	struct err err = {0};
	char group[16];

	(void)state;
	assert_int_equal(pci_check("ff:1f.7", &err), -ENODEV);
	assert_non_null(strstr(err.text, "there is no device 0000:ff:1f.7: burst53 nic list"));
	pci_group("0000:ff:1f.7", group, sizeof(group));
	assert_string_equal(group, "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_that_is_not_there_is_named),
		cmocka_unit_test(a_reset_that_the_driver_tells_of_is_a_loss),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
