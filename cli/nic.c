// SPDX-License-Identifier: Apache-2.0
// `burst53 nic`: which cards there are, what is missing, and the hand-over.
#include "cli/nic.h"
#include "cli/command.h"
#include "cli/usage.h"

#include "zones/base/array.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MEMORY_MB = 256, // what `run --memory` takes by default
	MEMORY_MAX_MB = (1 << 20) - 1,
};

static const char help[] =
	"usage: burst53 nic list [OPTION]...\n"
	"       burst53 nic explain|bind|unbind CARD [OPTION]...\n"
	"Network cards: which there are, what one lacks to serve, and its hand-over to DPDK.\n"
	"CARD is a PCI address or the name of an interface.\n\n"
	"  list       all cards\n"
	"  explain    everything between the card and burst53, and the command that mends it\n"
	"  bind       give the card to vfio-pci: the kernel does not see it any more\n"
	"  unbind     give it back to the kernel\n\n"
	"  --force      bind: although the interface has routes or addresses\n"
	"  --memory MB  explain: what `burst53 run --memory` will ask for (256)\n"
	"  --root D     read and write below D instead of / (another machine's files)\n"
	"  --json\n"
	"  --help\n\n"
	"Exit code 0 when the card is ready (explain) or it was done, 1 otherwise.\n";

struct nic_options {
	const char *root, *verb, *card;
	bool is_forced, is_json;
	unsigned memory_mb;
};

static json_t *nic_json(const struct nic *n)
{
	char id[24];

	(void)snprintf(id, sizeof(id), "%04x:%04x", n->vendor, n->device);
	return json_pack("{ss ss ss ss ss ss ss sb sb sb si si si si}", "address", n->address, "id",
		id, "driver", n->driver, "iommu_group", n->group, "interface", n->ifname, "mac",
		n->mac, "physical", n->physical, "carrier", n->has_carrier, "used", n->is_used,
		"given", nic_is_given(n) || nic_is_shared(n), "queues", (int)n->queues, "vfs",
		(int)n->vfs, "vfs_max", (int)n->vfs_max, "numa", n->numa);
}

static int json_show(json_t *doc)
{
	int rc = doc == NULL ? -1 : json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);

	(void)putchar('\n');
	json_decref(doc);
	return rc == 0 ? EXIT_OK : EXIT_FAILED;
}

static const char *or_dash(const char *text)
{
	return text[0] != 0 ? text : "-";
}

static int list(const struct nic_options *o)
{
	static struct nic cards[NICS_MAX];
	size_t n = nic_list(o->root, cards);

	if (o->is_json) {
		json_t *doc = json_array();
		for (size_t i = 0; i < n; i++)
			(void)json_array_append_new(doc, nic_json(&cards[i]));
		return json_show(doc);
	}
	(void)printf("%-13s %-9s %-11s %-10s %-5s %s\n", "ADDRESS", "ID", "DRIVER", "INTERFACE",
		"GROUP", "FOR");
	for (size_t i = 0; i < n; i++) {
		const struct nic *c = &cards[i];
		bool is_given = nic_is_given(c) || nic_is_shared(c);
		(void)printf("%-13s %04x:%04x %-11s %-10s %-5s %s\n", c->address, c->vendor,
			c->device, or_dash(c->driver), or_dash(c->ifname), or_dash(c->group),
			is_given ? "burst53" : (c->is_used ? "kernel, in use" : "kernel"));
	}
	if (n == 0)
		(void)printf("no network card on the PCI bus: use --port af_packet:IF\n");
	return EXIT_OK;
}

static const char *state_text(enum nic_state state)
{
	static const char *const texts[] = {
		[NIC_GOOD] = "ok", [NIC_NOTE] = "note", [NIC_TODO] = "to do"};

	return texts[state];
}

static int explain_json(const struct nic *n, const struct nic_report *r)
{
	json_t *doc = nic_json(n), *checks = json_array();

	for (size_t i = 0; i < r->n; i++) {
		const struct nic_check *c = &r->checks[i];
		(void)json_array_append_new(checks,
			json_pack("{ss ss ss ss}", "check", c->name, "state", state_text(c->state),
				"text", c->text, "remedy", c->remedy));
	}
	(void)json_object_set_new(doc, "checks", checks);
	(void)json_object_set_new(doc, "ready", json_boolean(nic_report_is_ready(r)));
	return json_show(doc);
}

