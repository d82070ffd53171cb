"""The rulesets of one node of a cluster, in each mode, and packets that meet them.

The cluster is that of `reference_cluster`, with fewer endpoints for each Service: ten thousand Services with twenty
thousand ports and twice as many endpoints. Node and Pods have the addresses of its first node.
"""

from __future__ import annotations

import json
import random
from array import array
from collections.abc import Iterator
from typing import Any

from benchmarks.reference_cluster import Manifest, manifests
from kcompile.evaluate.packet import Host
from kcompile.ir.addresses import address
from kcompile.ir.plan import KubeVersion, Mode
from kcompile.ir.ruleset import Ruleset

ENDPOINTS = 2
POD_RANGE = "10.128.0.0/14"
NODE = "192.168.0.1"
HOST = Host((f"{NODE}/24",))
VERSIONS: dict[Mode, KubeVersion] = {"iptables": "1.37", "nftables": "1.37", "ipvs": "1.37", "userspace": "1.30"}
FORMATS: dict[Mode, tuple[str, ...]] = {
    "iptables": ("iptables-save",),
    "nftables": ("nft",),
    "ipvs": ("iptables-save", "ipvsadm", "ipset"),
    "userspace": ("iptables-save",),
}


def cluster_manifests(services: int, endpoints: int = ENDPOINTS) -> str:
    """The cluster as JSON, with its node and the range of its Pods."""
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "node-000"},
        "status": {"addresses": [{"type": "InternalIP", "address": NODE}]},
    }
    proxy = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clusterCIDR": POD_RANGE,
    }
    items = [node, proxy, *_fewer_endpoints(services, endpoints)]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def _fewer_endpoints(services: int, endpoints: int) -> Iterator[Manifest]:
    for item in manifests(services):
        if item["kind"] == "EndpointSlice":
            item["endpoints"] = item["endpoints"][:endpoints]
        yield item


def dumps(services: int, mode: Mode, endpoints: int = ENDPOINTS) -> dict[str, str]:
    """What the tools of the node would print in a mode, by format."""
    import kcompile

    cluster = kcompile.loads(cluster_manifests(services, endpoints))
    node = cluster.node(mode=mode, kube_version=VERSIONS[mode])
    return {format_: node.emit(format_, 4) for format_ in FORMATS[mode]}


def ruleset(services: int, mode: Mode) -> Ruleset:
    from kcompile.readers import read_ruleset

    found = Ruleset()
    for text in dumps(services, mode).values():
        found = found + read_ruleset(text)
    return found


def packets(services: int, count: int) -> dict[str, array[Any]]:
    """First packets as a node sees them: from Pods (60 %), from outside (25 %) and from the node itself; to cluster IPs
    (70 %), to ports that these do not have (10 %), to node ports (8 %), straight to Pods (7 %) and to the outside."""
    chance = random.Random(1)
    every = [item["spec"] for item in manifests(services) if item["kind"] == "Service"]
    exposed = [port["nodePort"] for spec in every for port in spec["ports"] if "nodePort" in port]
    pods, node, outside = _number("10.128.0.0"), _number(NODE), _number("8.0.0.0")
    columns: dict[str, array[Any]] = {
        "source": array("I"),
        "destination": array("I"),
        "protocol": array("B", [6]) * count,
        "port": array("H"),
        "local": array("B"),
    }

    def pod() -> int:
        return pods + chance.randrange(services) * 20 + chance.randrange(ENDPOINTS)

    for _ in range(count):
        sender, receiver = chance.random(), chance.random()
        local = sender >= 0.85
        columns["source"].append(pod() if sender < 0.6 else node if local else outside + chance.randrange(1 << 24))
        columns["local"].append(local)
        if receiver < 0.8:
            spec = chance.choice(every)
            columns["destination"].append(_number(spec["clusterIP"]))
            columns["port"].append(chance.choice(spec["ports"])["port"] if receiver < 0.7 else 4242)
        elif receiver < 0.88:
            columns["destination"].append(node)
            columns["port"].append(chance.choice(exposed))
        else:
            columns["destination"].append(pod() if receiver < 0.95 else outside + chance.randrange(1 << 24))
            columns["port"].append(8080)
    return columns


def _number(text: str) -> int:
    return address(text)[1]
