"""The ipvs mode, held against what kube-proxy was recorded to hand to the kernel."""

from __future__ import annotations

import re
import shlex

import pytest

import kcompile
from kcompile.ir.plan import EndpointInfo, Family, LocalDetector
from kcompile.model import KubeProxyConfiguration
from kcompile.model.configuration import IPVSOptions
from kcompile.targets import ipvs
from tests.targets.plans import LOCAL, NODE_IP, REMOTE, node_plan, web
from tests.targets.recorded import CASES, FOLDER, expected, plan

BOTH: tuple[Family, ...] = (4, 6)
PROTOCOLS = {"-t": "TCP", "-u": "UDP", "--sctp-service": "SCTP"}


@pytest.mark.parametrize("case", CASES)
def test_virtual_servers_are_those_of_kube_proxy(case: str) -> None:
    assert servers_of(ipvs.ipvsadm(plan(case, "ipvs", "1.30"), BOTH).decode()) == recorded_servers(case)


@pytest.mark.parametrize("case", CASES)
def test_sets_and_their_elements_are_those_of_kube_proxy(case: str) -> None:
    assert sets_of(ipvs.ipset(plan(case, "ipvs", "1.30"), BOTH).decode()) == recorded_sets(case)


@pytest.mark.parametrize("case", CASES)
def test_bound_addresses_are_those_of_kube_proxy(case: str) -> None:
    interface, *lines = ipvs.ip_batch(plan(case, "ipvs", "1.30"), BOTH).decode().splitlines()
    assert interface == "link add kube-ipvs0 type dummy"
    bound = [re.fullmatch(r"address add (\S+)/(?:32|128) dev kube-ipvs0", line) for line in lines]
    assert sorted(match[1] if match else "" for match in bound) == sorted(recorded_lines(case, "addresses"))


@pytest.mark.parametrize("family", BOTH)
@pytest.mark.parametrize("case", CASES)
def test_iptables_rules_are_those_of_kube_proxy(case: str, family: Family) -> None:
    file = "iptables.restore" if family == 4 else "ip6tables.restore"
    assert ipvs.restore(plan(case, "ipvs", "1.30"), (family,)) == expected(case, "ipvs", "1.30", file)


def test_versions_differ_in_the_spelling_of_endpoints_only() -> None:
    cluster = kcompile.load([FOLDER / "dual-stack" / "cluster.yaml"])
    files = cluster.node(mode="ipvs", kube_version="1.30").files()
    assert cluster.node(mode="ipvs", kube_version="1.34").files() == files
    assert cluster.node(mode="ipvs", kube_version="1.37").files() == files


def test_a_sets_element_is_spelled_as_given_in_1_30_and_canonically_later() -> None:
    cluster = kcompile.load([FOLDER / "ipv6-noncanonical" / "cluster.yaml"])
    old, new = (cluster.node(mode="ipvs", kube_version=version) for version in ("1.30", "1.34"))
    assert "add KUBE-6-LOOP-BACK FD00:10:244:0::5,tcp:8080,FD00:10:244:0::5\n" in old.emit("ipset")
    assert "add KUBE-6-LOOP-BACK fd00:10:244::5,tcp:8080,fd00:10:244::5\n" in new.emit("ipset")
    assert sorted(old.emit("ipvsadm").splitlines()) == sorted(new.emit("ipvsadm").splitlines())


