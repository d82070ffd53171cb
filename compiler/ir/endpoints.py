"""EndpointSlices to endpoints: those of every Service port, as kube-proxy's EndpointSliceCache collects them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter, itemgetter

from kcompile.ir.plan import EndpointInfo, Family
from kcompile.ir.versions import EndpointRules
from kcompile.model.endpoint_slice import Endpoint, EndpointSlice
from kcompile.passes.addresses import IP_FAMILY, format_address, is_ipv4, parse_address

PROXY_NAME_LABEL = "service.kubernetes.io/service-proxy-name"
HEADLESS_LABEL = "service.kubernetes.io/headless"

NO_HINTS: frozenset[str] = frozenset()

PortKey = tuple[str, str, str, str]
"""(namespace, Service, port name, protocol)."""

_Entry = tuple[str, EndpointInfo]  # "ip:port" and the endpoint


def is_for_kube_proxy(labels: Mapping[str, str]) -> bool:
    """Whether kube-proxy's informers list an object: another proxy's and headless ones are filtered out by label."""
    return PROXY_NAME_LABEL not in labels and HEADLESS_LABEL not in labels


def endpoints_of_ports(
    slices: Iterable[EndpointSlice], family: Family, node: str, rules: EndpointRules
) -> dict[PortKey, tuple[EndpointInfo, ...]]:
    """The endpoints of each Service port in one family, ready or not, sorted by the string "ip:port".

    kube-proxy collects the slices of a Service in the random order of a map. Here it is the order of their names, which
    matters only for an address that several slices list.
    """
    address_type = IP_FAMILY[family]
    collected: dict[PortKey, dict[str, EndpointInfo]] = {}
    for item in sorted(slices, key=lambda item: item.meta.key):
        if item.address_type != address_type or not item.service_name or not is_for_kube_proxy(item.meta.labels):
            continue
        endpoints = tuple(_usable_endpoints(item.endpoints, family, rules))
        # A port without a number means "all ports", which kube-proxy does not support.
        ports = sorted((port for port in item.ports if port.port), key=attrgetter("port"))
        for port in ports:
            key = (item.meta.namespace, item.service_name, port.name, port.protocol or "TCP")
            found = collected.setdefault(key, {})
            for address, endpoint in _with_port(endpoints, item, port.port or 0, family, node):
                if address not in found or _replaces(endpoint, rules):
                    found[address] = endpoint
    return {key: tuple(map(itemgetter(1), sorted(found.items()))) for key, found in collected.items()}


def _replaces(endpoint: EndpointInfo, rules: EndpointRules) -> bool:
    """Whether an endpoint takes the place of an earlier one with the same address."""
    return not endpoint.terminating if rules.prefer_running_duplicate else endpoint.local


def _usable_endpoints(
    endpoints: Iterable[Endpoint], family: Family, rules: EndpointRules
) -> Iterator[tuple[str, Endpoint]]:
    """The endpoints with their address, of which all but the first are ignored."""
    for endpoint in sorted(endpoints, key=attrgetter("addresses")) if rules.sorted_by_address else endpoints:
        if endpoint.addresses:
            address = endpoint.addresses[0]
            if (":" in address) == (family == 6):
                yield (canonical_address(address) if rules.canonical_addresses else address), endpoint


def _with_port(
    endpoints: Iterable[tuple[str, Endpoint]], item: EndpointSlice, port: int, family: Family, node: str
) -> Iterator[_Entry]:
    suffix = f":{port}" if family == 4 else f"]:{port}"
    bracket = "" if family == 4 else "["
    for address, endpoint in endpoints:
        yield (
            f"{bracket}{address}{suffix}",
            EndpointInfo(
                address,
                port,
                endpoint.node_name == node and bool(node),
                endpoint.ready is not False,
                endpoint.serving is not False,
                endpoint.terminating is True,
                frozenset(endpoint.zone_hints) if endpoint.zone_hints else NO_HINTS,
                frozenset(endpoint.node_hints) if endpoint.node_hints else NO_HINTS,
                item.origin,
            ),
        )


def canonical_address(text: str) -> str:
    """An address as Go prints it (RFC 5952). Text that is no address stays as it is."""
    if is_ipv4(text):
        return text
    address = parse_address(text)
    return text if address is None else format_address(address)
