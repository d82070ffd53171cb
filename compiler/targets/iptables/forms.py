"""The two texts of iptables rules: what kube-proxy pipes to iptables-restore, and what iptables-save prints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

from kcompile.targets.iptables.node_rules import CHAINS, JUMPS
from kcompile.targets.iptables.service_rules import (
    FIELDS,
    Add,
    Chain,
    ForEach,
    Options,
    lists,
    service_rows,
    values,
)
from kcompile.targets.iptables_rule import BUILT_IN_CHAINS, Rule, encode, prepended
from kcompile.targets.program import Program, compile_table
from kcompile.targets.template import Each, Line, Section, Table

Rules = Mapping[str, tuple[Rule, ...]]
"""Rules by table."""

Frames = dict[str, tuple[bytes, bytes]]

OWN_CHAINS = {
    "KUBE-EXT": "hash",
    "KUBE-FW": "hash",
    "KUBE-SEP": "endpoint_hash",
    "KUBE-SVC": "hash",
    "KUBE-SVL": "hash",
}
"""The kinds of chains that a Service has for itself in the nat table, and the value that sorts those of a kind."""


def declaration(chain: str, policy: str = "-") -> str:
    return f":{chain} {policy} [0:0]"


# ---- iptables-restore: filter, then nat; in each, all chains come before all rules.


def given_chance(remaining: int) -> str:
    return f"{1 / remaining:.10f}"


@lru_cache(maxsize=64)
def restore_program(options: Options) -> Program:
    def line(row: Chain | Add) -> Line:
        if isinstance(row, Chain):
            return Line("chains", declaration(row.chain), row.when)
        return Line(row.table, row.rule.given, row.when)

    return _program(options, (Section("filter"), Section("chains"), Section("nat")), line, given_chance)


def restore_frames(first: Rules, last: Rules) -> Frames:
    def given(rules: Rules, table: str) -> Iterator[str]:
        return (rule.given for rule in rules[table])

    # Only kube-proxy that has a rule for it declares the kubelet's chain.
    filters = [chain for chain in CHAINS["filter"] if chain != "KUBE-FIREWALL" or first["filter"]]
    return {
        "filter": (
            encode(["*filter", *map(declaration, filters), *given(first, "filter")]),
            encode([*given(last, "filter"), "COMMIT"]),
        ),
        "chains": (encode(["*nat", *map(declaration, CHAINS["nat"])]), encode(given(first, "nat"))),
        "nat": (b"", encode([*given(last, "nat"), "COMMIT"])),
    }


# ---- iptables-save: in each table the chains by name, then the rules by chain.


def _chains(table: str) -> list[str]:
    """The names of a table's chains in the order of iptables-save, where a Service's own chains of a kind are one."""
    own = [f"{kind}-" for kind in OWN_CHAINS] if table == "nat" else []
    return [name.removesuffix("-") for name in sorted([*CHAINS[table], *own])]


def _section(table: str, chain: str, holds: str) -> str:
    return f"{table} {chain.partition('-{')[0]} {holds}"


def saved_chance(remaining: int) -> str:
    """The kernel holds a chance in units of 2**-31 (xt_statistic)."""
    return f"{round(float(given_chance(remaining)) * 2**31) / 2**31:.11f}"


@lru_cache(maxsize=64)
def save_program(options: Options) -> Program:
    def line(row: Chain | Add) -> Line:
        if isinstance(row, Chain):
            return Line(_section("nat", row.chain, "chains"), declaration(row.chain), row.when)
        return Line(_section(row.table, row.rule.chain, "rules"), row.rule.saved, row.when)

    sections = tuple(
        Section(_section(table, chain, holds), order_by=OWN_CHAINS.get(chain, ""))
        for table in CHAINS
        for holds in ("chains", "rules")
        for chain in _chains(table)
    )
    return _program(options, sections, line, saved_chance)


def save_frames(first: Rules, last: Rules) -> Frames:
    def saved(rules: Rules, table: str, chain: str) -> list[str]:
        return [rule.saved for rule in rules[table] if rule.chain == chain]

    jumps = {table: tuple(prepended(rules)) for table, rules in JUMPS.items()}
    frames: Frames = {}
    for table in CHAINS:
        built_in, chains = BUILT_IN_CHAINS[table], _chains(table)
        head = [f"*{table}", *(declaration(chain, "ACCEPT") for chain in built_in)]
        for chain in chains:
            own = [declaration(chain)] if chain in CHAINS[table] else []
            frames[_section(table, chain, "chains")] = encode([*head, *own]), b""
            head = []
        head = [text for chain in built_in for text in saved(jumps, table, chain)]
        for chain in chains:
            tail = ["COMMIT"] if chain == chains[-1] else []
            frames[_section(table, chain, "rules")] = (
                encode([*head, *saved(first, table, chain)]),
                encode([*saved(last, table, chain), *tail]),
            )
            head = []
    return frames


def _program(
    options: Options,
    sections: tuple[Section, ...],
    line: Callable[[Chain | Add], Line],
    chance: Callable[[int], str],
) -> Program:
    rows = tuple(
        Each(row.each, tuple(map(line, row.rows))) if isinstance(row, ForEach) else line(row)
        for row in service_rows(options)
    )
    return compile_table(Table(FIELDS, sections, rows, lists(options), values(options, chance)))
