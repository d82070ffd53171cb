"""Validate EndpointSlices (discovery.k8s.io/v1) and Endpoints as the API server does."""

from __future__ import annotations

from kcompile.diagnostics import Diagnostic
from kcompile.frontend.source import Path
from kcompile.model import Endpoint, EndpointPort, Endpoints, EndpointSlice, TargetReference
from kcompile.passes.addresses import IP_FAMILY, parse_address
from kcompile.passes.problems import Problems
from kcompile.passes.syntax import LABEL, SUBDOMAIN, is_dns_label, is_kind, is_qualified_name, is_subdomain, shown
from kcompile.passes.validate_meta import Proven, check_meta
from kcompile.passes.validate_service import PROTOCOLS, check_usable_address

try:
    from kcompile.native.validate import first_unusual
except ImportError:
    from kcompile.twins.validate import first_unusual

ADDRESS_TYPES = ("IPv4", "IPv6", "FQDN")
MAX_ENDPOINTS = 1000
MAX_PORTS = 20000
MAX_ADDRESSES = 100
MAX_HINTS = 8


def validate_endpoint_slice(endpoint_slice: EndpointSlice, proven: Proven) -> list[Diagnostic]:
    """What is wrong with an EndpointSlice that has its defaults."""
    check = Problems(endpoint_slice.origin)
    check_meta(check, endpoint_slice.meta, proven)
    address_type = endpoint_slice.address_type
    if address_type not in ADDRESS_TYPES:
        check.not_one_of(("addressType",), address_type, ADDRESS_TYPES)
        return check.found
    if len(endpoint_slice.ports) > MAX_PORTS:
        check.error("too-many", ("ports",), f"{len(endpoint_slice.ports)} ports, more than {MAX_PORTS}")
    _check_ports(check, ("ports",), endpoint_slice.ports, proven)
    endpoints = endpoint_slice.endpoints
    if len(endpoints) > MAX_ENDPOINTS:
        text = f"{len(endpoints)} endpoints: the API server takes no more than {MAX_ENDPOINTS} in a slice"
        check.warning("too-many", ("endpoints",), text)
    ipv4 = address_type == "IPv4"
    index = -1
    while (index := first_unusual(endpoints, index + 1) if ipv4 else index + 1) < len(endpoints):
        _check_endpoint(check, index, endpoints[index], address_type, proven)
    return check.found


def _check_endpoint(check: Problems, index: int, endpoint: Endpoint, address_type: str, proven: Proven) -> None:
    _check_addresses(check, ("endpoints", index, "addresses"), endpoint.addresses, address_type)
    if endpoint.node_name and not proven.subdomain(endpoint.node_name):
        path: Path = ("endpoints", index, "nodeName")
        check.error("bad-name", path, f"{shown(endpoint.node_name)} is not {SUBDOMAIN}")
    if endpoint.zone and not proven.label_value(endpoint.zone):
        check.error("bad-name", ("endpoints", index, "zone"), f"{shown(endpoint.zone)} is not a zone's name")
    if endpoint.hostname and not is_dns_label(endpoint.hostname):
        check.error("bad-name", ("endpoints", index, "hostname"), f"{shown(endpoint.hostname)} is not {LABEL}")
    if endpoint.target:
        check_target(check, ("endpoints", index, "targetRef"), endpoint.target, proven)
    if endpoint.zone_hints:
        _check_hints(check, ("endpoints", index, "hints", "forZones"), endpoint.zone_hints, proven)
    if endpoint.node_hints:
        _check_hints(check, ("endpoints", index, "hints", "forNodes"), endpoint.node_hints, proven)


