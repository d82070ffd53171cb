"""What differs between kube-proxy's releases before any rule is written, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from kcompile.ir.plan import KubeVersion


@dataclass(frozen=True, slots=True)
class EndpointRules:
    """How one release digests Services and EndpointSlices.

    - `hints_need_annotation`: hints count only for a Service that is annotated with topology-mode (KEP-2433). Since
      trafficDistribution (KEP-4444) the EndpointSlice controller alone decides.
    - `node_hints`: hints for nodes are tried before those for zones (KEP-3015, PreferSameNode).
    - `canonical_addresses`: endpoint addresses are parsed and printed anew; before, the given text went into rules and
      chain names.
    - `prefer_running_duplicate`: of an address that is listed several times, a later one that is not terminating wins;
      before, a later one that is local (a Pod network may reuse the address of a terminating Pod).
    - `sorted_by_address`: what is later in a slice went by the text of the addresses, not by the order of the list.
    """

    hints_need_annotation: bool = False
    node_hints: bool = True
    canonical_addresses: bool = True
    prefer_running_duplicate: bool = True
    sorted_by_address: bool = False


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
