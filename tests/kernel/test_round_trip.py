"""What we print in a save format is what the real tool prints back after it has loaded it."""

from __future__ import annotations

import functools
import itertools
import re

import pytest

import kcompile
from kcompile.api import CompiledCluster, CompiledNode
from kcompile.ir.plan import KubeVersion, Mode
from tests.golden.scenarios import GOLDEN, SCENARIOS
from tests.kernel import manifests, rig
from tests.kernel.manifests import port, service
from tests.kernel.scenario import Command, Script
from tests.targets import recorded

pytestmark = pytest.mark.kernel

HERE = "node-1"
MADE = {
    # What no recording has: names that are cut, every interface match, ranges that merge, the sign bit as mark.
    "long-names": manifests.manifest_list(
        [
            manifests.node(HERE, "192.168.1.11", "fd00::11"),
            manifests.proxy_configuration(
                detectLocalMode="BridgeInterface", detectLocal={"bridgeInterface": "cbr0"}, clusterCIDR=""
            ),
            *service(
                "s" * 63,
                ["10.96.0.10", "fd00:10:96::10"],
                [port(80, 8080, name="p" * 63)],
                [("10.244.0.5", HERE), ("fd00:1111:2222:3333:4444:5555:6666:7777", HERE)],
                sessionAffinity="ClientIP",
                sessionAffinityConfig={"clientIP": {"timeoutSeconds": 86399}},
            ),
        ]
    ),
    "long-comment": manifests.manifest_list(
        [manifests.node(HERE), *service("s" * 63, ["10.96.0.11"], [port(80, 8080, name="p" * 63)])]
    ),
    "ranges": manifests.manifest_list(
        [
            manifests.node(HERE, "192.168.1.11", "fd00::11"),
            manifests.proxy_configuration(
                detectLocalMode="InterfaceNamePrefix",
                detectLocal={"interfaceNamePrefix": "cali"},
                iptables={"masqueradeBit": 31},
                nftables={"masqueradeBit": 31},
                nodePortAddresses=["0.0.0.0/0", "::/0"],
            ),
            *(
                manifest
                for number, ranges in enumerate(
                    (
                        ["10.0.0.0/9", "10.128.0.0/9"],
                        ["10.0.0.0/8", "11.0.0.0/8", "12.0.0.0/8", "1.2.3.4/32"],
                        ["0.0.0.0/1", "128.0.0.0/2", "::/1", "8000::/1"],
                        ["fd00::/9", "fd80::/9", "2001:db8::1/128", "192.168.0.0/16"],
                    )
                )
                for manifest in service(
                    f"ranges-{number}",
                    [f"10.96.0.{number + 10}", f"fd00:10:96::{number + 10}"],
                    [port(80, 8080, node_port=30080 + number)],
                    [("10.244.0.5", HERE), ("fd00:10:244::5", HERE)],
                    balancer=[f"203.0.113.{number + 10}", f"2001:db8:1::{number + 10}"],
                    loadBalancerSourceRanges=ranges,
                )
            ),
        ]
    ),
}
CASES = (
    *(f"made/{case}" for case in MADE),
    *(f"golden/{scenario}" for scenario in SCENARIOS),
    *(f"recorded/{case}" for case in recorded.CASES),
)


COMMENT_TOO_LONG = ("1.34", "made/long-comment")
"""kube-proxy 1.34 writes comments that nft refuses."""

IPTABLES_MODES: tuple[Mode, ...] = ("iptables", "userspace")
"""The rules of the ipvs mode match on ip_vs, which few kernels have: test_ipvs brings one."""


def nodes(case: str, mode: Mode, version: KubeVersion = "1.37") -> tuple[CompiledNode, ...]:
    """The nodes of a golden scenario or one made here, or the node that a case of tests/data/proxy is from."""
    kind, name = case.split("/")
    if kind == "recorded":
        return (CompiledNode(recorded.plan(name, mode, version)),)
    cluster = kcompile.loads(MADE[name]) if kind == "made" else golden_cluster(name)
    return tuple(cluster.node(node, mode, version) for node in cluster.node_names)


@functools.cache
def golden_cluster(scenario: str) -> CompiledCluster:
    return kcompile.load([GOLDEN / scenario / "input"])


Printed = dict[str, list[tuple[str, str]]]
"""For each case, what was loaded and what the tool printed after that."""


