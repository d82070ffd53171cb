"""iptables rules in two spellings: as kube-proxy writes them, and as iptables-save prints them back.

For the modes whose iptables part is short. A rule is a list of parts in kube-proxy's order; iptables-save moves what
the kernel keeps in the rule's head (addresses, interfaces, protocol) to the front and normalizes the rest.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kcompile.ir.plan import Family, LocalDetector

BUILT_IN_CHAINS = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
}
HOST_PREFIX = {4: 32, 6: 128}
PROTOCOL_NUMBER = {"tcp": 6, "udp": 17, "sctp": 132}
REJECT_WITH = {4: "icmp-port-unreachable", 6: "icmp6-port-unreachable"}
UNQUOTED = frozenset(string.ascii_letters + string.digits + "_-")
"""What iptables-save leaves unquoted (no_quote_chars in libxtables)."""

# Where iptables-save puts a part.
SOURCE, DESTINATION, INTERFACE, PROTOCOL, MATCH = range(5)


@dataclass(frozen=True, slots=True)
class Part:
    """A match or a target: `given` to iptables-restore, `saved` by iptables-save ("" if it leaves the part out)."""

    given: str
    saved: str
    place: int = MATCH


@dataclass(frozen=True, slots=True)
class Rule:
    chain: str
    parts: tuple[Part, ...]

    @property
    def given(self) -> str:
        return " ".join((f"-A {self.chain}", *(part.given for part in self.parts)))

    @property
    def saved(self) -> str:
        parts = sorted(self.parts, key=lambda part: part.place)
        return " ".join((f"-A {self.chain}", *(part.saved for part in parts if part.saved)))


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a family: kube-proxy's chains and rules in its order, and the jumps from the built-in chains."""

    name: str
    chains: tuple[str, ...]
    rules: tuple[Rule, ...]
    jumps: tuple[Rule, ...]


def restore_text(tables: Iterable[Table]) -> bytes:
    """What is piped to iptables-restore --noflush; the jumps are made before, one by one."""
    lines: list[str] = []
    for table in tables:
        lines += (f"*{table.name}", *(f":{chain} - [0:0]" for chain in table.chains))
        lines += (*(rule.given for rule in table.rules), "COMMIT")
    return encode(lines)


def save_text(tables: Iterable[Table]) -> bytes:
    """What iptables-save prints: tables and chains by name, the rules by chain."""
    lines: list[str] = []
    for table in sorted(tables, key=lambda table: table.name):
        built_in, chains = BUILT_IN_CHAINS[table.name], sorted(table.chains)
        rules_of: dict[str, list[str]] = {chain: [] for chain in (*built_in, *chains)}
        for rule in (*table.jumps, *table.rules):
            rules_of[rule.chain].append(rule.saved)
        lines.append(f"*{table.name}")
        lines += (f":{chain} ACCEPT [0:0]" for chain in built_in)
        lines += (f":{chain} - [0:0]" for chain in chains)
        lines += (rule for rules in rules_of.values() for rule in rules)
        lines.append("COMMIT")
    return encode(lines)


def encode(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def prepended(jumps: Iterable[Rule]) -> Iterator[Rule]:
    """The final order of rules that are each put first in their chain."""
    return reversed(tuple(jumps))


def network(address: str) -> str:
    """An address with its prefix, as iptables-save prints it."""
    if "/" in address:
        return address
    return f"{address}/{HOST_PREFIX[6 if ':' in address else 4]}"


def source(address: str) -> Part:
    return Part(f"-s {address}", f"-s {network(address)}", SOURCE)


def destination(address: str) -> Part:
    return Part(f"-d {address}", f"-d {network(address)}", DESTINATION)


def to_host(address: str, family: Family) -> Part:
    """A single address, or a template's slot for one."""
    return Part(f"-d {address}", f"-d {address}/{HOST_PREFIX[family]}", DESTINATION)


def from_local_pods(detector: LocalDetector, negated: bool = False) -> Part:
    """Traffic of this node's Pods (or of all Pods, as the detector can tell), or any other traffic."""
    not_ = "! " if negated else ""
    if detector.kind == "cidr":
        text = f"{not_}-s {detector.value}"
        return Part(text, "" if detector.value.endswith("/0") and not negated else text, SOURCE)
    text = f"{not_}-i {detector.value}{'+' if detector.kind == 'interface-prefix' else ''}"
    return Part(text, text, INTERFACE)


def protocol(name: str) -> Part:
    return Part(f"-p {name}", f"-p {name}", PROTOCOL)


def comment(text: str) -> Part:
    """Quoted by kube-proxy where the text has blanks, by iptables-save where it has more than letters and digits."""
    return Part(
        f'-m comment --comment "{text}"' if " " in text else f"-m comment --comment {text}",
        f"-m comment --comment {saved_string(text)}",
    )


def saved_string(text: str) -> str:
    if UNQUOTED.issuperset(text):
        return text
    escaped = "".join(f"\\{character}" if character in "\"\\'" else character for character in text)
    return f'"{escaped}"'


def match(text: str) -> Part:
    """A match that iptables-save prints as it was given."""
    return Part(text, text)


def in_set(name: str, flags: str) -> Part:
    return match(f"-m set --match-set {name} {flags}")


def marked(mark: int, negated: bool = False) -> Part:
    not_ = "! " if negated else ""
    return Part(f"-m mark {not_}--mark {wide(mark)}/{wide(mark)}", f"-m mark {not_}--mark {mark:#x}/{mark:#x}")


def wide(mark: int) -> str:
    """A mark as kube-proxy formats it (%#08x)."""
    return f"0x{mark:08x}"


def jump(target: str) -> Part:
    return match(f"-j {target}")


def set_mark(mark: int) -> Part:
    return Part(f"-j MARK --or-mark {wide(mark)}", f"-j MARK --set-xmark {mark:#x}/{mark:#x}")


def flip_mark(mark: int) -> Part:
    return Part(f"-j MARK --xor-mark {wide(mark)}", f"-j MARK --set-xmark {mark:#x}/0x0")


def reject(family: Family) -> Part:
    return Part("-j REJECT", f"-j REJECT --reject-with {REJECT_WITH[family]}")
