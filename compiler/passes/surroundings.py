"""Namespaces and Nodes that the input takes for granted."""

from __future__ import annotations

from dataclasses import replace

from kcompile.diagnostics import Diagnostic
from kcompile.model import Cluster, Meta, Namespace, Node

DEFAULT_NODE = "node-1"


def complete_namespaces(cluster: Cluster) -> tuple[Cluster, tuple[Diagnostic, ...]]:
    """Add the Namespaces that objects live in, unless the input has Namespaces: then it is taken at its word.

    CoreDNS answers for a Service only when its Namespace exists, so what is left out there makes a difference.
    """
    if cluster.namespaces:
        return cluster, ()
    kinds = (
        cluster.services,
        cluster.endpoint_slices,
        cluster.endpoints,
        cluster.pods,
        cluster.workloads,
        cluster.config_maps,
    )
    names = sorted({api_object.meta.namespace for objects in kinds for api_object in objects})
    return replace(cluster, namespaces=tuple(Namespace(Meta(name)) for name in names)), ()


def complete_nodes(cluster: Cluster) -> tuple[Cluster, tuple[Diagnostic, ...]]:
    """Without a Node, add those that Pods and endpoints name, as a dump without Nodes has them; else `node-1`."""
    if cluster.nodes:
        return cluster, ()
    names = {pod.spec.node_name for pod in cluster.pods}
    for endpoint_slice in cluster.endpoint_slices:
        names.update(endpoint.node_name for endpoint in endpoint_slice.endpoints)
    for endpoints in cluster.endpoints:
        for subset in endpoints.subsets:
            names.update(address.node_name for address in (*subset.addresses, *subset.not_ready_addresses))
    names.discard("")
    return replace(cluster, nodes=tuple(Node(Meta(name)) for name in sorted(names) or [DEFAULT_NODE])), ()
