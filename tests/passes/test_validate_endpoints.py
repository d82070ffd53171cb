"""EndpointSlices and Endpoints that the API server refuses, and those that it takes."""

from __future__ import annotations

from typing import Any

import pytest

from kcompile.diagnostics import Diagnostic
from kcompile.model import (
    Endpoint,
    EndpointPort,
    Endpoints,
    EndpointsAddress,
    EndpointSlice,
    EndpointSubset,
    TargetReference,
)
from kcompile.passes.validate_endpoints import validate_endpoint_slice, validate_endpoints
from kcompile.passes.validate_meta import Proven
from tests.passes.objects import endpoint_slice, endpoints, errors, warnings


def found(given: EndpointSlice) -> list[Diagnostic]:
    return validate_endpoint_slice(given, Proven())


@pytest.mark.parametrize(
    ("address_type", "address"),
    [
        ("IPv4", "10.244.0.5"),
        ("IPv6", "fd00:10:244::5"),
        ("IPv6", "FD00:0010:0244:0000:0000:0000:0000:000D"),
        ("IPv6", "FD00:10:244:0::5"),
        ("FQDN", "example.com"),
        ("FQDN", "www.example.com."),
    ],
)
def test_an_address_of_the_slices_type_is_accepted(address_type: str, address: str) -> None:
    assert found(endpoint_slice("a", "web", Endpoint((address,)), address_type=address_type)) == []


@pytest.mark.parametrize(
    ("address_type", "address"),
    [
        ("IPv4", "fd00::5"),
        ("IPv6", "10.0.0.1"),
        ("IPv6", "::ffff:10.0.0.1"),
        ("IPv4", "10.0.0.01"),
        ("IPv4", "127.0.0.1"),
        ("IPv4", "169.254.0.1"),
        ("IPv4", "224.0.0.1"),
        ("IPv4", "0.0.0.0"),
        ("IPv4", "10.0.0.1\n"),
        ("IPv6", "fe80::1"),
        ("IPv6", "fd00::1%eth0"),
        ("IPv6", "::1"),
        ("FQDN", "localhost"),
        ("FQDN", "a b.example"),
    ],
)
def test_another_address_is_an_error_at_its_place(address_type: str, address: str) -> None:
    good = {"IPv4": "10.0.0.9", "IPv6": "fd00::9", "FQDN": "a.example"}[address_type]
    given = endpoint_slice("a", "web", Endpoint((good,)), Endpoint((good, address)), address_type=address_type)
    assert errors(found(given)) == ["bad-address endpoints[1].addresses[1]"]


SLICES: list[tuple[dict[str, Any], list[str]]] = [
    ({"address_type": "IP"}, ["bad-value addressType"]),
    ({"ports": (EndpointPort("", "TCP", None),)}, []),
    ({"ports": ()}, []),
    ({"ports": (EndpointPort("a", "TCP", 0),)}, ["port-range ports[0].port"]),
    ({"ports": (EndpointPort("a", "TCP", 65536),)}, ["port-range ports[0].port"]),
    ({"ports": (EndpointPort("A", "TCP", 80),)}, ["bad-name ports[0].name"]),
    ({"ports": (EndpointPort("a", "tcp", 80),)}, ["bad-value ports[0].protocol"]),
    (
        {"ports": (EndpointPort("a", "TCP", 80), EndpointPort("a", "UDP", 80))},
        ["duplicate-port-name ports[1].name"],
    ),
    ({"ports": (EndpointPort("a", "TCP", 80, "a b"),)}, ["bad-name ports[0].appProtocol"]),
    (
        {"labels": {"kubernetes.io/service-name": "a b"}},
        ["bad-label " + 'metadata.labels["kubernetes.io/service-name"]'],
    ),
    ({"name": "Web"}, ["bad-name metadata.name"]),
]


@pytest.mark.parametrize(("fields", "expected"), SLICES, ids=[str(n) for n in range(len(SLICES))])
def test_a_slice_is_held_to_its_fields(fields: dict[str, Any], expected: list[str]) -> None:
    name = fields.get("name", "web-1")
    rest = {key: value for key, value in fields.items() if key != "name"}
    assert errors(found(endpoint_slice(name, "web", **rest))) == expected


