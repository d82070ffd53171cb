"""Make EndpointSlices from the selectors of Services, as the endpointslice controller does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from kcompile.diagnostics import Diagnostic
from kcompile.model import Cluster, Endpoint, EndpointPort, EndpointSlice, Meta, Pod, PodSpec, Service, TargetReference
from kcompile.passes.addresses import IP_FAMILY, format_address, parse_address
from kcompile.passes.generated_names import GeneratedNames
from kcompile.passes.order import by_name
from kcompile.passes.problems import Problems
from kcompile.passes.slices import SLICE_CONTROLLER, Ports, make_slices, slice_labels

TOPOLOGY_ANNOTATIONS = ("service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode")
"""The deprecated one counts first."""

MAX_WARNINGS = 20

_TERMINAL_PHASES = ("Succeeded", "Failed")

Selected = dict[tuple[str, str, str], list[Pod]]
"""Pods by namespace, label key and label value; only for the labels that some selector names."""


def make_endpoint_slices(cluster: Cluster) -> tuple[Cluster, tuple[Diagnostic, ...]]:
    """Add the slices of every Service with a selector that has none. Endpoints have become slices before."""
    sliced = {(s.meta.namespace, s.service_name) for s in cluster.endpoint_slices}
    services = [
        service
        for service in cluster.services
        if service.selector and service.type != "ExternalName" and service.meta.key not in sliced
    ]
    if not services:
        return cluster, ()
    pods = _index(cluster.pods, services)
    zones = {node.name: node.zone for node in cluster.nodes}
    names = GeneratedNames(cluster.endpoint_slices)
    slices: list[EndpointSlice] = []
    without_pods: list[Service] = []
    found: list[Diagnostic] = []
    for service in services:
        selected = _selected(service, pods)
        if not selected:
            without_pods.append(service)
        elif _wants_proportional_hints(service) and len(set(zones.values()) - {""}) > 1:
            check = Problems(service.origin)
            text = "asks for topology-aware hints, which need the CPUs of Nodes: none are made"
            hint = "use spec.trafficDistribution, or give the EndpointSlices"
            check.warning("no-hints", ("metadata", "annotations"), text, hint)
            found += check.found
        groups = _groups(service, selected, zones)
        labels = slice_labels(service.meta.labels, service, SLICE_CONTROLLER)
        meta = Meta(service.meta.name, service.meta.namespace, labels, owners=(("Service", service.meta.name),))
        slices += make_slices(meta, service.origin, groups, names)
    return replace(cluster, endpoint_slices=by_name((*cluster.endpoint_slices, *slices))), (
        *found,
        *_no_pods(without_pods),
    )


def _no_pods(services: list[Service]) -> Iterator[Diagnostic]:
    """A warning for each Service that selects nothing; one for all of them where the input seems to have no Pods."""
    told = services if len(services) <= MAX_WARNINGS else services[:1]
    for service in told:
        check = Problems(service.origin)
        text = f"selects no Pod with an address in namespace {service.meta.namespace}"
        if len(told) < len(services):
            text += f", nor do {len(services) - 1} other Services find one"
        check.warning("no-pods", ("spec", "selector"), text)
        yield from check.found


def _index(pods: Iterable[Pod], services: Iterable[Service]) -> Selected:
    index: Selected = {
        (service.meta.namespace, key, value): []
        for service in services
        for key, value in (service.selector or {}).items()
    }
    for pod in pods:
        status = pod.status
        if status is None or not status.pod_ips or status.phase in _TERMINAL_PHASES:
            continue
        namespace = pod.meta.namespace
        for key, value in pod.meta.labels.items():
            entry = index.get((namespace, key, value))
            if entry is not None:
                entry.append(pod)
    return index


def _selected(service: Service, index: Selected) -> list[Pod]:
    """The Pods that a Service selects: those of its rarest label that have the others too."""
    selector = service.selector or {}
    candidates = min((index[service.meta.namespace, key, value] for key, value in selector.items()), key=len)
    if len(selector) == 1:
        return candidates
    wanted = selector.items()
    return [pod for pod in candidates if wanted <= pod.meta.labels.items()]


def _groups(service: Service, pods: Iterable[Pod], zones: Mapping[str, str]) -> dict[tuple[str, Ports], list[Endpoint]]:
    groups: dict[tuple[str, Ports], list[Endpoint]] = {}
    named = any(isinstance(port.target_port, str) for port in service.ports)
    numbered = () if named else _ports(service, PodSpec())
    for pod in pods:
        ports = _ports(service, pod.spec) if named else numbered
        addresses = _addresses(pod)
        for family in service.ip_families:
            if addresses.get(family):
                endpoint = _endpoint(service, pod, tuple(addresses[family]), zones)
                groups.setdefault((family, ports), []).append(endpoint)
    for family in service.ip_families:
        if not any(family == own for own, _ in groups):
            groups[family, ()] = []  # The controller's placeholder: it shows that the Service has been seen.
    return groups


def _ports(service: Service, spec: PodSpec) -> Ports:
    """The Service's ports as numbers of a Pod; one that the Pod does not name is left out."""
    ports: list[EndpointPort] = []
    for port in service.ports:
        number = port.target_port
        if isinstance(number, str):
            matching = (p for p in spec.ports if p.name == number and p.protocol == port.protocol)
            number = next((p.container_port for p in matching), None)
        if number:
            ports.append(EndpointPort(port.name, port.protocol, number, port.app_protocol))
    return tuple(ports)


def _addresses(pod: Pod) -> dict[str, list[str]]:
    """A Pod's addresses by family, in canonical form."""
    addresses: dict[str, list[str]] = {}
    for text in pod.status.pod_ips if pod.status else ():
        address = parse_address(text)
        if address:
            addresses.setdefault(IP_FAMILY[address[0]], []).append(format_address(address))
    return addresses


def _endpoint(service: Service, pod: Pod, addresses: tuple[str, ...], zones: Mapping[str, str]) -> Endpoint:
    serving = bool(pod.status and pod.status.ready)
    terminating = bool(pod.meta.deletion_timestamp)
    spec = pod.spec
    endpoint = Endpoint(
        addresses,
        ready=service.publish_not_ready_addresses or (serving and not terminating),
        serving=serving,
        terminating=terminating,
        hostname=spec.hostname if spec.subdomain == service.meta.name else "",
        node_name=spec.node_name,
        zone=zones.get(spec.node_name, ""),
        target=TargetReference("Pod", pod.meta.namespace, pod.meta.name),
    )
    return with_hints(endpoint, service) if service.traffic_distribution else endpoint


def with_hints(endpoint: Endpoint, service: Service) -> Endpoint:
    """The endpoint with the hints that trafficDistribution asks for (KEP-4444, KEP-3015): only a ready one has any."""
    if not endpoint.ready or _wants_proportional_hints(service):
        return endpoint
    same_node = service.traffic_distribution == "PreferSameNode"
    return replace(
        endpoint,
        zone_hints=(endpoint.zone,) if endpoint.zone else (),
        node_hints=(endpoint.node_name,) if same_node and endpoint.node_name else (),
    )


def _wants_proportional_hints(service: Service) -> bool:
    annotations = service.meta.annotations
    given = [annotations[name] for name in TOPOLOGY_ANNOTATIONS if name in annotations]
    return bool(given) and given[0] in ("Auto", "auto")
