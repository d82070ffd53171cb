"""Pod CIDRs of Nodes, and the addresses of Pods."""

from __future__ import annotations

from typing import Any

import pytest

from kcompile.model import Cluster, ClusterConfiguration, Endpoint, KubeProxyConfiguration, NodeAddress, PodStatus
from kcompile.passes.addresses import parse_address, parse_cidr
from kcompile.passes.pipeline import complete
from tests.passes.objects import completed, endpoint_slice, errors, node, pod, service, service_cidr


def cidrs(cluster: Cluster) -> dict[str, tuple[str, ...]]:
    return {n.name: n.pod_cidrs for n in completed(cluster).nodes}


def pod_ips(cluster: Cluster) -> dict[str, tuple[str, ...]]:
    return {p.meta.name: p.status.pod_ips if p.status else () for p in completed(cluster).pods}


def test_a_node_gets_its_part_of_the_default_range() -> None:
    """A change here would change the addresses of every user."""
    assert cidrs(Cluster()) == {"node-1": ("10.244.55.0/24",)}


def test_a_new_node_moves_no_other_unless_they_collide() -> None:
    one = cidrs(Cluster(nodes=(node("a"), node("b"))))
    assert cidrs(Cluster(nodes=(node("a"), node("b"), node("c")))).items() >= one.items()


def test_a_given_part_is_kept_and_given_to_nobody_else() -> None:
    taken = cidrs(Cluster(nodes=(node("a"),)))["a"][0]
    found = cidrs(Cluster(nodes=(node("a"), node("b", taken))))
    assert found["b"] == (taken,)
    assert found["a"] != (taken,)


@pytest.mark.parametrize(
    ("fields", "inside"),
    [
        ({"cluster_configuration": ClusterConfiguration(pod_subnet="10.1.0.0/16")}, ["10.1.0.0/16"]),
        (
            {"kube_proxy": KubeProxyConfiguration(cluster_cidr="10.2.0.0/16,fd00:2::/56")},
            ["10.2.0.0/16", "fd00:2::/56"],
        ),
        ({"service_cidrs": (service_cidr("fd00:1::/112", "10.96.0.0/16"),)}, ["fd00:10:244::/56", "10.244.0.0/16"]),
    ],
)
def test_the_part_comes_from_the_configured_range(fields: dict[str, Any], inside: list[str]) -> None:
    for own, whole in zip(cidrs(Cluster(nodes=(node("a"),), **fields))["a"], inside, strict=True):
        part, addresses = parse_cidr(own), parse_cidr(whole)
        assert part is not None
        assert addresses is not None
        assert addresses.first <= part.first <= part.last <= addresses.last
        assert part.size == (2**8 if part.family == 4 else 2**64)


def test_the_parts_are_of_the_size_of_the_given_ones() -> None:
    assert cidrs(Cluster(nodes=(node("a", "10.244.4.0/22"), node("b"))))["b"][0].endswith("/22")


def test_nodes_share_a_range_that_is_too_small_to_split() -> None:
    config = ClusterConfiguration(pod_subnet="10.1.0.0/28")
    nodes = (node("a"), node("b"))
    cluster = Cluster(
        nodes=nodes, pods=(pod("p", node_name="a"), pod("q", node_name="b")), cluster_configuration=config
    )
    assert cidrs(cluster) == {"a": (), "b": ()}
    addresses = {ip for ips in pod_ips(cluster).values() for ip in ips}
    assert len(addresses) == 2
    assert all(parse_address(ip) in parse_cidr("10.1.0.0/28") for ip in addresses)  # type: ignore[operator]


def test_a_pod_gets_an_address_of_its_node_and_is_ready() -> None:
    cluster = completed(Cluster(nodes=(node("a", "10.244.7.0/24", "fd00:7::/64"),), pods=(pod("p"),)))
    status = cluster.pods[0].status
    assert status is not None
    assert (status.phase, status.ready) == ("Running", True)
    assert status.pod_ip == status.pod_ips[0]
    assert [ip.rpartition(".")[0] or ip.partition("::")[0] for ip in status.pod_ips] == ["10.244.7", "fd00:7"]


def test_every_address_of_a_node_but_three_is_given_out() -> None:
    """The network's, the bridge's and the broadcast address are kept back."""
    pods = tuple(pod(f"p{n}") for n in range(13))
    found = pod_ips(Cluster(nodes=(node("a", "10.244.7.0/28"),), pods=pods))
    assert {ip for ips in found.values() for ip in ips} == {f"10.244.7.{n}" for n in range(2, 15)}
    diagnostics = complete(Cluster(nodes=(node("a", "10.244.7.0/28"),), pods=(*pods, pod("late"))))[1]
    assert errors(diagnostics) == ["range-exhausted spec"]


def test_an_address_that_the_input_uses_is_given_to_no_other() -> None:
    nodes = (node("a", "10.244.7.0/29", addresses=(NodeAddress("InternalIP", "10.244.7.2"),)),)
    slices = (endpoint_slice("s", "web", Endpoint(("10.244.7.3",))),)
    cluster = Cluster(nodes=nodes, endpoint_slices=slices, pods=(pod("given", ip="10.244.7.4"), pod("p"), pod("q")))
    found = pod_ips(cluster)
    assert {found["p"][0], found["q"][0]} == {"10.244.7.5", "10.244.7.6"}


@pytest.mark.parametrize(
    "status",
    [PodStatus("Pending"), PodStatus("Running"), PodStatus("Failed", "10.0.0.9", ("10.0.0.9",), ready=False)],
)
def test_a_pod_that_brings_a_status_is_taken_at_its_word(status: PodStatus) -> None:
    assert completed(Cluster(pods=(pod("p", status=status),))).pods[0].status == status


ADDRESSES = (
    NodeAddress("Hostname", "a"),
    NodeAddress("ExternalIP", "198.51.100.1"),
    NodeAddress("InternalIP", "192.168.1.1"),
    NodeAddress("InternalIP", "192.168.2.1"),
    NodeAddress("InternalIP", "fd00::1"),
)


def test_a_pod_on_the_hosts_network_has_the_nodes_addresses() -> None:
    cluster = Cluster(nodes=(node("a", addresses=ADDRESSES),), pods=(pod("p", host_network=True),))
    assert pod_ips(cluster) == {"p": ("192.168.1.1", "fd00::1")}


def test_a_pod_on_the_network_of_a_host_without_address_has_none() -> None:
    assert pod_ips(Cluster(pods=(pod("p", host_network=True),))) == {"p": ()}


def test_a_pod_without_a_node_stays_pending() -> None:
    cluster = completed(Cluster(pods=(pod("p", node_selector={"disk": "ssd"}),)))
    assert cluster.pods[0].status == PodStatus("Pending")


def test_adding_a_service_moves_no_pod() -> None:
    pods = tuple(pod(f"p{n}") for n in range(50))
    assert pod_ips(Cluster(pods=pods)) == pod_ips(Cluster(pods=pods, services=(service("web"),)))
