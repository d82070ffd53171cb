"""Traces of the evaluator and of the kernel as the same thing: the rules that a packet matches, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kcompile.evaluate.packet import Branch, End, Hop, Host, Memory
from kcompile.ir.addresses import address, address_text
from kcompile.ir.ruleset import Ruleset
from tests.evaluate.connections import Connection
from tests.kernel import probing, rig
from tests.kernel.monitors import Monitor, Step, is_mark, spaced
from tests.kernel.scenario import Command, Output, Script, World

PATIENCE = 0.02
"""What becomes of a connection is not the question here."""

# What a rule does last, in the word that the kernel has for it.
VERDICTS = {"dnat": "accept", "redirect": "accept", "snat": "accept", "masquerade": "accept", "reject": "drop"}
FINAL = frozenset({"accept", "drop", "return"})
TO_A_CHAIN = frozenset({"jump", "goto"})


@dataclass(frozen=True, slots=True)
class Watched:
    """Connections, the outputs of the commands before them, and the steps of the packets that the kernel traced."""

    world: World
    asked: tuple[Connection, ...]
    outputs: tuple[Output, ...]
    steps: dict[Connection, list[tuple[Step, ...]]]


def watch(
    world: World,
    host: Host,
    commands: Sequence[Command],
    asked: Sequence[Connection],
    monitor: Monitor,
    ports: Sequence[int],
) -> Watched:
    """Run commands in a world, then make each connection once under a monitor."""
    script = Script(
        world=world,
        commands=tuple(commands),
        probes=tuple(map(probing.probe, asked)),
        ports=tuple(ports),
        watch=monitor.watch,
        patience=PATIENCE,
    )
    report = rig.perform(script)
    steps: dict[Connection, list[tuple[Step, ...]]] = {each: [] for each in asked}
    by_packet: dict[tuple[str, str, int, str], Connection] = {
        (source(each, host), each.to, each.port, each.protocol): each for each in asked
    }
    for packet in monitor.read(report.watched):
        steps[by_packet[packet.source, packet.to, packet.port, packet.protocol]].append(packet.steps)
    return Watched(world, tuple(asked), report.outputs, steps)


def source(connection: Connection, host: Host) -> str:
    family, number = address(connection.to)
    return connection.client.address or address_text(family, host.source_for(family, number))


def differences(watched: Watched, rules: Ruleset, host: Host, *, settled: bool) -> Iterator[str]:
    """For each connection "", or how the rules that it took differ from those that its trace names.

    With `settled` no trace may leave open which way is taken; else the kernel may have taken any of them.
    """
    memory: Memory | None = None
    for connection in watched.asked:
        trace = rules.trace(probing.packet(connection, watched.world), host, memory)
        possible = {steps_of(hops): end for hops, end in ways(trace.branch, settled=settled)}
        [taken] = watched.steps[connection]
        if taken in possible:
            # What session affinity keeps from this connection holds for those that follow.
            memory = possible[taken].memory
            yield ""
        else:
            yield f"{connection}\n  took  {listed(taken)}\n" + "".join(f"  not   {listed(way)}\n" for way in possible)


def ways(branch: Branch, *, settled: bool) -> Iterator[tuple[tuple[Hop, ...], End]]:
    """Every sequence of rules that a packet may match, with its end."""
    taken: tuple[Hop, ...] = ()
    for step in branch.steps:
        if isinstance(step, Hop):
            taken = (*taken, step)
            continue
        for share, way in step.ways:
            assert share is not None or not settled, f"not settled: {step.reason}"
            yield from (((*taken, *rest), end) for rest, end in ways(way, settled=settled))
    if branch.end:
        yield taken, branch.end


def steps_of(hops: tuple[Hop, ...]) -> tuple[Step, ...]:
    """The steps after the rule that marks a packet for tracing: what comes before is not reported."""
    marks = [number for number, hop in enumerate(hops) if hop.rule and is_mark(hop.rule.text)]
    return tuple(map(as_step, hops[marks[0] + 1 if marks else 0 :]))


def as_step(hop: Hop) -> Step:
    if hop.rule is None:
        return Step(hop.table, hop.chain, "", hop.action)
    word, _, chain = hop.action.rpartition(", ")[2].partition(" ")
    verdict = VERDICTS.get(word, word if word in FINAL else "continue")
    return Step(hop.table, hop.chain, spaced(hop.rule.text), f"{word} {chain}" if word in TO_A_CHAIN else verdict)


def listed(steps: tuple[Step, ...]) -> str:
    return "\n        ".join(map(str, steps))
