"""A journey as a tree for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from kcompile.diagnostics import printable
from kcompile.evaluate.hops import deciding, parted
from kcompile.evaluate.journey import Journey, Leg
from kcompile.evaluate.node_view import endpoint_of
from kcompile.evaluate.packet import Branch, Hop, Outcome
from kcompile.evaluate.places import Places
from kcompile.evaluate.words import outcome_text, packet_text
from kcompile.frontend.source import Origin

MOST_WAYS = 8
"""Of ways that part at one place, as many are drawn; the outcomes name all."""

FEWEST_REPEATED = 3
"""Of a way that ends like the one drawn first, so many hops or more are left out."""

_COLOURS = {"dnat": "green", "accept": "green", "reject": "red", "drop": "red", "unknown": "yellow"}


def journey_text(journey: Journey, places: Places, title: str, width: int | None = None) -> Iterator[str]:
    """The lines of a journey: what was asked, each node's tree, the outcomes.

    In the tree rules are cut to `width` columns; those that decided stand whole below it.
    """
    packet = journey.packet
    yield _styled(f"{packet_text(packet)}, {title}", bold=True)
    yield from service_lines(journey.legs[0])
    for leg in journey.legs:
        yield ""
        if leg.follows:
            yield _styled(f"on {leg.node.name}, after {outcome_text(leg.follows)}", bold=True)
        elif leg.node.name:
            yield _styled(f"on {leg.node.name}", bold=True)
        yield from _branch(leg.trace.branch, "", [""], width)
    yield ""
    decided = deciding(journey.legs[0].trace)
    for outcome in journey.outcomes:
        text = _styled(outcome_text(outcome), fg=_COLOURS[outcome.verdict], bold=True)
        share = f"{outcome.probability!s:>8}  " if len(journey.outcomes) > 1 else ""
        yield f"{share}{text}{_endpoint_note(journey.legs[0], outcome, places)}"
        hop = decided.get(outcome.bare)
        if hop is not None and hop.rule is not None:
            place = f"line {hop.line} in {printable(hop.chain)}"
            yield f"{'':>{len(share)}}  decided by {place}: {printable(hop.rule.text)}"


def service_lines(leg: Leg) -> Iterator[str]:
    """The Service port that the packet is for, with its place in the manifests."""
    packet = leg.trace.packet
    found = leg.node.service_port(packet.destination, packet.port, packet.protocol)
    if found:
        info, what = found
        yield printable(f"{what} of Service {info.name}{_at(info.origin)}")


def _endpoint_note(leg: Leg, outcome: Outcome, places: Places) -> str:
    """The Pod and the manifest line of an endpoint."""
    if outcome.to is None:
        return ""
    packet = leg.trace.packet
    pod = places.pod_at(outcome.to.rpartition(":")[0].strip("[]"))
    found = leg.node.service_port(packet.destination, packet.port, packet.protocol)
    endpoint = endpoint_of(found[0], outcome.to) if found else None
    name = f"  Pod {pod.meta}" if pod else ""
    return printable(name + (_at(endpoint.origin) if endpoint else _at(pod.origin) if pod else ""))


def _at(origin: Origin) -> str:
    span = origin.span
    return f" ({span.source.name}:{span.line})" if origin.source.data else ""


def _styled(text: str, **style: Any) -> str:
    """Text of the input in colours, which are the only escape sequences that reach the terminal."""
    return click.style(printable(text), **style)


# ---------------------------------------------------------------- the tree


def _branch(branch: Branch, indent: str, hook: list[str], width: int | None) -> Iterator[str]:
    """The hops of a branch, one a line, and the ways in which it parts. `hook` is the one named last."""
    hops, ways = parted(branch)
    for hop in hops:
        yield indent + _hop(hop, hook, width and width - len(indent))
    shown = ways if len(ways) <= MOST_WAYS + 1 else ways[:MOST_WAYS]
    first: list[str] = []
    for number, (label, way) in enumerate(shown):
        last = number == len(ways) - 1
        yield f"{indent}{'└─ ' if last else '├─ '}{_styled(label, fg='cyan')}"
        inner = indent + ("   " if last else "│  ")
        lines = list(_branch(way, "", list(hook), width and width - len(inner)))
        yield from (inner + line for line in _without_repeated(lines, first))
        first = first or lines
    if len(ways) > len(shown):
        yield f"{indent}└─ {len(ways) - len(shown)} more ways"
    if not ways and branch.end:
        text = outcome_text(branch.end.outcome)
        yield f"{indent}{_styled(f'= {text}', fg=_COLOURS[branch.end.outcome.verdict])}"


def _without_repeated(lines: list[str], first: list[str]) -> list[str]:
    """The lines of a way, without those before its outcome that the first way has there, too."""
    hops = lines[:-1]
    alike = 0
    for line, other in zip(reversed(hops), reversed(first[:-1]), strict=False):
        if line != other:
            break
        alike += 1
    if alike < FEWEST_REPEATED:
        return lines
    repeated = click.style(f"{'':<12}... {alike} more rules as above", dim=True)
    return [*hops[: len(hops) - alike], repeated, *lines[-1:]]


def _hop(hop: Hop, hook: list[str], width: int | None) -> str:
    name = "" if hook[0] == hop.hook else hop.hook
    hook[0] = hop.hook
    text = printable(f"{name:<12}{hop.table} {hop.chain}: {hop.action or 'matches'}")
    rule = printable(f"  {hop.line}: {hop.rule.text}") if hop.rule else ""
    if width is not None and len(text) + len(rule) > width:
        rule = f"{rule[: max(0, width - len(text) - 3)]}..."
    return text + click.style(rule, dim=True)
