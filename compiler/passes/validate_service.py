"""Validate Services as the API server does (ValidateService, and what its allocators refuse).

Two rules are newer than the oldest version compiled for, and the newest is followed: names may start with a digit
(RelaxedServiceNameValidation, KEP-5311, new in 1.34), and trafficDistribution knows PreferSameZone and PreferSameNode
(KEP-3015, new in 1.33).
"""

from __future__ import annotations

from collections.abc import Iterable

from kcompile.diagnostics import Diagnostic
from kcompile.frontend.source import Path
from kcompile.model import Service, ServicePort
from kcompile.passes.addresses import IP_FAMILY, Address, family_of, parse_address, parse_cidr, special
from kcompile.passes.problems import Problems
from kcompile.passes.syntax import (
    LABEL,
    PORT_NAME,
    SUBDOMAIN,
    is_dns_label,
    is_port_name,
    is_qualified_name,
    is_search_domain,
    is_subdomain,
    is_word,
    shown,
)
from kcompile.passes.validate_meta import Proven, check_labels, check_meta

SERVICE_TYPES = ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")
PROTOCOLS = ("TCP", "UDP", "SCTP")
TRAFFIC_POLICIES = ("Cluster", "Local")
SESSION_AFFINITIES = ("None", "ClientIP")
IP_FAMILIES = ("IPv4", "IPv6")
IP_FAMILY_POLICIES = ("SingleStack", "PreferDualStack", "RequireDualStack")
TRAFFIC_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
IP_MODES = ("VIP", "Proxy")
MAX_AFFINITY_TIMEOUT = 86400
KUBELET_PORT = 10250
NODE_PORTS = range(30000, 32768)
"""The API server's default --service-node-port-range."""

SOURCE_RANGES_ANNOTATION = "service.beta.kubernetes.io/load-balancer-source-ranges"

_ONLY_LOAD_BALANCER = "may only be set when type is LoadBalancer"


def externally_accessible(service: Service) -> bool:
    """Whether traffic from outside has an address to come to, so that externalTrafficPolicy applies."""
    return service.type in ("NodePort", "LoadBalancer") or (service.type == "ClusterIP" and bool(service.external_ips))


def needs_health_check(service: Service) -> bool:
    """Whether the Service has a health-check node port."""
    return service.type == "LoadBalancer" and service.external_traffic_policy == "Local"


def validate_service(service: Service, proven: Proven) -> list[Diagnostic]:
    """What is wrong with a Service that has its defaults."""
    check = Problems(service.origin)
    check_meta(check, service.meta, proven, label_name=True)
    _check_type(check, service)
    if service.ports:
        _check_ports(check, service)
    if service.selector:
        check_labels(check, service.selector, ("spec", "selector"), proven)
    _check_session_affinity(check, service)
    if service.type != "ExternalName":
        _check_cluster_ips(check, service)
    for index, text in enumerate(service.external_ips):
        check_usable_address(check, ("spec", "externalIPs", index), text)
    _check_traffic_policies(check, service)
    _check_load_balancer(check, service)
    return check.found


def _check_type(check: Problems, service: Service) -> None:
    headless = service.cluster_ip == "None"
    if service.type == "ExternalName":
        _check_external_name(check, service)
    elif service.type not in SERVICE_TYPES:
        check.not_one_of(("spec", "type"), service.type, SERVICE_TYPES)
    elif not service.ports and not headless:
        _refused(check, service, "missing-field", ("spec", "ports"), "a Service needs a port, unless it is headless")
    if headless and service.type in ("NodePort", "LoadBalancer"):
        check.error("bad-value", ("spec", "clusterIP"), f"a {service.type} Service cannot be headless")
    if service.external_name:
        _check_host_name(check, ("spec", "externalName"), service.external_name)


def _check_host_name(check: Problems, path: Path, text: str) -> None:
    """A name to look up, absolute or not. DNS knows upper case and underscores too, so CoreDNS answers for those."""
    if is_subdomain(text.removesuffix(".")):
        return
    message = f"{shown(text)} is not {SUBDOMAIN}"
    if text.isascii() and is_search_domain(text.lower()):
        check.warning("bad-name", path, message, "the API server refuses it")
    else:
        check.error("bad-name", path, message)


def _refused(check: Problems, service: Service, code: str, path: Path, text: str, hint: str = "") -> None:
    """An error, or a warning for a Service that has its cluster IP: some API server, set up otherwise, has taken it."""
    if service.cluster_ip in ("", "None"):
        check.error(code, path, text, hint)
    else:
        check.warning(code, path, text, hint)


