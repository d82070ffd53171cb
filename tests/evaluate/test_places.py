"""WHERE packets come from and go to."""

from __future__ import annotations

import pytest

import kcompile
from kcompile.api import CompiledCluster
from kcompile.evaluate.places import Place, Places, WrongPlace
from kcompile.evaluate.world import Start, World

MANIFESTS = """\
apiVersion: v1
kind: Node
metadata: {name: node-a}
spec: {podCIDR: 10.244.0.0/24}
status: {addresses: [{type: InternalIP, address: 192.168.1.11}]}
---
apiVersion: v1
kind: Node
metadata: {name: node-b}
spec: {podCIDR: 10.244.1.0/24}
status: {addresses: [{type: InternalIP, address: 192.168.1.12}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: default}
spec: {nodeName: node-b, containers: [{name: c, ports: [{name: web, containerPort: 8080}]}]}
status: {phase: Running, podIP: 10.244.1.7, podIPs: [{ip: 10.244.1.7}]}
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: default, labels: {app: agent}}
spec: {nodeName: node-a, hostNetwork: true, containers: [{name: c}]}
status: {phase: Running, podIP: 192.168.1.11, podIPs: [{ip: 192.168.1.11}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec:
  type: NodePort
  clusterIP: 10.96.0.10
  selector: {app: web}
  ports:
  - {name: http, port: 80, targetPort: 8080, nodePort: 30080}
  - {name: dns, port: 53, protocol: UDP, nodePort: 30053}
---
apiVersion: v1
kind: Service
metadata: {name: one, namespace: default}
spec: {clusterIP: 10.96.0.11, ports: [{port: 81}]}
---
apiVersion: v1
kind: Service
metadata: {name: bodyless, namespace: default}
spec: {clusterIP: None, ports: [{port: 81}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: default, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP}, {name: dns, port: 53, protocol: UDP}]
endpoints:
- {addresses: [10.244.0.5], nodeName: node-a, conditions: {ready: true}}
- {addresses: [10.244.1.6], nodeName: node-b, conditions: {ready: true}}
"""


@pytest.fixture(scope="module")
def cluster() -> CompiledCluster:
    return kcompile.loads(MANIFESTS, "web.yaml")


@pytest.fixture(scope="module")
def places(cluster: CompiledCluster) -> Places:
    return Places(cluster.model, lambda name, pod: ("10.96.0.10",) if name == "web" else ())


def starts(cluster: CompiledCluster, source: str, target: str, node: str | None = None) -> list[Start]:
    world = World(cluster, "iptables", "1.37")
    origin = world.places.find(source)
    return world.starts(node, origin, world.places.find(target, origin), None)


@pytest.mark.parametrize(
    ("text", "addresses", "port", "node"),
    [
        ("pod:default/client", ("10.244.1.7",), None, "node-b"),
        ("pod:default/client:web", ("10.244.1.7",), 8080, "node-b"),
        ("pod:default/client:99", ("10.244.1.7",), 99, "node-b"),
        ("10.244.1.7", ("10.244.1.7",), None, "node-b"),
        ("10.244.0.5:8080", ("10.244.0.5",), 8080, "node-a"),
        ("192.168.1.12", ("192.168.1.12",), None, "node-b"),
        ("198.51.100.7", ("198.51.100.7",), None, ""),
        ("[fd00::1]:80", ("fd00::1",), 80, ""),
        ("fd00::1", ("fd00::1",), None, ""),
        ("service:default/web:http", ("10.96.0.10",), 80, ""),
        ("service:default/web:53", ("10.96.0.10",), 53, ""),
        ("service:default/one", ("10.96.0.11",), 81, ""),
        ("web:80", ("10.96.0.10",), 80, ""),
    ],
)
def test_a_place_has_addresses(
    places: Places, text: str, addresses: tuple[str, ...], port: int | None, node: str
) -> None:
    found = places.find(text)
    assert (found.addresses, found.port, found.node) == (addresses, port, node)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pod:client", "pod:NAMESPACE/NAME"),
        ("pod:default/cleint", "did you mean `client`"),
        ("pod:default/cli", "did you mean `client`"),
        ("pod:nowhere/client", "namespace nowhere has none"),
        ("service:default/wbe", "did you mean `web`"),
        ("service:default/xyz", "namespace default has .*web"),
        ("service:default/web", "name one of http, dns"),
        ("service:default/web:99", "has no port 99"),
        ("service:default/bodyless", "headless"),
        ("10.0.0.1:99999", "not a port"),
        ("nowhere:80", "does not resolve to an address; only a Pod has a search list"),
        ("nonsense", "is none of"),
        ("", "is none of"),
        ("10.0.0.300:80", "does not resolve to an address$"),
    ],
)
def test_what_is_no_place(places: Places, text: str, message: str) -> None:
    with pytest.raises(WrongPlace, match=message):
        places.find(text)


def test_a_pod_sends_from_its_own_node(cluster: CompiledCluster) -> None:
    (start,) = starts(cluster, "pod:default/client", "service:default/web:http")
    assert start.node.name == "node-b"
    assert (start.packet.source, start.packet.local, start.packet.protocol) == ("10.244.1.7", False, "tcp")


def test_a_pod_on_the_host_network_sends_as_the_node(cluster: CompiledCluster) -> None:
    (start,) = starts(cluster, "pod:default/agent", "service:default/web:dns")
    assert (start.node.name, start.packet.local, start.packet.protocol) == ("node-a", True, "udp")


def test_what_comes_from_outside_meets_the_node_that_it_is_for_or_every_node(cluster: CompiledCluster) -> None:
    assert [s.node.name for s in starts(cluster, "198.51.100.7", "192.168.1.12:30080")] == ["node-b"]
    assert [s.node.name for s in starts(cluster, "198.51.100.7", "10.96.0.10:80")] == ["node-a", "node-b"]
    assert [s.node.name for s in starts(cluster, "198.51.100.7", "10.96.0.10:80", "node-a")] == ["node-a"]


def test_the_node_itself_must_be_named_where_there_are_several(cluster: CompiledCluster) -> None:
    with pytest.raises(kcompile.KcompileError, match="name one of node-a, node-b"):
        starts(cluster, "node", "10.96.0.10:80")
    (start,) = starts(cluster, "node", "node:30080", "node-b")
    assert start.packet.destination == "192.168.1.12"


def test_a_target_needs_a_port(cluster: CompiledCluster) -> None:
    with pytest.raises(WrongPlace, match=r"name a port, as in 10\.96\.0\.10:80"):
        starts(cluster, "node", "10.96.0.10", "node-a")


def test_source_and_target_need_a_family_in_common(cluster: CompiledCluster) -> None:
    with pytest.raises(WrongPlace, match="same family"):
        starts(cluster, "fd00::7", "10.96.0.10:80", "node-a")


def test_a_place_knows_where_it_was_written(places: Places) -> None:
    found: Place = places.find("service:default/web:http")
    assert found.origin is not None
    assert found.origin.span.line == 25
