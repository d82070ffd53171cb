"""What the kernel's tracers print: the rules that each packet matched, one after the other.

Packets are marked for tracing where they enter the node, or where the node makes them; the rules for that are not
part of what is asked about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from tests.kernel.scenario import Command


@dataclass(frozen=True, slots=True)
class Step:
    """A rule that matched: its table ("ip nat"), chain and text, and the verdict: "jump X", "accept", "continue", …

    The policy of a base chain that drops is a step with the verdict "policy drop" and no rule.
    """

    table: str
    chain: str
    rule: str
    verdict: str

    def __str__(self) -> str:
        return f"{self.table} {self.chain}: {self.rule} ({self.verdict})"


@dataclass(frozen=True, slots=True)
class Traced:
    """A packet as it came to the node, and its steps there."""

    source: str
    to: str
    port: int
    protocol: str
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Monitor:
    """A tracer: its command, the commands that mark packets, and how to read what it prints."""

    watch: tuple[str, ...]
    mark: tuple[Command, ...]
    read: Callable[[str], list[Traced]]


# After conntrack: only the first packet of a connection. What comes back over loopback is marked already.
NFT_MARK = """\
table inet watch {
    chain prerouting { type filter hook prerouting priority -190; iif != lo ct state new meta nftrace set 1; }
    chain output { type filter hook output priority -190; ct state new meta nftrace set 1; }
}
"""
IPTABLES_MARK = """\
*mangle
-A PREROUTING ! -i lo -m conntrack --ctstate NEW -j TRACE
-A OUTPUT -m conntrack --ctstate NEW -j TRACE
COMMIT
"""

NFT_PACKET = re.compile(r"ip6? saddr (\S+) ip6? daddr (\S+) .*\b(tcp|udp) sport \d+ (?:tcp|udp) dport (\d+)")
NFT_EVENT = re.compile(r"trace id \S+ (\S+ \S+) (\S+) (?:packet: (.*)|rule (.*) \(verdict (.*)\)|(policy drop)\b.*)")


def read_nft(text: str) -> list[Traced]:
    """What `nft monitor trace` has printed."""
    found: list[Traced] = []
    met = Traced("", "", 0, "")
    for event in filter(None, map(NFT_EVENT.match, text.splitlines())):
        table, chain, header, rule, verdict, policy = event.groups()
        if header:
            packet = NFT_PACKET.search(header)
            met = Traced(packet[1], packet[2], int(packet[4]), packet[3]) if packet else met
        elif is_mark(rule or ""):
            found.append(met)
        else:
            step = Step(table, chain, spaced(rule or ""), policy or verdict)
            found[-1] = replace(found[-1], steps=(*found[-1].steps, step))
    return found


IPTABLES_PACKET = re.compile(r"PACKET: .*\bSRC=(\S+) DST=(\S+) .*DPORT=(\d+)( SYN)?")
IPTABLES_EVENT = re.compile(r" TRACE: \d+ \S+ (\w+):([^:]+):(?:rule:0x[0-9a-f]+:(\S+)  -4 -t \w+ (.*)|policy:(DROP))")
VERDICTS: Mapping[str, str] = {"0xfffffffb": "return"}
"""-5, NFT_RETURN, for which it has no word."""


def read_xtables(text: str) -> list[Traced]:
    """What `xtables-monitor --trace` has printed of IPv4. It does not name the protocol; only TCP has flags."""
    found: list[Traced] = []
    met = Traced("", "", 0, "")
    for line in text.splitlines():
        if packet := IPTABLES_PACKET.match(line):
            met = Traced(packet[1], packet[2], int(packet[3]), "tcp" if packet[4] else "udp")
        elif event := IPTABLES_EVENT.match(line):
            table, chain, verdict, rule, _ = event.groups()
            if is_mark(rule or ""):
                found.append(met)
            else:
                step = Step(f"ip {table}", chain, spaced(rule or ""), verdict_of(verdict) if rule else "policy drop")
                found[-1] = replace(found[-1], steps=(*found[-1].steps, step))
    return found


def verdict_of(word: str) -> str:
    kind, colon, chain = word.partition(":")
    return f"{kind.lower()} {chain}" if colon else VERDICTS.get(word, word.lower())


def is_mark(rule: str) -> bool:
    """Whether a rule is one of those that mark packets for tracing."""
    return rule.endswith(("-j TRACE", "meta nftrace set 1"))


def spaced(rule: str) -> str:
    """A rule with single spaces."""
    return " ".join(rule.split())


MONITORS: Mapping[str, Monitor] = {
    "nftables": Monitor(("nft", "monitor", "trace"), (Command(("nft", "-f", "-"), NFT_MARK),), read_nft),
    "iptables-nft": Monitor(
        ("xtables-monitor", "--trace", "-4"),
        (Command(("iptables-nft-restore", "--noflush"), IPTABLES_MARK),),
        read_xtables,
    ),
}
