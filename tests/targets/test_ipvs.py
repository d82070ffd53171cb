"""The ipvs mode, held against what kube-proxy was recorded to hand to the kernel."""

from __future__ import annotations

import functools
import json
import re
import shlex
from pathlib import Path

import pytest

import kcompile
from kcompile.api import CompiledNode
from kcompile.ir.plan import KUBE_VERSIONS, Family

PROXY_CASES = Path(__file__).parents[1] / "data" / "proxy"
CASES = sorted(path.parents[1].name for path in PROXY_CASES.glob("*/expect/ipvs-1.30"))
FAMILIES: tuple[Family, ...] = (4, 6)

PROTOCOLS = {"-t": "TCP", "-u": "UDP", "--sctp-service": "SCTP"}

# Chains that every Service writes into: the order among Services carries no meaning.
SHARED_CHAINS = ("KUBE-SERVICES", "KUBE-NODEPORTS")


def test_there_are_cases() -> None:
    assert CASES


@functools.cache
def node(case: str) -> CompiledNode:
    folder = PROXY_CASES / case
    spec = json.loads((folder / "case.json").read_text())
    cluster = kcompile.load([folder / "cluster.yaml"])
    return cluster.node(spec["node"], "ipvs", "1.30", spec["local_addresses"])


def recorded(case: str, file: str) -> str:
    return (PROXY_CASES / case / "expect" / "ipvs-1.30" / file).read_text()


def recorded_of_both_families(case: str, stem: str) -> list[str]:
    lines = (line for family in FAMILIES for line in recorded(case, f"{stem}.{family}.txt").splitlines())
    return [line for line in lines if line]


@pytest.mark.parametrize("case", CASES)
def test_virtual_servers_are_those_of_kube_proxy(case: str) -> None:
    assert servers_of(node(case).emit("ipvsadm")) == recorded_servers(case)


@pytest.mark.parametrize("case", CASES)
def test_sets_and_their_elements_are_those_of_kube_proxy(case: str) -> None:
    assert sets_of(node(case).emit("ipset")) == recorded_sets(case)


@pytest.mark.parametrize("case", CASES)
def test_bound_addresses_are_those_of_kube_proxy(case: str) -> None:
    interface, *lines = node(case).emit("ip-batch").splitlines()
    assert interface == "link add kube-ipvs0 type dummy"
    bound = [re.fullmatch(r"address add (\S+)/(?:32|128) dev kube-ipvs0", line) for line in lines]
    assert sorted(match[1] for match in bound if match) == sorted(recorded_of_both_families(case, "addresses"))
    assert all(bound)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("case", CASES)
def test_iptables_rules_are_those_of_kube_proxy(case: str, family: Family) -> None:
    file = "iptables.restore" if family == 4 else "ip6tables.restore"
    assert node(case).emit("iptables-restore", family) == recorded(case, file)


@pytest.mark.parametrize("version", KUBE_VERSIONS)
def test_every_version_has_the_same_rules(version: str) -> None:
    """Apart from endpoints, of which versions differ; this case has none that they see differently."""
    [known] = [known for known in KUBE_VERSIONS if known == version]
    plan = kcompile.load([PROXY_CASES / "dual-stack" / "cluster.yaml"])
    files = plan.node(mode="ipvs", kube_version=known).files()
    assert files == plan.node(mode="ipvs", kube_version="1.30").files()


# ---- Reading what is compared


Server = tuple[str, str, bool, int, frozenset[tuple[str, int]]]


def servers_of(text: str) -> dict[str, Server]:
    """Virtual servers by protocol and address: scheduler, flags, timeout and real servers with their weight."""
    found: dict[str, list[str]] = {}
    real: dict[str, set[tuple[str, int]]] = {}
    for line in text.splitlines():
        action, option, address, *rest = shlex.split(line)
        key = f"{PROTOCOLS[option]} {address}"
        if action == "-A":
            assert key not in found
            found[key] = rest
            real[key] = set()
        else:
            assert (action, rest[0], rest[2:]) == ("-a", "-r", ["-m", "-w", "1"])
            real[key].add((rest[1], 1))
    return {key: server(rest, frozenset(real[key])) for key, rest in found.items()}


def server(options: list[str], real: frozenset[tuple[str, int]]) -> Server:
    given = dict(zip(options[::2], options[1::2], strict=True))
    assert list(given) == [option for option in ("-s", "-p", "-b") if option in given], "ipvsadm's own order"
    return given["-s"], given.get("-b", ""), "-p" in given, int(given.get("-p", "0")), real


def recorded_servers(case: str) -> dict[str, Server]:
    found: dict[str, Server] = {}
    key = ""
    for line in recorded_of_both_families(case, "virtual-servers"):
        if match := re.fullmatch(r"virtual (\S+ \S+) scheduler=(\S+) flags=(\S+) timeout=(\d+)", line):
            key, scheduler, flags, timeout = match.groups()
            # The flag is called by the scheduler that it is for; sh and mh share its bit.
            hashed = f"{scheduler}-port" if "sh-port" in flags else ""
            found[key] = (scheduler, hashed, "persistent" in flags, int(timeout), frozenset())
        elif match := re.fullmatch(r"  real (\S+) weight=(\d+)", line):
            *rest, real = found[key]
            found[key] = (*rest, real | {(match[1], int(match[2]))})  # type: ignore[assignment]
    return found


Set = tuple[str, str, frozenset[str]]


def sets_of(text: str) -> dict[str, Set]:
    """Sets by name: type, family ("-" for a bitmap) and elements."""
    found: dict[str, tuple[str, str, set[str]]] = {}
    for line in text.splitlines():
        action, name, *rest = line.split(" ")
        if action == "create":
            found[name] = (rest[0], rest[2] if rest[1] == "family" else "-", set())
        else:
            [element] = rest
            assert element not in found[name][2]
            found[name][2].add(element)
    return {name: (kind, family, frozenset(elements)) for name, (kind, family, elements) in found.items()}


def recorded_sets(case: str) -> dict[str, Set]:
    found: dict[str, tuple[str, str, set[str]]] = {}
    name = ""
    for line in recorded_of_both_families(case, "ipsets"):
        if match := re.match(r"set (\S+) type=(\S+) family=(\S+)", line):
            name = match[1]
            found[name] = (match[2], match[3], set())
        else:
            found[name][2].add(line.removeprefix("  entry "))
    return {name: (kind, family, frozenset(elements)) for name, (kind, family, elements) in found.items()}
