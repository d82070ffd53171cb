"""Of base chains with one priority the one that came last is asked first, as the kernel does."""

from __future__ import annotations

import pytest

from kcompile.evaluate.hops import steps
from kcompile.evaluate.packet import Host, Packet
from kcompile.readers import read_ruleset

CHAINS = """\
table ip first {{
    chain c {{ type {kind} hook prerouting priority {first}; counter; }}
}}
table ip second {{
    chain c {{ type {kind} hook prerouting priority {second}; counter; }}
}}
"""


@pytest.mark.parametrize("kind", ["filter", "nat"])
@pytest.mark.parametrize(
    ("first", "second", "order"),
    [(-10, -10, ["ip second", "ip first"]), (-10, -5, ["ip first", "ip second"]), (-5, -10, ["ip second", "ip first"])],
)
def test_priority_then_the_last_first(kind: str, first: int, second: int, order: list[str]) -> None:
    rules = read_ruleset(CHAINS.format(kind=kind, first=first, second=second))
    trace = rules.trace(Packet("10.0.0.9", "10.0.0.1", 80), Host(("10.0.0.1",)))
    assert [step.hop.table for step in steps(trace)] == order