def _check_addresses(check: Problems, path: Path, addresses: tuple[str, ...], address_type: str) -> None:
    if not addresses:
        check.error("missing-field", path, "an endpoint needs an address")
    elif len(addresses) > MAX_ADDRESSES:
        check.error("too-many", path, f"{len(addresses)} addresses, more than {MAX_ADDRESSES}")
    for index, text in enumerate(addresses):
        if address_type == "FQDN":
            name = text.removesuffix(".")
            if "." not in name or not is_subdomain(name):
                check.error("bad-address", (*path, index), f"{shown(text)} is not a fully qualified domain name")
            continue
        address = parse_address(text)
        if address is not None and IP_FAMILY[address[0]] != address_type:
            check.error("bad-address", (*path, index), f"{text} is not an {address_type} address")
        else:
            check_usable_address(check, (*path, index), text)


def _check_hints(check: Problems, path: Path, names: tuple[str, ...], proven: Proven) -> None:
    if len(names) > MAX_HINTS:
        check.error("too-many", path, f"{len(names)} hints, more than {MAX_HINTS}")
    for index, name in enumerate(names):
        if not name or not (proven.subdomain(name) if path[-1] == "forNodes" else proven.label_value(name)):
            check.error("bad-name", (*path, index, "name"), f"{shown(name)} is not a name")
        elif name in names[:index]:
            check.error("duplicate-name", (*path, index, "name"), f"{name} stands there twice")


def check_target(check: Problems, path: Path, target: TargetReference, proven: Proven) -> None:
    """A target's names appear in DNS (endpoint_pod_names), so they have to be names."""
    if target.kind and not is_kind(target.kind):
        check.error("bad-name", (*path, "kind"), f"{shown(target.kind)} is not a kind")
    if target.name and not is_subdomain(target.name):
        check.error("bad-name", (*path, "name"), f"{shown(target.name)} is not {SUBDOMAIN}")
    if target.namespace and not proven.dns_label(target.namespace):
        check.error("bad-name", (*path, "namespace"), f"{shown(target.namespace)} is not {LABEL}")


def _check_ports(check: Problems, path: Path, ports: tuple[EndpointPort, ...], proven: Proven) -> None:
    names: set[str] = set()
    for index, port in enumerate(ports):
        if port.name and not proven.dns_label(port.name):
            check.error("bad-name", (*path, index, "name"), f"{shown(port.name)} is not {LABEL}")
        elif port.name in names:
            text = f"{shown(port.name)} is the name of an earlier port"
            check.error("duplicate-port-name", (*path, index, "name"), text)
        names.add(port.name)
        if port.protocol not in PROTOCOLS:
            check.not_one_of((*path, index, "protocol"), port.protocol, PROTOCOLS)
        if port.port is not None and not 0 < port.port < 65536:
            check.not_a_port((*path, index, "port"), port.port)
        if port.app_protocol and not is_qualified_name(port.app_protocol):
            text = f"{shown(port.app_protocol)} does not name a protocol"
            check.error("bad-name", (*path, index, "appProtocol"), text)


def validate_endpoints(endpoints: Endpoints, proven: Proven) -> list[Diagnostic]:
    """What is wrong with an Endpoints object that has its defaults."""
    check = Problems(endpoints.origin)
    check_meta(check, endpoints.meta, proven)
    for number, subset in enumerate(endpoints.subsets):
        path: Path = ("subsets", number)
        _check_ports(check, (*path, "ports"), subset.ports, proven)
        for index, port in enumerate(subset.ports):
            if port.port is None:
                check.error("missing-field", (*path, "ports", index, "port"), "a port needs a number")
        for key, addresses in (("addresses", subset.addresses), ("notReadyAddresses", subset.not_ready_addresses)):
            for index, address in enumerate(addresses):
                place: Path = (*path, key, index)
                check_usable_address(check, (*place, "ip"), address.ip)
                if address.hostname and not is_dns_label(address.hostname):
                    check.error("bad-name", (*place, "hostname"), f"{shown(address.hostname)} is not {LABEL}")
                if address.node_name and not proven.subdomain(address.node_name):
                    check.error("bad-name", (*place, "nodeName"), f"{shown(address.node_name)} is not {SUBDOMAIN}")
                if address.target:
                    check_target(check, (*place, "targetRef"), address.target, proven)
    return check.found