ENDPOINTS: list[tuple[dict[str, Any], list[str]]] = [
    ({"addresses": ()}, ["missing-field endpoints[0].addresses"]),
    ({"addresses": ("10.0.0.1",) * 101}, ["too-many endpoints[0].addresses"]),
    ({"node_name": "node-1.example.com", "zone": "Zone_a", "hostname": "web-0"}, []),
    ({"node_name": "Node"}, ["bad-name endpoints[0].nodeName"]),
    ({"zone": "a b"}, ["bad-name endpoints[0].zone"]),
    ({"hostname": "a.b"}, ["bad-name endpoints[0].hostname"]),
    ({"target": TargetReference("Pod", "default", "p" * 100)}, []),
    ({"target": TargetReference("Pod", "default", "a b")}, ["bad-name endpoints[0].targetRef.name"]),
    ({"target": TargetReference("P d", "default", "a")}, ["bad-name endpoints[0].targetRef.kind"]),
    ({"target": TargetReference("Pod", "a.b", "a")}, ["bad-name endpoints[0].targetRef.namespace"]),
    ({"zone_hints": ("zone-a", "zone-b"), "node_hints": ("node-1",)}, []),
    ({"zone_hints": ("a b",)}, ["bad-name endpoints[0].hints.forZones[0].name"]),
    ({"zone_hints": ("",)}, ["bad-name endpoints[0].hints.forZones[0].name"]),
    ({"zone_hints": ("a", "a")}, ["duplicate-name endpoints[0].hints.forZones[1].name"]),
    ({"node_hints": ("A",)}, ["bad-name endpoints[0].hints.forNodes[0].name"]),
    ({"zone_hints": tuple("abcdefghi")}, ["too-many endpoints[0].hints.forZones"]),
]


@pytest.mark.parametrize(("fields", "expected"), ENDPOINTS, ids=[str(n) for n in range(len(ENDPOINTS))])
def test_an_endpoint_is_held_to_its_fields(fields: dict[str, Any], expected: list[str]) -> None:
    assert errors(found(endpoint_slice("a", "web", Endpoint(**{"addresses": ("10.0.0.1",), **fields})))) == expected


def test_more_endpoints_than_the_api_server_takes_are_a_warning() -> None:
    many = (Endpoint(("10.0.0.1",)),) * 1001
    assert found(endpoint_slice("a", "web", *many[1:])) == []
    assert warnings(found(endpoint_slice("a", "web", *many))) == ["too-many endpoints"]


def test_a_bad_value_is_found_also_after_a_good_one_was_remembered() -> None:
    proven = Proven()
    good = endpoint_slice("a", "web", Endpoint(("10.0.0.1",), node_name="n", zone="z"))
    bad = endpoint_slice("b", "web", Endpoint(("10.0.0.1",), node_name="n", zone="z z"))
    assert validate_endpoint_slice(good, proven) == []
    assert errors(validate_endpoint_slice(bad, proven)) == ["bad-name endpoints[0].zone"]
    assert errors(validate_endpoint_slice(bad, proven)) == ["bad-name endpoints[0].zone"]


def _endpoints(*addresses: EndpointsAddress, ports: tuple[EndpointPort, ...] = ()) -> Endpoints:
    return endpoints("web", EndpointSubset(addresses, addresses[:1], ports))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (_endpoints(EndpointsAddress("10.0.0.1", "web-0", "node-1", TargetReference("Pod", "default", "web-0"))), []),
        (_endpoints(ports=(EndpointPort("a", "TCP", None),)), ["missing-field subsets[0].ports[0].port"]),
        (
            _endpoints(EndpointsAddress("127.0.0.1")),
            ["bad-address subsets[0].addresses[0].ip", "bad-address subsets[0].notReadyAddresses[0].ip"],
        ),
        (
            endpoints("web", EndpointSubset((EndpointsAddress("10.0.0.1", "A", "B"),))),
            ["bad-name subsets[0].addresses[0].hostname", "bad-name subsets[0].addresses[0].nodeName"],
        ),
        (
            endpoints("web", EndpointSubset((EndpointsAddress("10.0.0.1", target=TargetReference(name="a b")),))),
            ["bad-name subsets[0].addresses[0].targetRef.name"],
        ),
    ],
)
def test_endpoints_are_held_to_their_fields(given: Endpoints, expected: list[str]) -> None:
    assert errors(validate_endpoints(given, Proven())) == expected
