#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Asks two DNS servers of one random cluster the same questions and explains each difference, or reports it."""

import argparse
import json
import re
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cluster"))

from ask import Asker  # noqa: E402
from compare import Quirks, Setting, is_forwarded_only, judge, result_of  # noqa: E402
from dnswire import show_question, show_record, to_wire  # noqa: E402
from kube import Kube  # noqa: E402
from load import Loader, wait_until_seen, wait_until_up  # noqa: E402
from questions import CLIENT_SPACE, Asked, burst, reverse_name  # noqa: E402
from rows import Table  # noqa: E402
from shape import Zones  # noqa: E402
from world import PROD, World  # noqa: E402

WORDS = ("verified", "insecure", "noendpoints", "ignore", "forward", "cache", "multicluster", "namespaces",
         "namespace_labels", "labels", "fallthrough", "zonal", "bind", "dead", "busy", "endpoint_pod_names", "rewrite", "autopath",
         "k8s_external")

AT_ONCE = 20
LONGEST_S = 30  # that a cache of our Corefiles keeps anything


class Run:
    """Two servers and what was found."""

    def __init__(self, args):
        self.args = args
        self.corefile = Path(args.corefile).read_text(encoding="utf-8")
        words = re.split(r"[\s.]+", re.sub(r"#.*", "", self.corefile))
        self.features = set(WORDS) & set(words)
        if args.unsynced:
            self.features.add("unsynced")
        if ".:53" not in self.corefile:
            self.features.add("rootless")
        window = 1 if "cache" in self.features else 48  # one by one: what a cache answers depends on the order
        self.a = Asker("a", args.a, args.a_netns, window)
        self.b = Asker("b", args.b, args.b_netns, window)
        self.quirks = Quirks()
        self.by_quirk, self.unexplained, self.serials, self.asked = {}, [], {}, 0
        self.kept = 0  # forwarded answers whose TTLs were compared
        self.silent = []  # what CoreDNS did not answer

    def setting(self, world):
        """What the table's conditions may look at."""
        live = {"default", "kube-system", *world.spaces} - world.gone_spaces
        if "namespace_labels" in self.features:
            live = {obj["metadata"]["name"] for obj in world.of("Namespace")
                    if obj["metadata"].get("labels", {}).items() >= PROD.items()}
        unowned = {reverse_name(ip) for ip in world.unowned_addresses()}
        return Setting(Zones.of_corefile(self.corefile), frozenset(self.features), frozenset(live),
                       frozenset(world.split_addresses()), frozenset(unowned))

    def ask_both_tcp(self, question):
        """The whole replies."""
        return self.a.ask_tcp(question), self.b.ask_tcp(question)

    def ask_both(self, questions, setting):
        """The replies of both. A few at a time beside a cache, so that what the two keep is of one age."""
        once = {to_wire(name) for name in setting.unowned}
        step = AT_ONCE if "cache" in self.features else max(1, len(questions))
        replies = [], []
        for at in range(0, len(questions), step):
            for mine, asker in zip(replies, (self.a, self.b)):
                mine += asker.ask_all(questions[at:at + step], once=once)
        return replies

    def judged(self, question, a, b, setting):
        """The verdict. Where one had just fetched anew what the other still kept, both are asked when neither keeps it."""
        for tries in range(3):
            verdict = judge(question, a, b, setting, self.quirks, self.ask_both_tcp, self.args.b_limit)
            if tries == 2 or "ttl" not in (each.field for each in verdict.unexplained):
                break
            kept = [record.ttl for reply in (a, b) for record in reply.answer + reply.authority]
            time.sleep(min(max(kept, default=0), LONGEST_S) + 1)
            (a,), (b,) = self.ask_both([question], setting)
        return verdict

    def compare(self, questions, setting, table):
        """Asks and judges a batch."""
        replies = self.ask_both(questions, setting)
        for question, a, b in zip(questions, *replies):
            verdict = self.judged(question, a, b, setting)
            self.kept += "cache" in self.features and None not in (a, b) and is_forwarded_only(question)
            for quirk in verdict.quirks:
                self.by_quirk[quirk] = self.by_quirk.get(quirk, 0) + 1
            if verdict.unexplained:
                self.report(question, a, b, verdict)
            table.count(question, a, verdict.shape)
            if a is None:
                self.silent.append(show_question(question))
        self.asked += len(questions)
        self.note_serials(replies)

    def note_serials(self, replies):
        """The SOA serials of a batch must be those of the batch before, or later ones."""
        for name, batch in zip("ab", replies):
            seen = {}
            for reply in batch:
                for record in (reply.authority + reply.answer if reply else []):
                    if record.rtype == 6:
                        seen.setdefault(record.owner.lower(), []).append(record.serial)
            for owner, serials in seen.items():
                last = self.serials.get((name, owner), 0)
                if min(serials) < last:
                    self.unexplained.append({"question": f"SOA serial of {owner!r} at {name}",
                                             "fields": [f"serial {last} -> {min(serials)}"]})
                self.serials[name, owner] = max(serials)

    def report(self, question, a, b, verdict):
        """Keeps and prints a difference that nothing explains."""
        fields = [f"{each.field}: {each.a} -> {each.b}" for each in verdict.unexplained]
        entry = {"question": show_question(question), "shape": verdict.shape, "fields": fields}
        for name, reply in (("a", a), ("b", b)):
            entry[name] = [result_of(reply)] + ([] if reply is None else [
                show_record(each) for each in (reply.answer + reply.authority + reply.additional)[:4]])
        self.unexplained.append(entry)
        if len(self.unexplained) <= self.args.show:
            print(json.dumps(entry, indent=1), file=sys.stderr)

    def malformed(self):
        """Replies that are no DNS messages count as differences."""
        for asker in (self.a, self.b):
            for question, why, data in asker.malformed:
                self.unexplained.append({"question": show_question(question), "fields": [f"{asker.name}: {why}"],
                                         asker.name: [data]})

    def overload(self, table):
        """More outside questions at once than the Corefile allows: as many refusals from both (k8s:2.12 row 31)."""
        results = []
        for asker in (self.a, self.b):
            replies = asker.ask_all(burst(f"{asker.name}{self.args.seed}"), tries=1)
            results.append(sorted(result_of(reply) for reply in replies))
        table.hits[31] += results[0].count("REFUSED")
        self.asked += len(results[0])
        if results[0] != results[1]:
            counts = [{word: words.count(word) for word in set(words)} for words in results]
            self.unexplained.append({"question": "burst of busy.test", "fields": [f"{counts[0]} -> {counts[1]}"]})

    def unsynced(self):
        """The servers cannot reach the API: names of a world that they know nothing of."""
        world = World(self.args.seed, self.args.family)
        world.populate(services=20, pods=5)
        for asker in (self.a, self.b):
            wait_until_up(asker)
        setting = self.setting(world)._replace(live_spaces=frozenset())
        table = Table(world, self.features)
        self.compare(Asked(world, self.args.seed, self.features, setting.zones).some(self.args.questions), setting,
                     table)
        return table, []

    def synced(self):
        """Loads a world, asks, changes it, asks again."""
        args = self.args
        kube = Kube(args.kubeconfig)
        loader = Loader(kube, "multicluster" in self.features)
        loader.clean()
        world = World(args.seed, args.family)
        world.populate(services=args.services, pods=20 if {"verified", "insecure"} & self.features else 3,
                       imports=10 if "multicluster" in self.features else 0)
        if "autopath" in self.features:
            world.add_client(CLIENT_SPACE)
        loader.load(world)
        table = Table(world, self.features)
        phases = 1 if "cache" in self.features else 2  # a cache goes on with what was before the change
        for phase in range(phases):
            if phase:
                loader.change(world, world.churn())
            names = loader.mark(self.features)
            for asker in (self.a, self.b):
                wait_until_seen(asker, names)
            setting = self.setting(world)
            asked = Asked(world, f"{args.seed}/{phase}", self.features, setting.zones)
            self.compare(asked.some(args.questions // phases), setting, table)
        if "busy" in self.features:
            self.overload(table)
        return table, loader.refused


def parse_args():
    """The command line."""
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--a", required=True, metavar="ADDR:PORT", help="CoreDNS")
    parse.add_argument("--b", required=True, metavar="ADDR:PORT", help="the server under test")
    parse.add_argument("--a-netns", help="network namespace to ask a from")
    parse.add_argument("--b-netns", help="network namespace to ask b from")
    parse.add_argument("--b-limit", type=int, default=65535, help="largest UDP reply b may send whatever is asked")
    parse.add_argument("--kubeconfig", help="administrator's, of the API server that both servers watch")
    parse.add_argument("--corefile", required=True, help="the Corefile that both servers run")
    parse.add_argument("--seed", type=int, default=1)
    parse.add_argument("--questions", type=int, default=2000)
    parse.add_argument("--services", type=int, default=60)
    parse.add_argument("--family", choices=["dual", "4", "6"], default="dual")
    parse.add_argument("--unsynced", action="store_true", help="the API is out of the servers' reach; load nothing")
    parse.add_argument("--show", type=int, default=10, help="print at most so many unexplained differences")
    parse.add_argument("--out", help="write all findings to this file as JSON")
    return parse.parse_args()


def main():
    """Exit code 0: every difference is intended."""
    args = parse_args()
    start = time.monotonic()
    run = Run(args)
    table, refused = run.unsynced() if args.unsynced else run.synced()
    run.malformed()
    doc = {"seed": args.seed, "corefile": Path(args.corefile).name, "questions": run.asked,
           "seconds": round(time.monotonic() - start, 1), "rows": table.hits, "quirks": run.by_quirk, "silent": run.silent,
           "unexplained": run.unexplained, "refused_objects": refused}
    if args.out:
        Path(args.out).write_text(json.dumps(doc, indent=1), encoding="utf-8")
    explained = " ".join(f"{quirk}:{count}" for quirk, count in sorted(run.by_quirk.items()))
    print(f"seed {args.seed} {doc['corefile']}: {run.asked} questions, {len(run.unexplained)} unexplained, "
          f"by quirk: {explained or 'none'}, {run.kept} forwarded beside a cache, "
          f"{len(refused)} objects refused by the API, {doc['seconds']} s", flush=True)
    return 1 if run.unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
