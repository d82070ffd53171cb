"""Make EndpointSlices from Endpoints, as the endpointslicemirroring controller does.

It mirrors the Endpoints of Services without a selector. Those of a Service with one come from the endpoints controller,
which makes slices of the same Pods, so a dump with Endpoints and without EndpointSlices says the same for both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType

from kcompile.diagnostics import Diagnostic
from kcompile.model import Cluster, Endpoint, Endpoints, EndpointsAddress, EndpointSlice, EndpointSubset, Meta, Service
from kcompile.passes.addresses import IP_FAMILY, format_address, parse_address
from kcompile.passes.endpoints import with_hints
from kcompile.passes.generated_names import GeneratedNames
from kcompile.passes.order import by_name
from kcompile.passes.service_ranges import KUBERNETES
from kcompile.passes.slices import MIRRORING_CONTROLLER, SLICE_CONTROLLER, Ports, make_slices, slice_labels

SKIP_MIRROR_LABEL = "endpointslice.kubernetes.io/skip-mirror"
LEADER_ANNOTATION = "control-plane.alpha.kubernetes.io/leader"
NOT_MIRRORED = ("endpoints.kubernetes.io/last-change-trigger-time", "kubectl.kubernetes.io/last-applied-configuration")
"""Annotations that stay with the Endpoints."""


def mirror_endpoints(cluster: Cluster) -> tuple[Cluster, tuple[Diagnostic, ...]]:
    """Add the slices of every Service that has Endpoints and no slice."""
    if not cluster.endpoints:
        return cluster, ()
    sliced = {(s.meta.namespace, s.service_name) for s in cluster.endpoint_slices}
    services = {service.meta.key: service for service in cluster.services}
    names = GeneratedNames(cluster.endpoint_slices)
    zones = {node.name: node.zone for node in cluster.nodes}
    slices: list[EndpointSlice] = []
    for endpoints in cluster.endpoints:
        service = services.get(endpoints.meta.key)
        if service is not None and endpoints.meta.key not in sliced and _mirrored(endpoints):
            slices += _slices(endpoints, service, zones, names)
    if not slices:
        return cluster, ()
    return replace(cluster, endpoint_slices=by_name((*cluster.endpoint_slices, *slices))), ()


def _mirrored(endpoints: Endpoints) -> bool:
    """The API server keeps the mirroring controller off its own Endpoints, because it makes their slice itself."""
    if endpoints.meta.key == KUBERNETES:
        return True
    skipped = endpoints.meta.labels.get(SKIP_MIRROR_LABEL) == "true"
    return not skipped and LEADER_ANNOTATION not in endpoints.meta.annotations


def _slices(
    endpoints: Endpoints, service: Service, zones: dict[str, str], names: GeneratedNames
) -> Iterator[EndpointSlice]:
    groups: dict[tuple[str, Ports], dict[Endpoint, None]] = {}
    for subset in endpoints.subsets:
        for family, endpoint in _subset_endpoints(subset, service, zones):
            groups.setdefault((family, subset.ports), {})[endpoint] = None
    controller = SLICE_CONTROLLER if service.selector else MIRRORING_CONTROLLER
    given = endpoints.meta
    meta = Meta(
        given.name,
        given.namespace,
        slice_labels(given.labels, service, controller),
        MappingProxyType({key: value for key, value in given.annotations.items() if key not in NOT_MIRRORED}),
        owners=(("Service", given.name) if service.selector else ("Endpoints", given.name),),
    )
    made = {group: list(members) for group, members in groups.items()}
    return make_slices(meta, endpoints.origin, made, names)


def _subset_endpoints(
    subset: EndpointSubset, service: Service, zones: dict[str, str]
) -> Iterator[tuple[str, Endpoint]]:
    for addresses, ready in ((subset.addresses, True), (subset.not_ready_addresses, False)):
        for given in addresses:
            address = parse_address(given.ip)
            if address:
                endpoint = _endpoint(given, format_address(address), ready)
                if service.selector:
                    zone = zones.get(given.node_name, "")
                    endpoint = with_hints(replace(endpoint, serving=ready, terminating=False, zone=zone), service)
                yield IP_FAMILY[address[0]], endpoint


def _endpoint(given: EndpointsAddress, ip: str, ready: bool) -> Endpoint:
    return Endpoint((ip,), ready, hostname=given.hostname, node_name=given.node_name, target=given.target)
