"""Validate Nodes, Namespaces, ConfigMaps, ServiceCIDRs and IPAddressPools."""

from __future__ import annotations

import re

from kcompile.diagnostics import Diagnostic
from kcompile.frontend.source import Path
from kcompile.model import ConfigMap, IPAddressPool, Namespace, Node, ServiceCIDR
from kcompile.passes.addresses import AddressRange, format_address, parse_address, parse_cidr, parse_range
from kcompile.passes.problems import Problems
from kcompile.passes.syntax import shown
from kcompile.passes.validate_meta import Proven, check_meta

NODE_ADDRESS_TYPES = ("Hostname", "InternalIP", "ExternalIP", "InternalDNS", "ExternalDNS")

_is_host = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,251}[A-Za-z0-9])?\.?").fullmatch


def validate_node(node: Node, proven: Proven) -> list[Diagnostic]:
    check = Problems(node.origin)
    check_meta(check, node.meta, proven, namespaced=False)
    check_cidrs(check, ("spec", "podCIDRs"), node.pod_cidrs)
    for index, address in enumerate(node.addresses):
        path: Path = ("status", "addresses", index)
        if address.type not in NODE_ADDRESS_TYPES:
            check.not_one_of((*path, "type"), address.type, NODE_ADDRESS_TYPES)
        elif address.type.endswith("IP"):
            if parse_address(address.address) is None:
                check.not_an_address((*path, "address"), address.address)
        elif not _is_host(address.address) and parse_address(address.address) is None:
            check.error("bad-name", (*path, "address"), f"{shown(address.address)} is not a host's name")
    return check.found


def check_cidr(check: Problems, path: Path, text: str) -> AddressRange | None:
    parsed = parse_cidr(text)
    if parsed is None:
        check.not_a_cidr(path, text)
    return parsed


def check_cidrs(check: Problems, path: Path, texts: tuple[str, ...]) -> None:
    """Check that there is one CIDR, or two of different families."""
    ranges = [check_cidr(check, (*path, index), text) for index, text in enumerate(texts)]
    families = [parsed.family for parsed in ranges if parsed]
    if len(texts) > 2 or len(set(families)) < len(families):
        check.error("too-many", path, "holds at most one CIDR of each family")


def validate_namespace(namespace: Namespace, proven: Proven) -> list[Diagnostic]:
    check = Problems(namespace.origin)
    check_meta(check, namespace.meta, proven, namespaced=False, label_name=True)
    return check.found


def validate_config_map(config_map: ConfigMap, proven: Proven) -> list[Diagnostic]:
    check = Problems(config_map.origin)
    check_meta(check, config_map.meta, proven)
    return check.found


def validate_service_cidr(service_cidr: ServiceCIDR, proven: Proven) -> list[Diagnostic]:
    check = Problems(service_cidr.origin)
    check_meta(check, service_cidr.meta, proven, namespaced=False)
    path: Path = ("spec", "cidrs")
    if not service_cidr.cidrs:
        check.error("missing-field", path, "needs a CIDR")
    families = []
    for index, text in enumerate(service_cidr.cidrs):
        base, _, length = text.partition("/")
        parsed = check_cidr(check, (*path, index), text)
        if parsed:
            families.append(parsed.family)
        if parsed and parse_address(base) != (parsed.family, parsed.first):
            hint = f"write {format_address((parsed.family, parsed.first))}/{length}"
            check.error("bad-cidr", (*path, index), f"{text} has bits set after its prefix", hint)
    if len(set(families)) < len(families):
        # What is meant is clear, so it is taken: kube-proxy would use all of them, too.
        check.warning("too-many", path, "the API server takes one CIDR of each family", "use another ServiceCIDR")
    return check.found


def validate_address_pool(pool: IPAddressPool, proven: Proven) -> list[Diagnostic]:
    check = Problems(pool.origin)
    check_meta(check, pool.meta, proven)
    for index, text in enumerate(pool.addresses):
        if parse_range(text) is None:
            message = f"{shown(text)} is neither a CIDR nor a range such as 192.0.2.10-192.0.2.20"
            check.error("bad-cidr", ("spec", "addresses", index), message)
    return check.found
