"""EndpointSlices from selectors."""

from __future__ import annotations

from typing import Any

import pytest

from kcompile.model import Cluster, Endpoint, EndpointSlice, Pod, PodStatus, Service, ServicePort
from kcompile.passes.pipeline import complete
from tests.passes.objects import (
    completed,
    container_port,
    endpoint_slice,
    meta,
    node,
    pod,
    port,
    service,
    service_cidr,
    warnings,
)

APP = {"app": "web"}
NODES = (node("a", zone="zone-a"), node("b", zone="zone-b"), node("c"))
DUAL = (service_cidr("10.96.0.0/12", "fd00:10:96::/108"),)


def selecting(*ports: ServicePort, **fields: Any) -> Service:
    return service("web", *ports, **{"selector": APP, **fields})


def slices(*services: Service, pods: tuple[Pod, ...] = (), **rest: Any) -> tuple[EndpointSlice, ...]:
    cluster = Cluster(**{"services": services, "pods": pods, "nodes": NODES, **rest})
    return completed(cluster).endpoint_slices


def endpoints(*services: Service, pods: tuple[Pod, ...] = (), **rest: Any) -> dict[str, Endpoint]:
    return {e.addresses[0]: e for s in slices(*services, pods=pods, **rest) for e in s.endpoints}


def test_a_slice_says_what_the_controller_says() -> None:
    given = pod("web-0", APP, "10.0.0.1", node_name="a")
    (found,) = slices(selecting(port(80, name="http", target_port=8080), labels={"team": "x"}), pods=(given,))
    assert found.meta.namespace == "default"
    assert found.meta.name.startswith("web-")
    assert dict(found.meta.labels) == {
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        "team": "x",
    }
    assert found.address_type == "IPv4"
    assert [(p.name, p.protocol, p.port) for p in found.ports] == [("http", "TCP", 8080)]
    (endpoint,) = found.endpoints
    assert (endpoint.addresses, endpoint.node_name, endpoint.zone) == (("10.0.0.1",), "a", "zone-a")
    assert (endpoint.ready, endpoint.serving, endpoint.terminating) == (True, True, False)
    assert endpoint.target is not None
    assert (endpoint.target.kind, endpoint.target.namespace, endpoint.target.name) == ("Pod", "default", "web-0")
    assert endpoint.hostname == ""


def test_only_pods_of_the_namespace_that_have_every_label_are_selected() -> None:
    pods = (
        pod("both", {"app": "web", "tier": "front", "more": "x"}, "10.0.0.1"),
        pod("one", {"app": "web"}, "10.0.0.2"),
        pod("other", {"app": "web", "tier": "back"}, "10.0.0.3"),
        pod("away", {"app": "web", "tier": "front"}, "10.0.0.4", namespace="other"),
    )
    assert list(endpoints(selecting(selector={"app": "web", "tier": "front"}), pods=pods)) == ["10.0.0.1"]


@pytest.mark.parametrize(
    ("pod_fields", "service_fields", "conditions"),
    [
        ({}, {}, (True, True, False)),
        ({"ready": False}, {}, (False, False, False)),
        ({"ready": None}, {}, (False, False, False)),
        ({"deletion_timestamp": "2024-01-02T00:00:00Z"}, {}, (False, True, True)),
        ({"deletion_timestamp": "2024-01-02T00:00:00Z", "ready": False}, {}, (False, False, True)),
        ({"ready": False}, {"publish_not_ready_addresses": True}, (True, False, False)),
        (
            {"deletion_timestamp": "2024-01-02T00:00:00Z"},
            {"publish_not_ready_addresses": True},
            (True, True, True),
        ),
    ],
)
def test_conditions_follow_the_pods_readiness(
    pod_fields: dict[str, Any], service_fields: dict[str, Any], conditions: tuple[bool, bool, bool]
) -> None:
    found = endpoints(selecting(**service_fields), pods=(pod("p", APP, "10.0.0.1", **pod_fields),))
    endpoint = found["10.0.0.1"]
    assert (endpoint.ready, endpoint.serving, endpoint.terminating) == conditions


