"""What CoreDNS's kubernetes plugin holds of a cluster: Services, ready endpoints, Pods and Namespaces, indexed.

Addresses are compared as text, as the plugin's indexes do: an address that is not written as Go prints it is never
found by a reverse look-up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from kcompile.frontend.source import Origin
from kcompile.ir.domain_names import canonical_address
from kcompile.model.cluster import Cluster
from kcompile.model.endpoint_slice import Endpoint, EndpointSlice
from kcompile.model.pod import Pod
from kcompile.model.service import Service

Key = tuple[str, str]
"""(namespace, name), in lower case: names are lower case anyway, and queries are folded."""

NO_PORT = -1
"""The port of an object that declares none: it has addresses, but no SRV record."""

MAX_POD_NAME = 63
"""Longer Pod names are no DNS label, so `endpoint_pod_names` passes over them."""

NAME_LABEL = "kubernetes.io/metadata.name"

_Item = TypeVar("_Item", "DnsService", "DnsEndpoints", "DnsPod")


class DnsPort(NamedTuple):
    name: str
    protocol: str
    port: int


class DnsAddress(NamedTuple):
    """What a name leads to: the text given, how Go prints it as an address, and the type of the record for it.

    A text that is no address is a name: its `canonical` is "", its `type` CNAME.
    """

    ip: str
    canonical: str
    type: str
    hostname: str = ""
    pod_name: str = ""

    def label(self, pod_names: bool) -> str:
        """The first label of the endpoint's name: hostname, else Pod name if wanted, else the dashed address."""
        if self.hostname:
            return self.hostname
        if pod_names and self.pod_name:
            return self.pod_name
        if "." in self.ip:
            return self.ip.replace(".", "-")
        dashed = self.ip.replace(":", "-")
        return dashed + "0" if dashed.endswith("-") else dashed


def dns_address(text: str, hostname: str = "", pod_name: str = "") -> DnsAddress:
    canonical = canonical_address(text)
    rtype = "CNAME" if not canonical else "AAAA" if ":" in canonical else "A"
    return DnsAddress(text, canonical, rtype, hostname, pod_name)


@dataclass(frozen=True, slots=True)
class DnsService:
    """`cluster_ips` is never empty: a Service without a cluster IP has the one empty text, as in CoreDNS."""

    namespace: str
    name: str
    origin: Origin
    labels: Mapping[str, str]
    external: bool = False
    external_name: str = ""
    headless: bool = False
    cluster_ips: tuple[DnsAddress, ...] = (DnsAddress("", "", "CNAME"),)
    ports: tuple[DnsPort, ...] = ()
    external_addresses: tuple[str, ...] = ()
    key: Key = ("", "")


@dataclass(frozen=True, slots=True)
class DnsEndpoints:
    """The ready addresses of one EndpointSlice. `service` is what its label names; the Service need not exist."""

    namespace: str
    name: str
    service: str
    origin: Origin
    labels: Mapping[str, str]
    addresses: tuple[DnsAddress, ...] = ()
    ports: tuple[DnsPort, ...] = ()

    @property
    def key(self) -> Key:
        return self.namespace.lower(), self.service.lower()


@dataclass(frozen=True, slots=True)
class DnsPod:
    """A Pod that `pods verified` would serve. `ip` is status.podIP only; further addresses have no record."""

    namespace: str
    name: str
    origin: Origin
    labels: Mapping[str, str]
    ip: str
    phase: str

    @property
    def key(self) -> Key:
        return self.namespace.lower(), self.name.lower()


@dataclass(frozen=True, slots=True)
class DnsObjects:
    """The plugin's caches with their indexes. Tuples are in the order of (namespace, name)."""

    services: tuple[DnsService, ...]
    endpoints: tuple[DnsEndpoints, ...]
    pods: tuple[DnsPod, ...]
    namespaces: Mapping[str, Mapping[str, str]]
    service_by_key: Mapping[Key, DnsService]
    endpoints_by_key: Mapping[Key, tuple[DnsEndpoints, ...]]
    services_by_ip: Mapping[str, tuple[DnsService, ...]]
    services_by_external_ip: Mapping[str, tuple[DnsService, ...]]
    addresses_by_ip: Mapping[str, Sequence[tuple[DnsEndpoints, DnsAddress]]]
    pods_by_ip: Mapping[str, tuple[DnsPod, ...]]

    def endpoints_with(self, ip: str) -> list[DnsEndpoints]:
        """The slices that have this address."""
        return list({id(piece): piece for piece, _ in self.addresses_by_ip.get(ip, ())}.values())

    def selected(self, selects: Callable[[Mapping[str, str]], bool]) -> DnsObjects:
        """The objects whose labels `selects` accepts: `labels` of the plugin selects Services, slices and Pods."""
        return index(
            tuple(service for service in self.services if selects(service.labels)),
            tuple(endpoints for endpoints in self.endpoints if selects(endpoints.labels)),
            tuple(pod for pod in self.pods if selects(pod.labels)),
            self.namespaces,
        )

    def without_endpoints(self) -> DnsObjects:
        return index(self.services, (), self.pods, self.namespaces)


def dns_objects(cluster: Cluster, given: Cluster | None = None) -> DnsObjects:
    """What CoreDNS would see of a completed cluster.

    `given` is the cluster as it was read. When it was taken from a running API server (see `is_snapshot`) it is taken
    at its word: a Service without a cluster IP has none, and a namespace without a Namespace object does not exist.
    """
    snapshot = given is not None and is_snapshot(given)
    services = given.services if given is not None and snapshot else cluster.services
    return index(
        tuple(map(_service, services)),
        tuple(map(_endpoints, filter(_has_service, cluster.endpoint_slices))),
        tuple(_pod(pod) for pod in cluster.pods if _is_served(pod)),
        _namespaces(cluster, given if snapshot else None),
    )


