"""What we print in a save format is what the real tool prints back after it has loaded it."""

from __future__ import annotations

import functools
import itertools
import json
import re
from pathlib import Path

import pytest

import kcompile
from kcompile.api import CompiledNode
from kcompile.ir.plan import Mode
from tests.golden.scenarios import GOLDEN, SCENARIOS
from tests.kernel import rig
from tests.kernel.scenario import Command, Script

pytestmark = pytest.mark.kernel

PROXY_CASES = Path(__file__).parents[1] / "data" / "proxy"

CASES = (
    *(f"golden/{scenario}" for scenario in SCENARIOS),
    *(f"proxy/{folder.name}" for folder in sorted(PROXY_CASES.glob("*")) if folder.is_dir()),
)


IPTABLES_MODES: tuple[Mode, ...] = ("iptables", "userspace")
"""The rules of the ipvs mode match on ip_vs, which few kernels have: test_ipvs brings one."""


@functools.cache
def nodes(case: str, mode: Mode) -> tuple[CompiledNode, ...]:
    """The nodes of a golden scenario, or the one that a case of tests/data/proxy was recorded on."""
    kind, name = case.split("/")
    if kind == "golden":
        cluster = kcompile.load([GOLDEN / name / "input"])
        return tuple(cluster.node(node, mode=mode) for node in cluster.node_names)
    folder = PROXY_CASES / name
    spec = json.loads((folder / "case.json").read_text())
    cluster = kcompile.load([folder / "cluster.yaml"])
    return (cluster.node(spec["node"], mode=mode, local_addresses=spec["local_addresses"]),)


Printed = dict[str, list[tuple[str, str]]]
"""For each case, what was loaded and what the tool printed after that."""


def load_and_print(trips: list[tuple[str, tuple[Command, ...], str]]) -> Printed:
    """Run every trip (case, commands, text that they load) in one namespace; note what its last command printed."""
    report = rig.perform(Script(commands=tuple(command for _, commands, _ in trips for command in commands)))
    outputs = iter(report.outputs)
    printed: Printed = {case: [] for case, _, _ in trips}
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
    """An nft listing by line, without what deletes the tables first, and with the elements of each set sorted."""
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
    rig.require(*(f"{tool}-{request.param}-restore" for tool in tools))
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


@pytest.fixture(scope="module")
def nftables() -> Printed:
    rig.require("nft")
    show = Command(("nft", "list", "ruleset"))
    trips = []
    for case in CASES:
        for node in nodes(case, "nftables"):
            text = node.emit("nft")
            load = Command(("nft", "-f", "-"), text)
            trips += [(case, (load, load, show), text)]
    return load_and_print(trips)


@pytest.mark.parametrize("case", CASES)
def test_iptables_save_prints_iptables_rules(iptables: Printed, case: str) -> None:
    for text, dump in iptables[case]:
        assert tables(dump) == tables(text)


@pytest.mark.parametrize("case", CASES)
def test_nft_list_prints_nftables_nft_when_it_is_loaded_twice(nftables: Printed, case: str) -> None:
    for text, dump in nftables[case]:
        assert listing(dump) == listing(text)


@pytest.mark.parametrize("case", CASES)
def test_ipset_save_prints_ipset_rules(ipset: Printed, case: str) -> None:
    for text, dump in ipset[case]:
        # kube-proxy gives a host as a network of one address, which ipset prints without the prefix.
        assert sorted(dump.splitlines()) == sorted(re.sub(r"/(32|128)$", "", text, flags=re.MULTILINE).splitlines())
