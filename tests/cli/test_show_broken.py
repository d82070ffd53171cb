"""A dump that no tool would print can be shown all the same."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from kcompile.cli import show_iptables, show_ipvs, show_nftables
from kcompile.readers import UnknownLanguage, read_ruleset

RULES = Path(__file__).parents[1] / "data" / "rules"
IPVS = """\
-A -t 10.96.0.10:80 -s sh -p 300 -M 255.255.0.0 -b sh-port -o
-a -t 10.96.0.10:80 -r [fd00::5]:80 -i -w 3
-A -t [fd00::a]:80 -s mh -b flag-1,flag-9 -p 3 -M 64 --pe sip
-a -t [fd00::a]:80 -r [fd00::5]:80 -m
-A -f 7 -6 -s rr
-a -f 7 -6 -r [fd00::5] -g
"""


def mutated(text: str, chance: random.Random) -> str:
    """The text with some of its words left out, repeated, or put in others' places. What shows its language stays."""
    lines = text.split("\n")
    words = text.split()
    changing = [number for number, line in enumerate(lines) if line.startswith(("-", "\t"))]
    for number in chance.choices(changing, k=len(changing) // 4):
        parts = lines[number].split(" ")
        at = chance.randrange(len(parts))
        parts[at : at + chance.randrange(2)] = chance.choices(
            (*words, "", "!", "0", "-1", "99999999999"), k=chance.randrange(2)
        )
        lines[number] = " ".join(parts)
    return "\n".join(lines)


@pytest.mark.parametrize("name", ["every_match.rules", "every_match6.rules", "every_set.nft", "firewall.nft", "ipvs"])
def test_a_broken_dump_is_shown(name: str) -> None:
    text = IPVS if name == "ipvs" else (RULES / name).read_text()
    chance = random.Random(name)
    for _ in range(100):
        try:
            rules = read_ruleset(mutated(text, chance))
        except UnknownLanguage:
            continue
        list(show_ipvs.listing(rules.virtual_servers))
        list(show_nftables.listing(rules))
        for table in rules.tables:
            if table.language == "iptables":
                list(show_iptables.listing(table))