def _check_external_name(check: Problems, service: Service) -> None:
    if not service.external_name.removesuffix("."):
        check.error("missing-field", ("spec", "externalName"), "an ExternalName Service needs a name to point to")
    for field_name, value in (
        ("clusterIP", service.cluster_ip),
        ("clusterIPs", service.cluster_ips),
        ("ipFamilies", service.ip_families),
        ("ipFamilyPolicy", service.ip_family_policy),
    ):
        if value:
            check.error("forbidden-field", ("spec", field_name), "may not be set for an ExternalName Service")


def _check_ports(check: Problems, service: Service) -> None:
    ports = service.ports
    several = len(ports) > 1
    names: set[str] = set()
    numbers: set[tuple[str, int]] = set()
    node_ports: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        path: Path = ("spec", "ports", index)
        name, protocol = port.name, port.protocol
        if name:
            if not is_dns_label(name):
                check.error("bad-name", (*path, "name"), f"{shown(name)} is not {LABEL}")
            elif name in names:
                check.error("duplicate-port-name", (*path, "name"), f"{shown(name)} is the name of an earlier port")
            names.add(name)
        elif several:
            check.error("missing-field", (*path, "name"), "each port needs a name when there are several")
        if protocol not in PROTOCOLS:
            check.not_one_of((*path, "protocol"), protocol, PROTOCOLS)
        if not 0 < port.port < 65536:
            check.not_a_port((*path, "port"), port.port)
        elif (protocol, port.port) in numbers:
            text = f"{protocol} port {port.port} is the Service's already"
            check.error("duplicate-port", (*path, "port"), text, "a Service has a port once for each protocol")
        numbers.add((protocol, port.port))
        _check_target_port(check, path, port)
        if port.node_port:
            _check_node_port(check, path, service, port)
            if (protocol, port.node_port) in node_ports:
                text = f"{protocol} node port {port.node_port} is that of an earlier port"
                check.error("duplicate-node-port", (*path, "nodePort"), text)
            node_ports.add((protocol, port.node_port))
        if port.app_protocol and not is_qualified_name(port.app_protocol):
            check.error("bad-name", (*path, "appProtocol"), f"{shown(port.app_protocol)} does not name a protocol")
        if port.port == KUBELET_PORT and service.type == "LoadBalancer":
            text = f"{KUBELET_PORT} is the kubelet's port, and may not be exposed by a load balancer"
            check.error("bad-value", (*path, "port"), text)


def _check_target_port(check: Problems, path: Path, port: ServicePort) -> None:
    target = port.target_port
    if isinstance(target, str):
        if not is_port_name(target):
            hint = "write a number without quotes" if target.isascii() and target.isdigit() else ""
            check.error("bad-name", (*path, "targetPort"), f"{shown(target)} is not {PORT_NAME}", hint)
    elif target is not None and target != port.port and not 0 < target < 65536:
        check.not_a_port((*path, "targetPort"), target)


def _check_node_port(check: Problems, path: Path, service: Service, port: ServicePort) -> None:
    if service.type == "ClusterIP":
        hint = "set type to NodePort, or remove nodePort"
        check.error("forbidden-field", (*path, "nodePort"), "may not be set when type is ClusterIP", hint)
    elif port.node_port not in NODE_PORTS:
        _not_a_node_port(check, service, (*path, "nodePort"), port.node_port)


def _not_a_node_port(check: Problems, service: Service, path: Path, number: int) -> None:
    text = f"{shown(number)} is not a node port ({NODE_PORTS.start}-{NODE_PORTS.stop - 1})"
    hint = "leave it out to have one allocated"
    if 0 < number < 65536:
        _refused(check, service, "port-range", path, text, hint)
    else:
        check.error("port-range", path, text, hint)


def _check_session_affinity(check: Problems, service: Service) -> None:
    if service.session_affinity not in SESSION_AFFINITIES:
        check.not_one_of(("spec", "sessionAffinity"), service.session_affinity, SESSION_AFFINITIES)
    timeout = service.session_affinity_timeout
    if timeout is not None and not 0 < timeout <= MAX_AFFINITY_TIMEOUT:
        path = ("spec", "sessionAffinityConfig", "clientIP", "timeoutSeconds")
        check.error("bad-value", path, f"{shown(timeout)} is not a timeout (1-{MAX_AFFINITY_TIMEOUT} seconds)")