@pytest.mark.parametrize(
    "status",
    [
        PodStatus("Succeeded", "10.0.0.1", ("10.0.0.1",), ready=True),
        PodStatus("Failed", "10.0.0.1", ("10.0.0.1",), ready=True),
        PodStatus("Pending"),
    ],
)
def test_a_pod_that_has_ended_or_has_no_address_is_left_out(status: PodStatus) -> None:
    assert endpoints(selecting(), pods=(Pod(meta("p", labels=APP), status=status),)) == {}


def test_a_named_target_port_is_looked_up_in_each_pod() -> None:
    ports = (port(80, name="http", target_port="web"), port(53, name="dns", protocol="UDP", target_port="dns"))
    pods = (
        pod("a", APP, "10.0.0.1", ports=(container_port(8080, "web"), container_port(5353, "dns", "UDP"))),
        pod("b", APP, "10.0.0.2", ports=(container_port(9090, "web"), container_port(5353, "dns", "UDP"))),
        pod("c", APP, "10.0.0.3", ports=(container_port(8080, "web"), container_port(5353, "dns"))),
        pod("d", APP, "10.0.0.4"),
        pod("e", APP, "10.0.0.5", ports=(container_port(8080, "web"), container_port(5353, "dns", "UDP"))),
    )
    found = {
        tuple(e.addresses[0] for e in s.endpoints): [(p.name, p.port) for p in s.ports]
        for s in slices(selecting(*ports), pods=pods)
    }
    assert found == {
        ("10.0.0.1", "10.0.0.5"): [("http", 8080), ("dns", 5353)],
        ("10.0.0.2",): [("http", 9090), ("dns", 5353)],
        ("10.0.0.3",): [("http", 8080)],
        ("10.0.0.4",): [],
    }


def test_a_slice_holds_a_hundred_endpoints() -> None:
    pods = tuple(pod(f"p{n:03}", APP, f"10.0.{n // 100}.{n % 100 + 1}") for n in range(250))
    found = slices(selecting(), pods=pods)
    assert sorted(len(s.endpoints) for s in found) == [50, 100, 100]
    assert len({s.meta.name for s in found}) == 3
    assert len({e.addresses for s in found for e in s.endpoints}) == 250


def test_each_family_of_the_service_has_its_slice() -> None:
    pods = (pod("a", APP, ("10.0.0.1", "FD00:0::1")), pod("b", APP, "10.0.0.2"))
    dual = slices(selecting(ip_family_policy="PreferDualStack"), pods=pods, service_cidrs=DUAL)
    assert {(s.address_type, tuple(e.addresses for e in s.endpoints)) for s in dual} == {
        ("IPv4", (("10.0.0.1",), ("10.0.0.2",))),
        ("IPv6", (("fd00::1",),)),
    }
    (single,) = slices(selecting(ip_families=("IPv6",)), pods=pods, service_cidrs=DUAL)
    assert [e.addresses for e in single.endpoints] == [("fd00::1",)]


def test_a_headless_service_says_so_and_gives_its_pods_names() -> None:
    pods = (
        pod("db-0", APP, "10.0.0.1", hostname="db-0", subdomain="web"),
        pod("db-1", APP, "10.0.0.2", hostname="db-1", subdomain="other"),
    )
    (found,) = slices(service("web", cluster_ip="None", selector=APP), pods=pods)
    assert found.meta.labels["service.kubernetes.io/headless"] == ""
    assert [e.hostname for e in found.endpoints] == ["db-0", ""]


def test_a_headless_service_needs_no_port() -> None:
    (found,) = slices(Service(meta("web"), cluster_ip="None", selector=APP), pods=(pod("p", APP, "10.0.0.1"),))
    assert (found.ports, len(found.endpoints)) == ((), 1)


READY = pod("ready", APP, "10.0.0.1", node_name="a")
UNREADY = pod("unready", APP, "10.0.0.2", ready=False, node_name="a")
NO_ZONE = pod("nozone", APP, "10.0.0.3", node_name="c")


