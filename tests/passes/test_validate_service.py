"""Services that the API server refuses, and those that it takes."""

from __future__ import annotations

from typing import Any

import pytest

from kcompile.diagnostics import Diagnostic
from kcompile.model import Cluster, LoadBalancerIngress, Service, ServicePort
from kcompile.passes.defaults import default_service
from kcompile.passes.validate_meta import Proven
from kcompile.passes.validate_service import validate_service, validate_services_together
from kcompile.passes.validation import validate
from tests.passes.objects import errors, meta, port, service, warnings

ANNOTATION = "service.beta.kubernetes.io/load-balancer-source-ranges"


def found(given: Service) -> list[Diagnostic]:
    return validate_service(default_service(given), Proven())


ACCEPTED: list[dict[str, Any]] = [
    {},
    {"type": "NodePort"},
    {"type": "LoadBalancer", "external_traffic_policy": "Local", "health_check_node_port": 32000},
    {"type": "LoadBalancer", "allocate_load_balancer_node_ports": False, "load_balancer_class": "example.com/lb"},
    {"type": "LoadBalancer", "load_balancer_source_ranges": (" 10.1.2.3/16 ", "fd00::/8")},
    {"type": "LoadBalancer", "annotations": {ANNOTATION: "10.0.0.0/8, 192.0.2.0/24"}},
    {"type": "LoadBalancer", "ingress": (LoadBalancerIngress("192.0.2.1"), LoadBalancerIngress(hostname="lb.example"))},
    {"type": "ExternalName", "external_name": "www.example.com"},
    {"type": "ExternalName", "external_name": "www.example.com."},
    {"type": "ExternalName", "external_name": "192.0.2.1"},
    {"cluster_ip": "None"},
    {"cluster_ip": "10.96.0.7", "external_ips": ("192.0.2.7", "2001:db8::7"), "external_traffic_policy": "Local"},
    {"cluster_ip": "10.96.0.7", "cluster_ips": ("10.96.0.7", "fd00::7"), "ip_families": ("IPv4", "IPv6")},
    {"cluster_ip": "FD00::7", "ip_families": ("IPv6",)},
    {"ip_family_policy": "PreferDualStack"},
    {"session_affinity": "ClientIP", "session_affinity_timeout": 1},
    {"session_affinity": "ClientIP", "session_affinity_timeout": 86400},
    {"internal_traffic_policy": "Local", "traffic_distribution": "PreferClose"},
    {"traffic_distribution": "PreferSameZone"},
    {"traffic_distribution": "PreferSameNode"},
    {"labels": {"app.kubernetes.io/name": "web", "empty": ""}, "annotations": {"Example.com/Note": 'any "text"\n'}},
    {"selector": {"app": "web"}},
]


@pytest.mark.parametrize("fields", ACCEPTED, ids=str)
def test_a_service_that_the_api_server_takes_is_accepted(fields: dict[str, Any]) -> None:
    assert found(service("web", **fields)) == []


