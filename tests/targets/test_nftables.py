"""The nftables mode: kube-proxy's own text, and what nft makes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kcompile.diagnostics import Errors
from kcompile.ir.plan import EndpointInfo, FamilyPlan, KubeVersion, LocalDetector, NodePlan, ServicePortInfo
from kcompile.model.configuration import KubeProxyConfiguration, NFTablesOptions
from kcompile.targets.nftables import commands, nft
from tests.targets.recorded import CASES, expected, plan

VERSIONS: tuple[KubeVersion, ...] = ("1.34", "1.37")

LOCAL = EndpointInfo("10.244.0.5", 8080, local=True)
REMOTE = EndpointInfo("10.244.1.6", 8080)


def service_port(*endpoints: EndpointInfo, **fields: object) -> ServicePortInfo:
    base = ServicePortInfo(
        namespace="ns1",
        service="web",
        port_name="http",
        protocol="TCP",
        cluster_ip="10.96.0.10",
        port=80,
        endpoints=endpoints,
        cluster_endpoints=endpoints,
        local_endpoints=tuple(endpoint for endpoint in endpoints if endpoint.local),
        reachable_endpoints=endpoints,
        has_any_endpoints=bool(endpoints),
    )
    return replace(base, **fields)  # type: ignore[arg-type]


def node_plan(
    *ports: ServicePortInfo, version: KubeVersion = "1.37", bit: int | None = None, **fields: object
) -> NodePlan:
    own = FamilyPlan(
        family=4,
        service_ports=ports,
        node_ip="192.168.1.11",
        node_port_cidrs=("192.168.1.11/32",),
        node_port_addresses=("192.168.1.11",),
        detect_local=LocalDetector("cidr", "10.244.0.0/16"),
    )
    return NodePlan(
        node="node-1",
        mode="nftables",
        kube_version=version,
        ipv4=replace(own, **fields),  # type: ignore[arg-type]
        ipv6=FamilyPlan(family=6),
        configuration=KubeProxyConfiguration(nftables=NFTablesOptions(masquerade_bit=bit)),
    )


def rules_of(node: NodePlan, chain: str) -> list[str]:
    """The rules of the chains whose name starts so, in the commands form."""
    prefix = f"add rule ip kube-proxy {chain}"
    lines = commands(node, (4,)).decode().splitlines()
    return [line.split(" ", 5)[5] for line in lines if line.startswith(prefix)]


def listed_rules(node: NodePlan, chain: str) -> list[str]:
    """The lines of the one chain whose name starts so, in the listing form."""
    _, _, rest = nft(node, (4,)).decode().partition(f"\tchain {chain}")
    body, _, _ = rest.partition("\n\t}\n")
    return [line.strip() for line in body.splitlines()[1:]]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", CASES)
def test_commands_are_those_that_kube_proxy_dumps(case: str, version: KubeVersion) -> None:
    got = commands(plan(case, "nftables", version), (4, 6))
    assert got.decode() == expected(case, "nftables", version, "nftables.commands").decode()


def test_version_without_this_mode_is_an_error() -> None:
    for write in (commands, nft):
        with pytest.raises(Errors, match="nftables mode of Kubernetes") as raised:
            write(node_plan(version="1.30"), (4,))
        assert [diagnostic.code for diagnostic in raised.value.diagnostics] == ["nftables-version"]


def test_listing_replaces_the_tables_of_its_families() -> None:
    text = nft(node_plan(), (4, 6)).decode()
    assert text.splitlines()[:5] == [
        "add table ip kube-proxy",
        "delete table ip kube-proxy",
        "add table ip6 kube-proxy",
        "delete table ip6 kube-proxy",
        "table ip kube-proxy {",
    ]
    assert "ip6" not in nft(node_plan(), (4,)).decode()


class TestVersions:
    def test_marking_is_a_chain_before_1_36(self) -> None:
        local = service_port(LOCAL, node_port=30080, external_policy_local=True)
        old, new = (rules_of(node_plan(local, version=version), "external-") for version in VERSIONS)
        assert 'fib saddr type local jump mark-for-masquerade comment "masquerade local traffic"' in old
        assert 'fib saddr type local mark set mark or 0x00004000 comment "masquerade local traffic"' in new
        assert rules_of(node_plan(version="1.34"), "mark-for-masquerade") == ["mark set mark or 0x00004000"]
        assert rules_of(node_plan(), "mark-for-masquerade") == []

    def test_every_endpoint_has_a_chain_before_1_36(self) -> None:
        plain = service_port(LOCAL, REMOTE)
        sticky = service_port(LOCAL, REMOTE, session_affinity_timeout=60)
        assert len(rules_of(node_plan(plain, version="1.34"), "endpoint-")) == 4
        assert rules_of(node_plan(plain), "endpoint-") == []
        assert len(rules_of(node_plan(sticky), "endpoint-")) == 4

    def test_hairpins_of_local_endpoints_are_a_set_since_1_36(self) -> None:
        port = service_port(LOCAL, REMOTE)
        element = "add element ip kube-proxy hairpin-connections { 10.244.0.5 . 10.244.0.5 . tcp . 8080 }"
        lines = commands(node_plan(port, service_port(LOCAL, service="other", cluster_ip="10.96.0.11")), (4,)).decode()
        assert [line for line in lines.splitlines() if "element" in line and "hairpin" in line] == [element]
        assert b"hairpin" not in commands(node_plan(port, version="1.34"), (4,))

    def test_cluster_ip_traffic_is_marked_once_for_all_services_since_1_36(self) -> None:
        port = service_port(LOCAL)
        marked = "ip saddr != 10.244.0.0/16"
        assert [marked in rule for rule in rules_of(node_plan(port), "services ")] == [True, False, False]
        assert not any(marked in rule for rule in rules_of(node_plan(port), "service-"))
        assert rules_of(node_plan(port, version="1.34"), "service-")[0].startswith(f"ip daddr 10.96.0.10 {marked} jump")

    def test_comment_of_an_element_is_cut_to_what_nft_takes_since_1_36(self) -> None:
        port = service_port(namespace="n" * 63, service="s" * 63, port_name="p" * 15)
        old, new = (commands(node_plan(port, version=version), (4,)).decode() for version in VERSIONS)
        assert f'comment "{port.name}"' in old
        assert f'comment "{port.name[:128]}"' in new


def test_one_endpoint_needs_no_map_without_affinity() -> None:
    assert rules_of(node_plan(service_port(LOCAL)), "service-DK") == ["meta l4proto tcp dnat to 10.244.0.5:8080"]
    sticky = rules_of(node_plan(service_port(LOCAL, session_affinity_timeout=60)), "service-DK")
    assert sticky[-1].startswith("numgen random mod 1 vmap { 0 : goto endpoint-")


def test_names_over_240_bytes_are_cut() -> None:
    port = service_port(LOCAL, namespace="n" * 63, service="s" * 63, port_name="p" * 63, session_affinity_timeout=60)
    text = commands(node_plan(port), (4,)).decode().splitlines()
    names = [line.split(" ")[4] for line in text if line.startswith(("add chain ip kube-proxy endpoint-", "add set"))]
    bases = {name.partition("-")[2] for name in names if "-" in name and name.startswith(("endpoint-", "affinity-"))}
    assert len(bases) == 1
    assert all(len(base) <= 240 for base in bases)


def test_addresses_of_ipv6_endpoints_have_dots_in_names() -> None:
    endpoint = EndpointInfo("fd00:10:244:1::6", 8080)
    port = service_port(endpoint, cluster_ip="fd00::10", session_affinity_timeout=60)
    node = replace(node_plan(), ipv6=FamilyPlan(family=6, service_ports=(port,)))
    text = commands(node, (6,)).decode()
    assert "endpoint-4AOOK6CV-ns1/web/tcp/http__fd00.10.244.1..6/8080" in text
    assert "meta l4proto tcp dnat to [fd00:10:244:1::6]:8080" in text


@pytest.mark.parametrize(
    ("detector", "command", "listed"),
    [
        (LocalDetector("bridge", "cbr0"), "iifname != cbr0", 'iifname != "cbr0"'),
        (LocalDetector("interface-prefix", "cali"), "iifname != cali*", 'iifname != "cali*"'),
        (LocalDetector("cidr", "10.0.0.0/8"), "ip saddr != 10.0.0.0/8", "ip saddr != 10.0.0.0/8"),
    ],
)
def test_local_traffic_is_told_by_what_is_configured(detector: LocalDetector, command: str, listed: str) -> None:
    node = node_plan(service_port(LOCAL), detect_local=detector)
    assert rules_of(node, "services ")[0].startswith(f"ip daddr @cluster-ips {command} mark set")
    assert listed_rules(node, "services ")[0].startswith(f"ip daddr @cluster-ips {listed} meta mark set")


def test_nothing_tells_local_traffic() -> None:
    local = service_port(LOCAL, node_port=30080, external_policy_local=True)
    node = node_plan(local, detect_local=LocalDetector())
    assert len(rules_of(node, "services ")) == 2
    assert not any("pod traffic" in rule for rule in rules_of(node, "external-"))


def elements_of(ip: str, *ports: ServicePortInfo) -> dict[str, str]:
    """What the maps hold for an address: map to verdict, with the comment in front if there is one."""
    prefix = "add element ip kube-proxy "
    lines = [line.removeprefix(prefix) for line in commands(node_plan(*ports), (4,)).decode().splitlines()]
    found = [line.split(f" {{ {ip} . tcp . 80 ") for line in lines if f" {{ {ip} . tcp . 80 " in line]
    assert len({map_ for map_, _ in found}) == len(found)
    return {map_: rest.removesuffix(" }").removeprefix(": ") for map_, rest in found}


class TestContestedAddress:
    """Several ServicePorts claim an address and port; a map has one verdict for it."""

    FIRST = service_port(LOCAL, external_ips=("203.0.113.1",), load_balancer_vips=("203.0.113.1",))

    def second(self, **fields: object) -> ServicePortInfo:
        return replace(self.FIRST, service="other", cluster_ip="10.96.0.11", **fields)  # type: ignore[arg-type]

    def test_the_last_one_has_it(self) -> None:
        (verdict,) = elements_of("203.0.113.1", self.FIRST, self.second()).values()
        assert verdict.split("/")[1] == "other"

    def test_claims_to_different_maps_stand_side_by_side(self) -> None:
        idle = service_port(service="idle", cluster_ip="10.96.0.11", external_ips=("203.0.113.1",))
        for ports in ((self.FIRST, idle), (idle, self.FIRST)):
            elements = elements_of("203.0.113.1", *ports)
            assert elements["service-ips"].split("/")[1] == "web"
            assert elements["no-endpoint-services"] == 'comment "ns1/idle:http" : goto reject-chain'

    def test_the_same_verdict_keeps_the_first_comment(self) -> None:
        local = {"external_policy_local": True, "external_ips": ("203.0.113.1",)}
        dropping = [service_port(REMOTE, service=name, cluster_ip=f"10.96.0.{name}", **local) for name in "123"]
        assert elements_of("203.0.113.1", *dropping)["no-endpoint-services"] == 'comment "ns1/1:http" : drop'
        rejecting = service_port(service="4", cluster_ip="10.96.0.4", external_ips=("203.0.113.1",))
        ports = (*dropping[:2], rejecting, dropping[2])
        assert elements_of("203.0.113.1", *ports)["no-endpoint-services"] == 'comment "ns1/3:http" : drop'

    def test_an_external_ip_may_be_a_cluster_ip(self) -> None:
        own = service_port(LOCAL, external_ips=("10.96.0.10",))
        assert elements_of("10.96.0.10", own)["service-ips"].startswith("goto external-")
        first = service_port(LOCAL, service="before", cluster_ip="10.96.0.9", external_ips=("10.96.0.10",))
        assert elements_of("10.96.0.10", first, service_port(LOCAL))["service-ips"].startswith("goto service-")

    def test_a_node_port_is_that_of_the_last_one_in_each_map(self) -> None:
        one, other = (service_port(LOCAL, service=name, cluster_ip=f"10.96.0.{name}", node_port=30080) for name in "12")
        idle = service_port(service="3", cluster_ip="10.96.0.3", node_port=30080)
        udp = replace(one, service="4", cluster_ip="10.96.0.4", protocol="UDP")
        lines = commands(node_plan(one, other, idle, udp), (4,)).decode().splitlines()
        found = [line.split()[4:] for line in lines if line.startswith("add element") and " . 30080 " in line]
        assert [map_ for map_, *_ in found] == ["no-endpoint-nodeports", "service-nodeports", "service-nodeports"]
        assert found[0][5:] == ["comment", '"ns1/3:http"', ":", "goto", "reject-chain", "}"]
        assert [chain.split("/")[1] for *_, chain, _ in found[1:]] == ["2", "4"]

    def test_source_ranges_are_those_of_the_last_one_that_has_some(self) -> None:
        narrow = self.second(source_ranges=("10.0.0.0/8",))
        elements = elements_of("203.0.113.1", replace(self.FIRST, source_ranges=("1.2.3.4/32",)), narrow)
        assert elements["firewall-ips"].split("/")[1] == "other"
        elements = elements_of("203.0.113.1", narrow, self.FIRST)
        assert elements["firewall-ips"].split("/")[1] == "other"
        assert elements["service-ips"].split("/")[1] == "web"


class TestListing:
    """What nft makes of a ruleset, where it is not just spelling; tests/kernel asks nft itself."""

    @pytest.mark.parametrize(
        ("ranges", "printed"),
        [
            (["10.0.0.0/8"], "10.0.0.0/8"),
            (["1.2.3.4/32"], "1.2.3.4"),
            (["192.168.0.0/16", "10.0.0.0/8"], "{ 10.0.0.0/8, 192.168.0.0/16 }"),
            (["10.0.0.0/8", "10.1.0.0/16"], "10.0.0.0/8"),
            (["10.0.0.0/9", "10.128.0.0/9"], "10.0.0.0/8"),
            (["10.0.0.0/8", "11.0.0.0/8", "12.0.0.0/8"], "10.0.0.0-12.255.255.255"),
            (["0.0.0.0/0", "10.0.0.0/8"], "0.0.0.0/0"),
        ],
    )
    def test_ranges_are_merged(self, ranges: list[str], printed: str) -> None:
        port = service_port(LOCAL, load_balancer_vips=("203.0.113.10",), source_ranges=tuple(ranges))
        assert listed_rules(node_plan(port), "firewall-DK") == [f"ip saddr != {printed} drop"]

    @pytest.mark.parametrize(
        ("seconds", "printed"), [(1, "1s"), (60, "1m"), (10800, "3h"), (86400, "1d"), (90061, "1d1h1m1s")]
    )
    def test_timeouts_are_written_in_units(self, seconds: int, printed: str) -> None:
        text = nft(node_plan(service_port(LOCAL, session_affinity_timeout=seconds)), (4,)).decode()
        assert f"\t\ttimeout {printed}\n" in text

    def test_top_bit_is_tested_as_a_prefix(self) -> None:
        assert listed_rules(node_plan(bit=31), "masquerading")[0] == (
            "meta mark != 0x00000000/1 meta mark set meta mark ^ 0x80000000 masquerade fully-random"
        )
        assert listed_rules(node_plan(bit=31, version="1.34"), "masquerading")[0] == "meta mark 0x00000000/1 return"
