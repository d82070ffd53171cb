"""Node (core/v1)."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.source import NOWHERE, Origin
from kcompile.model.meta import Meta

ZONE_LABEL = "topology.kubernetes.io/zone"


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """`type` is Hostname, InternalIP, ExternalIP, InternalDNS or ExternalDNS."""

    type: str
    address: str


@dataclass(frozen=True, slots=True)
class Node:
    """`pod_cidrs` is spec.podCIDRs, or spec.podCIDR alone."""

    meta: Meta
    origin: Origin = NOWHERE
    pod_cidrs: tuple[str, ...] = ()
    addresses: tuple[NodeAddress, ...] = ()

    @property
    def name(self) -> str:
        return self.meta.name

    @property
    def zone(self) -> str:
        return self.meta.labels.get(ZONE_LABEL, "")
