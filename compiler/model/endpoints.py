"""Endpoints (core/v1), which the control plane mirrors into EndpointSlices."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.source import NOWHERE, Origin
from kcompile.model.endpoint_slice import EndpointPort, TargetReference
from kcompile.model.meta import Meta


@dataclass(frozen=True, slots=True)
class EndpointsAddress:
    ip: str
    hostname: str = ""
    node_name: str = ""
    target: TargetReference | None = None


@dataclass(frozen=True, slots=True)
class EndpointSubset:
    addresses: tuple[EndpointsAddress, ...] = ()
    not_ready_addresses: tuple[EndpointsAddress, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoints:
    meta: Meta
    origin: Origin = NOWHERE
    subsets: tuple[EndpointSubset, ...] = ()
