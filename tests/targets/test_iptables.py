"""The iptables mode against recordings of kube-proxy, and rule by rule where these have no example."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kcompile.ir.plan import EndpointInfo, Family, FamilyPlan, KubeVersion, LocalDetector, NodePlan, ServicePortInfo
from kcompile.model.configuration import IPTablesOptions, KubeProxyConfiguration
from kcompile.targets import iptables
from tests.targets.plans import node_plan, web
from tests.targets.recorded import CASES, expected, plan

PROGRAM: dict[Family, str] = {4: "iptables", 6: "ip6tables"}
FAMILIES: tuple[Family, ...] = (4, 6)
Form = Callable[[NodePlan, tuple[Family, ...]], bytes]
VERSIONS: tuple[KubeVersion, ...] = ("1.30", "1.37")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", CASES)
def test_restore_is_what_kube_proxy_wrote(case: str, version: KubeVersion, family: Family) -> None:
    got = iptables.restore(plan(case, "iptables", version), (family,))
    assert got.decode() == expected(case, "iptables", version, f"{PROGRAM[family]}.restore").decode()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("case", CASES)
def test_save_is_what_iptables_save_printed(case: str, family: Family) -> None:
    got = iptables.save(plan(case, "iptables", "1.37"), (family,))
    assert got.decode() == expected(case, "iptables", "1.37", f"{PROGRAM[family]}.rules").decode()


@pytest.mark.parametrize("case", CASES)
def test_both_families_are_one_after_the_other(case: str) -> None:
    node = plan(case, "iptables", "1.37")
    assert iptables.save(node, (4, 6)) == iptables.save(node, (4,)) + iptables.save(node, (6,))


@pytest.mark.parametrize("form", [iptables.restore, iptables.save])
@pytest.mark.parametrize("case", CASES)
def test_every_chain_that_is_jumped_to_is_declared(case: str, form: Form) -> None:
    for table in form(plan(case, "iptables", "1.37"), (4,)).decode().split("COMMIT"):
        declared = set(re.findall(r"^:(\S+)", table, re.M))
        assert set(re.findall(r"^-A (\S+)", table, re.M)) <= declared
        assert set(re.findall(r"-j (KUBE-\S+)", table)) <= declared


ENDPOINTS = tuple(EndpointInfo(f"10.244.0.{i}", 8080) for i in (1, 2, 3))


def service_port(**changes: Any) -> ServicePortInfo:
    endpoints = changes.pop("endpoints", ENDPOINTS)
    every = dict.fromkeys(("endpoints", "cluster_endpoints", "reachable_endpoints"), endpoints)
    return web(**{"local_endpoints": (), **every, **changes})


def iptables_plan(*ports: ServicePortInfo, **changes: Any) -> NodePlan:
    return node_plan("iptables", *ports, **{"detect_local": LocalDetector(), **changes})


def rules(text: bytes, chain: str) -> list[str]:
    return [line.removeprefix(f"-A {chain} ") for line in text.decode().splitlines() if line.startswith(f"-A {chain} ")]


@pytest.mark.parametrize(
    ("detector", "local"),
    [
        (LocalDetector("cidr", "10.244.0.0/16"), "-s 10.244.0.0/16"),
        (LocalDetector("bridge", "cni0"), "-i cni0"),
        (LocalDetector("interface-prefix", "veth"), "-i veth+"),
    ],
)
def test_traffic_that_is_not_local_to_a_cluster_ip_is_masqueraded(detector: LocalDetector, local: str) -> None:
    node = iptables_plan(service_port(), detect_local=detector)
    assert rules(iptables.restore(node, (4,)), "KUBE-SVC-4LVCYZMTA5CQO6SX")[0] == (
        f'-m comment --comment "ns1/web:http cluster IP" -m tcp -p tcp -d 10.96.0.10 --dport 80 ! {local} '
        "-j KUBE-MARK-MASQ"
    )


def test_interfaces_are_saved_between_addresses_and_protocol() -> None:
    node = iptables_plan(service_port(), detect_local=LocalDetector("bridge", "cni0"))
    assert rules(iptables.save(node, (4,)), "KUBE-SVC-4LVCYZMTA5CQO6SX")[0] == (
        '-d 10.96.0.10/32 ! -i cni0 -p tcp -m comment --comment "ns1/web:http cluster IP" -m tcp --dport 80 '
        "-j KUBE-MARK-MASQ"
    )


def test_nothing_is_masqueraded_when_local_traffic_cannot_be_told() -> None:
    got = iptables.restore(iptables_plan(service_port()), (4,))
    assert not [rule for rule in rules(got, "KUBE-SVC-4LVCYZMTA5CQO6SX") if "KUBE-MARK-MASQ" in rule]


def test_liberal_tcp_tracking_drops_the_rule_against_invalid_packets() -> None:
    for liberal in (False, True):
        got = iptables.restore(iptables_plan(configuration=KubeProxyConfiguration(tcp_be_liberal=liberal)), (4,))
        assert ("--ctstate INVALID" in got.decode()) is not liberal


@pytest.mark.parametrize("bit", [0, 14, 31])
def test_the_mark_is_the_configured_bit(bit: int) -> None:
    options = KubeProxyConfiguration(iptables=IPTablesOptions(masquerade_bit=bit))
    node = iptables_plan(configuration=options)
    assert rules(iptables.restore(node, (4,)), "KUBE-MARK-MASQ") == [f"-j MARK --or-mark 0x{1 << bit:08x}"]
    assert rules(iptables.save(node, (4,)), "KUBE-MARK-MASQ") == [f"-j MARK --set-xmark {1 << bit:#x}/{1 << bit:#x}"]


@pytest.mark.parametrize(("count", "comments"), [(1000, True), (1001, False)])
def test_a_large_cluster_has_no_comments_on_endpoint_rules(count: int, comments: bool) -> None:
    endpoints = tuple(EndpointInfo(f"10.244.{i // 200}.{i % 200}", 80, ready=False) for i in range(count))
    port = service_port(endpoints=endpoints, cluster_endpoints=ENDPOINTS, reachable_endpoints=ENDPOINTS)
    got = iptables.restore(iptables_plan(port), (4,)).decode()
    assert ('--comment "ns1/web:http -> ' in got) is comments
    assert ("-m comment --comment ns1/web:http -s" in got) is comments
    assert '"ns1/web:http cluster IP"' in got


def test_a_source_range_of_every_address_is_saved_without_a_source() -> None:
    port = service_port(
        load_balancer_vips=("203.0.113.7",), source_ranges=("0.0.0.0/0", "10.0.0.0/8"), source_ranges_include_node=True
    )
    node = iptables_plan(port)
    chain = "KUBE-FW-4LVCYZMTA5CQO6SX"
    text = '-m comment --comment "ns1/web:http loadbalancer IP"'
    assert rules(iptables.restore(node, (4,)), chain)[:3] == [
        f"{text} -s 0.0.0.0/0 -j KUBE-EXT-4LVCYZMTA5CQO6SX",
        f"{text} -s 10.0.0.0/8 -j KUBE-EXT-4LVCYZMTA5CQO6SX",
        f"{text} -s 203.0.113.7 -j KUBE-EXT-4LVCYZMTA5CQO6SX",
    ]
    assert rules(iptables.save(node, (4,)), chain)[:3] == [
        f"{text} -j KUBE-EXT-4LVCYZMTA5CQO6SX",
        f"-s 10.0.0.0/8 {text} -j KUBE-EXT-4LVCYZMTA5CQO6SX",
        f"-s 203.0.113.7/32 {text} -j KUBE-EXT-4LVCYZMTA5CQO6SX",
    ]


def test_an_address_copied_as_given_is_saved_as_the_kernel_holds_it() -> None:
    endpoints = (EndpointInfo("FD00:10:244:0::5", 8080),)
    port = service_port(cluster_ip="fd00::a", endpoints=endpoints)
    ipv6 = FamilyPlan(6, (port,), node_port_cidrs=("::/0",))
    node = replace(iptables_plan(), kube_version="1.30", ipv6=ipv6)
    chain = "KUBE-SEP-BA644P7NCIGGUOKB"  # of the address as given
    assert rules(iptables.restore(node, (6,)), chain) == [
        "-m comment --comment ns1/web:http -s FD00:10:244:0::5 -j KUBE-MARK-MASQ",
        "-m comment --comment ns1/web:http -m tcp -p tcp -j DNAT --to-destination [FD00:10:244:0::5]:8080",
    ]
    assert rules(iptables.save(node, (6,)), chain) == [
        '-s fd00:10:244::5/128 -m comment --comment "ns1/web:http" -j KUBE-MARK-MASQ',
        '-p tcp -m comment --comment "ns1/web:http" -m tcp -j DNAT --to-destination [fd00:10:244::5]:8080',
    ]
    assert '"ns1/web:http -> [FD00:10:244:0::5]:8080"' in iptables.save(node, (6,)).decode()


def test_node_ports_on_listed_addresses_leave_loopback_to_ipv4_that_routes_it() -> None:
    listed = {"node_port_cidrs": ("127.0.0.0/8", "192.168.0.0/16")}
    tail = '-m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain"'
    for localhost, addresses in ((None, ["127.0.0.1", "192.168.1.11"]), (False, ["192.168.1.11"])):
        options = KubeProxyConfiguration(iptables=IPTablesOptions(localhost_node_ports=localhost))
        got = rules(iptables.restore(iptables_plan(configuration=options, **listed), (4,)), "KUBE-SERVICES")
        assert got == [f"{tail} -d {address} -j KUBE-NODEPORTS" for address in addresses]


def test_endpoints_get_equal_shares() -> None:
    node = iptables_plan(service_port())
    for form, third, half in (
        (iptables.restore, "0.3333333333", "0.5000000000"),
        (iptables.save, "0.33333333349", "0.50000000000"),  # in units of 2**-31
    ):
        choices = rules(form(node, (4,)), "KUBE-SVC-4LVCYZMTA5CQO6SX")
        assert [re.findall(r"--probability (\S+)", rule) for rule in choices] == [[third], [half], []]
