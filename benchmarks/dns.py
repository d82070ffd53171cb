"""Questions answered per second, and dnspython's look-up in the same zone in memory beside it.

Each run has a new resolver: what one run remembers does not help the next.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from benchmarks.figure import Case, Figure, Work
from benchmarks.reference_cluster import reference_cluster
from kcompile import CompiledCluster, load
from kcompile.evaluate.dns.resolver import Resolver
from kcompile.evaluate.dns.server import Server, World
from kcompile.ir.cluster_corefile import cluster_domain, kubernetes_settings, load_cluster_corefile
from kcompile.ir.dns_objects import dns_objects
from kcompile.ir.domain_names import reverse_name
from kcompile.model import Service
from kcompile.targets.zone import zones

QUERIES = 100_000
SEED = 1
ZONE = "cluster.local"

Question = tuple[str, str]
"""Name and type."""


def addresses(services: Sequence[Service]) -> list[Question]:
    """The A record of a Service, drawn at random."""
    chance = random.Random(SEED)
    return [(_name(chance.choice(services)), "A") for _ in range(QUERIES)]


def as_pods_ask(services: Sequence[Service]) -> list[Question]:
    """What a resolver with a search list asks: A and AAAA, names that do not exist, ports, and names of addresses."""
    chance = random.Random(SEED)
    asked: list[Question] = []
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
    return asked[:QUERIES]


def _name(service: Service) -> str:
    return f"{service.meta.name}.{service.meta.namespace}.svc.{ZONE}"


def _query_many(questions_of: Callable[[Sequence[Service]], list[Question]]) -> Callable[[int], Work]:
    def prepare(services: int) -> Work:
        cluster = _cluster(services)
        questions = questions_of(cluster.model.services)
        names, types = map(list, zip(*questions, strict=True))
        objects = dns_objects(cluster.model, cluster.given)
        resolver = Resolver(Server(load_cluster_corefile(cluster.model), World(objects)))
        return _work(lambda: resolver.query_many(names, types), questions)

    return prepare


def _dnspython(as_text: bool) -> Callable[[int], Work]:
    """The questions about addresses, looked up in a dns.zone.Zone."""

    def prepare(services: int) -> Work:
        import dns.name
        import dns.rdatatype
        import dns.zone

        cluster = _cluster(services)
        settings = kubernetes_settings(load_cluster_corefile(cluster.model), cluster_domain(cluster.model))
        objects = dns_objects(cluster.model, cluster.given)
        text = next(iter(zones(objects, settings, ("10.96.0.10",)).values()))[1].decode()
        # Reading every endpoint's record as well would take minutes and is no part of the comparison.
        wanted = {f"{_name(service)}." for service in cluster.model.services} | {f"{ZONE}."}
        lines = (line for line in text.splitlines() if line.startswith("$") or line.split("\t")[0] in wanted)
        zone = dns.zone.from_text("\n".join(lines), origin=ZONE, relativize=False, check_origin=False)
        questions = addresses(cluster.model.services)
        names = [f"{name}." for name, _ in questions]
        asked = names if as_text else [dns.name.from_text(name) for name in names]

        def run() -> None:
            found = [zone.get_rdataset(name, dns.rdatatype.A) for name in asked]
            assert all(found)

        return _work(run, questions)

    return prepare


def _cluster(services: int) -> CompiledCluster:
    return load([reference_cluster("json", services)])


def _work(run: Callable[[], object], questions: list[Question]) -> Work:
    return Work(run, f"{len(set(questions)):,} different ones", len(questions), "questions")


FIGURES = (
    Figure(
        "addresses",
        "the address of a Service of the reference cluster",
        (
            Case("query_many", _query_many(addresses)),
            Case("dnspython, names as text", _dnspython(True)),
            Case("dnspython, names made before", _dnspython(False)),
        ),
    ),
    Figure("as_pods_ask", "what Pods of the reference cluster ask", (Case("query_many", _query_many(as_pods_ask)),)),
)
