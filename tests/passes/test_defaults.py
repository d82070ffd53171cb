"""Defaults of the API server, kube-proxy and the kubelet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kcompile.model import (
    Cluster,
    ClusterConfiguration,
    EndpointPort,
    Endpoints,
    EndpointSubset,
    KubeletConfiguration,
    KubeProxyConfiguration,
    LoadBalancerIngress,
    Pod,
    PodStatus,
    Service,
    ServicePort,
)
from kcompile.model.configuration import IPTablesOptions
from kcompile.passes.defaults import default_objects, default_service
from tests.passes.objects import (
    completed,
    container_port,
    endpoint_slice,
    meta,
    pod,
    port,
    service,
    service_cidr,
    workload,
)


def defaulted(cluster: Cluster) -> Cluster:
    return default_objects(cluster)[0]


@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        ({}, "type", "ClusterIP"),
        ({}, "session_affinity", "None"),
        ({}, "session_affinity_timeout", None),
        ({"session_affinity": "ClientIP"}, "session_affinity_timeout", 10800),
        ({"session_affinity": "ClientIP", "session_affinity_timeout": 7}, "session_affinity_timeout", 7),
        ({"session_affinity_timeout": 7}, "session_affinity_timeout", None),
        ({"session_affinity": "None", "session_affinity_timeout": 7}, "session_affinity_timeout", None),
        ({}, "internal_traffic_policy", "Cluster"),
        ({"type": "ExternalName"}, "internal_traffic_policy", ""),
        ({"internal_traffic_policy": "Local"}, "internal_traffic_policy", "Local"),
        ({}, "external_traffic_policy", ""),
        ({"external_ips": ("192.0.2.1",)}, "external_traffic_policy", "Cluster"),
        ({"type": "NodePort"}, "external_traffic_policy", "Cluster"),
        ({"type": "LoadBalancer"}, "external_traffic_policy", "Cluster"),
        ({"type": "LoadBalancer", "external_traffic_policy": "Local"}, "external_traffic_policy", "Local"),
        ({"type": "ExternalName", "external_ips": ("192.0.2.1",)}, "external_traffic_policy", ""),
        ({}, "allocate_load_balancer_node_ports", None),
        ({"type": "LoadBalancer"}, "allocate_load_balancer_node_ports", True),
        (
            {"type": "LoadBalancer", "allocate_load_balancer_node_ports": False},
            "allocate_load_balancer_node_ports",
            False,
        ),
        ({"cluster_ip": "10.0.0.1"}, "cluster_ips", ("10.0.0.1",)),
        ({"cluster_ip": "None"}, "cluster_ips", ("None",)),
        ({"cluster_ip": "10.0.0.1", "cluster_ips": ("10.0.0.1", "fd00::1")}, "cluster_ips", ("10.0.0.1", "fd00::1")),
        (
            {"load_balancer_source_ranges": (" 10.0.0.0/8", "fd00::/8\t")},
            "load_balancer_source_ranges",
            ("10.0.0.0/8", "fd00::/8"),
        ),
        ({"publish_not_ready_addresses": True}, "publish_not_ready_addresses", True),
    ],
)
def test_a_service_gets_what_the_api_server_gives_it(given: dict[str, Any], field: str, value: object) -> None:
    assert getattr(default_service(service("web", **given)), field) == value


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (ServicePort(80), ServicePort(80, "", "TCP", 80)),
        (ServicePort(53, "dns", "UDP"), ServicePort(53, "dns", "UDP", 53)),
        (ServicePort(80, target_port="http"), ServicePort(80, "", "TCP", "http")),
        (ServicePort(80, target_port=""), ServicePort(80, "", "TCP", 80)),
        (ServicePort(80, target_port=0), ServicePort(80, "", "TCP", 80)),
        (ServicePort(80, target_port=8080, node_port=30080), ServicePort(80, "", "TCP", 8080, 30080)),
    ],
)
def test_a_service_port_gets_protocol_and_target_port(given: ServicePort, expected: ServicePort) -> None:
    assert default_service(service("web", given)).ports == (expected,)


def test_an_ingress_address_is_a_vip_unless_it_says_otherwise() -> None:
    ingress = (
        LoadBalancerIngress("192.0.2.1"),
        LoadBalancerIngress("192.0.2.2", ip_mode="Proxy"),
        LoadBalancerIngress(hostname="lb.example.com"),
    )
    modes = [i.ip_mode for i in default_service(service("web", type="LoadBalancer", ingress=ingress)).ingress]
    assert modes == ["VIP", "Proxy", ""]


def test_a_complete_service_stays_the_same_object() -> None:
    once = default_service(
        service("web", port(443, name="https"), type="LoadBalancer", ingress=(LoadBalancerIngress("192.0.2.1"),))
    )
    assert default_service(once) is once


def test_slice_and_endpoints_ports_default_to_tcp_and_a_missing_number_stays_missing() -> None:
    ports = (EndpointPort("a", "", 80), EndpointPort("b", "UDP", None))
    expected = (EndpointPort("a", "TCP", 80), EndpointPort("b", "UDP", None))
    cluster = defaulted(
        Cluster(
            endpoint_slices=(endpoint_slice(ports=ports),),
            endpoints=(Endpoints(meta("web"), subsets=(EndpointSubset(ports=ports),)),),
        )
    )
    assert cluster.endpoint_slices[0].ports == expected
    assert cluster.endpoints[0].subsets[0].ports == expected


def test_pods_and_templates_get_dns_policy_and_protocols() -> None:
    ports = (container_port(80, "http", ""), container_port(53, "dns", "UDP"))
    cluster = defaulted(
        Cluster(pods=(pod("a", ports=ports),), workloads=(workload("Deployment", ports=ports, dns_policy="Default"),))
    )
    assert cluster.pods[0].spec.dns_policy == "ClusterFirst"
    assert [p.protocol for p in cluster.pods[0].spec.ports] == ["TCP", "UDP"]
    assert cluster.workloads[0].template_spec.dns_policy == "Default"
    assert [p.protocol for p in cluster.workloads[0].template_spec.ports] == ["TCP", "UDP"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (PodStatus(pod_ip="10.0.0.1"), ("10.0.0.1", ("10.0.0.1",))),
        (PodStatus(pod_ips=("10.0.0.1", "fd00::1")), ("10.0.0.1", ("10.0.0.1", "fd00::1"))),
        (PodStatus(), ("", ())),
    ],
)
def test_pod_ip_and_pod_ips_stand_for_each_other(status: PodStatus, expected: tuple[str, tuple[str, ...]]) -> None:
    found = defaulted(Cluster(pods=(Pod(meta("a"), status=status),))).pods[0].status
    assert found is not None
    assert (found.pod_ip, found.pod_ips) == expected


@pytest.mark.parametrize(
    ("kind", "given", "replicas", "completions"),
    [
        ("Deployment", {}, 1, None),
        ("Deployment", {"replicas": 0}, 0, None),
        ("StatefulSet", {}, 1, None),
        ("DaemonSet", {}, None, None),
        ("Job", {}, 1, 1),
        ("Job", {"replicas": 3}, 3, None),
        ("Job", {"completions": 5}, 1, 5),
    ],
)
def test_a_workload_has_one_pod_unless_it_says_otherwise(
    kind: str, given: dict[str, Any], replicas: int | None, completions: int | None
) -> None:
    (found,) = defaulted(Cluster(workloads=(workload(kind, **given),))).workloads
    assert (found.replicas, found.completions) == (replicas, completions)


def test_kube_proxy_has_its_defaults_without_a_configuration() -> None:
    config = completed(Cluster()).kube_proxy
    assert config is not None
    assert (config.mode, config.detect_local_mode, config.bind_address) == ("iptables", "ClusterCIDR", "0.0.0.0")
    assert (config.iptables.masquerade_bit, config.iptables.localhost_node_ports) == (14, True)
    assert (config.nftables.masquerade_bit, config.ipvs.scheduler, config.cluster_cidr) == (14, "rr", "")


def test_kube_proxy_keeps_what_it_is_given() -> None:
    given = KubeProxyConfiguration(
        mode="ipvs",
        hostname_override=" Node-A ",
        iptables=IPTablesOptions(masquerade_bit=0, masquerade_all=True, localhost_node_ports=False),
    )
    config = defaulted(Cluster(kube_proxy=given)).kube_proxy
    assert config is not None
    assert config.iptables == given.iptables
    assert (config.mode, config.hostname_override) == ("ipvs", "node-a")


def test_cluster_cidr_is_the_pod_subnet_only_when_kube_proxy_has_no_configuration() -> None:
    kubeadm = ClusterConfiguration(pod_subnet="10.1.0.0/16")
    without = completed(Cluster(cluster_configuration=kubeadm)).kube_proxy
    having = completed(Cluster(cluster_configuration=kubeadm, kube_proxy=KubeProxyConfiguration())).kube_proxy
    assert without is not None
    assert having is not None
    assert (without.cluster_cidr, having.cluster_cidr) == ("10.1.0.0/16", "")


KUBE_DNS: Service = service("kube-dns", port(53, protocol="UDP"), namespace="kube-system")


@pytest.mark.parametrize(
    ("cluster", "servers", "domain"),
    [
        (Cluster(), ("10.96.0.10",), "cluster.local"),
        (Cluster(services=(KUBE_DNS,)), ("10.96.0.10",), "cluster.local"),
        (Cluster(services=(replace(KUBE_DNS, cluster_ip="10.96.7.7"),)), ("10.96.7.7",), "cluster.local"),
        (Cluster(service_cidrs=(service_cidr("fd00:1::/112", "10.0.0.0/16"),)), ("fd00:1::a",), "cluster.local"),
        (
            Cluster(cluster_configuration=ClusterConfiguration(service_subnet="172.20.0.0/16", dns_domain="a.example")),
            ("172.20.0.10",),
            "a.example",
        ),
        (
            Cluster(kubelet=KubeletConfiguration(cluster_dns=("169.254.20.10",), cluster_domain="b.example")),
            ("169.254.20.10",),
            "b.example",
        ),
    ],
)
def test_the_kubelet_asks_kube_dns(cluster: Cluster, servers: tuple[str, ...], domain: str) -> None:
    kubelet = completed(cluster).kubelet
    assert kubelet is not None
    assert (kubelet.cluster_dns, kubelet.cluster_domain, kubelet.resolv_conf) == (servers, domain, "/etc/resolv.conf")


def test_the_kubelet_may_go_without_a_host_file() -> None:
    kubelet = completed(Cluster(kubelet=KubeletConfiguration(resolv_conf=""))).kubelet
    assert kubelet is not None
    assert kubelet.resolv_conf == ""
