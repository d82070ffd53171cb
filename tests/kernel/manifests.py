"""Small clusters for the rig: Services with their endpoints, as manifests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from tests.endpoint_slices import Manifest, endpoint_slice


def manifest_list(items: Iterable[Manifest]) -> str:
    """The items as one text to load."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(items)})


def node(name: str, *addresses: str) -> Manifest:
    status = {"addresses": [{"type": "InternalIP", "address": address} for address in addresses]}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": status}


def proxy_configuration(**options: Any) -> Manifest:
    return {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", **options}


def port(number: int, target: int, protocol: str = "TCP", node_port: int = 0, name: str = "") -> Manifest:
    name = name or f"{protocol.lower()}-{number}"
    given = {"name": name, "port": number, "targetPort": target, "protocol": protocol}
    return {**given, "nodePort": node_port} if node_port else given


def service(
    name: str,
    cluster_ips: Sequence[str],
    ports: Sequence[Manifest],
    endpoints: Iterable[tuple[str, str]] = (),
    balancer: Sequence[str] = (),
    **spec: Any,
) -> list[Manifest]:
    """A Service in `default` and its slices. `endpoints` are (address, node), `balancer` its load balancer's addresses.

    The type is LoadBalancer with a balancer, NodePort where a port has a node port, else ClusterIP.
    """
    families = ["IPv6" if ":" in address else "IPv4" for address in cluster_ips]
    kind = "LoadBalancer" if balancer else "NodePort" if any("nodePort" in given for given in ports) else "ClusterIP"
    described = {
        "type": kind,
        "clusterIP": cluster_ips[0],
        "clusterIPs": list(cluster_ips),
        "ipFamilies": families,
        "ipFamilyPolicy": "RequireDualStack" if len(families) == 2 else "SingleStack",
        "ports": list(ports),
        **spec,
    }
    ingress = {"loadBalancer": {"ingress": [{"ip": address} for address in balancer]}}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": "default"},
            "spec": described,
            "status": ingress,
        },
        *(_slice(name, family, ports, endpoints) for family in families),
    ]


def _slice(name: str, family: str, ports: Sequence[Manifest], endpoints: Iterable[tuple[str, str]]) -> Manifest:
    found = [
        {"addresses": [address], "nodeName": where, "conditions": {"ready": True}}
        for address, where in endpoints
        if (":" in address) == (family == "IPv6")
    ]
    return endpoint_slice(name, family, ports, found)
