"""A journey as JSON."""

from __future__ import annotations

from itertools import islice
from typing import Any

from kcompile.evaluate.hops import deciding, steps
from kcompile.evaluate.journey import Journey
from kcompile.evaluate.node_view import endpoint_of
from kcompile.evaluate.packet import Hop
from kcompile.evaluate.places import Places
from kcompile.frontend.source import Origin

MOST_HOPS = 20_000
"""Ways that multiply over unknown rules would fill the memory."""


def journey_json(journey: Journey, places: Places) -> dict[str, Any]:
    """`outcomes` and `hops`, as the design has them, with the places in the manifests that they stem from."""
    first = journey.legs[0]
    packet = journey.packet
    found = first.node.service_port(packet.destination, packet.port, packet.protocol)
    decided = deciding(first.trace)
    data: dict[str, Any] = {"node": first.node.name, "outcomes": [], "hops": []}
    if found:
        data["service"] = {"name": found[0].name, "as": found[1], **place(found[0].origin)}
    for outcome in journey.outcomes:
        entry = outcome.as_json()
        endpoint = endpoint_of(found[0], outcome.to) if found and outcome.to else None
        pod = places.pod_at(outcome.to.rpartition(":")[0].strip("[]")) if outcome.to else None
        if outcome.source:
            entry["source"] = outcome.source
        if pod:
            entry["pod"] = str(pod.meta)
        if endpoint:
            entry |= place(endpoint.origin)
        hop = decided.get(outcome.bare)
        if hop is not None:
            entry["decided_by"] = hop_json(hop)
        data["outcomes"].append(entry)
    for leg in journey.legs:
        for step in islice(steps(leg.trace), MOST_HOPS):
            share = None if step.share is None else str(step.share)
            data["hops"].append(
                {"node": leg.node.name, **hop_json(step.hop), "way": step.way, "probability": share}
                | ({"outcomes": step.outcomes} if leg is first else {})
            )
    return data


def hop_json(hop: Hop) -> dict[str, Any]:
    data: dict[str, Any] = {"hook": hop.hook, "table": hop.table, "chain": hop.chain, "action": hop.action}
    return data | ({"line": hop.rule.line, "rule": hop.rule.text} if hop.rule else {})


def place(origin: Origin) -> dict[str, Any]:
    """The file and line of an object, if an input names it."""
    return {"file": origin.span.source.name, "line": origin.span.line} if origin.source.data else {}