def is_snapshot(given: Cluster) -> bool:
    """Whether the input was taken from a running cluster: the Service that the API server makes for itself is in it."""
    return any(service.meta.key == ("default", "kubernetes") for service in given.services)


def index(
    services: tuple[DnsService, ...],
    endpoints: tuple[DnsEndpoints, ...],
    pods: tuple[DnsPod, ...],
    namespaces: Mapping[str, Mapping[str, str]],
) -> DnsObjects:
    return DnsObjects(
        services=services,
        endpoints=endpoints,
        pods=pods,
        namespaces=namespaces,
        service_by_key=MappingProxyType({service.key: service for service in services}),
        endpoints_by_key=_grouped(endpoints, lambda item: (item.key,)),
        services_by_ip=_grouped(services, lambda item: (address.ip for address in item.cluster_ips)),
        services_by_external_ip=_grouped(services, lambda item: item.external_addresses),
        addresses_by_ip=_by_address(endpoints),
        pods_by_ip=_grouped(pods, lambda item: (item.ip,)),
    )


_GroupKey = TypeVar("_GroupKey", str, Key)


def _grouped(
    items: tuple[_Item, ...], keys: Callable[[_Item], Iterable[_GroupKey]]
) -> Mapping[_GroupKey, tuple[_Item, ...]]:
    groups: dict[_GroupKey, list[_Item]] = {}
    for item in items:
        for key in keys(item):
            groups.setdefault(key, []).append(item)
    return MappingProxyType({key: tuple(group) for key, group in groups.items()})


def _by_address(endpoints: tuple[DnsEndpoints, ...]) -> Mapping[str, Sequence[tuple[DnsEndpoints, DnsAddress]]]:
    found: dict[str, list[tuple[DnsEndpoints, DnsAddress]]] = {}
    for piece in endpoints:
        for address in piece.addresses:
            found.setdefault(address.ip, []).append((piece, address))
    return MappingProxyType(found)


def _service(service: Service) -> DnsService:
    ingress = (entry.ip or entry.hostname for entry in service.ingress)
    return DnsService(
        namespace=service.meta.namespace,
        name=service.meta.name,
        origin=service.origin,
        labels=service.meta.labels,
        external=service.type == "ExternalName",
        external_name=service.external_name,
        headless=service.cluster_ip == "None" or service.cluster_ips[:1] == ("None",),
        cluster_ips=tuple(map(dns_address, service.cluster_ips or (service.cluster_ip,))),
        ports=tuple(DnsPort(p.name, p.protocol or "TCP", p.port) for p in service.ports) or (DnsPort("", "", NO_PORT),),
        external_addresses=(*service.external_ips, *ingress),
        key=(service.meta.namespace.lower(), service.meta.name.lower()),
    )


def _has_service(piece: EndpointSlice) -> bool:
    return bool(piece.service_name)


def _endpoints(piece: EndpointSlice) -> DnsEndpoints:
    ports = tuple(DnsPort(p.name, p.protocol or "TCP", NO_PORT if p.port is None else p.port) for p in piece.ports)
    return DnsEndpoints(
        namespace=piece.meta.namespace,
        name=piece.meta.name,
        service=piece.service_name,
        origin=piece.origin,
        labels=piece.meta.labels,
        addresses=tuple(
            address for endpoint in piece.endpoints if endpoint.ready is not False for address in _addresses(endpoint)
        ),
        ports=ports or (DnsPort("", "", NO_PORT),),
    )


def _addresses(endpoint: Endpoint) -> Iterable[DnsAddress]:
    pod_name = endpoint.target.name if endpoint.target else ""
    if len(pod_name) > MAX_POD_NAME:
        pod_name = ""
    return (dns_address(ip, endpoint.hostname, pod_name) for ip in endpoint.addresses)


def _is_served(pod: Pod) -> bool:
    """The plugin watches Pods that are not finished and not being deleted."""
    return bool(
        pod.status
        and (pod.status.pod_ip or pod.status.pod_ips)
        and pod.status.phase not in ("Succeeded", "Failed", "Unknown")
        and not pod.meta.deletion_timestamp
    )


def _pod(pod: Pod) -> DnsPod:
    assert pod.status
    ip = pod.status.pod_ip or pod.status.pod_ips[0]
    return DnsPod(pod.meta.namespace, pod.meta.name, pod.origin, pod.meta.labels, ip, pod.status.phase)


def _namespaces(cluster: Cluster, snapshot: Cluster | None) -> Mapping[str, Mapping[str, str]]:
    """The labels of each namespace. Outside a snapshot a namespace also exists because an object lies in it."""
    declared = {namespace.meta.name: namespace.meta.labels for namespace in cluster.namespaces}
    if snapshot is not None and snapshot.namespaces:
        return MappingProxyType(declared)
    used = [service.meta.namespace for service in cluster.services]
    used += [piece.meta.namespace for piece in cluster.endpoint_slices]
    used += [pod.meta.namespace for pod in cluster.pods]
    names = dict.fromkeys((*declared, *used))
    # The API server puts this label on every Namespace (KEP-2161).
    return MappingProxyType({name: {NAME_LABEL: name, **declared.get(name, {})} for name in names})
