"""Questions answered per second, and dnspython's look-up in the same zone in memory beside it.

`python -m benchmarks.dns [SERVICES]`. Each figure is the median of five runs on one core, in CPU seconds, with a new
resolver for each run: what one run remembers does not help the next.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import kcompile
from benchmarks.reference_cluster import SERVICES, reference_cluster
from kcompile.evaluate.dns.queries import Answer
from kcompile.evaluate.dns.resolver import Resolver
from kcompile.evaluate.dns.server import Server, World
from kcompile.ir.cluster_corefile import cluster_domain, kubernetes_settings, load_cluster_corefile
from kcompile.ir.dns_objects import dns_objects
from kcompile.ir.domain_names import reverse_name
from kcompile.model import Service
from kcompile.targets.zone import zones

QUERIES = 100_000
RUNS = 5
SEED = 1
ZONE = "cluster.local"


class Questions(NamedTuple):
    title: str
    names: list[str]
    types: list[str]

    def __str__(self) -> str:
        different = len(set(zip(self.names, self.types, strict=True)))
        return f"{self.title}: {len(self.names):,} questions, {different:,} different ones"


class Figure(NamedTuple):
    """`seconds` is CPU time for all of the questions."""

    title: str
    questions: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.questions / self.seconds


def addresses_only(services: Sequence[Service]) -> Questions:
    """The A record of a Service, drawn at random."""
    chance = random.Random(SEED)
    names = [_name(chance.choice(services)) for _ in range(QUERIES)]
    return Questions("addresses", names, ["A"] * QUERIES)


def as_pods_ask(services: Sequence[Service]) -> Questions:
    """What a resolver with a search list asks: A and AAAA, names that do not exist, ports, and names of addresses."""
    chance = random.Random(SEED)
    asked: list[tuple[str, str]] = []
    while len(asked) < QUERIES:
        service, draw = chance.choice(services), chance.random()
        name = _name(service)
        if draw < 0.70:
            asked += [(name, "A"), (name, "AAAA")]
        elif draw < 0.85:
            asked.append((f"{name}.{service.meta.namespace}.svc.{ZONE}", "A"))
        elif draw < 0.95:
            asked.append((f"_{chance.choice(service.ports).name}._tcp.{name}", "SRV"))
        else:
            asked.append((reverse_name(service.cluster_ip).rstrip("."), "PTR"))
    names, types = zip(*asked[:QUERIES], strict=True)
    return Questions("as Pods ask", list(names), list(types))


def _name(service: Service) -> str:
    return f"{service.meta.name}.{service.meta.namespace}.svc.{ZONE}"


def measured(title: str, questions: int, prepare: Callable[[], Callable[[], object]]) -> Figure:
    seconds = []
    for _ in range(RUNS):
        run = prepare()
        started = time.process_time()
        run()
        seconds.append(time.process_time() - started)
    return Figure(title, questions, statistics.median(seconds))


def figures(services: int = SERVICES) -> list[Figure]:
    """Print each figure as it is there, with the size of what it was taken on."""
    path = reference_cluster("json", services)
    cluster = kcompile.load([path])
    objects = dns_objects(cluster.model, cluster.given)
    configuration = load_cluster_corefile(cluster.model)
    print(f"{len(objects.services):,} Services, {len(objects.endpoints):,} EndpointSlices ({path.name})")

    def resolver() -> Resolver:
        return Resolver(Server(configuration, World(objects)))

    found = []
    for questions in (addresses_only(cluster.model.services), as_pods_ask(cluster.model.services)):
        print(questions)

        def prepare(asked: Questions = questions) -> Callable[[], list[Answer]]:
            there = resolver()
            return lambda: there.query_many(asked.names, asked.types)

        found.append(measured(f"query_many, {questions.title}", QUERIES, prepare))
        print(f"  {found[-1].per_second:>12,.0f} a second with query_many")
    found += _dnspython(cluster, addresses_only(cluster.model.services))
    ratio = found[0].per_second / found[-2].per_second
    print(f"  {ratio:>12.1f} times as many with query_many as with dnspython's zone in memory")
    return found


def _dnspython(cluster: kcompile.CompiledCluster, questions: Questions) -> list[Figure]:
    """The same questions about addresses, looked up in a dns.zone.Zone, from text and from names made beforehand."""
    import dns.name
    import dns.rdatatype
    import dns.zone

    settings = kubernetes_settings(load_cluster_corefile(cluster.model), cluster_domain(cluster.model))
    only = cluster.model.services
    services = dns_objects(cluster.model, cluster.given)
    text = next(iter(zones(services, settings, ("10.96.0.10",)).values()))[1].decode()
    # Reading every endpoint's record as well would take minutes and is no part of the comparison.
    wanted = {f"{_name(service)}." for service in only}
    lines = (line for line in text.splitlines() if line.startswith("$") or line.split("\t")[0] in wanted | {f"{ZONE}."})
    zone = dns.zone.from_text("\n".join(lines), origin=ZONE, relativize=False, check_origin=False)
    names = [f"{name}." for name in questions.names]
    parsed = [dns.name.from_text(name) for name in names]
    print(f"dnspython: a zone of {len(zone.nodes):,} names, the same {len(names):,} questions about addresses")

    def from_text() -> list[object]:
        return [zone.get_rdataset(name, dns.rdatatype.A) for name in names]

    def from_names() -> list[object]:
        return [zone.get_rdataset(name, dns.rdatatype.A) for name in parsed]

    assert all(from_names())
    found = [
        measured("dnspython, names as text", QUERIES, lambda: from_text),
        measured("dnspython, names made beforehand", QUERIES, lambda: from_names),
    ]
    for figure in found:
        print(f"  {figure.per_second:>12,.0f} a second with {figure.title}")
    return found


def main() -> None:
    figures(int(sys.argv[1]) if len(sys.argv) > 1 else SERVICES)


if __name__ == "__main__":
    main()
