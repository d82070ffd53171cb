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
from kcompile.evaluate.packet import Memory, Packet, Trace
from kcompile.evaluate.packet import Outcome as Stated
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
SHARED = 150
"""Connections where there are several endpoints to share them."""
STICKY = 4
"""Connections where session affinity keeps to one."""
IPVS_CLUSTERS = ("recorded/dual-stack", "recorded/internal-local-external-local", "golden/source-ranges")
GUEST_SHARED = 30
GUEST_PATIENCE = 0.5
"""A guest is slow: few clusters, fewer connections, and more time for each."""
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


def count(trace: Trace, memory: Memory, shared: int) -> int:
    return STICKY if is_sticky(trace, memory) else shared if len(trace.outcomes) > 1 else 1


def server_of(outcome: Stated, connection: Connection) -> str:
    return outcome.to or endpoint_text(*address(connection.to), connection.port)


def is_answered_past_the_node(connection: Connection, trace: Trace, world: World) -> bool:
    """Whether client and server may be in one place that is not the node: it would then see one direction only."""
    place = probing.origin(connection.client)
    reached = [
        server_of(outcome, connection).rpartition(":")[0].strip("[]")
        for outcome in trace.outcomes
        if outcome.verdict in ("accept", "dnat") and not outcome.masquerade
    ]
    return place != NODE and any(world.place_of(server) == place for server in reached)


def seen(outcome: Stated, connection: Connection) -> Outcome:
    """An outcome as a connection shows it; where it was answered, by `server` and `source`."""
    match outcome.verdict:
        case "reject":
            return Outcome("refused")
        case "drop":
            return Outcome("silent")
        case "dnat" | "accept":
            return Outcome("answered", server=server_of(outcome, connection), source=outcome.source)
    raise AssertionError(f"{connection}: {outcome}")


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
            allowed = {seen(end.outcome, connection): end for end in trace.ends()}
            end = allowed.get(Outcome(outcome.verdict, server=outcome.server, source=outcome.source))
            if end is None:
                yield f"{connection}: {outcome}, not one of {list(allowed)}"
                break
            if end.memory is not memory:
                assert end.memory is not None
                memory = end.memory
                trace = view.rules.trace(scenario.packet, view.host, memory)
            counts[seen(end.outcome, connection)] += 1
        else:
            if len(scenario.outcomes) > STICKY:
                yield from uneven(trace, connection, counts)


def uneven(trace: Trace, connection: Connection, counts: Counter[Outcome]) -> Iterator[str]:
    """The outcomes whose share is not the one that the trace states."""
    total = counts.total()
    for outcome in trace.outcomes:
        number = counts[seen(outcome, connection)]
        if is_implausible(number, total, outcome.probability):
            yield f"{connection}: {number} of {total} went to {outcome.to}, and the trace says {outcome.probability}"


@dataclass(frozen=True, slots=True)
class Trial:
    """What is to be asked of a world. `asked` are as the probes of the script."""

    view: NodeView
    asked: tuple[tuple[Connection, Packet], ...]
    script: Script

    def scenarios(self, report: Report) -> tuple[Scenario, ...]:
        return tuple(Scenario(*each, became) for each, became in zip(self.asked, report.outcomes, strict=True))


def trial(site: Site, loader: Loader, shared: int = SHARED) -> Trial:
    node = site.compile(loader.mode)
    world, view, memory = probing.world_around(node), probing.view(node), Memory()
    asked, probes = [], []
    for connection in probing.all_connections(node)[::STEP]:
        packet = probing.packet(connection, world)
        trace = view.rules.trace(packet, view.host, memory)
        if not is_answered_past_the_node(connection, trace, world):
            asked.append((connection, packet))
            probes.append(probing.probe(connection, count(trace, memory, shared)))
    commands = loader.commands(node)
    return Trial(view, tuple(asked), Script(world, commands, tuple(probes), endpoint_ports(node.plan)))


def check(performed: list[tuple[Trial, Report]]) -> None:
    found = [problem for trial, report in performed for problem in problems(trial.view, trial.scenarios(report))]
    assert not found, "\n".join(found)
    outcomes = [outcome for _, report in performed for outcome in report.outcomes]
    assert len(outcomes) >= ENOUGH
    # Whatever can become of a connection is among them.
    assert {outcome.verdict for each in outcomes for outcome in each} == {"answered", "refused", "silent"}


@pytest.mark.parametrize("name", LOADERS)
def test_connections_end_as_the_trace_says(name: str) -> None:
    loader = LOADERS[name]
    rig.require(*loader.tools)
    trials = [trial(site, loader) for site in itertools.chain.from_iterable(map(sites, CLUSTERS))]
    check([(each, rig.perform(each.script)) for each in trials])


def test_connections_through_ipvs_end_as_the_trace_says() -> None:
    uml.require()
    trials = [trial(site, IPVS, GUEST_SHARED) for site in itertools.chain.from_iterable(map(sites, IPVS_CLUSTERS))]
    reports = uml.perform([replace(each.script, patience=GUEST_PATIENCE) for each in trials])
    assert [output for report in reports for output in report.outputs if output.status] == []
    check(list(zip(trials, reports, strict=True)))
