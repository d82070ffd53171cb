"""Compiled rules, read back and evaluated, do with every packet what the plan of the node promises."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import pytest

from kcompile.api import CompiledNode
from kcompile.evaluate.node_view import NodeView, compiled_view
from kcompile.evaluate.packet import Packet, Trace
from kcompile.ir.plan import Family, KubeVersion, Mode
from tests.evaluate.clusters import NAMES, VARIATIONS, Site, sites
from tests.evaluate.connections import Connection, connections
from tests.evaluate.oracle import DIFFERENCES, Case, Fate, expected
from tests.evaluate.random_clusters import random_site

TARGETS: tuple[tuple[Mode, KubeVersion], ...] = (
    ("iptables", "1.37"),
    ("nftables", "1.34"),
    ("nftables", "1.37"),
    ("ipvs", "1.37"),
)
FAMILIES: tuple[Family, ...] = (4, 6)
SAMPLE = 3
"""The fast form takes one connection of so many."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a mode did, what the oracle expects, and the differences between modes that this rests on."""

    case: Case
    did: Fate | str
    wanted: Fate
    differences: tuple[str, ...]

    def __str__(self) -> str:
        case = self.case
        return f"{case.mode} {case.version}, {case.connection}:\n  expected {self.wanted}\n  but {self.did}"


def fate_of(trace: Trace) -> Fate | str:
    """A trace's outcomes in the oracle's words, or what is odd about them."""
    outcomes = trace.outcomes
    [verdict, *others] = {outcome.verdict for outcome in outcomes}
    if others or verdict == "unknown" or {outcome.probability for outcome in outcomes} != {Fraction(1, len(outcomes))}:
        return f"outcomes {outcomes}"
    if verdict != "dnat":
        return Fate(verdict)
    endpoints = frozenset(outcome.to or "" for outcome in outcomes)
    if len(endpoints) != len(outcomes):
        return f"outcomes {outcomes}"
    return Fate(verdict, endpoints, frozenset(outcome.to or "" for outcome in outcomes if outcome.masquerade))


def view_of(node: CompiledNode) -> NodeView:
    return compiled_view(node, None, FAMILIES)


def packet(view: NodeView, connection: Connection) -> Packet:
    client = connection.client
    return view.packet(
        client.address,
        connection.to,
        connection.port,
        connection.protocol,
        local=client.where == "node",
        from_pod=client.where == "pod",
    )


def answers(site: Site, step: int = 1) -> Iterator[tuple[Answer, ...]]:
    """For every `step`th connection, what each mode does with it."""
    nodes = [site.compile(mode, version) for mode, version in TARGETS]
    views = [view_of(node) for node in nodes]
    for family in FAMILIES:
        # A connection does not depend on the mode: the plans differ in nothing that it is made of.
        for connection in itertools.islice(connections(nodes[0].plan.family(family)), 0, None, step):
            yield tuple(answer(node, view, family, connection) for node, view in zip(nodes, views, strict=True))


def answer(node: CompiledNode, view: NodeView, family: Family, connection: Connection) -> Answer:
    plan = node.plan
    case = Case(connection, plan.family(family), plan.mode, plan.kube_version, plan.configuration)
    wanted, differences = expected(case)
    return Answer(case, fate_of(view.rules.trace(packet(view, connection), view.host)), wanted, differences)


def unexplained(by_mode: tuple[Answer, ...]) -> bool:
    """Whether modes differ although none of the known differences applies."""
    return len({answer.did for answer in by_mode}) > 1 and not any(answer.differences for answer in by_mode)


def check(by_mode: tuple[Answer, ...]) -> list[str]:
    wrong = [str(answer) for answer in by_mode if answer.did != answer.wanted]
    return wrong or (["modes differ:", *map(str, by_mode)] if unexplained(by_mode) else [])


@pytest.mark.parametrize("name", NAMES)
def test_modes_keep_the_promises_of_the_plan(name: str) -> None:
    problems = [problem for site in sites(name) for by_mode in answers(site, SAMPLE) for problem in check(by_mode)]
    assert not problems, "\n".join(problems[:5])


@pytest.mark.slow
def test_modes_keep_the_promises_of_the_plan_under_every_configuration() -> None:
    packets = 0
    seen: set[str] = set()
    for name, variation in itertools.product(NAMES, VARIATIONS.values()):
        for site in sites(name):
            for by_mode in answers(variation(site)):
                problems = check(by_mode)
                assert not problems, "\n".join((name, *problems))
                packets += len(by_mode)
                seen.update(name for answer in by_mode for name in answer.differences)
    assert packets >= 100_000
    assert seen == {difference.name for difference in DIFFERENCES}


PROXY_PORTS = "proxy-ports.txt"


@pytest.mark.parametrize("name", NAMES)
def test_userspace_leads_to_the_proxy_port_of_the_service(name: str) -> None:
    """The node's proxy process then chooses an endpoint, out of sight of any rule."""
    for site in sites(name):
        node = site.compile("userspace")
        family = node.plan.primary_family
        plan = node.plan.family(family)
        lines = [line.split("\t") for line in node.files()[PROXY_PORTS].splitlines()[1:]]
        ports: dict[tuple[str, str] | None, str] = {
            (service, protocol): number for number, protocol, service, _, _ in lines
        }
        view = view_of(node)
        for connection in connections(plan):
            case = Case(connection, plan, "userspace", "1.37", node.plan.configuration)
            number = ports.get(service_of(case))
            # A Pod on a bridge gets to an external IP by another way: these are not.
            trace = view.rules.trace(replace(packet(view, connection), bridged=False), view.host)
            [outcome] = trace.outcomes
            reached = outcome.to.rpartition(":")[2] if outcome.to else None
            assert (outcome.verdict, reached) == ("dnat" if number else "accept", number), str(connection)


def service_of(case: Case) -> tuple[str, str] | None:
    """The Service port, by name and protocol, that the userspace mode finds for a connection.

    It listens on every address of the node, loopback included. An external IP may be anyone's: only connections that
    arrive are taken, and not those that the node makes.
    """
    found = case.find() or case.node_port_at(case.plan.local_addresses)
    if not found or (found[1] == "external IP" and case.from_node and not case.to_node):
        return None
    return found[0].name, found[0].protocol


def random_problems(seeds: range, step: int) -> list[str]:
    found = []
    for seed in seeds:
        for by_mode in answers(random_site(seed), step):
            found += [f"seed {seed}: {problem}" for problem in check(by_mode)]
    return found


def test_random_clusters_keep_the_promises_of_the_plan() -> None:
    assert not random_problems(range(6), 11)


@pytest.mark.slow
def test_many_random_clusters_keep_the_promises_of_the_plan() -> None:
    assert not random_problems(range(100, 200), 5)
