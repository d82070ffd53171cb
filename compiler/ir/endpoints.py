"""EndpointSlices to endpoints: those of every Service port, as kube-proxy's EndpointSliceCache collects them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter, itemgetter
from typing import NamedTuple

from kcompile.ir.plan import EndpointInfo, Family, PackedEndpoints
from kcompile.ir.versions import EndpointRules
from kcompile.model.endpoint_slice import EndpointSlice
from kcompile.passes.addresses import IP_FAMILY, format_address, is_ipv4, parse_address

try:
    from kcompile.native.plan import by_address, packed, seen_from, usable, with_port
except ImportError:
    from kcompile.twins.plan import by_address, packed, seen_from, usable, with_port

PROXY_NAME_LABEL = "service.kubernetes.io/service-proxy-name"
HEADLESS_LABEL = "service.kubernetes.io/headless"

PortKey = tuple[str, str, str, str]
"""(namespace, Service, port name, protocol)."""


class Gathered(NamedTuple):
    """The endpoints of a Service port as every node sees them, ready or not, sorted by the string "ip:port".

    `nodes` are those that they run on; `hinted` says that some have hints. Where an address is listed several times,
    `contested` has all that are listed, in kube-proxy's order: which of them stands may depend on the node.
    """

    endpoints: tuple[EndpointInfo, ...] = ()
    nodes: frozenset[str] = frozenset()
    hinted: bool = False
    contested: tuple[EndpointInfo, ...] = ()


def is_for_kube_proxy(labels: Mapping[str, str]) -> bool:
    """Whether kube-proxy's informers list an object: another proxy's and headless ones are filtered out by label."""
    return PROXY_NAME_LABEL not in labels and HEADLESS_LABEL not in labels


def gather_endpoints(slices: Iterable[EndpointSlice], family: Family, rules: EndpointRules) -> dict[PortKey, Gathered]:
    """The endpoints of each Service port in one family.

    kube-proxy collects the slices of a Service in the random order of a map. Here it is the order of their names, which
    matters only for an address that several slices list.
    """
    address_type = IP_FAMILY[family]
    canonical = canonical_address if rules.canonical_addresses else None
    listed: dict[PortKey, list[_Listed]] = {}
    for item in sorted((item for item in slices if item.address_type == address_type), key=attrgetter("meta.key")):
        if not item.service_name or not is_for_kube_proxy(item.meta.labels):
            continue
        endpoints = item.endpoints
        if rules.sorted_by_address:
            endpoints = tuple(sorted(endpoints, key=attrgetter("addresses")))
        # A port without a number means "all ports", which kube-proxy does not support.
        ports = sorted(((port, port.port) for port in item.ports if port.port), key=itemgetter(1))
        for i, (port, number) in enumerate(ports):
            if i == 0:
                infos, nodes, hinted = usable(EndpointInfo, endpoints, family == 6, canonical, number, item.origin)
            else:
                infos = with_port(EndpointInfo, infos, number)
            key = (item.meta.namespace, item.service_name, port.name, port.protocol or "TCP")
            listed.setdefault(key, []).append(_Listed(infos, nodes, hinted))
    return {key: _gathered(found, rules) for key, found in listed.items()}


class _Listed(NamedTuple):
    """What one slice lists for a Service port."""

    infos: list[EndpointInfo]
    nodes: frozenset[str]
    hinted: bool


def _gathered(found: list[_Listed], rules: EndpointRules) -> Gathered:
    """The endpoints of a Service port from all of its slices."""
    infos, nodes, hinted = found[0]
    if len(found) > 1:
        infos = [info for one in found for info in one.infos]
        nodes = frozenset().union(*(one.nodes for one in found))
        hinted = any(one.hinted for one in found)
    endpoints = by_address(PackedEndpoints, infos)
    if endpoints is None:
        return Gathered(settled(infos, "", rules), nodes, hinted, tuple(infos))
    return Gathered(endpoints, nodes, hinted)


def settled(listed: Iterable[EndpointInfo], node: str, rules: EndpointRules) -> tuple[EndpointInfo, ...]:
    """The endpoints that stand on a node, each address once."""
    found: dict[str, EndpointInfo] = {}
    for endpoint in listed:
        if endpoint.address not in found or _replaces(endpoint, node, rules):
            found[endpoint.address] = endpoint
    return packed(PackedEndpoints, [endpoint for _, endpoint in sorted(found.items())])


def _replaces(endpoint: EndpointInfo, node: str, rules: EndpointRules) -> bool:
    """Whether an endpoint takes the place of an earlier one with the same address."""
    if rules.prefer_running_duplicate:
        return not endpoint.terminating
    return endpoint.node == node and bool(node)


def endpoints_on(gathered: Gathered, node: str, rules: EndpointRules) -> tuple[EndpointInfo, ...]:
    """The endpoints as a node sees them, its own marked as local."""
    endpoints = settled(gathered.contested, node, rules) if gathered.contested else gathered.endpoints
    return packed(PackedEndpoints, seen_from(EndpointInfo, endpoints, node)) if node else endpoints


def canonical_address(text: str) -> str:
    """An address as Go prints it (RFC 5952). Text that is no address stays as it is."""
    if is_ipv4(text):
        return text
    address = parse_address(text)
    return text if address is None else format_address(address)
