"""The native evaluator gives what its plain-Python twin gives, packet by packet."""

from __future__ import annotations

import random
from array import array
from pathlib import Path
from typing import Any

import pytest

from kcompile.api import CompiledNode
from kcompile.evaluate.assemble import assemble
from kcompile.evaluate.packet import Host
from kcompile.evaluate.prepare import Prepared
from kcompile.evaluate.program import ADDRESS_ENTRY, ADDRESS_ITSELF, MASK64, Program
from kcompile.evaluate.walk import with_virtual_addresses
from kcompile.ir.addresses import address
from kcompile.ir.plan import MODES, KubeVersion, Mode
from kcompile.ir.ruleset import Ruleset
from kcompile.readers import read_ruleset
from kcompile.twins import evaluate as twin
from tests.targets.recorded import CASES, plan

native = pytest.importorskip("kcompile.native.evaluate")

RULES = Path(__file__).parents[1] / "data" / "rules"
HOST = Host(("192.168.1.11/24", "fd00:192:168:1::11/64", "10.20.30.40/16"))
VERSIONS: dict[Mode, KubeVersion] = {"iptables": "1.37", "nftables": "1.37", "ipvs": "1.30", "userspace": "1.30"}
PACKETS = 400


def rules_of(case: str, mode: Mode) -> Ruleset:
    node = CompiledNode(plan(case, mode, VERSIONS[mode]))
    if mode == "nftables":
        return read_ruleset(node.emit("nft"))
    rules = read_ruleset(node.emit("iptables-save", 4), family="ip")
    rules += read_ruleset(node.emit("iptables-save", 6), family="ip6")
    return rules + read_ruleset(node.emit("ipvsadm")) + read_ruleset(node.emit("ipset")) if mode == "ipvs" else rules


def interesting(program: Program, family: int, rng: random.Random) -> list[int]:
    """Addresses that stand in the rules, and some that do not."""
    words, length = program.addresses, ADDRESS_ENTRY[family]
    itself = range(4 if family == 6 else 1)
    found = [
        sum((words[at + ADDRESS_ITSELF + n] & 0xFFFFFFFF) << 32 * n for n in itself)
        for at in range(0, len(words), length)
        if words[at]
    ]
    return found + [rng.getrandbits(32 if family == 4 else 128) for _ in range(5)]


def inputs(program: Program, family: int, rng: random.Random, count: int) -> list[Any]:
    addresses = interesting(program, family, rng)
    ports = [80, 443, 53, 8080, 30080, 4242, *sorted({word & 0xFFFF for word in (*program.code, *program.keys)})]

    def column() -> Any:
        chosen = [rng.choice(addresses) for _ in range(count)]
        return array("I", chosen) if family == 4 else b"".join(value.to_bytes(16, "big") for value in chosen)

    return [
        column(),
        column(),
        array("B", [rng.choice((6, 17, 132)) for _ in range(count)]),
        array("H", [rng.choice(ports) for _ in range(count)]),
        array("i", [rng.choice((-1, 40000, 53)) for _ in range(count)]),
        array("B", [rng.choice((0, 0, 1)) for _ in range(count)]),
        array("I", [rng.choice((0, 0x4000, 0xFFFFFFFF)) for _ in range(count)]),
        array("Q", [rng.getrandbits(64) for _ in range(count)]),
    ]


def outputs(family: int, count: int) -> list[Any]:
    to = array("I", bytes(4 * count)) if family == 4 else array("B", bytes(16 * count))
    return [
        array("B", bytes(count)),
        to,
        array("H", bytes(2 * count)),
        array("B", bytes(count)),
        array("i", bytes(4 * count)),
    ]


def both(rules: Ruleset, family: int, rng: random.Random, count: int = PACKETS) -> list[list[Any]]:
    prepared = Prepared(rules)
    program = assemble(prepared, family, with_virtual_addresses(prepared, HOST))
    columns = inputs(program, family, rng, count)
    results = []
    for module in (native, twin):
        filled = outputs(family, count)
        getattr(module, f"evaluate_ipv{family}")(program, 7, *columns, *filled)
        results.append(filled)
    return results


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", CASES[::3])
def test_both_say_the_same_of_compiled_rules(case: str, mode: Mode) -> None:
    rules = rules_of(case, mode)
    for family in (4, 6):
        ours, reference = both(rules, family, random.Random(f"{case} {mode} {family}"))
        assert ours == reference


@pytest.mark.parametrize("name", ["docker.rules", "flannel.rules", "calico.rules", "firewall.nft"])
def test_both_say_the_same_of_the_rules_of_others(name: str) -> None:
    rules = read_ruleset((RULES / name).read_text()) + read_ruleset((RULES / "calico.ipset").read_text())
    for family in (4, 6):
        ours, reference = both(rules, family, random.Random(name))
        assert ours == reference


def test_a_program_serves_many_calls() -> None:
    program = assemble(Prepared(rules_of("dual-stack", "iptables")), 4, HOST)
    given = inputs(program, 4, random.Random(1), 100)
    results = []
    for _ in range(2):
        filled = outputs(4, 100)
        native.evaluate_ipv4(program, 7, *given, *filled)
        results.append(filled)
    assert results[0] == results[1]


def test_random_words_from_a_seed_are_the_same() -> None:
    rules = rules_of("dual-stack", "iptables")
    prepared = Prepared(rules)
    program = assemble(prepared, 4, HOST)
    columns = inputs(program, 4, random.Random(1), 200)
    columns[-1] = array("Q")
    results = []
    for module in (native, twin):
        filled = outputs(4, 200)
        module.evaluate_ipv4(program, MASK64 - 5, *columns, *filled)
        results.append(filled)
    assert results[0] == results[1]


@pytest.mark.parametrize("family", [4, 6])
def test_columns_that_are_left_out_say_the_same_as_full_ones(family: int) -> None:
    program = assemble(Prepared(rules_of("dual-stack", "iptables")), family, HOST)
    columns = inputs(program, family, random.Random(1), 200)
    columns[4:7] = array("i", [-1]) * 200, bytes(200), array("I", [0]) * 200
    results = []
    for module, left_out in ((native, False), (native, True), (twin, True)):
        given = [*columns[:4], array("i"), b"", array("I"), columns[7]] if left_out else columns
        filled = outputs(family, 200)
        getattr(module, f"evaluate_ipv{family}")(program, 7, *given, *filled)
        results.append(filled)
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("family", [4, 6])
def test_columns_of_different_lengths_are_refused(family: int) -> None:
    program = assemble(Prepared(Ruleset()), family, HOST)
    evaluate = getattr(native, f"evaluate_ipv{family}")
    for position in range(13):
        columns = [*inputs(program, family, random.Random(1), 4), *outputs(family, 4)]
        columns[position] = columns[position][:-1]
        if position != 7 or len(columns[position]):
            with pytest.raises(ValueError, match="different lengths"):
                evaluate(program, 0, *columns)


def test_no_packets_are_no_work() -> None:
    program = assemble(Prepared(Ruleset()), 4, HOST)
    native.evaluate_ipv4(program, 0, *inputs(program, 4, random.Random(1), 0), *outputs(4, 0))
    assert address("10.0.0.1") == (4, 0x0A000001)