static int explain(const struct nic_options *o, const struct nic *n, struct err *err)
{
	struct nic_report r;

	(void)err; // what is read is there
	nic_explain(o->root, n, o->memory_mb, &r);
	int rc = nic_report_is_ready(&r) ? EXIT_OK : EXIT_FAILED;
	if (o->is_json)
		return explain_json(n, &r) == EXIT_OK ? rc : EXIT_FAILED;
	(void)printf("%s %04x:%04x%s%s\n", n->address, n->vendor, n->device,
		n->mac[0] != 0 ? " " : "", n->mac);
	for (size_t i = 0; i < r.n; i++) {
		(void)printf("  %-5s  %-9s  %s\n", state_text(r.checks[i].state), r.checks[i].name,
			r.checks[i].text);
		if (r.checks[i].remedy[0] != 0)
			(void)printf("                    -> %s\n", r.checks[i].remedy);
	}
	if (rc == EXIT_OK)
		(void)printf("ready: burst53 run --port %s ...\n", n->address);
	return rc;
}

static int done(const struct nic_options *o, const char *address, struct err *err)
{
	struct nic n;

	if (nic_read(o->root, address, &n, err) != 0)
		return EXIT_FAILED;
	if (o->is_json)
		return json_show(nic_json(&n));
	(void)printf("%s is with %s\n", n.address, n.driver[0] != 0 ? n.driver : "no driver");
	return EXIT_OK;
}

static int bind_card(const struct nic_options *o, const struct nic *n, struct err *err)
{
	if (nic_bind(o->root, n, o->is_forced, err) != 0)
		return EXIT_FAILED;
	return done(o, n->address, err);
}

static int unbind_card(const struct nic_options *o, const struct nic *n, struct err *err)
{
	if (nic_unbind(o->root, n, err) != 0)
		return EXIT_FAILED;
	return done(o, n->address, err);
}

typedef int verb_fn(const struct nic_options *o, const struct nic *n, struct err *err);

static verb_fn *find_verb(const char *word)
{
	static const struct {
		const char *word;
		verb_fn *fn;
	} verbs[] = {{"explain", explain}, {"bind", bind_card}, {"unbind", unbind_card}};

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (strcmp(word, verbs[i].word) == 0)
			return verbs[i].fn;
	}
	return NULL;
}

static bool take_option(int key, const char *value, struct nic_options *o)
{
	switch (key) {
	case 'f':
		o->is_forced = true;
		return true;
	case 'j':
		o->is_json = true;
		return true;
	case 'r':
		o->root = value;
		return true;
	case 'm':
		if (usage_number(value, 0, MEMORY_MAX_MB, &o->memory_mb))
			return true;
		(void)fprintf(stderr, "burst53 nic: not a number of megabytes: %.40s\n", value);
		return false;
	default:
		return false;
	}
}

// NULL, or what is wrong with the words after the options.
static const char *words_wrong(const struct nic_options *o, bool has_more)
{
	bool is_list = strcmp(o->verb, "list") == 0;

	if (o->verb[0] == 0)
		return "say what to do: list, explain, bind or unbind";
	if (!is_list && find_verb(o->verb) == NULL)
		return "there are list, explain, bind and unbind, nothing else";
	if (is_list && o->card != NULL)
		return "list takes no card: it shows all";
	if (!is_list && o->card == NULL)
		return "say which card: a PCI address or an interface, see burst53 nic list";
	return has_more ? "one card at a time" : NULL;
}

int command_nic(int argc, char **argv)
{
	static const struct option longs[] = {{"force", no_argument, NULL, 'f'},
		{"json", no_argument, NULL, 'j'}, {"root", required_argument, NULL, 'r'},
		{"memory", required_argument, NULL, 'm'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct nic_options o = {.root = "", .memory_mb = MEMORY_MB};
	struct err err = {0};
	struct nic n;
	int key;

	optind = 0;
	while ((key = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (key == 'h') {
			(void)fputs(help, stdout);
			return EXIT_OK;
		}
		if (!take_option(key, optarg, &o))
			return usage_error("nic", NULL, NULL);
	}
	o.verb = optind < argc ? argv[optind++] : "";
	o.card = optind < argc ? argv[optind++] : NULL;
	const char *wrong = words_wrong(&o, optind < argc);
	if (wrong != NULL)
		return usage_error("nic", wrong, "");
	verb_fn *fn = find_verb(o.verb);
	if (fn == NULL)
		return list(&o);
	int rc = nic_read(o.root, o.card, &n, &err) == 0 ? fn(&o, &n, &err) : EXIT_FAILED;
	if (err.code != 0)
		(void)fprintf(stderr, "burst53 nic: %s\n", err.text);
	return rc;
}
