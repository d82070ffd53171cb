"""EndpointSlices mirrored from Endpoints."""

from __future__ import annotations

from typing import Any

import pytest

from kcompile.model import (
    Cluster,
    Endpoint,
    EndpointPort,
    Endpoints,
    EndpointsAddress,
    EndpointSlice,
    EndpointSubset,
    TargetReference,
)
from tests.passes.objects import completed, endpoint_slice, endpoints, node, pod, service

HTTP = EndpointPort("http", "TCP", 8080)


def subset(*ips: str, not_ready: tuple[str, ...] = (), port: EndpointPort = HTTP) -> EndpointSubset:
    return EndpointSubset(
        tuple(EndpointsAddress(ip) for ip in ips), tuple(EndpointsAddress(ip) for ip in not_ready), (port,)
    )


def mirrored(*given: Endpoints, **rest: Any) -> tuple[EndpointSlice, ...]:
    return completed(Cluster(**{"services": (service("web"),), "endpoints": given, **rest})).endpoint_slices


def test_a_mirrored_slice_says_what_the_controller_says() -> None:
    about = {
        "labels": {"team": "x"},
        "annotations": {"note": "y", "endpoints.kubernetes.io/last-change-trigger-time": "2024-01-02T00:00:00Z"},
    }
    target = TargetReference("Pod", "default", "web-0")
    address = EndpointsAddress("10.0.0.1", "web-0", "node-a", target)
    (found,) = mirrored(endpoints("web", EndpointSubset((address,), (), (HTTP,)), **about))
    assert dict(found.meta.labels) == {
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
        "team": "x",
    }
    assert dict(found.meta.annotations) == {"note": "y"}
    assert (found.address_type, found.ports) == ("IPv4", (HTTP,))
    assert found.endpoints == (Endpoint(("10.0.0.1",), True, None, None, "web-0", "node-a", target=target),)


def test_addresses_that_are_not_ready_are_mirrored_as_such() -> None:
    (found,) = mirrored(endpoints("web", subset("10.0.0.1", not_ready=("10.0.0.2",))))
    assert [(e.addresses[0], e.ready) for e in found.endpoints] == [("10.0.0.1", True), ("10.0.0.2", False)]


def test_families_and_ports_have_slices_of_their_own() -> None:
    other = EndpointPort("http", "TCP", 9090)
    found = mirrored(
        endpoints("web", subset("10.0.0.1", "FD00:0::1"), subset("10.0.0.2", port=other), subset("10.0.0.3"))
    )
    assert {(s.address_type, s.ports[0].port): [e.addresses[0] for e in s.endpoints] for s in found} == {
        ("IPv4", 8080): ["10.0.0.1", "10.0.0.3"],
        ("IPv6", 8080): ["fd00::1"],
        ("IPv4", 9090): ["10.0.0.2"],
    }


def test_an_address_that_stands_twice_is_mirrored_once() -> None:
    (found,) = mirrored(endpoints("web", subset("10.0.0.1"), subset("10.0.0.1")))
    assert len(found.endpoints) == 1


@pytest.mark.parametrize(
    "about",
    [
        {"labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
        {"annotations": {"control-plane.alpha.kubernetes.io/leader": "{}"}},
        {"namespace": "other"},
    ],
)
def test_some_endpoints_are_not_mirrored(about: dict[str, Any]) -> None:
    assert mirrored(endpoints("web", subset("10.0.0.1"), **about)) == ()


def test_the_api_servers_own_endpoints_have_a_slice_all_the_same() -> None:
    own = endpoints("kubernetes", subset("172.18.0.2"), labels={"endpointslice.kubernetes.io/skip-mirror": "true"})
    (found,) = mirrored(own, services=(service("kubernetes"),))
    assert found.service_name == "kubernetes"


def test_slices_of_the_input_win_over_its_endpoints() -> None:
    given = endpoint_slice("mine", "web", Endpoint(("10.9.9.9",)))
    assert mirrored(endpoints("web", subset("10.0.0.1")), endpoint_slices=(given,)) == (given,)


def test_endpoints_of_a_service_with_a_selector_win_over_its_pods() -> None:
    selecting = service("web", selector={"app": "web"}, traffic_distribution="PreferSameNode")
    address = EndpointsAddress("10.0.0.1", node_name="a")
    (found,) = mirrored(
        endpoints("web", EndpointSubset((address,), (), (HTTP,))),
        services=(selecting,),
        pods=(pod("p", {"app": "web"}, "10.0.0.7"),),
        nodes=(node("a", zone="zone-a"),),
    )
    assert found.meta.labels["endpointslice.kubernetes.io/managed-by"] == "endpointslice-controller.k8s.io"
    assert found.endpoints == (
        Endpoint(("10.0.0.1",), True, True, False, "", "a", "zone-a", zone_hints=("zone-a",), node_hints=("a",)),
    )
