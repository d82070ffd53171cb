"""A cluster with nodes: the reference cluster's Services, their endpoints on nodes that have zones and addresses.

Of what depends on the node there is some of everything: one Service in twenty has external policy Local, one in
twenty-five internal policy Local, one in ten hints for zones, one in fifty source ranges.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.reference_cluster import CACHE, Manifest, manifests, write_documents


def nodes_cluster(services: int, nodes: int) -> Path:
    """The file with the cluster; written when it is not there yet."""
    path = CACHE / f"nodes-{services}-{nodes}.yaml"
    if not path.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".new")
        with open(unfinished, "w", encoding="utf-8") as file:
            write_documents(_manifests(services, nodes), file)
        unfinished.replace(path)
    return path


def _manifests(services: int, nodes: int) -> Iterator[Manifest]:
    for number in range(nodes):
        yield _node(number)
    for number, item in enumerate(manifests(services)):
        if item["kind"] == "Service":
            _set_policies(item["spec"], number)
        else:
            _place_endpoints(item, number - services, nodes)
        yield item


def _node(number: int) -> Manifest:
    address = f"192.168.{number // 250}.{number % 250 + 1}"
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": _node_name(number), "labels": {"topology.kubernetes.io/zone": _zone(number)}},
        "spec": {"podCIDR": f"10.{128 + number // 256}.{number % 256}.0/24"},
        "status": {"addresses": [{"type": "InternalIP", "address": address}]},
    }


def _set_policies(spec: Manifest, number: int) -> None:
    if number % 20 == 0 and spec["type"] != "ClusterIP":
        spec["externalTrafficPolicy"] = "Local"
    if number % 25 == 0:
        spec["internalTrafficPolicy"] = "Local"
    if number % 50 == 0 and spec["type"] == "LoadBalancer":
        spec["loadBalancerSourceRanges"] = ["192.168.0.0/25", "203.0.113.0/24"]


def _place_endpoints(item: Manifest, number: int, nodes: int) -> None:
    for endpoint in item["endpoints"]:
        node = int(endpoint["nodeName"].removeprefix("node-")) % nodes
        endpoint["nodeName"], endpoint["zone"] = _node_name(node), _zone(node)
        if number % 10 == 0:
            endpoint["hints"] = {"forZones": [{"name": _zone(node)}]}


def _node_name(number: int) -> str:
    return f"node-{number:03}"


def _zone(number: int) -> str:
    return f"zone-{'abc'[number % 3]}"