@pytest.mark.parametrize(
    ("fields", "zones", "nodes"),
    [
        ({}, [(), (), ()], [(), (), ()]),
        ({"traffic_distribution": "PreferClose"}, [("zone-a",), (), ()], [(), (), ()]),
        ({"traffic_distribution": "PreferSameZone"}, [("zone-a",), (), ()], [(), (), ()]),
        ({"traffic_distribution": "PreferSameNode"}, [("zone-a",), (), ()], [("a",), (), ("c",)]),
        (
            {
                "traffic_distribution": "PreferClose",
                "annotations": {"service.kubernetes.io/topology-mode": "Auto"},
            },
            [(), (), ()],
            [(), (), ()],
        ),
        (
            {
                "traffic_distribution": "PreferClose",
                "annotations": {
                    "service.kubernetes.io/topology-mode": "Auto",
                    "service.kubernetes.io/topology-aware-hints": "Disabled",
                },
            },
            [("zone-a",), (), ()],
            [(), (), ()],
        ),
    ],
)
def test_hints_follow_traffic_distribution(
    fields: dict[str, Any], zones: list[tuple[str, ...]], nodes: list[tuple[str, ...]]
) -> None:
    found = endpoints(selecting(**fields), pods=(READY, UNREADY, NO_ZONE))
    ordered = [found[f"10.0.0.{n}"] for n in (1, 2, 3)]
    assert [e.zone_hints for e in ordered] == zones
    assert [e.node_hints for e in ordered] == nodes


def test_hints_that_are_not_made_are_a_warning() -> None:
    asking = selecting(annotations={"service.kubernetes.io/topology-mode": "Auto"})
    assert warnings(complete(Cluster(services=(asking,), pods=(READY,), nodes=NODES))[1]) == [
        "no-hints metadata.annotations"
    ]
    assert warnings(complete(Cluster(services=(asking,), pods=(READY,), nodes=NODES[:1]))[1]) == []


def test_a_service_that_selects_nothing_has_an_empty_slice_and_a_warning() -> None:
    cluster, diagnostics = complete(Cluster(services=(selecting(),)))
    assert [(s.ports, s.endpoints) for s in cluster.endpoint_slices] == [((), ())]
    assert warnings(diagnostics) == ["no-pods spec.selector"]


def test_many_services_that_select_nothing_have_one_warning() -> None:
    many = tuple(service(f"s{n}", selector=APP) for n in range(100))
    (found,) = complete(Cluster(services=many))[1]
    assert "99 other Services" in found.message


@pytest.mark.parametrize(
    "given",
    [
        service("web"),
        service("web", selector={}),
        service("web", selector=APP, type="ExternalName", external_name="x.example"),
    ],
)
def test_a_service_without_a_selector_has_no_slices(given: Service) -> None:
    assert slices(given, pods=(READY,)) == ()


def test_slices_of_the_input_are_taken_at_their_word() -> None:
    given = endpoint_slice("mine", "web", Endpoint(("10.9.9.9",)))
    elsewhere = endpoint_slice("theirs", "web", Endpoint(("10.9.9.8",)), namespace="other")
    assert slices(selecting(), pods=(READY,), endpoint_slices=(given,)) == (given,)
    assert len(slices(selecting(), pods=(READY,), endpoint_slices=(elsewhere,))) == 2


def test_a_slice_name_that_is_taken_is_not_made_again() -> None:
    (found,) = slices(selecting(), pods=(READY,))
    other = endpoint_slice(found.meta.name, "else", Endpoint(("10.9.9.9",)))
    assert len({s.meta.name for s in slices(selecting(), pods=(READY,), endpoint_slices=(other,))}) == 2


def test_a_pod_on_a_node_that_the_input_leaves_out_counts() -> None:
    found = endpoints(selecting(), pods=(pod("p", APP, "10.0.0.1", node_name="elsewhere"),))
    assert (found["10.0.0.1"].node_name, found["10.0.0.1"].zone) == ("elsewhere", "")
