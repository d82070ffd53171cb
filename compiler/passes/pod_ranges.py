"""Give every Node its podCIDRs, as the controller manager splits the cluster's Pod range."""

from __future__ import annotations

from dataclasses import replace

from kcompile.diagnostics import Diagnostic
from kcompile.model import Cluster, Node
from kcompile.passes.addresses import BITS, AddressRange, Family, format_address, parse_cidr
from kcompile.passes.allocator import Allocator
from kcompile.passes.service_ranges import service_ranges

DEFAULT_RANGES: dict[Family, str] = {4: "10.244.0.0/16", 6: "fd00:10:244::/56"}
NODE_PREFIX: dict[Family, int] = {4: 24, 6: 64}
"""The sizes of a Node's part by default: --node-cidr-mask-size-ipv4 and -ipv6."""


def pod_ranges(cluster: Cluster) -> tuple[AddressRange, ...]:
    """The cluster's Pod ranges, primary first: kubeadm's podSubnet, kube-proxy's clusterCIDR, else the default."""
    text = cluster.cluster_configuration.pod_subnet if cluster.cluster_configuration else ""
    if not text and cluster.kube_proxy:
        text = cluster.kube_proxy.cluster_cidr
    if not text:
        text = ",".join(DEFAULT_RANGES[family] for family in service_ranges(cluster).families)
    return tuple(filter(None, map(parse_cidr, text.split(","))))


def assign_pod_cidrs(cluster: Cluster) -> tuple[Cluster, tuple[Diagnostic, ...]]:
    """Complete spec.podCIDRs. A Node for which nothing is left goes without; its Pods share the whole range."""
    lacking = [node for node in cluster.nodes if not node.pod_cidrs]
    if not lacking:
        return cluster, ()
    given = [cidr for node in cluster.nodes for cidr in map(parse_cidr, node.pod_cidrs) if cidr]
    cidrs: dict[str, tuple[str, ...]] = {node.name: () for node in lacking}
    for addresses in pod_ranges(cluster):
        family = addresses.family
        parts = [cidr for cidr in given if cidr.family == family]
        prefix = min([_prefix(cidr) for cidr in parts], default=NODE_PREFIX[family])
        if prefix < _prefix(addresses):
            continue
        host_bits = BITS[family] - prefix
        used = {cidr.first >> host_bits for cidr in parts}
        allocator = Allocator(addresses.first >> host_bits, addresses.last >> host_bits, used)
        for node in lacking:
            number = allocator.allocate(f"Node/{node.name}/{family}")
            if number is not None:
                cidrs[node.name] += (f"{format_address((family, number << host_bits))}/{prefix}",)
    return replace(cluster, nodes=tuple(_with_cidrs(node, cidrs) for node in cluster.nodes)), ()


def _prefix(addresses: AddressRange) -> int:
    return BITS[addresses.family] - (addresses.size.bit_length() - 1)


def _with_cidrs(node: Node, cidrs: dict[str, tuple[str, ...]]) -> Node:
    own = cidrs.get(node.name)
    return replace(node, pod_cidrs=own) if own else node
