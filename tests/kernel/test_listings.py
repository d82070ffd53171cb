"""What `kcompile show` prints is what iptables and nft list, for our rules and for those of others."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from kcompile.cli import show_iptables, show_nftables
from kcompile.readers import IPFamily, read_ruleset
from tests.cli.command import kcompile
from tests.golden.scenarios import GOLDEN, SCENARIOS
from tests.kernel import rig
from tests.kernel.scenario import Command, Script
from tests.kernel.test_round_trip import MADE, listing, nodes

pytestmark = pytest.mark.kernel

RULES = Path(__file__).parents[1] / "data" / "rules"
CASES = (*(f"made/{case}" for case in MADE), *(f"golden/{scenario}" for scenario in SCENARIOS))
OTHERS = ("docker.rules", "flannel.rules", "calico.rules", "cilium.rules", "every_match.rules", "every_match6.rules")
OTHER_TABLES = ("firewall.nft", "every_set.nft")
FAMILIES: dict[str, IPFamily] = {"iptables": "ip", "ip6tables": "ip6"}
SETS = """\
create web hash:ip,port
create web6 hash:ip family inet6
"""


class Loaded(NamedTuple):
    """A text that was loaded, what the tool saves then, and what it lists of each table."""

    tool: str
    text: str
    saved: str
    listed: dict[str, str]


def load(backend: str, texts: Sequence[tuple[str, str]]) -> list[Loaded]:
    """Load texts, one after the other, into a node that has the ipsets that they name."""
    rig.require("ipset", *(f"{tool}-{backend}-{verb}" for tool in FAMILIES for verb in ("restore", "save")))
    commands = [Command(("ipset", "restore"), (RULES / "calico.ipset").read_text() + SETS)]
    for tool, text in texts:
        name = f"{tool}-{backend}"
        commands += [Command((f"{name}-restore",), text), Command((f"{name}-save",))]
        commands += [Command((name, "-t", table, "-L", "-n", "-v")) for table in tables(text)]
    outputs = [output.stdout for output in rig.perform(Script(commands=tuple(commands))).outputs]
    found = []
    place = 1
    for tool, text in texts:
        names = tables(text)
        _, saved, *listed = outputs[place : place + 2 + len(names)]
        place += 2 + len(names)
        found.append(Loaded(tool, text, saved, dict(zip(names, listed, strict=True))))
    return found


def tables(text: str) -> list[str]:
    return [line[1:] for line in text.splitlines() if line.startswith("*")]


def differences(loaded: Loaded, text: str) -> list[str]:
    """Where `show` of a text differs from what the tool lists."""
    found: list[str] = []
    rules = read_ruleset(text, family=FAMILIES[loaded.tool])
    for name, listed in loaded.listed.items():
        [table] = (table for table in rules.tables if table.name == name)
        shown = list(show_iptables.listing(table))
        found += difflib.unified_diff(listed.splitlines(), shown, f"{loaded.tool} {name}", "show", n=0, lineterm="")
    return found


@pytest.fixture(scope="module", params=["nft", "legacy"])
def ours(request: pytest.FixtureRequest) -> dict[str, list[Loaded]]:
    texts = [
        (case, tool, node.files()[f"{tool}.rules"])
        for case in CASES
        for node in nodes(case, "iptables")
        for tool in FAMILIES
    ]
    loaded = load(request.param, [(tool, text) for _, tool, text in texts])
    found: dict[str, list[Loaded]] = {case: [] for case in CASES}
    for (case, *_), one in zip(texts, loaded, strict=True):
        found[case].append(one)
    return found


@pytest.mark.parametrize("case", CASES)
def test_our_rules_are_shown_as_iptables_lists_them(ours: dict[str, list[Loaded]], case: str) -> None:
    assert ours[case]
    for loaded in ours[case]:
        assert differences(loaded, loaded.text) == []
        assert differences(loaded, loaded.saved) == []


@pytest.mark.parametrize("backend", ["nft", "legacy"])
@pytest.mark.parametrize("name", OTHERS)
def test_rules_of_others_are_shown_as_iptables_lists_them(name: str, backend: str) -> None:
    tool = "ip6tables" if name.endswith("6.rules") else "iptables"
    [loaded] = load(backend, [(tool, (RULES / name).read_text())])
    assert differences(loaded, loaded.saved) == []


def test_the_command_shows_manifests_as_iptables_lists_them(ours: dict[str, list[Loaded]]) -> None:
    scenario = "dual-stack"
    for loaded in ours[f"golden/{scenario}"][:2]:
        for table, listed in loaded.listed.items():
            options = ("-t", table, "--family", "6" if loaded.tool == "ip6tables" else "4")
            node = nodes(f"golden/{scenario}", "iptables")[0].plan.node
            assert kcompile("show", "iptables", GOLDEN / scenario / "input", "--node", node, *options).stdout == listed


@pytest.fixture(scope="module")
def nft_listed() -> dict[str, list[tuple[str, str]]]:
    """By case, what nft was given and what it lists then."""
    rig.require("nft")
    texts = [(case, node.emit("nft")) for case in CASES for node in nodes(case, "nftables")]
    texts += [(name, (RULES / name).read_text()) for name in OTHER_TABLES]
    commands = []
    for _, text in texts:
        commands += [Command(("nft", "flush", "ruleset")), Command(("nft", "-f", "-"), text)]
        commands.append(Command(("nft", "list", "ruleset")))
    listed = [output.stdout for output in rig.perform(Script(commands=tuple(commands))).outputs[2::3]]
    found: dict[str, list[tuple[str, str]]] = {}
    for (case, text), one in zip(texts, listed, strict=True):
        found.setdefault(case, []).append((text, one))
    return found


def shown_tables(text: str) -> str:
    return "".join(f"{line}\n" for line in show_nftables.listing(read_ruleset(text)))


@pytest.mark.parametrize("case", CASES)
def test_our_tables_are_shown_as_nft_lists_them(nft_listed: dict[str, list[tuple[str, str]]], case: str) -> None:
    for text, listed in nft_listed[case]:
        assert shown_tables(listed) == listed
        # The kernel has its own order of elements.
        assert listing(shown_tables(text)) == listing(listed)


@pytest.mark.parametrize("name", OTHER_TABLES)
def test_tables_of_others_are_shown_as_nft_lists_them(nft_listed: dict[str, list[tuple[str, str]]], name: str) -> None:
    [(_, listed)] = nft_listed[name]
    assert shown_tables(listed) == listed
