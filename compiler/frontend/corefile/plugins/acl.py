"""acl: answer, filter, refuse or drop by client address and query type."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Literal, get_args

from kcompile.frontend.corefile.addresses import parse_cidr
from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser
from kcompile.frontend.corefile.numbers import TYPES
from kcompile.frontend.corefile.values import quote
from kcompile.frontend.corefile.zones import origins

Action = Literal["allow", "block", "filter", "drop"]


@dataclass(frozen=True, slots=True)
class Policy:
    """`types` are query type numbers. Empty `types` or `networks` mean any."""

    action: Action
    types: frozenset[int]
    networks: tuple[IPv4Network | IPv6Network, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    zones: tuple[str, ...]
    policies: tuple[Policy, ...]


@dataclass(frozen=True, slots=True)
class AclSettings(Settings):
    rules: tuple[Rule, ...]


def setup(dispenser: Dispenser, context: Context) -> AclSettings:
    rules = []
    for _ in dispenser.occurrences():
        zones = origins(dispenser.remaining(), context.keys)
        rules.append(Rule(zones, tuple(_policy(dispenser) for _ in dispenser.properties())))
    return AclSettings(tuple(rules))


def _policy(dispenser: Dispenser) -> Policy:
    actions: tuple[Action, ...] = get_args(Action)
    action = next((action for action in actions if action == dispenser.value.lower()), None)
    if action is None:
        expected = "expect 'allow', 'block', 'filter' or 'drop'"
        raise dispenser.error(f"unexpected token {quote(dispenser.value)}; {expected}", "unknown-property")
    types: set[int] = set()
    networks: list[IPv4Network | IPv6Network] = []
    sections: set[str] = set()
    any_network = False
    words = dispenser.remaining()
    while words:
        section = words[0].lower()
        if section not in _SECTIONS:
            raise dispenser.error(f"unexpected token {quote(words[0])}; expect 'type | net'", "unknown-property")
        end = next((i for i, word in enumerate(words) if i and word.lower() in _SECTIONS), len(words))
        values, words = words[1:end], words[end:]
        if not values:
            raise dispenser.error(f"no token specified in {quote(section)} section", "arguments")
        sections.add(section)
        if section == "type":
            types |= _types(dispenser, values)
        else:
            found, met_any = _networks(dispenser, values)
            networks += found
            any_network |= met_any
    any_type = "type" not in sections or _ANY_TYPE in types
    return Policy(action, frozenset() if any_type else frozenset(types), () if any_network else tuple(networks))


_SECTIONS = ("type", "net")
_ANY_TYPE = TYPES["None"]


def _types(dispenser: Dispenser, names: list[str]) -> set[int]:
    """The types up to `*`, which is any type; what follows it is not looked at."""
    types: set[int] = set()
    for name in names:
        if name == "*":
            return types | {_ANY_TYPE}
        if name not in TYPES:
            hint = f"write {name.upper()}" if name.upper() in TYPES else ""
            raise dispenser.error(f"unexpected token {quote(name)}; expect legal QTYPE", hint=hint)
        types.add(TYPES[name])
    return types


def _networks(dispenser: Dispenser, texts: list[str]) -> tuple[list[IPv4Network | IPv6Network], bool]:
    """The networks up to `*`, and whether that was met."""
    networks: list[IPv4Network | IPv6Network] = []
    for text in texts:
        if text == "*":
            return networks, True
        if "/" not in text:
            text += "/128" if ":" in text else "/32"
        parsed = parse_cidr(text)
        if parsed is None:
            hint = "there are no named networks" if text.partition("/")[0].isalpha() else ""
            raise dispenser.error(f"illegal CIDR notation {quote(text)}", hint=hint)
        networks.append(parsed[1])
    return networks, False
