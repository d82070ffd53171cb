from __future__ import annotations

import pytest

from kcompile.ir.plan import KubeVersion
from kcompile.ir.versions import ENDPOINT_RULES, FEATURE_GATES, endpoint_rules


@pytest.mark.parametrize("version", ENDPOINT_RULES)
def test_gates_at_their_defaults_change_nothing(version: KubeVersion) -> None:
    defaults = {gate.name: gate.stage == "beta" for gate in FEATURE_GATES[version]}
    for gates in ({}, defaults, {"AllAlpha": False, "AllBeta": True}, {"SomethingElse": True}):
        assert endpoint_rules(version, gates) == ENDPOINT_RULES[version]


@pytest.mark.parametrize(
    ("version", "gates", "field", "value"),
    [
        ("1.30", {"ServiceTrafficDistribution": True}, "hints_need_annotation", False),
        ("1.30", {"AllAlpha": True}, "hints_need_annotation", False),
        ("1.30", {"AllAlpha": True, "ServiceTrafficDistribution": False}, "hints_need_annotation", True),
        ("1.30", {"TopologyAwareHints": False}, "zone_hints", False),
        ("1.30", {"LoadBalancerIPMode": False}, "ip_modes", False),
        ("1.30", {"AllBeta": False}, "ip_modes", False),
        ("1.34", {"PreferSameTrafficDistribution": False}, "node_hints", False),
        ("1.37", {"PreferSameTrafficDistribution": False}, "node_hints", True),
    ],
)
def test_a_gate_counts_in_the_release_that_lets_it_be_switched(
    version: KubeVersion, gates: dict[str, bool], field: str, value: bool
) -> None:
    assert getattr(endpoint_rules(version, gates), field) is value
