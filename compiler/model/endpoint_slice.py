"""EndpointSlice (discovery.k8s.io/v1)."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.source import NOWHERE, Origin
from kcompile.model.meta import Meta

SERVICE_NAME_LABEL = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class EndpointPort:
    """`port` is None for a slice that says "all ports", which kube-proxy ignores."""

    name: str = ""
    protocol: str = ""
    port: int | None = None
    app_protocol: str = ""


@dataclass(frozen=True, slots=True)
class TargetReference:
    kind: str = ""
    namespace: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Conditions are None when not given: nil means ready, serving as ready, and not terminating."""

    addresses: tuple[str, ...]
    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None
    hostname: str = ""
    node_name: str = ""
    zone: str = ""
    target: TargetReference | None = None
    zone_hints: tuple[str, ...] = ()
    node_hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EndpointSlice:
    meta: Meta
    origin: Origin = NOWHERE
    address_type: str = ""
    ports: tuple[EndpointPort, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()

    @property
    def service_name(self) -> str:
        """The Service that the slice belongs to, or "" when its label is missing."""
        return self.meta.labels.get(SERVICE_NAME_LABEL, "")
