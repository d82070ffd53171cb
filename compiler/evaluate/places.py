"""WHERE packets come from and go to: `pod:NS/NAME`, `node`, `IP[:PORT]`, `service:NS/NAME[:PORT]`, `NAME:PORT`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from kcompile.diagnostics import KcompileError
from kcompile.frontend.source import Origin
from kcompile.ir.addresses import address, address_text
from kcompile.model import Cluster
from kcompile.model.pod import Pod
from kcompile.model.service import Service, ServicePort

Kind = Literal["pod", "node", "address", "service", "name"]


class WrongPlace(KcompileError):
    """A place that the cluster does not have, or that cannot be read."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place with its addresses; `port` is None where none is given, `protocol` that of a Service port.

    `node` is the node that it is on, "" for one that is on none that is known. `pod` says whose resolv.conf a name is
    looked up with.
    """

    text: str
    kind: Kind
    addresses: tuple[str, ...] = ()
    port: int | None = None
    protocol: str = ""
    node: str = ""
    pod: Pod | None = None
    host: bool = False
    origin: Origin | None = None

    def address_of(self, family: int | None) -> str | None:
        """The first address, of a family if one is given."""
        for text in self.addresses:
            if family in (None, address(text)[0]):
                return text
        return None


Resolve = Callable[[str, Pod | None], tuple[str, ...]]
"""The addresses of a DNS name, as a Pod would get them."""


class Places:
    """Finds places in a completed cluster. `resolve` answers for DNS names."""

    def __init__(self, cluster: Cluster, resolve: Resolve | None = None) -> None:
        self.cluster = cluster
        self._resolve = resolve

    def find(self, text: str, client: Place | None = None) -> Place:
        """The place that a text names; `client` is where the packet comes from. Raises `WrongPlace`."""
        kind, colon, rest = text.partition(":")
        if colon and kind == "pod":
            return self._pod(text, rest)
        if colon and kind == "service":
            return self._service(text, rest)
        if kind == "node":
            return Place(text, "node", port=_port(rest, text) if colon else None, host=True)
        found = _address_and_port(text)
        if found:
            number, port = found
            return self._address(text, number, port)
        return self._name(text, client)

    # ------------------------------------------------------------ Pods and addresses

    def _pod(self, text: str, rest: str) -> Place:
        match = re.fullmatch(r"([^/:]+)/([^/:]+)(?::(.+))?", rest)
        if not match:
            raise WrongPlace(f"`{text}`: a Pod is written pod:NAMESPACE/NAME")
        pod = next((pod for pod in self.cluster.pods if pod.meta.key == (match[1], match[2])), None)
        if pod is None:
            raise WrongPlace(
                f"`{text}`: the cluster has no such Pod{_instead(match[2], match[1], self._pod_names(match[1]))}"
            )
        place = self._of_pod(text, pod)
        return replace(place, port=self._pod_port(pod, match[3], text)) if match[3] else place

    def _pod_names(self, namespace: str) -> list[str]:
        return [pod.meta.name for pod in self.cluster.pods if pod.meta.namespace == namespace]

    def _pod_port(self, pod: Pod, port: str, text: str) -> int:
        named = next((p.container_port for p in pod.spec.ports if p.name == port), None)
        return named if named is not None else _port(port, text)

    def _of_pod(self, text: str, pod: Pod) -> Place:
        addresses = pod_addresses(pod)
        if not addresses:
            raise WrongPlace(f"`{text}`: the Pod has no address")
        return Place(
            text,
            "pod",
            addresses,
            node=pod.spec.node_name,
            pod=pod,
            host=pod.spec.host_network,
            origin=pod.origin,
        )

    def _address(self, text: str, number: tuple[int, int], port: int | None) -> Place:
        canonical = address_text(*number)
        pod = self._pods_by_address.get(number)
        node = self.node_of(canonical)
        if pod is not None and not pod.spec.host_network:
            return Place(text, "address", (canonical,), port, node=node, pod=pod, origin=pod.origin)
        return Place(text, "address", (canonical,), port, node=node, host=number in self._nodes_by_address)

    def node_of(self, text: str) -> str:
        """The node that an address is on, as Pods, EndpointSlices and Nodes say; "" if none does."""
        number = address(text)
        if number in self._nodes_by_address:
            return self._nodes_by_address[number]
        pod = self._pods_by_address.get(number)
        return pod.spec.node_name if pod else self._endpoints_by_address.get(number, "")

    def pod_at(self, text: str) -> Pod | None:
        """The Pod that has an address of its own."""
        pod = self._pods_by_address.get(address(text))
        return None if pod is None or pod.spec.host_network else pod

    @cached_property
    def _pods_by_address(self) -> Mapping[tuple[int, int], Pod]:
        return {number: pod for pod in self.cluster.pods for number in _numbers(pod_addresses(pod))}

    @cached_property
    def _nodes_by_address(self) -> Mapping[tuple[int, int], str]:
        return {
            number: node.name
            for node in self.cluster.nodes
            for number in _numbers(tuple(each.address for each in node.addresses))
        }

    @cached_property
    def _endpoints_by_address(self) -> Mapping[tuple[int, int], str]:
        return {
            number: endpoint.node_name
            for slice_ in self.cluster.endpoint_slices
            for endpoint in slice_.endpoints
            if endpoint.node_name
            for number in _numbers(endpoint.addresses)
        }

    # ------------------------------------------------------------ Services and names

    def _service(self, text: str, rest: str) -> Place:
        match = re.fullmatch(r"([^/:]+)/([^/:]+)(?::(.+))?", rest)
        if not match:
            raise WrongPlace(f"`{text}`: a Service is written service:NAMESPACE/NAME or service:NAMESPACE/NAME:PORT")
        service = next((s for s in self.cluster.services if s.meta.key == (match[1], match[2])), None)
        if service is None:
            names = [s.meta.name for s in self.cluster.services if s.meta.namespace == match[1]]
            raise WrongPlace(f"`{text}`: the cluster has no such Service{_instead(match[2], match[1], names)}")
        if service.headless or service.type == "ExternalName":
            what = "headless" if service.headless else "an ExternalName"
            raise WrongPlace(
                f"`{text}`: the Service is {what} and has no address; name a Pod, or a DNS name with a port"
            )
        port = _service_port(service, match[3], text)
        return Place(
            text, "service", service.cluster_ips, port.port, (port.protocol or "TCP").lower(), origin=service.origin
        )

    def _name(self, text: str, client: Place | None) -> Place:
        name, colon, port = text.rpartition(":")
        if not colon or not re.fullmatch(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?", name):
            raise WrongPlace(
                f"`{text}` is none of pod:NAMESPACE/NAME, node, IP, IP:PORT, service:NAMESPACE/NAME, DNS-NAME:PORT"
            )
        if self._resolve is None:
            raise WrongPlace(f"`{text}`: DNS names are not resolved here; give an address")
        addresses = self._resolve(name, client.pod if client else None)
        if not addresses:
            searched = (client and client.pod) or not any(map(str.isalpha, name))
            hint = "" if searched else "; only a Pod has a search list: give the full name"
            raise WrongPlace(f"`{name}` does not resolve to an address{hint}")
        return Place(text, "name", addresses, _port(port, text), node=self.node_of(addresses[0]))


def pod_addresses(pod: Pod) -> tuple[str, ...]:
    status = pod.status
    if status is None:
        return ()
    return status.pod_ips or ((status.pod_ip,) if status.pod_ip else ())


def _numbers(texts: tuple[str, ...]) -> list[tuple[int, int]]:
    found = []
    for text in texts:
        try:
            found.append(address(text))
        except ValueError:
            continue
    return found


def _address_and_port(text: str) -> tuple[tuple[int, int], int | None] | None:
    """`10.0.0.1`, `10.0.0.1:80`, `fd00::1`, `[fd00::1]:80`; None for what is no address."""
    match = re.fullmatch(r"\[([^\]]+)\](?::(\d+))?", text) or re.fullmatch(r"([0-9.]+)(?::(\d+))?", text)
    host, port = (match[1], match[2]) if match else (text, None)
    try:
        number = address(host)
    except ValueError:
        return None
    return number, _port(port, text) if port else None


def _port(text: str, whole: str) -> int:
    number = int(text) if re.fullmatch(r"[0-9]{1,5}", text) else 0
    if not 1 <= number <= 65535:
        raise WrongPlace(f"`{whole}`: `{text}` is not a port (1-65535)")
    return number


def _service_port(service: Service, wanted: str | None, text: str) -> ServicePort:
    """The port that is named, or numbered; without one the only port."""
    ports = service.ports
    listed = ", ".join(f"{port.name or port.port}" for port in ports)
    if wanted is None:
        if len(ports) == 1:
            return ports[0]
        raise WrongPlace(f"`{text}`: the Service has {len(ports)} ports; name one of {listed or 'none'}")
    for port in ports:
        if wanted in (port.name, str(port.port)):
            return port
    raise WrongPlace(f"`{text}`: the Service has no port {wanted}; it has {listed or 'none'}")


def _instead(name: str, namespace: str, names: list[str]) -> str:
    """What there is in place of a name that the namespace does not have."""
    import difflib

    close = [other for other in names if other.startswith(name)] or difflib.get_close_matches(name, names, 1)
    if close:
        return f"; did you mean `{close[0]}`?"
    if not names:
        return f"; namespace {namespace} has none"
    return f"; namespace {namespace} has {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"