LB = {"type": "LoadBalancer"}

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"type": "Clusterip"}, "bad-value spec.type"),
    ({"session_affinity": "clientIP"}, "bad-value spec.sessionAffinity"),
    (
        {"session_affinity": "ClientIP", "session_affinity_timeout": 0},
        "bad-value spec.sessionAffinityConfig.clientIP.timeoutSeconds",
    ),
    (
        {"session_affinity": "ClientIP", "session_affinity_timeout": 86401},
        "bad-value spec.sessionAffinityConfig.clientIP.timeoutSeconds",
    ),
    ({"type": "ExternalName"}, "missing-field spec.externalName"),
    ({"type": "ExternalName", "external_name": "."}, "missing-field spec.externalName"),
    ({"type": "ExternalName", "external_name": "a b"}, "bad-name spec.externalName"),
    ({"type": "ExternalName", "external_name": "a", "cluster_ip": "10.0.0.1"}, "forbidden-field spec.clusterIP"),
    ({"type": "ExternalName", "external_name": "a", "ip_families": ("IPv4",)}, "forbidden-field spec.ipFamilies"),
    ({"type": "NodePort", "cluster_ip": "None"}, "bad-value spec.clusterIP"),
    ({"type": "LoadBalancer", "cluster_ip": "None"}, "bad-value spec.clusterIP"),
    ({"cluster_ip": "none"}, "bad-address spec.clusterIPs[0]"),
    ({"cluster_ip": "10.0.0.01"}, "bad-address spec.clusterIPs[0]"),
    ({"cluster_ip": "::ffff:10.0.0.1"}, "bad-address spec.clusterIPs[0]"),
    ({"cluster_ip": "10.0.0.1", "cluster_ips": ("10.0.0.2",)}, "cluster-ip-mismatch spec.clusterIPs"),
    ({"cluster_ips": ("10.0.0.2",)}, "cluster-ip-mismatch spec.clusterIPs"),
    ({"cluster_ip": "10.0.0.1", "cluster_ips": ("10.0.0.1", "None")}, "bad-address spec.clusterIPs[1]"),
    ({"cluster_ip": "10.0.0.1", "cluster_ips": ("10.0.0.1", "10.0.0.2")}, "ip-family spec.clusterIPs[1]"),
    ({"cluster_ip": "10.0.0.1", "ip_families": ("IPv6",)}, "ip-family spec.clusterIPs[0]"),
    ({"ip_families": ("IPv5",)}, "bad-value spec.ipFamilies[0]"),
    ({"ip_families": ("IPv4", "IPv4")}, "ip-family spec.ipFamilies[1]"),
    ({"ip_family_policy": "DualStack"}, "bad-value spec.ipFamilyPolicy"),
    ({"external_ips": ("127.0.0.1",)}, "bad-address spec.externalIPs[0]"),
    ({"external_ips": ("192.0.2.1", "169.254.1.1")}, "bad-address spec.externalIPs[1]"),
    ({"external_ips": ("fe80::1",)}, "bad-address spec.externalIPs[0]"),
    ({"external_ips": ("0.0.0.0",)}, "bad-address spec.externalIPs[0]"),
    ({"external_ips": ("lb.example.com",)}, "bad-address spec.externalIPs[0]"),
    ({"external_traffic_policy": "Local"}, "forbidden-field spec.externalTrafficPolicy"),
    ({**LB, "external_traffic_policy": "local"}, "bad-value spec.externalTrafficPolicy"),
    ({"internal_traffic_policy": "local"}, "bad-value spec.internalTrafficPolicy"),
    ({"traffic_distribution": "PreferZone"}, "bad-value spec.trafficDistribution"),
    ({"load_balancer_source_ranges": ("10.0.0.0/8",)}, "forbidden-field spec.loadBalancerSourceRanges"),
    ({**LB, "load_balancer_source_ranges": ("10.0.0.0",)}, "bad-cidr spec.loadBalancerSourceRanges[0]"),
    ({"annotations": {ANNOTATION: ""}}, f'forbidden-field metadata.annotations["{ANNOTATION}"]'),
    ({**LB, "annotations": {ANNOTATION: "10.0.0.0/8,x"}}, f'bad-cidr metadata.annotations["{ANNOTATION}"]'),
    ({"allocate_load_balancer_node_ports": False}, "forbidden-field spec.allocateLoadBalancerNodePorts"),
    ({"load_balancer_class": "a"}, "forbidden-field spec.loadBalancerClass"),
    ({**LB, "load_balancer_class": "a b"}, "bad-name spec.loadBalancerClass"),
    ({**LB, "load_balancer_ip": "x y"}, "bad-address spec.loadBalancerIP"),
    ({"health_check_node_port": 30000}, "forbidden-field spec.healthCheckNodePort"),
    (
        {**LB, "external_traffic_policy": "Local", "health_check_node_port": 80},
        "port-range spec.healthCheckNodePort",
    ),
    ({**LB, "ingress": (LoadBalancerIngress("x"),)}, "bad-address status.loadBalancer.ingress[0].ip"),
    (
        {**LB, "ingress": (LoadBalancerIngress("192.0.2.1", ip_mode="vip"),)},
        "bad-value status.loadBalancer.ingress[0].ipMode",
    ),
    (
        {**LB, "ingress": (LoadBalancerIngress(hostname="a", ip_mode="VIP"),)},
        "forbidden-field status.loadBalancer.ingress[0].ipMode",
    ),
    (
        {**LB, "ingress": (LoadBalancerIngress(hostname="192.0.2.1"),)},
        "bad-name status.loadBalancer.ingress[0].hostname",
    ),
    ({"selector": {"app": "a b"}}, "bad-label spec.selector.app"),
    ({"labels": {"a b": "c"}}, 'bad-label metadata.labels["a b"]'),
    ({"labels": {"a": "x" * 64}}, "bad-label metadata.labels.a"),
    ({"annotations": {"a b": "c"}}, 'bad-annotation metadata.annotations["a b"]'),
    ({"annotations": {"a": "x" * 262144}}, "too-long metadata.annotations"),
    ({"namespace": "Default"}, "bad-name metadata.namespace"),
    ({"deletion_timestamp": "soon"}, "bad-value metadata.deletionTimestamp"),
    ({"owners": (("Pod", "a b"),)}, "bad-name metadata.ownerReferences"),
]


