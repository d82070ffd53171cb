"""The rules that the kernel says a packet matched are those that its trace names, one after the other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from kcompile.evaluate.node_view import NodeView
from kcompile.evaluate.packet import Branch, End, Hop, Memory
from kcompile.ir.addresses import address, address_text
from tests.evaluate.clusters import Site, sites
from tests.evaluate.connections import Connection
from tests.kernel import probing, rig
from tests.kernel.monitors import MONITORS, Step, spaced
from tests.kernel.scenario import Script
from tests.kernel.worlds import LOADERS, endpoint_ports

pytestmark = pytest.mark.kernel

CLUSTERS = (
    "recorded/dual-stack",
    "recorded/external-ips-local",
    "recorded/internal-local-external-local",
    "recorded/lb-source-ranges-node-excluded",
    "recorded/random-013",
    "recorded/session-affinity-local",
)
STEP = 2
ENOUGH = 200

IPV4_ONLY = frozenset({"iptables-nft"})
"""xtables-monitor 1.8.9 ends at the first IPv6 rule with a port: "unsupported layer 4 protocol value"."""

# What a rule does last, in the word that the kernel has for it.
VERDICTS = {"dnat": "accept", "masquerade": "accept", "reject": "drop"}
FINAL = frozenset({"accept", "drop", "return"})
TO_A_CHAIN = frozenset({"jump", "goto"})


Way = tuple[tuple[Hop, ...], End]


def ways(branch: Branch) -> Iterator[Way]:
    """Every sequence of rules that a packet may match, with its end. Nothing may be unknown."""
    taken: tuple[Hop, ...] = ()
    for step in branch.steps:
        if isinstance(step, Hop):
            taken = (*taken, step)
            continue
        for share, way in step.ways:
            assert share is not None, f"not settled: {step.reason}"
            yield from (((*taken, *rest), end) for rest, end in ways(way))
    if branch.end:
        yield taken, branch.end


def as_step(hop: Hop) -> Step:
    assert hop.rule is not None, "no policy of these chains drops"
    word, _, chain = hop.action.rpartition(", ")[2].partition(" ")
    verdict = VERDICTS.get(word, word if word in FINAL else "continue")
    return Step(hop.table, hop.chain, spaced(hop.rule.text), f"{word} {chain}" if word in TO_A_CHAIN else verdict)


def differences(site: Site, name: str) -> Iterator[str]:
    """For each connection "", or how what the kernel reports differs from its trace."""
    loader, monitor = LOADERS[name], MONITORS[name]
    node = site.compile(loader.mode)
    world, view = probing.world_around(node), probing.view(node)
    asked = probing.all_connections(node)[::STEP]
    asked = [each for each in asked if not (name in IPV4_ONLY and ":" in each.to)]
    script = Script(
        world=world,
        commands=(*loader.commands(node), *monitor.mark),
        probes=tuple(map(probing.probe, asked)),
        ports=endpoint_ports(node.plan),
        watch=monitor.watch,
    )
    packets: dict[Connection, list[tuple[Step, ...]]] = {each: [] for each in asked}
    by_packet = {(source(each, view), each.to, each.port, each.protocol): each for each in asked}
    for packet in monitor.read(rig.perform(script).watched):
        packets[by_packet[packet.source, packet.to, packet.port, packet.protocol]].append(packet.steps)
    memory: Memory | None = None
    for connection in asked:
        trace = view.rules.trace(probing.packet(connection, world), view.host, memory)
        possible = {tuple(map(as_step, hops)): end for hops, end in ways(trace.branch)}
        [taken] = packets[connection]
        # What session affinity keeps from this connection holds for those that follow.
        memory = possible[taken].memory if taken in possible else memory
        yield (
            ""
            if taken in possible
            else f"{connection}\n  took  {listed(taken)}\n" + "".join(f"  not {listed(way)}\n" for way in possible)
        )


def source(connection: Connection, view: NodeView) -> str:
    family, number = address(connection.to)
    return connection.client.address or address_text(family, view.host.source_for(family, number))


def listed(steps: tuple[Step, ...]) -> str:
    return "\n        ".join(map(str, steps))


@pytest.mark.parametrize("name", MONITORS)
def test_the_kernel_matches_the_rules_that_the_trace_names(name: str) -> None:
    rig.require(*LOADERS[name].tools, MONITORS[name].watch[0])
    compared = [
        each for site in itertools.chain.from_iterable(map(sites, CLUSTERS)) for each in differences(site, name)
    ]
    assert len(compared) >= ENOUGH
    assert not any(compared), "\n".join(filter(None, compared))
