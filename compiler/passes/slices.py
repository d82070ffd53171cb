"""What EndpointSlices made from Pods and those made from Endpoints have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from kcompile.frontend.source import Origin
from kcompile.model import Endpoint, EndpointPort, EndpointSlice, Meta, Service
from kcompile.model.endpoint_slice import SERVICE_NAME_LABEL
from kcompile.passes.generated_names import GeneratedNames

MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by"
HEADLESS_LABEL = "service.kubernetes.io/headless"
SLICE_CONTROLLER = "endpointslice-controller.k8s.io"
MIRRORING_CONTROLLER = "endpointslicemirroring-controller.k8s.io"

MAX_ENDPOINTS_PER_SLICE = 100
"""The controller's default --max-endpoints-per-slice."""

Ports = tuple[EndpointPort, ...]
Groups = Mapping[tuple[str, Ports], list[Endpoint]]
"""Endpoints by address type and ports: what has both in common goes into one slice."""


def make_slices(
    meta: Meta,
    origin: Origin,
    groups: Groups,
    names: GeneratedNames,
) -> Iterator[EndpointSlice]:
    """The slices of one Service; `meta` has its namespace, its name, and the slices' labels and annotations."""
    for (address_type, ports), endpoints in groups.items():
        for start in range(0, len(endpoints), MAX_ENDPOINTS_PER_SLICE) or (0,):
            numbers = ",".join(f"{port.name}:{port.protocol}:{port.port}" for port in ports)
            key = f"EndpointSlice/{meta}/{address_type}/{numbers}/{start // MAX_ENDPOINTS_PER_SLICE}"
            name = names.unique(meta.namespace, f"{meta.name}-", key)
            own = Meta(name, meta.namespace, meta.labels, meta.annotations, owners=meta.owners)
            part = tuple(endpoints[start : start + MAX_ENDPOINTS_PER_SLICE])
            yield EndpointSlice(own, origin, address_type, ports, part)


def slice_labels(labels: Mapping[str, str], service: Service, controller: str) -> Mapping[str, str]:
    """The labels of a Service, or of its Endpoints, with those that the controllers keep for themselves."""
    reserved = {SERVICE_NAME_LABEL: service.meta.name, MANAGED_BY_LABEL: controller}
    if service.cluster_ip in ("", "None"):
        reserved[HEADLESS_LABEL] = ""
    kept = {key: value for key, value in labels.items() if key != HEADLESS_LABEL}
    return MappingProxyType({**kept, **reserved})