@pytest.mark.parametrize(("fields", "expected"), REFUSED, ids=[f"{e}-{n}" for n, (_, e) in enumerate(REFUSED)])
def test_a_service_that_the_api_server_refuses_is_an_error_at_its_field(fields: dict[str, Any], expected: str) -> None:
    assert errors(found(service("web", **fields))) == [expected]


def test_a_cloud_may_know_the_name_of_a_load_balancers_address() -> None:
    warnings = found(service("web", **LB, load_balancer_ip="my-static-ip"))
    assert [(w.severity.value, w.code) for w in warnings] == [("warning", "bad-address")]


@pytest.mark.parametrize(
    ("given", "hint"),
    [("Nodeport", "did you mean `NodePort`?"), ("LoadBalanser", "did you mean `LoadBalancer`?"), ("None", "")],
)
def test_a_type_that_is_almost_one_names_it(given: str, hint: str) -> None:
    (diagnostic,) = found(service("web", type=given))
    assert (diagnostic.code, diagnostic.hint) == ("bad-value", hint)


@pytest.mark.parametrize("name", ["", "Web", "-web", "web.example", "a" * 64, "web\n"])
def test_a_service_name_is_a_dns_label(name: str) -> None:
    assert errors(found(service(name))) == ["bad-name metadata.name"]


def test_a_service_name_may_start_with_a_digit() -> None:
    assert found(service("1web")) == []


PORTS: list[tuple[tuple[ServicePort, ...], list[str]]] = [
    ((port(1),), []),
    ((port(65535),), []),
    ((port(0),), ["port-range spec.ports[0].port"]),
    ((port(65536),), ["port-range spec.ports[0].port"]),
    ((port(-1),), ["port-range spec.ports[0].port"]),
    ((port(80, protocol="tcp"),), ["bad-value spec.ports[0].protocol"]),
    ((port(80, target_port=70000),), ["port-range spec.ports[0].targetPort"]),
    ((port(80, target_port="http"),), []),
    ((port(80, target_port="8080"),), ["bad-name spec.ports[0].targetPort"]),
    ((port(80, target_port="HTTP"),), ["bad-name spec.ports[0].targetPort"]),
    ((port(80, target_port="a-name-of-16-chr"),), ["bad-name spec.ports[0].targetPort"]),
    ((port(80, name="Http"),), ["bad-name spec.ports[0].name"]),
    ((port(80, app_protocol="kubernetes.io/h2c"),), []),
    ((port(80, app_protocol="a b"),), ["bad-name spec.ports[0].appProtocol"]),
    ((port(80), port(443)), ["missing-field spec.ports[0].name", "missing-field spec.ports[1].name"]),
    ((port(80, name="a"), port(443, name="a")), ["duplicate-port-name spec.ports[1].name"]),
    ((port(80, name="a"), port(80, name="b")), ["duplicate-port spec.ports[1].port"]),
    ((port(53, name="a"), port(53, name="b", protocol="UDP")), []),
    ((port(80, node_port=30080),), ["forbidden-field spec.ports[0].nodePort"]),
]


@pytest.mark.parametrize(("ports", "expected"), PORTS, ids=[f"{n}" for n in range(len(PORTS))])
def test_ports_have_numbers_names_and_protocols(ports: tuple[ServicePort, ...], expected: list[str]) -> None:
    assert errors(found(service("web", *ports))) == expected


NODE_PORTS: list[tuple[tuple[ServicePort, ...], list[str]]] = [
    ((port(80, node_port=30000),), []),
    ((port(80, node_port=32767),), []),
    ((port(80, node_port=29999),), ["port-range spec.ports[0].nodePort"]),
    ((port(80, node_port=32768),), ["port-range spec.ports[0].nodePort"]),
    ((port(80, node_port=-1),), ["port-range spec.ports[0].nodePort"]),
    (
        (port(80, name="a", node_port=30080), port(81, name="b", node_port=30080)),
        ["duplicate-node-port spec.ports[1].nodePort"],
    ),
    ((port(53, name="a", node_port=30053), port(53, name="b", protocol="UDP", node_port=30053)), []),
]