def _check_cluster_ips(check: Problems, service: Service) -> None:
    """clusterIP, clusterIPs and ipFamilies alone and against each other; `ip_families` holds them to the cluster."""
    addresses, families = service.cluster_ips, service.ip_families
    path = ("spec", "clusterIPs")
    if service.cluster_ip and service.cluster_ip != (addresses or ("",))[0]:
        text = f"must start with the clusterIP, {shown(service.cluster_ip)}"
        check.error("cluster-ip-mismatch", path, text)
    elif addresses and not service.cluster_ip:
        check.error("cluster-ip-mismatch", path, "may not be set without clusterIP", "set clusterIP to the first one")
    if len(addresses) > 2:
        check.error("too-many", path, "holds at most one address of each family")
    if not _check_families(check, service):
        return
    if addresses == ("None",):
        return
    seen: set[str] = set()
    for index, text in enumerate(addresses):
        address = parse_address(text)
        if address is None:
            hint = "None stands alone, for a headless Service" if text == "None" else ""
            check.error("bad-address", (*path, index), f"{shown(text)} is not an IP address", hint)
            continue
        family = IP_FAMILY[address[0]]
        if family in seen:
            check.error("ip-family", (*path, index), f"is a second {family} address: one of each family is allowed")
        elif index < len(families) and families[index] != family:
            text = f"{text} is not an {families[index]} address, as ipFamilies[{index}] has it"
            check.error("ip-family", (*path, index), text)
        seen.add(family)


def _check_families(check: Problems, service: Service) -> bool:
    """Check ipFamilies and ipFamilyPolicy alone; whether the families mean something."""
    families, policy = service.ip_families, service.ip_family_policy
    if policy and policy not in IP_FAMILY_POLICIES:
        check.not_one_of(("spec", "ipFamilyPolicy"), policy, IP_FAMILY_POLICIES)
    valid = True
    for index, family in enumerate(families):
        if family not in IP_FAMILIES:
            check.not_one_of(("spec", "ipFamilies", index), family, IP_FAMILIES)
            valid = False
        elif family in families[:index]:
            check.error("ip-family", ("spec", "ipFamilies", index), f"{family} stands there twice")
            valid = False
    return valid


def check_usable_address(check: Problems, path: Path, text: str) -> Address | None:
    """An address that traffic can be sent to: no loopback, no link-local, not the unspecified one."""
    address = parse_address(text)
    if address is None:
        check.not_an_address(path, text)
        return None
    reason = special(address)
    if reason:
        check.error("bad-address", path, f"{text} is {reason}")
    return address


def _check_traffic_policies(check: Problems, service: Service) -> None:
    policy = service.external_traffic_policy
    if policy and policy not in TRAFFIC_POLICIES:
        check.not_one_of(("spec", "externalTrafficPolicy"), policy, TRAFFIC_POLICIES)
    elif policy and not externally_accessible(service):
        text = "may only be set for a Service that is reached from outside"
        hint = "that is one of type NodePort or LoadBalancer, or one with externalIPs"
        check.error("forbidden-field", ("spec", "externalTrafficPolicy"), text, hint)
    if service.internal_traffic_policy and service.internal_traffic_policy not in TRAFFIC_POLICIES:
        check.not_one_of(("spec", "internalTrafficPolicy"), service.internal_traffic_policy, TRAFFIC_POLICIES)
    if service.traffic_distribution and service.traffic_distribution not in TRAFFIC_DISTRIBUTIONS:
        check.not_one_of(("spec", "trafficDistribution"), service.traffic_distribution, TRAFFIC_DISTRIBUTIONS)
    number = service.health_check_node_port
    if number:
        path = ("spec", "healthCheckNodePort")
        if not needs_health_check(service):
            text = "may only be set when type is LoadBalancer and externalTrafficPolicy is Local"
            check.error("forbidden-field", path, text)
        elif number not in NODE_PORTS:
            _not_a_node_port(check, service, path, number)


def _check_load_balancer(check: Problems, service: Service) -> None:
    is_load_balancer = service.type == "LoadBalancer"
    ranges = service.load_balancer_source_ranges
    if ranges:
        _check_source_ranges(check, ranges)
    if not is_load_balancer:
        for field_name, given in (
            ("loadBalancerSourceRanges", bool(ranges)),
            ("allocateLoadBalancerNodePorts", service.allocate_load_balancer_node_ports is not None),
            ("loadBalancerClass", bool(service.load_balancer_class)),
        ):
            if given:
                check.error("forbidden-field", ("spec", field_name), _ONLY_LOAD_BALANCER)
    annotation = service.meta.annotations.get(SOURCE_RANGES_ANNOTATION)
    if annotation is not None and not ranges:
        _check_source_ranges_annotation(check, annotation, is_load_balancer)
    if service.load_balancer_class and not is_qualified_name(service.load_balancer_class):
        text = f"{shown(service.load_balancer_class)} is not a name such as example.com/load-balancer"
        check.error("bad-name", ("spec", "loadBalancerClass"), text)
    _check_load_balancer_ip(check, service.load_balancer_ip)
    for index, ingress in enumerate(service.ingress):
        path: Path = ("status", "loadBalancer", "ingress", index)
        if ingress.ip and parse_address(ingress.ip) is None:
            check.not_an_address((*path, "ip"), ingress.ip)
        if ingress.ip_mode and ingress.ip_mode not in IP_MODES:
            check.not_one_of((*path, "ipMode"), ingress.ip_mode, IP_MODES)
        elif ingress.ip_mode and not ingress.ip:
            check.error("forbidden-field", (*path, "ipMode"), "may not be set without an ip")
        if ingress.hostname and (not is_subdomain(ingress.hostname) or parse_address(ingress.hostname)):
            check.error("bad-name", (*path, "hostname"), f"{shown(ingress.hostname)} is not {SUBDOMAIN}")


