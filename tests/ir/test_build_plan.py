from __future__ import annotations

from dataclasses import replace

import pytest

from kcompile.ir.build_plan import build_plan
from kcompile.ir.plan import KubeVersion
from kcompile.model import (
    Cluster,
    Endpoint,
    EndpointPort,
    EndpointSlice,
    KubeProxyConfiguration,
    Meta,
    Node,
    NodeAddress,
    Service,
    ServiceCIDR,
    ServicePort,
)

ZONE = "topology.kubernetes.io/zone"


def service(name: str, *ports: ServicePort, **annotations: str) -> Service:
    return Service(
        Meta(name, "ns", annotations=annotations),
        type="ClusterIP",
        cluster_ip="10.96.0.10",
        cluster_ips=("10.96.0.10",),
        ports=ports or (ServicePort(80, "http", "TCP"),),
    )


def slice_of(name: str, *endpoints: Endpoint) -> EndpointSlice:
    return EndpointSlice(
        Meta(f"{name}-1", "ns", {"kubernetes.io/service-name": name}),
        address_type="IPv4",
        ports=(EndpointPort("http", "TCP", 8080),),
        endpoints=endpoints,
    )


CLUSTER = Cluster(
    services=(service("web"), service("api")),
    endpoint_slices=(
        slice_of(
            "web",
            Endpoint(("10.244.1.1",), node_name="node1", zone_hints=("a",)),
            Endpoint(("10.244.2.1",), node_name="node2", zone_hints=("b",)),
        ),
    ),
    nodes=(
        Node(Meta("node1", labels={ZONE: "a"}), addresses=(NodeAddress("InternalIP", "192.168.1.11"),)),
        Node(Meta("node2", labels={ZONE: "b"}), addresses=(NodeAddress("InternalIP", "fd00::12"),)),
    ),
    service_cidrs=(ServiceCIDR(Meta("kubernetes"), cidrs=("10.96.0.0/12", "fd00:10:96::/108")),),
)


def test_a_plan_is_that_of_its_node() -> None:
    one, two = (build_plan(CLUSTER, node, "iptables", "1.37") for node in ("node1", "node2"))
    assert (one.node, one.primary_family, one.ipv4.node_ip, one.ipv6.node_ip) == ("node1", 4, "192.168.1.11", "")
    assert (two.node, two.primary_family, two.ipv4.node_ip, two.ipv6.node_ip) == ("node2", 6, "", "fd00::12")
    assert [[e.local for e in plan.ipv4.service_ports[1].endpoints] for plan in (one, two)] == [
        [True, False],
        [False, True],
    ]
    assert one.ipv4.local_addresses == ("127.0.0.1", "192.168.1.11")
    assert one.ipv4.service_cidrs == ("10.96.0.0/12",)
    assert one.ipv6.service_ports == ()


def test_hints_follow_the_zone_of_the_node() -> None:
    for node, ip in (("node1", "10.244.1.1"), ("node2", "10.244.2.1")):
        web = build_plan(CLUSTER, node, "iptables", "1.37").ipv4.service_ports[1]
        assert [endpoint.ip for endpoint in web.cluster_endpoints] == [ip]
        assert len(web.endpoints) == 2


def test_a_node_that_the_cluster_does_not_have_has_no_zone() -> None:
    web = build_plan(CLUSTER, "elsewhere", "iptables", "1.37").ipv4.service_ports[1]
    assert len(web.cluster_endpoints) == 2


def test_kube_proxy_goes_by_its_hostname_override() -> None:
    cluster = replace(CLUSTER, kube_proxy=KubeProxyConfiguration(hostname_override="node2"))
    plan = build_plan(cluster, "node1", "iptables", "1.37")
    assert [endpoint.local for endpoint in plan.ipv4.service_ports[1].endpoints] == [False, True]
    assert (plan.ipv4.node_ip, plan.ipv6.node_ip, plan.primary_family) == ("", "fd00::12", 6)
    # The machine stays what it is.
    assert (plan.node, plan.ipv4.local_addresses) == ("node1", ("127.0.0.1", "192.168.1.11"))


@pytest.mark.parametrize(
    ("version", "annotated", "endpoints"), [("1.30", False, 2), ("1.30", True, 1), ("1.34", False, 1)]
)
def test_old_releases_want_an_annotation_for_hints(version: KubeVersion, annotated: bool, endpoints: int) -> None:
    web = service("web", **({"service.kubernetes.io/topology-mode": "Auto"} if annotated else {}))
    plan = build_plan(replace(CLUSTER, services=(web,)), "node1", "iptables", version)
    assert len(plan.ipv4.service_ports[0].cluster_endpoints) == endpoints


def test_a_feature_gate_of_the_configuration_counts() -> None:
    gates = {"TopologyAwareHints": False, "ServiceTrafficDistribution": True}
    for given, endpoints in (({}, 2), (dict(list(gates.items())[1:]), 1), (gates, 2)):
        cluster = replace(CLUSTER, services=(service("web"),), kube_proxy=KubeProxyConfiguration(feature_gates=given))
        plan = build_plan(cluster, "node1", "iptables", "1.30")
        assert len(plan.ipv4.service_ports[0].cluster_endpoints) == endpoints


def test_service_ports_are_sorted_by_name_port_and_protocol() -> None:
    ports = (ServicePort(80, "b", "TCP"), ServicePort(81, "a", "UDP"), ServicePort(82, "a", "SCTP"))
    plan = build_plan(
        replace(CLUSTER, services=(service("z", *ports), service("a-b"), service("a"))), "n", "ipvs", "1.37"
    )
    assert [(port.name, port.protocol) for port in plan.ipv4.service_ports] == [
        ("ns/a:http", "TCP"),
        ("ns/a-b:http", "TCP"),
        ("ns/z:a", "SCTP"),
        ("ns/z:a", "UDP"),
        ("ns/z:b", "TCP"),
    ]


def test_a_node_of_unknown_address_counts_as_loopback_among_source_ranges() -> None:
    open_to_all = replace(service("web"), load_balancer_source_ranges=("0.0.0.0/0",))
    local_only = replace(service("api"), load_balancer_source_ranges=("127.0.0.0/8",))
    cluster = Cluster(services=(local_only, open_to_all), kube_proxy=KubeProxyConfiguration())
    assert all(
        port.source_ranges_include_node for port in build_plan(cluster, "n", "iptables", "1.37").ipv4.service_ports
    )


def test_source_ranges_may_include_the_node() -> None:
    near = replace(service("web"), load_balancer_source_ranges=("192.168.0.0/16",))
    cluster = replace(CLUSTER, services=(near, service("api")))
    inside, outside = (build_plan(cluster, node, "iptables", "1.37").ipv4.service_ports for node in ("node1", "node2"))
    assert [port.source_ranges_include_node for port in inside] == [False, True]
    assert [port.source_ranges_include_node for port in outside] == [False, False]
