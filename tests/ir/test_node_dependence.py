"""Only what surely is the same on every node is said to be."""

from __future__ import annotations

import pytest

import kcompile
from kcompile.ir.node_dependence import may_depend_on_node
from kcompile.ir.plan import Mode

NODE = """
apiVersion: v1
kind: Node
metadata: {name: NAME, labels: {topology.kubernetes.io/zone: NAME}}
spec: {podCIDR: CIDR}
status: {addresses: [{type: InternalIP, address: ADDRESS}]}
---
"""
NODES = "".join(
    NODE.replace("NAME", name).replace("CIDR", cidr).replace("ADDRESS", address)
    for name, cidr, address in (("a", "10.244.1.0/24", "192.168.1.11"), ("b", "10.244.2.0/24", "192.168.1.12"))
)
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, clusterIP: 10.96.0.9, selector: {app: web}, ports: [{port: 80, nodePort: 30080}]MORE}
status: {loadBalancer: {ingress: [{ip: 203.0.113.9}]}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-a, labels: {app: web}}
spec: {nodeName: a, containers: [{}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-b, labels: {app: web}}
spec: {nodeName: b, containers: [{}]}
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
OPTIONS
"""


def cluster(more: str = "", options: str = "") -> kcompile.CompiledCluster:
    return kcompile.loads(NODES + SERVICE.replace("MORE", more).replace("OPTIONS", options))


@pytest.mark.parametrize(
    ("more", "options", "mode"),
    [
        (", externalTrafficPolicy: Local", "", "iptables"),
        (", internalTrafficPolicy: Local", "", "iptables"),
        (", trafficDistribution: PreferClose", "", "iptables"),
        (", loadBalancerSourceRanges: [192.168.1.11/32]", "", "iptables"),
        ("", "nodePortAddresses: [192.168.1.0/24]", "iptables"),
        ("", "detectLocalMode: NodeCIDR", "iptables"),
        ("", "", "nftables"),
        ("", "", "ipvs"),
        ("", "", "userspace"),
    ],
)
def test_what_differs_between_nodes_is_known_to(more: str, options: str, mode: Mode) -> None:
    compiled = [cluster(more, options).node(name, mode) for name in ("a", "b")]
    assert compiled[0].files() != compiled[1].files()
    assert all(may_depend_on_node(node.plan) for node in compiled)


def test_plain_services_have_the_same_iptables_rules_everywhere() -> None:
    compiled = [cluster().node(name, "iptables") for name in ("a", "b")]
    assert compiled[0].files() == compiled[1].files()
    assert not any(may_depend_on_node(node.plan) for node in compiled)


def test_old_releases_prefer_the_local_one_of_two_endpoints_with_one_address() -> None:
    slices = "".join(
        f"""
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: db-{name}, labels: {{kubernetes.io/service-name: db}}}}
addressType: IPv4
ports: [{{name: "", port: 80}}]
endpoints: [{{addresses: [10.244.0.1], nodeName: {name}, conditions: {{ready: {ready}}}}}]
"""
        for name, ready in (("a", "false"), ("b", "true"))
    )
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: db}\nspec: {clusterIP: 10.96.0.8, ports: [{port: 80}]}"
    twice = kcompile.loads(NODES + service + slices)
    compiled = [twice.node(name, "iptables", "1.30") for name in ("a", "b")]
    assert compiled[0].files() != compiled[1].files()
    assert all(may_depend_on_node(node.plan) for node in compiled)
