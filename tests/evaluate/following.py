"""Follow packets through rules that a test writes."""

from __future__ import annotations

from kcompile.evaluate.packet import Host, Packet, Trace
from kcompile.ir.ruleset import Ruleset
from kcompile.readers import read_ruleset

HOST = Host(("192.168.1.11/24", "fd00:192:168:1::11/64", "10.9.8.7/24"))
POD, OUTSIDE, SERVICE = "10.244.0.5", "198.51.100.7", "10.96.0.10"


def nft(chains: str, family: str = "ip") -> Ruleset:
    return read_ruleset(f"table {family} t {{\n{chains}\n}}\n")


def iptables(**tables: str) -> Ruleset:
    """Tables by name, each as the lines between its `*name` and COMMIT."""
    return read_ruleset("".join(f"*{name}\n{lines}\nCOMMIT\n" for name, lines in tables.items()))


def arriving(to: str = SERVICE, port: int = 80, source: str = OUTSIDE, **given: object) -> Packet:
    return Packet(source, to, port, **given)  # type: ignore[arg-type]


def sent(to: str = SERVICE, port: int = 80, **given: object) -> Packet:
    return Packet("", to, port, local=True, **given)  # type: ignore[arg-type]


def follow(rules: Ruleset, packet: Packet) -> Trace:
    return rules.trace(packet, HOST)


def ends(rules: Ruleset, packet: Packet) -> list[str]:
    """The outcomes as text: `1/2 dnat 10.0.0.1:80 as 192.168.1.11`."""
    texts = []
    for outcome in follow(rules, packet).outcomes:
        to = f" {outcome.to}" if outcome.to else ""
        source = f" as {outcome.source}" if outcome.masquerade else ""
        texts.append(f"{outcome.probability} {outcome.verdict}{to}{source}")
    return texts
