"""Services and endpoints as `kubectl get services -A` and `kubectl get endpoints -A` print them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kcompile.ir.addresses import address, endpoint_text
from kcompile.model import Cluster
from kcompile.model.endpoint_slice import Endpoint, EndpointSlice
from kcompile.model.service import Service

NONE = "<none>"
UNKNOWN_AGE = "<unknown>"
MOST_ENDPOINTS = 3
"""kubectl names as many and counts the rest."""
INGRESS_WIDTH = 16
"""kubectl cuts the addresses of a load balancer to as many characters."""


def services_table(cluster: Cluster) -> Iterator[str]:
    rows = [("NAMESPACE", "NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE")]
    for service in cluster.services:
        cluster_ip = service.cluster_ip or NONE
        meta = service.meta
        columns = (meta.namespace, meta.name, service.type, cluster_ip, _external_ip(service), _ports(service))
        rows.append((*columns, UNKNOWN_AGE))
    return aligned(rows)


def _external_ip(service: Service) -> str:
    if service.type == "ExternalName":
        return service.external_name
    external = ",".join(service.external_ips)
    if service.type != "LoadBalancer":
        return external or NONE
    ingress = ",".join(each.ip or each.hostname for each in service.ingress)
    if len(ingress) > INGRESS_WIDTH:
        ingress = f"{ingress[: INGRESS_WIDTH - 3]}..."
    return ",".join(filter(None, (ingress, external))) or "<pending>"


def _ports(service: Service) -> str:
    texts = (
        f"{port.port}:{port.node_port}/{port.protocol}" if port.node_port else f"{port.port}/{port.protocol}"
        for port in service.ports
    )
    return ",".join(texts) or NONE


def endpoints_table(cluster: Cluster) -> Iterator[str]:
    # The Endpoints of a Service hold its primary family; names have no place in them.
    family = {service.meta.key: service.ip_families[0] for service in cluster.services if service.ip_families}
    slices: dict[tuple[str, str], list[EndpointSlice]] = {}
    for slice_ in cluster.endpoint_slices:
        key = (slice_.meta.namespace, slice_.service_name)
        found = slices.setdefault(key, [])
        if slice_.address_type != "FQDN" and family.get(key, slice_.address_type) == slice_.address_type:
            found.append(slice_)
    rows = [("NAMESPACE", "NAME", "ENDPOINTS", "AGE")]
    rows += [(*key, _endpoints(found), UNKNOWN_AGE) for key, found in sorted(slices.items())]
    return aligned(rows)


def _endpoints(slices: Sequence[EndpointSlice]) -> str:
    """Every address with every port of its slice; those that are not ready do not count."""
    texts: list[str] = []
    for slice_ in slices:
        addresses = sorted(address(text) for each in slice_.endpoints if _is_ready(each) for text in each.addresses)
        ports = [port.port for port in slice_.ports if port.port is not None]
        # A headless Service may have no ports.
        texts += [endpoint_text(*number, port) for port in ports for number in addresses]
        texts += [endpoint_text(*number, 0).rpartition(":")[0] for number in addresses if not ports]
    if len(texts) <= MOST_ENDPOINTS:
        return ",".join(texts) or NONE
    return f"{','.join(texts[:MOST_ENDPOINTS])} + {len(texts) - MOST_ENDPOINTS} more..."


def _is_ready(endpoint: Endpoint) -> bool:
    return endpoint.ready is not False


def aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Rows as lines, their columns three blanks apart, as kubectl aligns them."""
    widths = [max(len(row[column]) for row in rows) + 3 for column in range(len(rows[0]) - 1)]
    for row in rows:
        yield "".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)) + row[-1]
