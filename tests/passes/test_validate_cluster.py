"""Nodes, Namespaces, ServiceCIDRs and IPAddressPools that are refused, and those that are taken."""

from __future__ import annotations

import pytest

from kcompile.model import Cluster, Namespace, NodeAddress
from kcompile.passes.validation import validate
from tests.passes.objects import errors, meta, node, pool, service_cidr


def found(cluster: Cluster) -> list[str]:
    return errors(validate(cluster)[1])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (node("node-1.example.com", "10.244.1.0/24", "fd00:10:244:1::/64"), []),
        (node("Node"), ["bad-name metadata.name"]),
        (node("a", "10.244.1.0"), ["bad-cidr spec.podCIDRs[0]"]),
        (node("a", "10.244.1.0/24", "10.244.2.0/24"), ["too-many spec.podCIDRs"]),
        (node("a", zone="a b"), ['bad-label metadata.labels["topology.kubernetes.io/zone"]']),
        (node("a", addresses=(NodeAddress("InternalIP", "192.168.1.1"), NodeAddress("Hostname", "Node_1"))), []),
        (node("a", addresses=(NodeAddress("InternalIP", "node-1"),)), ["bad-address status.addresses[0].address"]),
        (node("a", addresses=(NodeAddress("ExternalDNS", "a b"),)), ["bad-name status.addresses[0].address"]),
        (node("a", addresses=(NodeAddress("IP", "192.168.1.1"),)), ["bad-value status.addresses[0].type"]),
    ],
)
def test_a_node_is_held_to_its_fields(given: object, expected: list[str]) -> None:
    assert found(Cluster(nodes=(given,))) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cidrs", "expected"),
    [
        (("10.96.0.0/12",), []),
        (("10.96.0.0/12", "10.200.0.0/16", "fd00:10:96::/108"), []),
        ((), ["missing-field spec.cidrs"]),
        (("10.96.0.1/12",), ["bad-cidr spec.cidrs[0]"]),
        (("10.96.0.0/12", "x"), ["bad-cidr spec.cidrs[1]"]),
    ],
)
def test_a_service_cidr_is_held_to_its_fields(cidrs: tuple[str, ...], expected: list[str]) -> None:
    assert found(Cluster(service_cidrs=(service_cidr(*cidrs),))) == expected


def test_a_second_range_of_a_family_is_taken_with_a_warning() -> None:
    given = Cluster(service_cidrs=(service_cidr("10.96.0.0/12", "10.200.0.0/16"),))
    assert [(w.severity.value, w.code) for w in validate(given)[1]] == [("warning", "too-many")]


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (("192.0.2.0/24", "192.0.2.10-192.0.2.20", "2001:db8::/64"), []),
        (("192.0.2.20-192.0.2.10",), ["bad-cidr spec.addresses[0]"]),
        (("192.0.2.0/24", "192.0.2.1"), ["bad-cidr spec.addresses[1]"]),
    ],
)
def test_an_address_pool_is_held_to_its_fields(addresses: tuple[str, ...], expected: list[str]) -> None:
    assert found(Cluster(address_pools=(pool(*addresses),))) == expected


def test_a_namespace_is_a_dns_label() -> None:
    assert found(Cluster(namespaces=(Namespace(meta("a-1", "")),))) == []
    assert found(Cluster(namespaces=(Namespace(meta("a.b", "")),))) == ["bad-name metadata.name"]