def load_and_print(trips: list[tuple[str, tuple[Command, ...], str]]) -> Printed:
    """Run every trip (case, commands, text that they load) in one namespace; note what its last command printed."""
    report = rig.perform(Script(commands=tuple(command for _, commands, _ in trips for command in commands)))
    outputs = iter(report.outputs)
    printed: Printed = {case: [] for case in CASES}
    for case, commands, text in trips:
        last = [next(outputs) for _ in commands][-1]
        printed[case].append((text, last.stdout))
    return printed


def tables(dump: str) -> dict[str, list[str]]:
    """A dump of iptables by table: their order is that in which the kernel came to know them."""
    found: dict[str, list[str]] = {}
    for line in dump.splitlines():
        if line.startswith("*"):
            found[line] = []
        elif not line.startswith("#"):
            found[list(found)[-1]].append(line)
    return found


def listing(text: str) -> list[str]:
    """An nft listing by line, without what deletes the tables first, and with the elements of each set sorted.

    Braces around one range are left out: they come from merging what the commands form gives as several, and are gone
    when the listing is loaded.
    """
    text = re.sub(r"saddr != \{ ([^,}]+) \}", r"saddr != \1", text)
    lines = re.sub(r",\n\s+", ", ", text).splitlines()
    return [
        ", ".join(sorted(line.strip().removeprefix("elements = { ").removesuffix(" }").split(", ")))
        if line.startswith("\t\telements = ")
        else line
        for line in lines
        if not line.startswith(("add table", "delete table"))
    ]


@pytest.fixture(scope="module", params=["nft", "legacy"])
def iptables(request: pytest.FixtureRequest) -> Printed:
    tools = ("iptables", "ip6tables")
    rig.require(*(f"{tool}-{request.param}-{verb}" for tool in tools for verb in ("restore", "save")))
    trips = []
    for case, mode, tool in itertools.product(CASES, IPTABLES_MODES, tools):
        for node in nodes(case, mode):
            text = node.files()[f"{tool}.rules"]
            load = Command((f"{tool}-{request.param}-restore",), text)
            trips.append((case, (load, Command((f"{tool}-{request.param}-save",))), text))
    return load_and_print(trips)


@pytest.fixture(scope="module")
def ipset() -> Printed:
    rig.require("ipset")
    trips = []
    for case in CASES:
        for node in nodes(case, "ipvs"):
            text = node.emit("ipset")
            load = Command(("ipset", "restore"), text)
            trips.append((case, (Command(("ipset", "destroy")), load, Command(("ipset", "save"))), text))
    return load_and_print(trips)


@pytest.fixture(scope="module", params=["1.34", "1.37"])
def nftables(request: pytest.FixtureRequest) -> Printed:
    rig.require("nft")
    show = Command(("nft", "list", "ruleset"))
    trips = []
    for case in CASES:
        for node in nodes(case, "nftables", request.param) if (request.param, case) != COMMENT_TOO_LONG else ():
            text = node.emit("nft")
            load = Command(("nft", "-f", "-"), text)
            trips.append((case, (load, load, show), text))
            load = Command(("nft", "-f", "-"), node.emit("nft-commands"))
            trips.append((case, (Command(("nft", "flush", "ruleset")), load, show), text))
    return load_and_print(trips)


@pytest.mark.parametrize("case", CASES)
def test_iptables_save_prints_iptables_rules(iptables: Printed, case: str) -> None:
    assert iptables[case]
    for text, dump in iptables[case]:
        assert tables(dump) == tables(text)


@pytest.mark.parametrize("case", CASES)
def test_nft_list_prints_nftables_nft_whichever_form_is_loaded(nftables: Printed, case: str) -> None:
    if not nftables[case]:
        pytest.skip("kube-proxy 1.34 writes comments that nft refuses")
    for text, dump in nftables[case]:
        assert listing(dump) == listing(text)


@pytest.mark.parametrize("case", CASES)
def test_ipset_save_prints_ipset_rules(ipset: Printed, case: str) -> None:
    assert ipset[case]
    for text, dump in ipset[case]:
        # kube-proxy gives a host as a network of one address, which ipset prints without the prefix.
        assert sorted(dump.splitlines()) == sorted(re.sub(r"/(32|128)$", "", text, flags=re.MULTILINE).splitlines())
