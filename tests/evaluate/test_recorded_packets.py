"""What the kernel did with packets under kube-proxy's own rules (release 1.37), packet by packet.

tests/data/packets/CASE.jsonl holds packets to the cluster of tests/data/proxy/CASE: from, to, proto, and per mode the
verdict, the endpoints reached and whether each saw a rewritten source (null where that was not seen).
"""

from __future__ import annotations

import json
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import kcompile
from kcompile.evaluate.packet import Outcome
from kcompile.evaluate.world import World
from kcompile.ir.plan import Mode

DATA = Path(__file__).parents[1] / "data"
CASES = sorted(path.stem for path in (DATA / "packets").iterdir())


@cache
def world(case: str, mode: Mode) -> World:
    spec = json.loads((DATA / "proxy" / case / "case.json").read_text())
    cluster = kcompile.load([DATA / "proxy" / case / "cluster.yaml"])
    return World(cluster, mode, "1.37", spec["local_addresses"])


def outcomes(case: str, mode: Mode, packet: dict[str, Any]) -> tuple[Outcome, ...]:
    there = world(case, mode)
    node = json.loads((DATA / "proxy" / case / "case.json").read_text())["node"]
    origin = there.places.find(packet["from"])
    (start,) = there.starts(node, origin, there.places.find(packet["to"], origin), packet["proto"])
    return start.node.rules.trace(start.packet, start.node.host).outcomes


@pytest.mark.parametrize("mode", ["iptables", "nftables"])
@pytest.mark.parametrize("case", CASES)
def test_a_packet_ends_as_the_kernel_had_it(case: str, mode: Mode) -> None:
    for line in (DATA / "packets" / f"{case}.jsonl").read_text().splitlines():
        packet = json.loads(line)
        wanted = packet[mode]
        found = outcomes(case, mode, packet)
        where = f"{packet['from']} to {packet['to']}/{packet['proto']}: {found}"
        assert {outcome.verdict for outcome in found} == {wanted["verdict"]}, where
        assert sum((outcome.probability for outcome in found), Fraction(0)) == 1, where
        rewritten = {outcome.to: outcome.masquerade for outcome in found}
        reached = wanted.get("to", {})
        # A sticky client keeps its endpoint, so the kernel shows only some of those that it might have got.
        if packet.get("sticky"):
            assert set(reached) <= set(rewritten) or wanted["verdict"] != "dnat", where
        elif wanted["verdict"] == "dnat":
            assert set(reached) == set(rewritten), where
        assert all(seen is None or rewritten[to] == seen for to, seen in reached.items()), where
