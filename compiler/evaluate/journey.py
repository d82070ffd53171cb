"""A packet's journey through a cluster: through the node where it starts, and through the node of the endpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from kcompile.evaluate.node_view import NodeView
from kcompile.evaluate.packet import Outcome, Packet, Trace
from kcompile.evaluate.places import Places
from kcompile.ir.addresses import address


@dataclass(frozen=True, slots=True)
class Leg:
    """What one node does with the packet. `follows` is the outcome of the first leg that leads here."""

    node: NodeView
    trace: Trace
    follows: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Journey:
    """The first leg, one leg for each outcome that goes on to another node, and the outcomes of it all."""

    legs: tuple[Leg, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def packet(self) -> Packet:
        return self.legs[0].trace.packet


def travel(start: NodeView, packet: Packet, places: Places, view_of: Callable[[str], NodeView | None]) -> Journey:
    """Follow a packet through the node where it starts and the nodes that it reaches. `view_of` has the other nodes."""
    first = Leg(start, start.rules.trace(packet, start.host))
    legs = [first]
    total: dict[Outcome, Fraction] = {}
    for outcome in start.outcomes(first.trace):
        leg = _onward(start, packet, outcome, places, view_of)
        if leg is None:
            total[outcome.bare] = total.get(outcome.bare, Fraction(0)) + outcome.probability
            continue
        legs.append(leg)
        for last in leg.trace.outcomes:
            merged = _joined(outcome, last).bare
            total[merged] = total.get(merged, Fraction(0)) + outcome.probability * last.probability
    return Journey(tuple(legs), tuple(replace(outcome, probability=share) for outcome, share in total.items()))


def _onward(
    start: NodeView, packet: Packet, outcome: Outcome, places: Places, view_of: Callable[[str], NodeView | None]
) -> Leg | None:
    """The leg on the node where an outcome leads, if that is another one that the cluster has."""
    if outcome.verdict not in ("dnat", "accept"):
        return None
    host, _, port = outcome.to.rpartition(":") if outcome.to else (packet.destination, "", str(packet.port))
    host = host.strip("[]")
    name = places.node_of(host)
    if not name or name == start.name or start.host.is_local(*address(host)):
        return None
    node = view_of(name)
    if node is None:
        return None
    onward = node.packet(outcome.source or packet.source, host, int(port), packet.protocol, local=False, from_pod=False)
    return Leg(node, node.rules.trace(onward, node.host), outcome)


def _joined(first: Outcome, last: Outcome) -> Outcome:
    """The outcome of two legs: the last one's, as seen from the start."""
    if last.verdict == "accept":
        source = last.source if last.masquerade else first.source
        return replace(first, masquerade=first.masquerade or last.masquerade, source=source)
    if last.verdict == "dnat":
        return replace(last, masquerade=first.masquerade or last.masquerade)
    return last
