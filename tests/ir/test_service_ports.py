from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kcompile.ir.plan import ServicePortInfo
from kcompile.ir.service_ports import follows_hints_annotation, service_ports
from kcompile.ir.versions import ENDPOINT_RULES, endpoint_rules
from kcompile.model import LoadBalancerIngress, Meta, Service, ServicePort

NEWEST = ENDPOINT_RULES["1.37"]

WEB = Service(
    Meta("web", "ns1"),
    type="LoadBalancer",
    cluster_ip="10.96.0.10",
    cluster_ips=("10.96.0.10", "FD00:0::A"),
    ports=(ServicePort(80, "http", "TCP", node_port=30080), ServicePort(53, "dns", "UDP")),
    external_ips=("203.0.113.1", "2001:DB8:0::1"),
    load_balancer_source_ranges=(" 10.1.2.3/8", "fd00::1/64", "192.168.0.0/16 "),
    external_traffic_policy="Local",
    health_check_node_port=32000,
    ingress=(
        LoadBalancerIngress("198.51.100.1"),
        LoadBalancerIngress("198.51.100.2", ip_mode="VIP"),
        LoadBalancerIngress("198.51.100.3", ip_mode="Proxy"),
        LoadBalancerIngress("2001:db8::2"),
        LoadBalancerIngress(hostname="lb.example.com"),
    ),
)


def first(**changes: Any) -> ServicePortInfo:
    return service_ports(replace(WEB, **changes), 4, NEWEST)[0]


def test_a_service_is_digested_by_family() -> None:
    ipv4, ipv6 = (service_ports(WEB, family, NEWEST) for family in (4, 6))
    assert [(port.name, port.protocol, port.port, port.node_port) for port in ipv4] == [
        ("ns1/web:http", "TCP", 80, 30080),
        ("ns1/web:dns", "UDP", 53, 0),
    ]
    assert [port.cluster_ip for port in (ipv4[0], ipv6[0])] == ["10.96.0.10", "fd00::a"]
    assert [port.external_ips for port in (ipv4[0], ipv6[0])] == [("203.0.113.1",), ("2001:db8::1",)]
    assert ipv4[0].load_balancer_vips == ("198.51.100.1", "198.51.100.2")
    assert ipv6[0].load_balancer_vips == ("2001:db8::2",)
    assert ipv4[0].source_ranges == ("10.0.0.0/8", "192.168.0.0/16")
    assert ipv6[0].source_ranges == ("fd00::/64",)


def test_an_unnamed_port_is_named_after_its_service() -> None:
    assert first(ports=(ServicePort(80),)).name == "ns1/web"


@pytest.mark.parametrize(
    "service",
    [
        replace(WEB, cluster_ip="None", cluster_ips=("None",)),
        replace(WEB, type="ExternalName", cluster_ip="", cluster_ips=()),
        replace(WEB, meta=replace(WEB.meta, labels={"service.kubernetes.io/service-proxy-name": "other"})),
        replace(WEB, meta=replace(WEB.meta, labels={"service.kubernetes.io/headless": ""})),
        replace(WEB, cluster_ip="fd00::a", cluster_ips=("fd00::a",)),
    ],
)
def test_what_kube_proxy_leaves_alone_has_no_ports(service: Service) -> None:
    assert service_ports(WEB, 4, NEWEST)
    assert service_ports(service, 4, NEWEST) == ()


def test_the_external_policy_counts_only_where_external_traffic_comes_in() -> None:
    assert first().external_policy_local
    assert not first(external_traffic_policy="Cluster").external_policy_local
    assert first(type="ClusterIP").external_policy_local
    assert not first(type="ClusterIP", external_ips=()).external_policy_local


def test_only_a_load_balancer_with_policy_local_has_health_checks() -> None:
    assert first().health_check_node_port == 32000
    assert first(external_traffic_policy="Cluster").health_check_node_port == 0
    assert first(type="NodePort").health_check_node_port == 0


def test_affinity_has_a_timeout() -> None:
    assert first().session_affinity_timeout == 0
    assert first(session_affinity="ClientIP").session_affinity_timeout == 10800
    assert first(session_affinity="ClientIP", session_affinity_timeout=60).session_affinity_timeout == 60


@pytest.mark.parametrize(
    ("annotations", "follows"),
    [
        ({}, False),
        ({"topology-mode": "Auto"}, True),
        ({"topology-mode": "anything"}, True),
        ({"topology-mode": "Disabled"}, False),
        ({"topology-aware-hints": "auto"}, True),
        ({"topology-aware-hints": "disabled", "topology-mode": "Auto"}, False),
        ({"topology-aware-hints": "", "topology-mode": "Auto"}, False),
    ],
)
def test_hints_are_asked_for_by_annotation(annotations: dict[str, str], follows: bool) -> None:
    full = {f"service.kubernetes.io/{key}": value for key, value in annotations.items()}
    assert follows_hints_annotation(replace(WEB, meta=replace(WEB.meta, annotations=full))) is follows


def test_the_address_of_a_proxying_load_balancer_is_taken_by_a_release_that_knows_no_modes() -> None:
    without_modes = endpoint_rules("1.30", {"LoadBalancerIPMode": False})
    assert service_ports(WEB, 4, without_modes)[0].load_balancer_vips == (
        "198.51.100.1",
        "198.51.100.2",
        "198.51.100.3",
    )
