"""Give addresses, and a status, to Pods that bring none: they run and are ready."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from kcompile.diagnostics import Diagnostic
from kcompile.model import Cluster, Node, Pod, PodStatus
from kcompile.passes.addresses import AddressRange, Family, format_address, parse_address, parse_cidr
from kcompile.passes.allocator import Allocator
from kcompile.passes.pod_ranges import pod_ranges
from kcompile.passes.problems import Problems
from kcompile.passes.service_ranges import usable

Used = dict[Family, set[int]]


def allocate_pod_ips(cluster: Cluster) -> tuple[Cluster, tuple[Diagnostic, ...]]:
    """Complete the status of Pods; a Pod that brings one is taken at its word, also where it has no address."""
    if all(pod.status is not None for pod in cluster.pods):
        return cluster, ()
    used = _given(cluster)
    nodes = {node.name: node for node in cluster.nodes}
    shared = [_allocator(addresses, used) for addresses in pod_ranges(cluster)]
    by_node: dict[str, list[tuple[Family, Allocator]]] = {}
    pods: list[Pod] = []
    found: list[Diagnostic] = []
    for pod in cluster.pods:
        if pod.status is None:
            name = pod.spec.node_name
            if not name:
                status = PodStatus(phase="Pending")
            elif pod.spec.host_network:
                status = _running(_node_addresses(nodes.get(name)))
            else:
                if name not in by_node:
                    by_node[name] = _node_allocators(nodes.get(name), used) or shared
                status = _allocated(pod, by_node[name], found)
            pod = replace(pod, status=status)
        pods.append(pod)
    return replace(cluster, pods=tuple(pods)), tuple(found)


def _running(addresses: Iterable[str]) -> PodStatus:
    pod_ips = tuple(addresses)
    return PodStatus("Running", pod_ips[0] if pod_ips else "", pod_ips, ready=True)


def _allocated(pod: Pod, allocators: list[tuple[Family, Allocator]], found: list[Diagnostic]) -> PodStatus:
    addresses: list[str] = []
    for family, allocator in allocators:
        number = allocator.allocate(f"Pod/{pod.meta}/{family}")
        if number is None:
            check = Problems(pod.origin)
            text = f"no address is left for Pod {pod.meta} on Node {pod.spec.node_name}"
            check.error("range-exhausted", ("spec",), text, "give the Node a larger podCIDR")
            found += check.found
        else:
            addresses.append(format_address((family, number)))
    return _running(addresses)


def _node_addresses(node: Node | None) -> list[str]:
    """The addresses of a Pod on the host's network: the Node's first of each family, internal ones before others."""
    first: dict[Family, str] = {}
    for wanted in ("InternalIP", "ExternalIP"):
        for address in node.addresses if node else ():
            parsed = parse_address(address.address) if address.type == wanted else None
            if parsed:
                first.setdefault(parsed[0], address.address)
    return list(first.values())


def _node_allocators(node: Node | None, used: Used) -> list[tuple[Family, Allocator]]:
    ranges = filter(None, map(parse_cidr, node.pod_cidrs if node else ()))
    return [_allocator(addresses, used) for addresses in ranges]


def _allocator(addresses: AddressRange, used: Used) -> tuple[Family, Allocator]:
    """The first address of a Node's part is its bridge's."""
    hosts = usable(addresses)
    gateway = 1 if hosts.size > 2 else 0
    return addresses.family, Allocator(hosts.first + gateway, hosts.last, used[addresses.family])


def _given(cluster: Cluster) -> Used:
    """Every address that the input gives to a Pod, an endpoint or a Node."""
    used: Used = {4: set(), 6: set()}
    for text in _given_texts(cluster):
        address = parse_address(text)
        if address:
            used[address[0]].add(address[1])
    return used


def _given_texts(cluster: Cluster) -> Iterable[str]:
    for pod in cluster.pods:
        if pod.status:
            yield from pod.status.pod_ips
    for node in cluster.nodes:
        yield from (address.address for address in node.addresses)
    for endpoint_slice in cluster.endpoint_slices:
        for endpoint in endpoint_slice.endpoints:
            yield from endpoint.addresses
    for endpoints in cluster.endpoints:
        for subset in endpoints.subsets:
            yield from (address.ip for address in (*subset.addresses, *subset.not_ready_addresses))
