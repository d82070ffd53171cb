"""Random clusters with everything that a plan knows: policies, source ranges, external and load-balancer addresses,
endpoints that are ready, serving, terminating or none, both families, node-port addresses, ways to detect Pods."""

from __future__ import annotations

import json
import random
from typing import Any

import kcompile
from tests.endpoint_slices import endpoint_slice
from tests.evaluate.clusters import Site

NODES = ("node-a", "node-b")
PROTOCOLS = ("TCP", "TCP", "UDP", "SCTP")


def random_site(seed: int) -> Site:
    chance = random.Random(seed)
    items = [_configuration(chance), *map(_node, range(len(NODES)))]
    for number in range(chance.randint(2, 5)):
        items += _service(chance, number)
    cluster = kcompile.loads(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}), f"seed {seed}")
    extra = ("10.20.30.40", "fd00:20::40") if chance.random() < 0.3 else ()
    own = ("127.0.0.1", "::1", "192.168.1.11", "fd00:192:168:1::11", *extra)
    return Site(f"seed {seed}", cluster.model, NODES[0], own if extra else None)


def _configuration(chance: random.Random) -> dict[str, Any]:
    proxy: dict[str, Any] = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}
    detection = chance.choice(("ClusterCIDR", "ClusterCIDR", "NodeCIDR", "BridgeInterface", "InterfaceNamePrefix", ""))
    proxy["detectLocalMode"] = detection
    if detection in ("ClusterCIDR", "") and chance.random() < 0.8:
        proxy["clusterCIDR"] = "10.244.0.0/16,fd00:10:244::/56"
    if detection == "BridgeInterface":
        proxy["detectLocal"] = {"bridgeInterface": "cbr0"}
    if detection == "InterfaceNamePrefix":
        proxy["detectLocal"] = {"interfaceNamePrefix": "cali"}
    if chance.random() < 0.4:
        every = (
            ["0.0.0.0/0", "::/0"],
            ["primary"],
            ["192.168.0.0/16"],
            ["10.20.0.0/16", "fd00:20::/64"],
            ["127.0.0.0/8"],
        )
        proxy["nodePortAddresses"] = chance.choice(every)
    all_ = chance.random() < 0.2
    proxy["iptables"] = {"masqueradeAll": all_, "localhostNodePorts": chance.random() < 0.7}
    proxy["nftables"] = {"masqueradeAll": all_}
    return proxy


def _node(number: int) -> dict[str, Any]:
    addresses = [f"192.168.1.{11 + number}", f"fd00:192:168:1::{11 + number}"]
    ranges = [f"10.244.{number}.0/24", f"fd00:10:244:{number}::/64"]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": NODES[number], "labels": {"topology.kubernetes.io/zone": "ab"[number]}},
        "spec": {"podCIDR": ranges[0], "podCIDRs": ranges},
        "status": {"addresses": [{"type": "InternalIP", "address": each} for each in addresses]},
    }


def _service(chance: random.Random, number: int) -> list[dict[str, Any]]:
    name = f"s{number}"
    families = chance.choice((["IPv4"], ["IPv6"], ["IPv4", "IPv6"], ["IPv6", "IPv4"]))
    kind = chance.choice(("ClusterIP", "NodePort", "LoadBalancer", "LoadBalancer"))
    protocols = chance.sample(PROTOCOLS[1:], chance.randint(1, 3))
    ports = [
        {"name": f"p{n}", "protocol": protocol, "port": chance.choice((53, 80, 443, 8080)) + n, "targetPort": 8000 + n}
        for n, protocol in enumerate(protocols)
    ]
    spec: dict[str, Any] = {
        "type": kind,
        "ports": ports,
        "ipFamilies": families,
        "ipFamilyPolicy": "SingleStack" if len(families) == 1 else "RequireDualStack",
        "internalTrafficPolicy": chance.choice(("Cluster", "Cluster", "Local")),
    }
    status: dict[str, Any] = {}
    if chance.random() < 0.4:
        spec["externalIPs"] = [f"203.0.113.{10 + number}", f"2001:db8::{10 + number}"]
    if kind != "ClusterIP":
        spec["externalTrafficPolicy"] = chance.choice(("Cluster", "Local"))
    if kind == "LoadBalancer":
        mode = {"ipMode": "Proxy"} if chance.random() < 0.15 else {}
        places = [f"198.51.100.{100 + number}", f"2001:db8:1::{100 + number}"][: chance.randint(1, 2)]
        status = {"loadBalancer": {"ingress": [{"ip": place} | mode for place in places]}}
        if chance.random() < 0.5:
            every = ["198.51.100.0/25", "10.244.0.0/16", "192.168.1.0/24", "2001:db8:ff::/64", "fd00:10:244::/56"]
            spec["loadBalancerSourceRanges"] = chance.sample(every, chance.randint(1, 3))
        if chance.random() < 0.2:
            spec["allocateLoadBalancerNodePorts"] = False
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
        "status": status,
    }
    return [service, *(_slice(chance, name, number, family, ports) for family in families)]


def _slice(chance: random.Random, name: str, number: int, family: str, ports: list[dict[str, Any]]) -> dict[str, Any]:
    endpoints = []
    for n in range(chance.choice((0, 1, 1, 2, 3, 4))):
        node = chance.randrange(len(NODES))
        place = (
            f"10.244.{node}.{10 * number + n + 5}" if family == "IPv4" else f"fd00:10:244:{node}::{10 * number + n + 5}"
        )
        ready = chance.random() < 0.65
        serving = ready or chance.random() < 0.5
        conditions = {"ready": ready, "serving": serving, "terminating": not ready and chance.random() < 0.7}
        endpoints.append({"addresses": [place], "conditions": conditions, "nodeName": NODES[node], "zone": "ab"[node]})
    return endpoint_slice(name, family, ports, endpoints)