def _check_load_balancer_ip(check: Problems, text: str) -> None:
    """The API server leaves it to the cloud what this means: some take the name of an address."""
    path: Path = ("spec", "loadBalancerIP")
    if text and parse_address(text) is None:
        if is_word(text):
            check.warning("bad-address", path, f"{shown(text)} is not an IP address", "no controller here knows it")
        else:
            check.not_an_address(path, text)


def _check_source_ranges(check: Problems, ranges: tuple[str, ...]) -> None:
    for index, text in enumerate(ranges):
        if parse_cidr(text) is None:
            check.not_a_cidr(("spec", "loadBalancerSourceRanges", index), text)


def _check_source_ranges_annotation(check: Problems, annotation: str, is_load_balancer: bool) -> None:
    path = ("metadata", "annotations", SOURCE_RANGES_ANNOTATION)
    if not is_load_balancer:
        check.error("forbidden-field", path, _ONLY_LOAD_BALANCER)
    for text in annotation.split(",") if annotation.strip() else ():
        if parse_cidr(text.strip()) is None:
            check.not_a_cidr(path, text)


def validate_services_together(services: Iterable[Service]) -> list[Diagnostic]:
    """Cluster IPs and node ports that two Services claim.

    The API server hands out a node port number once, whatever the protocol; kube-proxy tells protocols apart. So a
    number that two Services use for different protocols is worth a warning only.
    """
    cluster_ips: dict[str, Service] = {}
    node_ports: dict[int, list[tuple[str, Service]]] = {}
    found: list[Diagnostic] = []
    for service in services:
        for index, text in enumerate(service.cluster_ips):
            if text == "None":
                continue
            owner = cluster_ips.setdefault(_canonical(text), service)
            if owner is not service:
                check = Problems(service.origin)
                message = f"{shown(text)} is the cluster IP of {owner.meta} already ({owner.origin.span})"
                check.error("duplicate-cluster-ip", ("spec", "clusterIPs", index), message)
                found += check.found
        for path, protocol, number in _claimed_node_ports(service):
            earlier = [claim for claim in node_ports.get(number, ()) if claim[1] is not service]
            node_ports.setdefault(number, []).append((protocol, service))
            if earlier:
                found.append(_node_port_clash(service, path, number, protocol, earlier))
    return found


def _canonical(text: str) -> str:
    """The key under which one address is found however it is written; IPv4 has one way only."""
    return text if family_of(text) == 4 else str(parse_address(text) or text)


def _claimed_node_ports(service: Service) -> list[tuple[Path, str, int]]:
    claimed: list[tuple[Path, str, int]] = [
        (("spec", "ports", index, "nodePort"), port.protocol, port.node_port)
        for index, port in enumerate(service.ports)
        if port.node_port
    ]
    if service.health_check_node_port:
        claimed.append((("spec", "healthCheckNodePort"), "TCP", service.health_check_node_port))
    return claimed


def _node_port_clash(
    service: Service, path: Path, number: int, protocol: str, earlier: list[tuple[str, Service]]
) -> Diagnostic:
    check = Problems(service.origin)
    same = [owner for other, owner in earlier if other == protocol]
    if same:
        text = f"{protocol} node port {number} is that of {same[0].meta} already ({same[0].origin.span})"
        # Where both have their cluster IPs, some API server has let it happen.
        new = service if service.cluster_ip in ("", "None") else same[0]
        _refused(check, new, "duplicate-node-port", path, text, "leave it out to have one allocated")
    else:
        other, owner = earlier[0]
        text = f"node port {number} is that of {owner.meta} for {other} ({owner.origin.span})"
        hint = "the API server gives out a number once, whatever the protocol"
        check.warning("duplicate-node-port", path, text, hint)
    return check.found[0]