@pytest.mark.parametrize(("ports", "expected"), NODE_PORTS, ids=[f"{n}" for n in range(len(NODE_PORTS))])
def test_node_ports_come_from_their_range_once_for_each_protocol(
    ports: tuple[ServicePort, ...], expected: list[str]
) -> None:
    assert errors(found(service("web", *ports, type="NodePort"))) == expected


def test_a_load_balancer_may_not_expose_the_kubelet() -> None:
    assert errors(found(service("web", port(10250), type="LoadBalancer"))) == ["bad-value spec.ports[0].port"]
    assert found(service("web", port(10250))) == []


def test_a_service_needs_a_port_unless_it_is_headless_or_an_external_name() -> None:
    assert errors(found(Service(meta("web")))) == ["missing-field spec.ports"]
    assert found(Service(meta("web"), cluster_ip="None")) == []
    assert found(Service(meta("web"), type="ExternalName", external_name="example.com")) == []


def test_what_another_api_server_has_taken_is_a_warning() -> None:
    """A cluster IP shows that a Service is from a live cluster, whose node-port range may be another."""
    odd = service("web", port(80, node_port=80), type="NodePort", cluster_ip="10.96.0.5")
    assert warnings(found(odd)) == ["port-range spec.ports[0].nodePort"]
    assert warnings(found(Service(meta("web"), cluster_ip="10.96.0.5"))) == ["missing-field spec.ports"]
    assert errors(found(service("web", port(80, node_port=80000), type="NodePort", cluster_ip="10.96.0.5"))) == [
        "port-range spec.ports[0].nodePort"
    ]


def test_a_name_that_only_dns_takes_is_a_warning() -> None:
    assert warnings(found(service("web", type="ExternalName", external_name="WWW.example.com"))) == [
        "bad-name spec.externalName"
    ]


def test_all_errors_are_found_at_once() -> None:
    bad = service("Web", port(0), type="Nope", session_affinity="x", external_ips=("y",))
    assert len(errors(found(bad))) == 5


def together(*services: Service) -> list[Diagnostic]:
    return validate_services_together([default_service(s) for s in services])


def test_two_services_may_not_have_one_cluster_ip() -> None:
    clash = together(service("a", cluster_ip="fd00::1"), service("b", cluster_ip="FD00:0::1"))
    assert errors(clash) == ["duplicate-cluster-ip spec.clusterIPs[0]"]
    assert "default/a" in clash[0].message
    assert together(service("a", cluster_ip="None"), service("b", cluster_ip="None")) == []


def test_two_services_may_not_have_one_node_port() -> None:
    one = service("a", port(80, node_port=30080), type="NodePort")
    clash = together(one, service("b", port(81, node_port=30080), type="NodePort"))
    assert errors(clash) == ["duplicate-node-port spec.ports[0].nodePort"]
    other = together(one, service("b", port(81, node_port=30080, protocol="UDP"), type="NodePort"))
    assert (errors(other), warnings(other)) == ([], ["duplicate-node-port spec.ports[0].nodePort"])


def test_two_services_that_some_api_server_gave_one_node_port_are_taken_with_a_warning() -> None:
    one = service("a", port(80, node_port=30080), type="NodePort", cluster_ip="10.96.0.1")
    for address, is_error in (("10.96.0.2", False), ("", True)):
        other = service("b", port(81, node_port=30080), type="NodePort", cluster_ip=address)
        for pair in ((one, other), (other, one)):
            assert bool(errors(together(*pair))) is is_error
            assert bool(warnings(together(*pair))) is not is_error


def test_a_health_check_has_a_node_port_of_its_own() -> None:
    one = service("a", port(80, node_port=30080), type="NodePort")
    other = service("b", type="LoadBalancer", external_traffic_policy="Local", health_check_node_port=30080)
    assert errors(together(one, other)) == ["duplicate-node-port spec.healthCheckNodePort"]


def test_two_objects_of_one_kind_may_not_have_one_name() -> None:
    one, other = service("web"), service("web", namespace="other")
    assert errors(validate(Cluster(services=(default_service(one), default_service(other))))[1]) == []
    twice = validate(Cluster(services=(default_service(one), default_service(service("web", port(81))))))[1]
    assert errors(twice) == ["duplicate-name metadata.name"]
    assert "also defined at" in twice[0].message
