"""acl: answer, filter, refuse or drop by client address and query type."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from kcompile.frontend.corefile.configuration import Settings

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
