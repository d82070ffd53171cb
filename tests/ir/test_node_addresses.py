from __future__ import annotations

import pytest

from kcompile.ir.node_addresses import (
    local_detector,
    node_ips,
    node_port_addresses,
    node_port_cidrs,
    own_addresses,
)
from kcompile.ir.plan import Family, LocalDetector, Mode
from kcompile.model import KubeProxyConfiguration, Meta, Node, NodeAddress
from kcompile.model.configuration import DetectLocal


def node(*addresses: tuple[str, str], pod_cidrs: tuple[str, ...] = ()) -> Node:
    return Node(Meta("node1"), pod_cidrs=pod_cidrs, addresses=tuple(NodeAddress(*address) for address in addresses))


DUAL = node(("Hostname", "node1"), ("InternalIP", "192.168.1.11"), ("InternalIP", "fd00:1::11"))


def test_internal_addresses_come_before_external_ones_and_the_first_is_of_the_primary_family() -> None:
    mixed = node(("ExternalIP", "203.0.113.1"), ("InternalIP", "FD00::1"), ("InternalIP", "fd00::2"))
    assert list(node_ips(mixed, KubeProxyConfiguration()).items()) == [(6, "fd00::1"), (4, "203.0.113.1")]


@pytest.mark.parametrize(
    ("bind", "expected"),
    [
        ("0.0.0.0", [(4, "192.168.1.11"), (6, "fd00:1::11")]),
        ("::", [(4, "192.168.1.11"), (6, "fd00:1::11")]),
        ("10.9.9.9", [(4, "10.9.9.9"), (6, "fd00:1::11")]),
        ("fd00::9", [(6, "fd00::9"), (4, "192.168.1.11")]),
    ],
)
def test_a_bind_address_takes_precedence(bind: str, expected: list[tuple[Family, str]]) -> None:
    assert list(node_ips(DUAL, KubeProxyConfiguration(bind_address=bind)).items()) == expected


def test_a_node_owns_what_it_was_given_in_that_order() -> None:
    assert own_addresses(("fd00:0::1/64", "10.0.0.1/8", "10.0.0.1/32"), DUAL) == ("fd00::1", "10.0.0.1")
    assert own_addresses((), DUAL) == ()
    assert own_addresses(None, DUAL) == ("127.0.0.1", "::1", "192.168.1.11", "fd00:1::11")


@pytest.mark.parametrize(
    ("given", "mode", "ipv4", "ipv6"),
    [
        ((), "iptables", ("0.0.0.0/0",), ("::/0",)),
        ((), "nftables", ("192.168.1.11/32",), ("::/0",)),
        (("primary",), "iptables", ("192.168.1.11/32",), ("::/0",)),
        (("10.1.2.3/8", "127.0.0.0/8"), "iptables", ("10.0.0.0/8", "127.0.0.0/8"), ("::/0",)),
        (("10.0.0.0/8", "0.0.0.0/0", "fd00::/16"), "nftables", ("0.0.0.0/0",), ("fd00::/16",)),
        (("primary", "localhost"), "iptables", ("192.168.1.11/32", "127.0.0.0/8"), ("::1/128",)),
        (("localhost", "all"), "nftables", ("0.0.0.0/0",), ("::/0",)),
    ],
)
def test_node_ports_answer_on_configured_networks_and_everywhere_in_a_family_without_any(
    given: tuple[str, ...], mode: Mode, ipv4: tuple[str, ...], ipv6: tuple[str, ...]
) -> None:
    configuration = KubeProxyConfiguration(node_port_addresses=given)
    assert node_port_cidrs(configuration, mode, 4, "192.168.1.11") == ipv4
    assert node_port_cidrs(configuration, mode, 6, "") == ipv6


def test_a_loopback_address_is_not_a_primary_one() -> None:
    assert node_port_cidrs(KubeProxyConfiguration(), "nftables", 4, "127.0.0.1") == ("0.0.0.0/0",)


def test_node_port_addresses_are_the_nodes_own_by_number() -> None:
    own = ("fd00:192::1", "fd00:5::1", "fe80::1")
    assert node_port_addresses(("fd00::/16",), own, 6) == ("fd00:5::1", "fd00:192::1")
    assert node_port_addresses(("10.0.0.0/8",), ("192.168.1.1",), 4) == ()


@pytest.mark.parametrize(
    ("configuration", "ipv4", "ipv6"),
    [
        (KubeProxyConfiguration(), LocalDetector(), LocalDetector()),
        (
            KubeProxyConfiguration(cluster_cidr="10.244.7.0/16, fd00:10::/48,10.0.0.0/8"),
            LocalDetector("cidr", "10.244.0.0/16"),
            LocalDetector("cidr", "fd00:10::/48"),
        ),
        (
            KubeProxyConfiguration(detect_local_mode="NodeCIDR", cluster_cidr="10.0.0.0/8"),
            LocalDetector("cidr", "10.244.1.0/24"),
            LocalDetector(),
        ),
        (
            KubeProxyConfiguration(
                detect_local_mode="BridgeInterface", detect_local=DetectLocal(bridge_interface="cni0")
            ),
            LocalDetector("bridge", "cni0"),
            LocalDetector("bridge", "cni0"),
        ),
        (
            KubeProxyConfiguration(
                detect_local_mode="InterfaceNamePrefix", detect_local=DetectLocal(interface_name_prefix="veth")
            ),
            LocalDetector("interface-prefix", "veth"),
            LocalDetector("interface-prefix", "veth"),
        ),
    ],
)
def test_local_traffic_is_told_as_configured(
    configuration: KubeProxyConfiguration, ipv4: LocalDetector, ipv6: LocalDetector
) -> None:
    of_node = node(pod_cidrs=("10.244.1.0/24",))
    assert local_detector(configuration, of_node, 4) == ipv4
    assert local_detector(configuration, of_node, 6) == ipv6
