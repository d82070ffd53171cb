"""Short ways to write the objects that the passes are tested with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from kcompile.diagnostics import Diagnostic, Severity
from kcompile.model import (
    Cluster,
    ContainerPort,
    Endpoint,
    EndpointPort,
    Endpoints,
    EndpointSlice,
    IPAddressPool,
    Meta,
    Node,
    Pod,
    PodSpec,
    PodStatus,
    Service,
    ServiceCIDR,
    ServicePort,
    Workload,
)
from kcompile.passes.pipeline import complete

ZONE = "topology.kubernetes.io/zone"


def meta(name: str, namespace: str = "default", labels: Mapping[str, str] | None = None, **rest: Any) -> Meta:
    return Meta(name, namespace, MappingProxyType(dict(labels or {})), **rest)


def _split(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    own = ("namespace", "labels", "annotations", "owners", "deletion_timestamp")
    return {k: given.pop(k) for k in own if k in given}, given


def service(name: str = "web", *ports: ServicePort, **fields: Any) -> Service:
    about, fields = _split(fields)
    return Service(meta(name, **about), ports=ports or (ServicePort(80),), **fields)


def port(number: int = 80, **fields: Any) -> ServicePort:
    return ServicePort(number, **fields)


def endpoint_slice(name: str = "web-1", of: str = "web", *endpoints: Endpoint, **fields: Any) -> EndpointSlice:
    about, fields = _split(fields)
    labels = {"kubernetes.io/service-name": of, **about.pop("labels", {})}
    fields = {"address_type": "IPv4", "ports": (EndpointPort("", "TCP", 80),), **fields}
    return EndpointSlice(meta(name, labels=labels, **about), endpoints=endpoints, **fields)


def endpoints(name: str = "web", *subsets: Any, **about: Any) -> Endpoints:
    return Endpoints(meta(name, **about), subsets=subsets)


def pod(
    name: str,
    labels: Mapping[str, str] | None = None,
    ip: str | tuple[str, ...] = (),
    ready: bool | None = True,
    phase: str = "Running",
    **fields: Any,
) -> Pod:
    """A Pod; with `ip` it has a status, and runs there."""
    about, fields = _split(fields)
    ips = (ip,) if isinstance(ip, str) else ip
    status = PodStatus(phase, ips[0], ips, ready) if ips else fields.pop("status", None)
    return Pod(meta(name, labels=labels, **about), spec=PodSpec(**fields), status=status)


def workload(kind: str, name: str = "web", replicas: int | None = None, **fields: Any) -> Workload:
    about, fields = _split(fields)
    given = {k: fields.pop(k) for k in ("completions", "service_name", "first_ordinal") if k in fields}
    spec = PodSpec(**fields)
    return Workload(kind, meta(name, **about), meta("", labels={"app": name}), spec, replicas=replicas, **given)


def node(name: str, *pod_cidrs: str, zone: str = "", addresses: tuple[Any, ...] = (), **labels: str) -> Node:
    return Node(meta(name, "", {**labels, **({ZONE: zone} if zone else {})}), pod_cidrs=pod_cidrs, addresses=addresses)


def service_cidr(*cidrs: str, name: str = "kubernetes") -> ServiceCIDR:
    return ServiceCIDR(meta(name, ""), cidrs=cidrs)


def pool(*addresses: str, name: str = "pool", auto_assign: bool = True) -> IPAddressPool:
    return IPAddressPool(meta(name, "metallb-system"), addresses=addresses, auto_assign=auto_assign)


def container_port(number: int, name: str, protocol: str = "TCP") -> ContainerPort:
    return ContainerPort(number, name, protocol)


def completed(cluster: Cluster) -> Cluster:
    """The completed cluster, which has no errors."""
    result, diagnostics = complete(cluster)
    assert errors(diagnostics) == []
    return result


def errors(diagnostics: tuple[Diagnostic, ...] | list[Diagnostic]) -> list[str]:
    """`code path` of every error."""
    return [_short(d) for d in diagnostics if d.severity is Severity.ERROR]


def warnings(diagnostics: tuple[Diagnostic, ...] | list[Diagnostic]) -> list[str]:
    return [_short(d) for d in diagnostics if d.severity is Severity.WARNING]


def _short(diagnostic: Diagnostic) -> str:
    return f"{diagnostic.code} {diagnostic.message.partition(': ')[0]}"


def found_in(run: Callable[[Cluster], tuple[Cluster, tuple[Diagnostic, ...]]], **kinds: Any) -> list[str]:
    """The errors that a pass finds in a cluster of these objects."""
    return errors(run(Cluster(**kinds))[1])
