"""What differs between kube-proxy's releases before any rule is written, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from kcompile.ir.plan import KubeVersion


@dataclass(frozen=True, slots=True)
class EndpointRules:
    """How one release digests Services and EndpointSlices.

    - `hints_need_annotation`: hints count only for a Service that is annotated with topology-mode (KEP-2433). Since
      trafficDistribution (KEP-4444) the EndpointSlice controller alone decides.
    - `zone_hints`: hints for zones count at all.
    - `node_hints`: hints for nodes are tried before those for zones (KEP-3015, PreferSameNode).
    - `canonical_addresses`: endpoint addresses are parsed and printed anew; before, the given text went into rules and
      chain names.
    - `prefer_running_duplicate`: of an address that is listed several times, a later one that is not terminating wins;
      before, a later one that is local (a Pod network may reuse the address of a terminating Pod).
    - `sorted_by_address`: what is later in a slice went by the text of the addresses, not by the order of the list.
    - `ip_modes`: a load balancer's address in mode Proxy is left to the load balancer (KEP-1860).
    """

    hints_need_annotation: bool = False
    zone_hints: bool = True
    node_hints: bool = True
    canonical_addresses: bool = True
    prefer_running_duplicate: bool = True
    sorted_by_address: bool = False
    ip_modes: bool = True


ENDPOINT_RULES: Mapping[KubeVersion, EndpointRules] = MappingProxyType(
    {
        "1.30": EndpointRules(
            hints_need_annotation=True,
            node_hints=False,
            canonical_addresses=False,
            prefer_running_duplicate=False,
            sorted_by_address=True,
        ),
        "1.34": EndpointRules(),
        "1.37": EndpointRules(),
    }
)


@dataclass(frozen=True, slots=True)
class FeatureGate:
    """A gate of one release, and the field of `EndpointRules` that is `value` where it is not set to its default.

    `stage` is alpha for one that is off by default, beta for one that is on.
    """

    name: str
    stage: Literal["alpha", "beta"]
    field: str
    value: bool

    def is_changed(self, given: Mapping[str, bool]) -> bool:
        """Whether a configuration switches the gate; AllAlpha and AllBeta stand for those that it does not name."""
        default = self.stage == "beta"
        everyone = given.get("AllBeta" if default else "AllAlpha", default)
        return given.get(self.name, everyone) is not default


FEATURE_GATES: Mapping[KubeVersion, tuple[FeatureGate, ...]] = MappingProxyType(
    {
        "1.30": (
            FeatureGate("ServiceTrafficDistribution", "alpha", "hints_need_annotation", False),
            FeatureGate("TopologyAwareHints", "beta", "zone_hints", False),
            FeatureGate("LoadBalancerIPMode", "beta", "ip_modes", False),
        ),
        "1.34": (FeatureGate("PreferSameTrafficDistribution", "beta", "node_hints", False),),
        "1.37": (),
    }
)
"""The gates that change what kube-proxy makes of Services and EndpointSlices, while a release lets them be switched."""


def endpoint_rules(version: KubeVersion, feature_gates: Mapping[str, bool]) -> EndpointRules:
    """The rules of a release as its configuration has them."""
    changes = {gate.field: gate.value for gate in FEATURE_GATES[version] if gate.is_changed(feature_gates)}
    return replace(ENDPOINT_RULES[version], **changes)
