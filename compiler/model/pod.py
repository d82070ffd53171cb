"""Pod (core/v1): the fields that decide its addresses, its names and its resolv.conf."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kcompile.frontend.source import NOWHERE, Origin
from kcompile.model.meta import EMPTY, Meta


@dataclass(frozen=True, slots=True)
class ContainerPort:
    container_port: int
    name: str = ""
    protocol: str = ""


@dataclass(frozen=True, slots=True)
class DNSConfig:
    """`options` are (name, value) pairs in their order; the value is None for a bare option such as `edns0`."""

    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class PodSpec:
    """`ports` are those of all containers and of restartable init containers, in that order."""

    node_name: str = ""
    node_selector: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    host_network: bool = False
    hostname: str = ""
    subdomain: str = ""
    set_hostname_as_fqdn: bool = False
    dns_policy: str = ""
    dns_config: DNSConfig | None = None
    ports: tuple[ContainerPort, ...] = ()


@dataclass(frozen=True, slots=True)
class PodStatus:
    """What a Pod that brings a status says of itself. `ready` is None when it has no Ready condition."""

    phase: str = ""
    pod_ip: str = ""
    pod_ips: tuple[str, ...] = ()
    ready: bool | None = None


@dataclass(frozen=True, slots=True)
class Pod:
    """A Pod; `status` is None when the input gives none. `workload` names the kind and name it was made from."""

    meta: Meta
    origin: Origin = NOWHERE
    spec: PodSpec = PodSpec()
    status: PodStatus | None = None
    workload: str = ""
