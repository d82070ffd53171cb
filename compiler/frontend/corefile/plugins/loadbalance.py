"""loadbalance: the order of addresses in an answer."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from kcompile.frontend.corefile.configuration import Settings


@dataclass(frozen=True, slots=True)
class LoadbalanceSettings(Settings):
    """`weight_file` belongs to the weighted policy; `preferred` networks come first."""

    policy: Literal["round_robin", "weighted"]
    weight_file: str | None
    preferred: tuple[IPv4Network | IPv6Network, ...]
