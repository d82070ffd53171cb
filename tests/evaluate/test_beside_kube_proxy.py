"""The rules of Docker, flannel, Calico, Cilium and a hand-written firewall: what becomes of packets under them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kcompile.evaluate.packet import Packet
from kcompile.ir.ruleset import Ruleset
from kcompile.readers import read_ruleset
from tests.evaluate.following import arriving, ends, sent

RULES = Path(__file__).parents[1] / "data" / "rules"


def dump(*names: str) -> Ruleset:
    rules = Ruleset()
    for name in names:
        rules += read_ruleset((RULES / name).read_text(), name)
    return rules


DOCKER = dump("docker.rules")
FLANNEL = dump("flannel.rules")
CALICO = dump("calico.rules", "calico.ipset")
CILIUM = dump("cilium.rules")
FIREWALL = dump("firewall.nft")


@pytest.mark.parametrize(
    ("packet", "outcome"),
    [
        (arriving("192.168.1.11", 8080, in_interface="eth0", out_interface="docker0"), "1 dnat 172.17.0.2:80"),
        (arriving("192.168.1.11", 8081, in_interface="eth0"), "1 accept"),
        (arriving("192.168.1.11", 8080, source="192.0.2.9", in_interface="eth0"), "1 drop"),
        (arriving("172.17.0.2", 81, in_interface="eth0", out_interface="docker0"), "1 drop"),
        (
            arriving("8.8.8.8", 53, source="172.17.0.2", in_interface="docker0", out_interface="eth0"),
            "1 accept as 192.168.1.11",
        ),
        (sent("127.0.0.1", 8080), "1 accept"),
        (sent("192.168.1.11", 8080, out_interface="docker0"), "1 dnat 172.17.0.2:80"),
    ],
)
def test_docker(packet: Packet, outcome: str) -> None:
    assert ends(DOCKER, packet) == [outcome]


@pytest.mark.parametrize(
    ("packet", "outcome"),
    [
        (arriving("8.8.8.8", 53, source="10.244.0.5"), "1 accept as 192.168.1.11"),
        (arriving("10.244.1.6", source="10.244.0.5"), "1 accept"),
        (arriving("10.244.0.5", source="198.51.100.7"), "1 accept"),
        (arriving("10.244.1.6", source="198.51.100.7"), "1 accept as 192.168.1.11"),
        (arriving("127.0.0.1", source="198.51.100.7"), "1 drop"),
    ],
)
def test_flannel(packet: Packet, outcome: str) -> None:
    assert ends(FLANNEL, packet) == [outcome]


@pytest.mark.parametrize(
    ("source", "port", "outcome"),
    [
        ("10.244.3.7", 8080, "1 accept"),
        ("10.244.3.7", 8081, "1 drop"),
        ("10.244.4.7", 8080, "1 drop"),
        ("10.244.3.9", 8080, "1 drop"),
    ],
)
def test_calico_admits_what_a_policy_names(source: str, port: int, outcome: str) -> None:
    packet = arriving("10.244.0.5", port, source, in_interface="eth0", out_interface="cali1234567")
    assert ends(CALICO, packet) == [outcome]


def test_calico_drops_what_comes_from_no_known_workload() -> None:
    assert ends(CALICO, arriving("8.8.8.8", source="10.244.0.5", in_interface="cali0000000", out_interface="eth0")) == [
        "1 drop"
    ]
    known = arriving("8.8.8.8", source="10.244.0.5", in_interface="cali1234567", out_interface="eth0")
    assert ends(CALICO, known) == ["1 accept as 192.168.1.11"]


def test_calico_without_its_ipsets_is_not_known() -> None:
    packet = arriving("10.244.0.5", 8080, "10.244.3.7", in_interface="eth0", out_interface="cali1234567")
    assert ends(dump("calico.rules"), packet) == ["1 unknown"]


@pytest.mark.parametrize(
    ("packet", "outcomes"),
    [
        (arriving("192.168.1.11", 443, "10.9.3.4"), ["1 accept"]),
        (arriving("192.168.1.11", 443, "10.10.0.9"), ["1 accept"]),
        (arriving("192.168.1.11", 443, "10.10.0.10"), ["1 drop"]),
        (arriving("192.168.1.11", 8443), ["1 accept"]),
        (arriving("192.168.1.11", 9443), ["1 drop"]),
        (arriving("192.168.1.11", 22), ["1 accept"]),
        (arriving("192.168.1.11", 113), ["1 reject"]),
        (arriving("192.168.1.11", 4789, protocol="udp"), ["1 reject"]),
        (arriving("192.168.1.11", 4789, "10.1.1.1", protocol="udp"), ["1 drop"]),
        (arriving("fd00:192:168:1::11", 80, "fd00:9::1"), ["1 accept"]),
        (arriving("fd00:192:168:1::11", 80, "fd00:8::1"), ["1 drop"]),
        (sent("192.168.1.11", 9999), ["1 accept"]),
        (arriving("10.244.0.5", 80, "10.9.1.1"), ["1 drop"]),
        (arriving("10.66.0.1", 80), ["1/4 drop", "3/4 accept"]),
        (arriving("10.67.0.1", 80), ["1/2 drop", "1/2 accept"]),
        (arriving("192.168.1.11", 8081), ["1/2 dnat 10.244.0.5:80", "1/2 dnat 10.244.0.6:81"]),
        (arriving("fd00:192:168:1::11", 8081, "2001:db8::7"), ["1 dnat [fd00:10:244::5]:80"]),
        (arriving("8.8.8.8", 53, "10.244.0.5", out_interface="eth0"), ["1 accept as 192.168.1.11"]),
        (arriving("8.8.8.8", 53, "10.9.0.5"), ["1 accept as 203.0.113.5"]),
        (arriving("8.8.8.8", 8080, in_interface="wan0"), ["1 dnat 10.244.0.5:80"]),
        (arriving("10.68.0.1", 80), ["1 unknown"]),
        (arriving("10.68.0.1", 80, out_interface="wan3"), ["1 drop"]),
    ],
)
def test_a_firewall(packet: Packet, outcomes: list[str]) -> None:
    assert ends(FIREWALL, packet) == outcomes


def test_dumps_of_several_tools_are_one_node() -> None:
    both = DOCKER + FIREWALL
    # Docker's chain comes first and lets it pass; the firewall's drops it.
    assert ends(both, arriving("192.168.1.11", 9999, in_interface="eth0")) == ["1 drop"]


@pytest.mark.parametrize(
    ("packet", "outcome"),
    [
        (
            arriving("10.96.0.10", 80, source="10.0.0.9", in_interface="lxc1", out_interface="lxc2"),
            "1 dnat 10.0.0.7:8080",
        ),
        (
            arriving("8.8.8.8", 53, source="10.0.0.9", in_interface="lxc1", out_interface="eth0"),
            "1 accept as 192.168.1.11",
        ),
    ],
)
def test_no_first_packet_is_for_the_socket_of_a_proxy(packet: Packet, outcome: str) -> None:
    """Cilium marks what goes to its proxies; what it cannot be is not followed, though TPROXY is not understood."""
    assert ends(CILIUM, packet) == [outcome]
