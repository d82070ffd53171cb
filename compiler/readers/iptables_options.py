"""What is common to the matches and targets of iptables: their options, and the words that several of them share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from kcompile.ir.ruleset import Item

Items = tuple[Item, ...]

# iptables' other names for an option.
SYNONYMS: Mapping[str, str] = MappingProxyType(
    {
        "--protocol": "-p",
        "--proto": "-p",
        "--source": "-s",
        "--src": "-s",
        "--destination": "-d",
        "--dst": "-d",
        "--in-interface": "-i",
        "--out-interface": "-o",
        "--match": "-m",
        "--jump": "-j",
        "--goto": "-g",
        "--fragment": "-f",
        "--source-port": "--sport",
        "--destination-port": "--dport",
        "--source-ports": "--sports",
        "--destination-ports": "--dports",
        "--hashlimit": "--hashlimit-upto",
        "--to-port": "--to-ports",
    }
)


@dataclass(frozen=True, slots=True)
class Option:
    """One option as given: `! --dport 80` is ("--dport", ("80",), True)."""

    name: str
    values: tuple[str, ...] = ()
    negated: bool = False

    def __str__(self) -> str:
        return " ".join([*(["!"] if self.negated else []), self.name, *map(_quoted, self.values)])


def _quoted(word: str) -> str:
    return word if word and not any(c in word for c in " \"'") else '"' + word.replace('"', '\\"') + '"'


@dataclass(slots=True)
class Extension:
    """A match or target with the options that belong to it."""

    name: str
    flag: str
    options: list[Option] = field(default_factory=list)

    def get(self, name: str) -> Option | None:
        return next((o for o in self.options if o.name == name), None)

    def value(self, name: str, default: str = "") -> str:
        option = self.get(name)
        return option.values[0] if option and option.values else default

    def has(self, name: str) -> bool:
        return self.get(name) is not None

    def rest(self, known: Iterable[str]) -> list[Option]:
        """The options that are not among the known."""
        return [o for o in self.options if o.name not in known]

    def __str__(self) -> str:
        return " ".join([self.flag, self.name, *map(str, self.options)])


TCP_FLAGS: Mapping[str, int] = MappingProxyType(
    {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32, "ECE": 64, "CWR": 128, "ALL": 63, "NONE": 0}
)


def flag_bits(text: str) -> int:
    """The bits of `SYN,ACK`."""
    try:
        return sum({TCP_FLAGS[name] for name in text.split(",")})
    except KeyError as error:
        raise ValueError(f"{error} is no TCP flag") from None
