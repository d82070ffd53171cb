"""Real connections end as the trace says they may, and over many of them in the shares that it states."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import pytest

from kcompile.evaluate.node_view import NodeView
from kcompile.evaluate.packet import End, Memory, Packet, Trace
from kcompile.ir.addresses import address, endpoint_text
from tests.evaluate.clusters import Site, sites
from tests.evaluate.connections import Connection
from tests.kernel import probing, rig, uml
from tests.kernel.scenario import NODE, Outcome, Report, Script, World
from tests.kernel.worlds import IPVS, LOADERS, Loader, endpoint_ports

pytestmark = pytest.mark.kernel

CLUSTERS = (
    "recorded/dual-stack",
    "recorded/external-ips-local",
    "recorded/internal-local-external-local",
    "recorded/lb-source-ranges-node-excluded",
    "recorded/masquerade-all",
    "recorded/nodeport-addresses-two",
    "recorded/random-009",
    "recorded/random-013",
    "recorded/session-affinity-local",
    "recorded/terminating-local-fallback",
    "golden/external-policy-local",
    "golden/source-ranges",
)
STEP = 3
IPVS_CLUSTERS = CLUSTERS[:1] + CLUSTERS[2:4]
GUEST_PATIENCE = 0.5
"""A guest is slow: few clusters, and more time for each connection."""
SHARED = 100
"""Connections where there are several endpoints to share them."""
STICKY = 4
"""Connections where session affinity keeps to one."""
ENOUGH = 60
FIVE_SIGMA = math.erfc(5 / math.sqrt(2))


@dataclass(frozen=True, slots=True)
class Scenario:
    """A connection that was made again and again, and what became of it each time."""

    connection: Connection
    packet: Packet
    outcomes: tuple[Outcome, ...]


def is_sticky(trace: Trace, memory: Memory) -> bool:
    """Whether the packet leaves something behind for those that follow."""
    return any(end.memory is not memory for end in trace.ends())


def count(trace: Trace, memory: Memory) -> int:
    return STICKY if is_sticky(trace, memory) else SHARED if len(trace.outcomes) > 1 else 1


def is_answered_past_the_node(connection: Connection, trace: Trace, world: World) -> bool:
    """Whether client and server may be in one place: the node would then see one direction only."""
    place = probing.origin(connection.client)
    return any(
        outcome.verdict in ("accept", "dnat")
        and not outcome.masquerade
        and world.place_of(target(outcome.to or endpoint_text(*address(connection.to), connection.port)))
        == place
        != NODE
        for outcome in trace.outcomes
    )


def target(endpoint: str) -> str:
    return endpoint.rpartition(":")[0].strip("[]")


def seen(end: End, connection: Connection) -> Outcome:
    """An end of a trace as a connection shows it; where it was answered, by `server` and `source`."""
    outcome = end.outcome
    match outcome.verdict:
        case "reject":
            return Outcome("refused")
        case "drop":
            return Outcome("silent")
        case "dnat" | "accept":
            server = outcome.to or endpoint_text(*address(connection.to), connection.port)
            return Outcome("answered", server=server, source=outcome.source)
    raise AssertionError(f"{connection}: {outcome}")


def chosen_source(view: NodeView, source: str) -> str:
    """A client's address; the node's first one in the place of one of kube-ipvs0.

    Of all the addresses that a node has, IPv6 routing takes one that is near the target (RFC 6724) for masquerading.
    """
    of_service = view.plan is not None and view.plan.mode == "ipvs" and ":" in source
    servers = view.rules.virtual_servers if of_service else ()
    return view.plan.ipv6.node_ip if view.plan and any(source == server.address for server in servers) else source


def is_implausible(count: int, total: int, share: Fraction) -> bool:
    """Whether a share of the connections is as far from its mean as five standard deviations of a normal variable."""
    p = float(share)
    beyond = range(count, total + 1) if count > total * p else range(count + 1)
    return 2 * sum(math.comb(total, k) * p**k * (1 - p) ** (total - k) for k in beyond) < FIVE_SIGMA


def problems(view: NodeView, scenarios: tuple[Scenario, ...]) -> Iterator[str]:
    """What the traces do not allow, in connections that were made one after the other."""
    memory = Memory()
    for scenario in scenarios:
        connection, counts = scenario.connection, Counter[Outcome]()
        trace = view.rules.trace(scenario.packet, view.host, memory)
        for outcome in scenario.outcomes:
            allowed = {seen(end, connection): end for end in trace.ends()}
            end = allowed.get(Outcome(outcome.verdict, "", outcome.server, chosen_source(view, outcome.source)))
            if end is None:
                yield f"{connection}: {outcome}, not one of {list(allowed)}"
                break
            if end.memory is not memory:
                assert end.memory is not None
                memory = end.memory
                trace = view.rules.trace(scenario.packet, view.host, memory)
            counts[seen(end, connection)] += 1
        else:
            if len(scenario.outcomes) == SHARED:
                yield from uneven(trace, connection, counts)


def uneven(trace: Trace, connection: Connection, counts: Counter[Outcome]) -> Iterator[str]:
    """The outcomes whose share is not the one that the trace states."""
    for outcome in trace.outcomes:
        number = counts[seen(End(outcome), connection)]
        if is_implausible(number, SHARED, outcome.probability):
            yield f"{connection}: {number} of {SHARED} went to {outcome.to}, and the trace says {outcome.probability}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be asked of a world. `asked` are as the probes of the script."""

    view: NodeView
    asked: tuple[tuple[Connection, Packet], ...]
    script: Script

    def scenarios(self, report: Report) -> tuple[Scenario, ...]:
        return tuple(Scenario(*each, became) for each, became in zip(self.asked, report.outcomes, strict=True))


def plan(site: Site, loader: Loader) -> Plan:
    node = site.compile(loader.mode)
    world, view, memory = probing.world_around(node), probing.view(node), Memory()
    asked, probes = [], []
    for connection in probing.all_connections(node)[::STEP]:
        packet = probing.packet(connection, world)
        trace = view.rules.trace(packet, view.host, memory)
        if not is_answered_past_the_node(connection, trace, world):
            asked.append((connection, packet))
            probes.append(probing.probe(connection, count(trace, memory)))
    commands = loader.commands(node)
    return Plan(view, tuple(asked), Script(world, commands, tuple(probes), endpoint_ports(node.plan)))


def check(performed: list[tuple[Plan, Report]]) -> None:
    found = [problem for plan, report in performed for problem in problems(plan.view, plan.scenarios(report))]
    assert not found, "\n".join(found)
    outcomes = [outcome for _, report in performed for outcome in report.outcomes]
    assert len(outcomes) >= ENOUGH
    # Whatever can become of a connection is among them.
    assert {outcome.verdict for each in outcomes for outcome in each} == {"answered", "refused", "silent"}


@pytest.mark.parametrize("name", LOADERS)
def test_connections_end_as_the_trace_says(name: str) -> None:
    loader = LOADERS[name]
    rig.require(*loader.tools)
    plans = [plan(site, loader) for site in itertools.chain.from_iterable(map(sites, CLUSTERS))]
    check([(each, rig.perform(each.script)) for each in plans])


def test_connections_through_ipvs_end_as_the_trace_says() -> None:
    uml.require()
    plans = [plan(site, IPVS) for site in itertools.chain.from_iterable(map(sites, IPVS_CLUSTERS))]
    reports = uml.perform([replace(each.script, patience=GUEST_PATIENCE) for each in plans])
    assert [output for report in reports for output in report.outputs if output.status] == []
    check(list(zip(plans, reports, strict=True)))
