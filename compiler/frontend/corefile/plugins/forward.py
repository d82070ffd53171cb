"""forward: ask upstream servers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kcompile.frontend.corefile.configuration import Settings

Policy = Literal["random", "round_robin", "sequential"]


@dataclass(frozen=True, slots=True)
class Upstream:
    """`address` is HOST:PORT, an IPv6 host in brackets; `source` is the file it was read from, as written."""

    transport: Literal["dns", "tls"]
    address: str
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Forward:
    """One `forward`. `excepted` zones go to the next plugin, as do answers whose rcode is in `next_rcodes`."""

    zone: str
    upstreams: tuple[Upstream, ...]
    excepted: tuple[str, ...]
    policy: Policy
    next_rcodes: tuple[int, ...]
    failover_rcodes: tuple[int, ...]
    force_tcp: bool
    prefer_udp: bool
    max_fails: int
    max_concurrent: int
    tls_server_name: str


@dataclass(frozen=True, slots=True)
class ForwardSettings(Settings):
    """Several forwards stand one behind the other: what the first does not take goes to the second."""

    forwards: tuple[Forward, ...]
