"""`kcompile show` as its users call it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import kcompile
from tests.evaluate.test_places import MANIFESTS
from tests.targets.recorded import FOLDER

DUAL_STACK = FOLDER / "dual-stack"


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("show") / "web.yaml"
    path.write_text(MANIFESTS)
    return path


def test_services_as_kubectl_prints_them(manifests: Path) -> None:
    done = kcompile("show", "services", manifests)
    assert done.stdout.splitlines() == [
        "NAMESPACE   NAME       TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)                     AGE",
        "default     bodyless   ClusterIP   None         <none>        81/TCP                      <unknown>",
        "default     one        ClusterIP   10.96.0.11   <none>        81/TCP                      <unknown>",
        "default     web        NodePort    10.96.0.10   <none>        80:30080/TCP,53:30053/UDP   <unknown>",
    ]


def test_endpoints_as_kubectl_prints_them(manifests: Path) -> None:
    done = kcompile("show", "endpoints", manifests)
    assert done.stdout.splitlines() == [
        "NAMESPACE   NAME   ENDPOINTS                                                   AGE",
        "default     web    10.244.0.5:8080,10.244.1.6:8080,10.244.0.5:53 + 1 more...   <unknown>",
    ]


def test_rules_as_iptables_lists_them() -> None:
    done = kcompile("show", "iptables", DUAL_STACK / "cluster.yaml")
    lines = done.stdout.splitlines()
    assert lines[:3] == [
        "Chain PREROUTING (policy ACCEPT 0 packets, 0 bytes)",
        " pkts bytes target     prot opt in     out     source               destination         ",
        "    0     0 KUBE-SERVICES  0    --  *      *       0.0.0.0/0            0.0.0.0/0            "
        "/* kubernetes service portals */",
    ]
    assert any("statistic mode random probability 0.50000000000" in line for line in lines)


def test_what_is_compiled_and_its_dump_are_listed_alike() -> None:
    spec = ["--node", "node1", "--local-address", "127.0.0.1/8", "--local-address", "192.168.1.11/24"]
    for family, name in (("4", "iptables.rules"), ("6", "ip6tables.rules")):
        for table in ("nat", "filter"):
            options = ["-t", table, "--family", family]
            compiled = kcompile("show", "iptables", DUAL_STACK / "cluster.yaml", *spec, *options)
            dumped = kcompile("show", "iptables", "--rules", DUAL_STACK / "expect/iptables-1.37" / name, *options)
            assert compiled.status == dumped.status == 0
            assert sorted(compiled.stdout.split("\n\n")) == sorted(dumped.stdout.split("\n\n"))


def test_virtual_servers_as_ipvsadm_lists_them(manifests: Path) -> None:
    done = kcompile("show", "ipvs", manifests, "--node", "node-a", "--mode", "ipvs")
    lines = done.stdout.splitlines()
    assert lines[0] == "IP Virtual Server version 1.2.1 (size=4096)"
    assert "TCP  10.96.0.10:80 rr" in lines
    assert "  -> 10.244.0.5:8080              Masq    1      0          0         " in lines


def test_tables_as_nft_lists_them() -> None:
    commands = DUAL_STACK / "expect/nftables-1.37/nftables.commands"
    done = kcompile("show", "nftables", "--rules", commands)
    assert done.stdout.startswith(
        'table ip kube-proxy {\n\tcomment "rules for kube-proxy"\n\tset cluster-ips {\n\t\ttype ipv4_addr\n'
    )
    assert "\t\tmeta l4proto tcp dnat ip addr . port to numgen random mod 2 map" in done.stdout
    again = kcompile("show", "nftables", "--rules", "-", stdin=done.stdout.encode())
    assert again.stdout == done.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["services"], 2, "name a PATH"),
        (["services", "--rules", "RULES"], 2, "a dump does not hold services"),
        (["iptables", "--rules", "RULES", "-t", "raw"], 1, "no table raw of iptables for IPv4"),
        (["nonsense"], 2, "is not one of"),
    ],
)
def test_mistakes_are_told(arguments: list[str], status: int, message: str) -> None:
    rules = str(DUAL_STACK / "expect/iptables-1.37/iptables.rules")
    done = kcompile("show", *(rules if argument == "RULES" else argument for argument in arguments))
    assert done.status == status
    assert message in done.stderr
