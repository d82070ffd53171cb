"""What is fuzzed: for each target a function that takes any bytes, and texts to begin with.

A function raises what no caller expects, or an AssertionError, when something is wrong. A new target is an entry in
TARGETS.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from kcompile.evaluate.packet import Host, Packet
from kcompile.ir.ruleset import Ruleset
from kcompile.readers import ipset, iptables, ipvsadm, nft, nft_json
from kcompile.readers.iptables_dump import read_large
from tests.fuzz import manifests

DATA = Path(__file__).parents[1] / "data"
HOST = Host(("192.168.1.11/24", "fd00:192:168:1::11/64"))
PACKETS = (
    Packet("198.51.100.7", "10.96.0.10", 80),
    Packet("", "192.168.1.11", 30080, local=True),
    Packet("2001:db8::7", "fd00:10:96::a", 80, "udp"),
)
COLUMNS = {
    "source": array("I", [0xC6336407, 0xC0A8010B, 0x0AF40005]),
    "destination": array("I", [0x0A60000A, 0xC0A8010B, 0x0A60000A]),
    "protocol": array("B", [6, 6, 17]),
    "port": array("H", [80, 30080, 53]),
    "local": array("B", [0, 1, 0]),
}
LONGEST_SEED = 2500
IPVS = b"""-A -t 10.96.0.10:80 -s rr -p 10800 -M 255.255.255.255
-a -t 10.96.0.10:80 -r 10.244.0.5:8080 -m -w 1
-a -t 10.96.0.10:80 -r 10.244.0.6:8080 -m -w 0
-A -u [fd00:10:96::a]:53 -s sh -b sh-fallback,sh-port
-a -u [fd00:10:96::a]:53 -r [fd00:10:244::5]:53 -m -w 3
-A -f 3 -s mh
-a -f 3 -r 10.244.0.7 -g
-E -t 10.96.0.10:80 -s wlc
-d -t 10.96.0.10:80 -r 10.244.0.6:8080
"""


class Target(NamedTuple):
    run: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]


def _follow(rules: Ruleset) -> None:
    """Packets through the rules, one by one and in columns."""
    for packet in PACKETS:
        outcomes = rules.trace(packet, HOST).outcomes
        assert sum((outcome.probability for outcome in outcomes), Fraction(0)) == 1
    rules.evaluate_many(COLUMNS, HOST)


def _iptables(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    rules = iptables.read(text)
    large = read_large(text, "", None)
    assert large is None or large == rules
    _follow(rules)


def _nft(data: bytes) -> None:
    _follow(nft.read(data.decode("utf-8", "replace")))


def _nft_json(data: bytes) -> None:
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError):
        return
    _follow(nft_json.read(parsed))


def _ipvsadm(data: bytes) -> None:
    _follow(ipvsadm.read(data.decode("utf-8", "replace")))


def _ipset(data: bytes) -> None:
    sets = ipset.read(data.decode("utf-8", "replace"))
    names = [name for name in sets.ipsets if name.isidentifier()][:3]
    matches = "".join(f"-A PREROUTING -m set --match-set {name} dst,dst -j DROP\n" for name in names)
    _follow(sets + iptables.read(f"*raw\n:PREROUTING ACCEPT [0:0]\n{matches}COMMIT\n"))


def _files(*patterns: str) -> Callable[[], Iterator[bytes]]:
    def seeds() -> Iterator[bytes]:
        for pattern in patterns:
            for path in sorted(DATA.glob(pattern)):
                yield path.read_bytes()[:LONGEST_SEED]

    return seeds


def _json_seeds() -> Iterator[bytes]:
    """Each object of a listing alone with its table: what is cut in the middle is no JSON."""
    for path in sorted(DATA.glob("rules/*.json")):
        objects = json.loads(path.read_text())["nftables"]
        for start in range(0, len(objects), 4):
            yield json.dumps({"nftables": objects[start : start + 4]}).encode()


TARGETS: dict[str, Target] = {
    "iptables": Target(_iptables, _files("rules/*.rules", "proxy/*/expect/iptables-1.37/*.rules")),
    "nft": Target(_nft, _files("rules/*.nft", "proxy/*/expect/nftables-1.37/*.commands")),
    "nft-json": Target(_nft_json, _json_seeds),
    "ipvsadm": Target(_ipvsadm, lambda: iter([IPVS, *(line + b"\n" for line in IPVS.splitlines())])),
    "ipset": Target(_ipset, _files("rules/*.ipset", "proxy/*/expect/ipvs-1.30/ipset*")),
    "yaml": Target(manifests.tokens_of_yaml, manifests.yaml_seeds),
    "json": Target(manifests.tokens_of_json, manifests.json_seeds),
    "manifests": Target(manifests.objects, manifests.yaml_seeds),
    "rules": Target(manifests.rules, manifests.yaml_seeds),
}
