"""The packets of golden/ end in every mode as their table says."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest

import kcompile
from kcompile.evaluate.node_view import NodeView, compiled_view
from kcompile.evaluate.packet import Trace
from kcompile.ir.plan import Mode
from tests.golden.packets import FILE, MODES, TABLES, Row, rows
from tests.golden.scenarios import GOLDEN, SCENARIOS


def outcome_of(trace: Trace) -> tuple[str, str]:
    """A trace as a row's outcome and masquerade."""
    outcomes = sorted(trace.outcomes, key=lambda outcome: outcome.to or "")
    assert {outcome.probability for outcome in outcomes} == {Fraction(1, len(outcomes))}, outcomes
    if outcomes[0].verdict != "dnat":
        [outcome] = outcomes
        return outcome.verdict.upper(), "false"
    masqueraded = [outcome.to or "" for outcome in outcomes if outcome.masquerade]
    masquerade = {0: "false", len(outcomes): "true"}.get(len(masqueraded), ", ".join(masqueraded))
    return ", ".join(outcome.to or "" for outcome in outcomes), masquerade


def follow(view: NodeView, row: Row) -> Trace:
    local = row.source == "node"
    source = "" if local else row.source
    packet = view.packet(source, row.destination, row.port, row.protocol.lower(), local=local, from_pod=False)
    return view.rules.trace(packet, view.host)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("scenario", TABLES)
def test_packets_end_as_the_table_says(scenario: str, mode: Mode) -> None:
    cluster = kcompile.load([GOLDEN / scenario / "input"])
    views = {name: compiled_view(cluster.node(name, mode), None, (4, 6)) for name in cluster.node_names}
    for row in rows(GOLDEN / scenario / FILE):
        if mode in row.modes:
            assert outcome_of(follow(views[row.node], row)) == (row.outcome, row.masquerade), row.name


@pytest.mark.parametrize("scenario", TABLES)
def test_a_table_says_of_each_packet_what_each_mode_does(scenario: str) -> None:
    said = Counter((row.packet, mode) for row in rows(GOLDEN / scenario / FILE) for mode in row.modes)
    packets = {row.packet for row in rows(GOLDEN / scenario / FILE)}
    assert said == Counter((packet, mode) for packet in packets for mode in MODES)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_with_a_service_to_reach_shows_packets_or_names(scenario: str) -> None:
    cluster = kcompile.load([GOLDEN / scenario / "input"])
    reachable = [service for service in cluster.model.services if service.cluster_ips and not service.headless]
    assert not reachable or scenario in TABLES or (GOLDEN / scenario / "queries.tsv").exists()
