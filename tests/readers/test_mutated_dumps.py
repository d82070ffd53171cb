"""Broken dumps are read as far as they go: never a crash, and a packet through them has outcomes that add up to 1."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest

from kcompile.evaluate.packet import Host, Packet
from kcompile.readers import UnknownLanguage, read_ruleset
from tests.targets.recorded import FOLDER

RULES = Path(__file__).parents[1] / "data" / "rules"
HOST = Host(("192.168.1.11/24", "fd00:192:168:1::11/64"))
PACKETS = (
    Packet("198.51.100.7", "10.96.0.10", 80),
    Packet("", "192.168.1.11", 30080, local=True),
    Packet("2001:db8::7", "fd00:10:96::a", 80, "udp"),
)
IPVS = "-A -t 10.96.0.10:80 -s rr -p 10800\n-a -t 10.96.0.10:80 -r 10.244.0.5:8080 -m -w 1\n-A -f 3 -s sh -b sh-port\n"
SOURCES = {
    "iptables": (FOLDER / "session-affinity-local/expect/iptables-1.37/iptables.rules").read_text(),
    "docker": (RULES / "docker.rules").read_text(),
    "calico": (RULES / "calico.rules").read_text(),
    "nft": (RULES / "firewall.nft").read_text(),
    "nft-commands": (FOLDER / "session-affinity-local/expect/nftables-1.37/nftables.commands").read_text(),
    "nft-json": (RULES / "firewall.json").read_text(),
    "ipset": (RULES / "calico.ipset").read_text(),
    "ipvsadm": IPVS,
}
FILLERS = [
    "",
    " ",
    "{",
    "}",
    "\n",
    '"',
    "!",
    "-",
    "@",
    ":",
    ";",
    ",",
    "\0",
    "é",
    "0",
    "99999999999999999999",
    "vmap",
    "-j",
]
ROUNDS = 10_000
"""Over all sources; of each as many."""
SLOW_ROUNDS = 4_000


def mutated(text: str, rng: random.Random) -> str:
    """The text with one to four places broken: cut, doubled, replaced or moved."""
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(text))
        end = min(len(text), start + int(rng.expovariate(1 / 12)))
        kind = rng.randrange(4)
        if kind == 0:
            text = text[:start] + text[end:]
        elif kind == 1:
            text = text[:end] + text[start:end] + text[end:]
        elif kind == 2:
            text = text[:start] + rng.choice(FILLERS) + text[end:]
        else:
            piece = text[start:end]
            text = text[:start] + text[end:]
            place = rng.randrange(len(text) + 1)
            text = text[:place] + piece + text[place:]
        text = text or "x"
    return text


def check(text: str, packets: Sequence[Packet] = PACKETS) -> None:
    try:
        rules = read_ruleset(text)
    except UnknownLanguage:
        return
    for packet in packets:
        outcomes = rules.trace(packet, HOST).outcomes
        assert sum((outcome.probability for outcome in outcomes), Fraction(0)) == 1


@pytest.mark.parametrize("name", SOURCES)
def test_ten_thousand_broken_dumps_are_no_crash(name: str) -> None:
    rng = random.Random(name)
    for number in range(ROUNDS // len(SOURCES)):
        # Reading is what is tried; a packet for one in five.
        check(mutated(SOURCES[name], rng), [rng.choice(PACKETS)] if number % 5 == 0 else [])


@pytest.mark.slow
@pytest.mark.parametrize("name", SOURCES)
def test_packets_through_broken_dumps_end_somewhere(name: str) -> None:
    rng = random.Random(f"{name} slow")
    for _ in range(SLOW_ROUNDS):
        check(mutated(SOURCES[name], rng))


WRONG_FAMILY = """
table inet t {
    chain p {
        type nat hook prerouting priority dstnat;
        meta nfproto ipv4 tcp dport 80 dnat ip6 to fd00::1
    }
}
"""


def test_an_address_of_the_other_family_is_nowhere_to_go() -> None:
    check(WRONG_FAMILY)
    rules = "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -s 10.0.0.0/8 -j RETURN\n"
    rules += "-A PREROUTING -p tcp -j DNAT --to-destination [fd00::1]:80\nCOMMIT\n"
    (outcome,) = read_ruleset(rules).trace(PACKETS[0], HOST).outcomes
    assert outcome.verdict == "unknown"
