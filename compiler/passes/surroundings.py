"""Namespaces and Nodes that the input takes for granted."""

from __future__ import annotations

from dataclasses import replace

from kcompile.diagnostics import Diagnostic
from kcompile.model import Cluster, KubeProxyConfiguration, Meta, Namespace, Node
from kcompile.passes.problems import Problems
from kcompile.passes.syntax import shown

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
    """Without a Node, add those that Pods, endpoints and kube-proxy name, as a dump without Nodes has them; else
    `node-1`."""
    config = cluster.kube_proxy or KubeProxyConfiguration()
    if cluster.nodes:
        return cluster, _borrowed_name(config, cluster.nodes)
    names = {config.hostname_override, *(pod.spec.node_name for pod in cluster.pods)}
    names |= {endpoint.node_name for endpoint_slice in cluster.endpoint_slices for endpoint in endpoint_slice.endpoints}
    for endpoints in cluster.endpoints:
        for subset in endpoints.subsets:
            names.update(address.node_name for address in (*subset.addresses, *subset.not_ready_addresses))
    names.discard("")
    nodes = tuple(Node(Meta(name)) for name in sorted(names) or [DEFAULT_NODE])
    return replace(cluster, nodes=nodes), _borrowed_name(config, nodes)


def _borrowed_name(config: KubeProxyConfiguration, nodes: tuple[Node, ...]) -> tuple[Diagnostic, ...]:
    """A hostnameOverride is right for one node; the configuration counts for all."""
    name = config.hostname_override
    others = [node.name for node in nodes if node.name != name]
    if not name or not others:
        return ()
    check = Problems(config.origin)
    text = f"on {', '.join(others[:3])}{', ...' if len(others) > 3 else ''} kube-proxy takes itself for {shown(name)}"
    hint = "leave it out, and start each kube-proxy with --hostname-override=$(NODE_NAME)"
    check.warning("hostname-override", ("hostnameOverride",), text, hint)
    return tuple(check.found)