@pytest.mark.parametrize("scheduler", ["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "dh", "sed", "nq"])
def test_a_scheduler_stands_in_every_virtual_server(scheduler: str) -> None:
    plan = node_plan("ipvs", web(node_port=30080), configuration=scheduled(scheduler))
    assert [line for line in lines(ipvs.ipvsadm(plan, (4,))) if line.startswith("-A")] == [
        f"-A -t 10.96.0.10:80 -s {scheduler}",
        f"-A -t {NODE_IP}:30080 -s {scheduler}",
    ]


def test_the_scheduler_is_rr_by_default() -> None:
    assert lines(ipvs.ipvsadm(node_plan("ipvs", web(cluster_endpoints=())), (4,))) == ["-A -t 10.96.0.10:80 -s rr"]


def test_mh_hashes_the_source_port_too() -> None:
    port = web(session_affinity_timeout=60, cluster_endpoints=())
    plan = node_plan("ipvs", port, configuration=scheduled("mh"))
    assert lines(ipvs.ipvsadm(plan, (4,))) == ["-A -t 10.96.0.10:80 -s mh -p 60 -b mh-port"]


def test_excluded_networks_do_not_show() -> None:
    excluding = KubeProxyConfiguration(ipvs=IPVSOptions(exclude_cidrs=("10.96.0.0/12",)))
    with_them, without = node_plan("ipvs", web(), configuration=excluding), node_plan("ipvs", web())
    assert ipvs.ipvsadm(with_them, BOTH) == ipvs.ipvsadm(without, BOTH)


def test_of_two_services_with_one_address_and_port_the_last_one_has_the_virtual_server() -> None:
    other = web(service="web2", cluster_ip="10.96.0.11", cluster_endpoints=(REMOTE,), external_ips=("198.51.100.7",))
    plan = node_plan("ipvs", web(external_ips=("198.51.100.7",)), other)
    shared = servers_of(ipvs.ipvsadm(plan, (4,)).decode())["TCP 198.51.100.7:80"]
    assert shared == ("rr", "", False, 0, frozenset({REMOTE.address}))


def test_external_policy_local_falls_back_to_the_cluster() -> None:
    port = web(node_port=30080, external_policy_local=True)
    with_local, without = port, web(node_port=30080, external_policy_local=True, local_endpoints=())
    key = f"TCP {NODE_IP}:30080"
    assert servers_of(ipvs.ipvsadm(node_plan("ipvs", with_local), (4,)).decode())[key][-1] == {LOCAL.address}
    assert servers_of(ipvs.ipvsadm(node_plan("ipvs", without), (4,)).decode())[key][-1] == {
        LOCAL.address,
        REMOTE.address,
    }


def test_a_real_server_stands_once_however_its_address_is_spelled() -> None:
    twice = (EndpointInfo("FD00::5", 80), EndpointInfo("fd00:0::5", 80))
    servers = ipvs.virtual_servers.real_servers(twice, 6)
    assert [server.address for server in servers] == ["[fd00::5]:80"]


def test_an_external_address_that_the_node_has_is_not_bound() -> None:
    port = web(external_ips=(NODE_IP, "198.51.100.7"), load_balancer_vips=("10.9.8.7",))
    plan = node_plan("ipvs", port, local_addresses=("127.0.0.1", NODE_IP, "10.9.8.7"))
    assert lines(ipvs.ip_batch(plan, (4,)))[1:] == [
        "address add 10.96.0.10/32 dev kube-ipvs0",
        "address add 198.51.100.7/32 dev kube-ipvs0",
    ]
    assert f"TCP {NODE_IP}:80" in servers_of(ipvs.ipvsadm(plan, (4,)).decode())


def test_without_an_address_for_node_ports_the_health_check_is_left_out_too() -> None:
    port = web(node_port=30080, health_check_node_port=30090)
    nowhere = node_plan("ipvs", port, node_port_cidrs=("172.31.0.0/16",), node_port_addresses=())
    sets = sets_of(ipvs.ipset(nowhere, (4,)).decode())
    assert not sets["KUBE-NODE-PORT-TCP"][-1]
    assert not sets["KUBE-HEALTH-CHECK-NODE-PORT"][-1]
    assert sets_of(ipvs.ipset(node_plan("ipvs", port), (4,)).decode())["KUBE-HEALTH-CHECK-NODE-PORT"][-1] == {"30090"}


def test_every_set_exists_in_every_family_even_when_it_is_empty() -> None:
    names = re.findall("create (\\S+)", ipvs.ipset(node_plan("ipvs"), BOTH).decode())
    assert len(names) == len(set(names)) == 34
    assert max(map(len, names)) == 31
    assert "KUBE-6-LOAD-BALANCER-SOURCE-CID" in names


def test_what_a_bitmap_holds_is_printed_in_order() -> None:
    plan = node_plan("ipvs", *(web(service=f"web{n}", node_port=n) for n in (30100, 3000, 30002)))
    added = re.findall(r"add KUBE-NODE-PORT-TCP (\d+)", ipvs.ipset(plan, (4,)).decode())
    assert added == ["3000", "30002", "30100"]


@pytest.mark.parametrize(
    ("detector", "match"),
    [
        (LocalDetector("cidr", "10.244.0.0/16"), "dst,dst ! -s 10.244.0.0/16"),
        (LocalDetector("bridge", "cbr0"), "dst,dst ! -i cbr0"),
        (LocalDetector("interface-prefix", "veth"), "dst,dst ! -i veth+"),
        (LocalDetector("none"), "src,dst"),
    ],
)
def test_what_is_not_from_a_local_pod_is_masqueraded(detector: LocalDetector, match: str) -> None:
    text = ipvs.restore(node_plan("ipvs", web(), detect_local=detector), (4,)).decode()
    assert f"-m set --match-set KUBE-CLUSTER-IP {match} -j KUBE-MARK-MASQ\n" in text


def test_jumps_that_are_made_last_come_first() -> None:
    saved = lines(ipvs.save(node_plan("ipvs"), (4,)))
    assert [line.rpartition(" ")[2] for line in saved if line.startswith("-A INPUT")] == [
        "KUBE-IPVS-FILTER",
        "KUBE-PROXY-FIREWALL",
        "KUBE-NODE-PORT",
    ]


def test_a_range_of_all_addresses_stands_last_and_is_warned_of_once_for_a_service() -> None:
    ports = tuple(
        web(port_name=name, port=port, load_balancer_vips=("203.0.113.10",), source_ranges=("0.0.0.0/0", "10.0.0.0/8"))
        for name, port in (("http", 80), ("https", 443))
    )
    plan = node_plan("ipvs", *ports)
    assert lines(ipvs.ipset(plan, BOTH))[-2:] == [
        "add KUBE-LOAD-BALANCER-SOURCE-CIDR 203.0.113.10,tcp:80,0.0.0.0/0",
        "add KUBE-LOAD-BALANCER-SOURCE-CIDR 203.0.113.10,tcp:443,0.0.0.0/0",
    ]
    [diagnostic] = ipvs.diagnostics(plan, BOTH)
    assert diagnostic.code == "ipset-range"
    assert list(ipvs.diagnostics(node_plan("ipvs", web()), BOTH)) == []


def test_more_elements_than_a_set_holds_are_warned_of() -> None:
    crowd = tuple(EndpointInfo(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 80, local=True) for n in range(65537))
    [diagnostic] = ipvs.diagnostics(node_plan("ipvs", web(endpoints=crowd)), BOTH)
    assert str(diagnostic) == "warning[ipset-full]: ipset KUBE-LOOP-BACK holds 65536 elements, not 65537"


# ---- Reading what is compared


Server = tuple[str, str, bool, int, frozenset[str]]


def lines(text: bytes) -> list[str]:
    return text.decode().splitlines()


def scheduled(scheduler: str) -> KubeProxyConfiguration:
    return KubeProxyConfiguration(ipvs=IPVSOptions(scheduler=scheduler))


def servers_of(text: str) -> dict[str, Server]:
    """Virtual servers by protocol and address: scheduler, flags, persistence, its timeout, real servers."""
    found: dict[str, tuple[dict[str, str], set[str]]] = {}
    for line in text.splitlines():
        action, option, address, *rest = shlex.split(line)
        key = f"{PROTOCOLS[option]} {address}"
        if action == "-A":
            assert key not in found
            found[key] = dict(zip(rest[::2], rest[1::2], strict=True)), set()
        else:
            assert (action, rest[0], rest[2:]) == ("-a", "-r", ["-m", "-w", "1"])
            found[key][1].add(rest[1])
    return {
        key: (given["-s"], given.get("-b", ""), "-p" in given, int(given.get("-p", "0")), frozenset(real))
        for key, (given, real) in found.items()
    }


def recorded_lines(case: str, stem: str) -> list[str]:
    """The lines of both families."""
    texts = (expected(case, "ipvs", "1.30", f"{stem}.{family}.txt").decode() for family in BOTH)
    return [line for text in texts for line in text.splitlines() if line]


def recorded_servers(case: str) -> dict[str, Server]:
    servers: list[re.Match[str]] = []
    real: dict[str, set[str]] = {}
    for line in recorded_lines(case, "virtual-servers"):
        if match := re.fullmatch(r"virtual (\S+ \S+) scheduler=(\S+) flags=(\S+) timeout=(\d+)", line):
            servers.append(match)
            real[match[1]] = set()
        elif match := re.fullmatch(r"  real (\S+) weight=1", line):
            real[servers[-1][1]].add(match[1])
        else:
            raise AssertionError(line)
    # ipvsadm calls the flag by the scheduler that it is for; sh and mh share its bit.
    return {
        key: (
            scheduler,
            f"{scheduler}-port" if "sh-port" in flags else "",
            "persistent" in flags,
            int(timeout),
            frozenset(real[key]),
        )
        for key, scheduler, flags, timeout in (match.groups() for match in servers)
    }


Set = tuple[str, str, set[str]]


def sets_of(text: str) -> dict[str, Set]:
    """Sets by name: type, family ("-" for a bitmap) and elements."""
    found: dict[str, Set] = {}
    for line in text.splitlines():
        action, name, *rest = line.split(" ")
        if action == "create":
            found[name] = (rest[0], rest[2] if rest[1] == "family" else "-", set())
        else:
            [element] = rest
            assert element not in found[name][2]
            found[name][2].add(element)
    return found


def recorded_sets(case: str) -> dict[str, Set]:
    found: dict[str, Set] = {}
    for line in recorded_lines(case, "ipsets"):
        if match := re.match(r"set (\S+) type=(\S+) family=(\S+)", line):
            found[match[1]] = (match[2], match[3], set())
        else:
            list(found.values())[-1][2].add(line.removeprefix("  entry "))
    return found
