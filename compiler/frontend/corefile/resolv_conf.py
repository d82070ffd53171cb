"""resolv.conf as CoreDNS's DNS library reads it: name servers and search list."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.corefile.tokens import decode


@dataclass(frozen=True, slots=True)
class ResolvConf:
    servers: tuple[str, ...]
    search: tuple[str, ...]


def read_resolv_conf(content: bytes) -> ResolvConf:
    """All `nameserver` lines, unchecked, and the last `search` or `domain`."""
    servers: list[str] = []
    search: tuple[str, ...] = ()
    for line in decode(content).split("\n"):
        match line.split():
            case ["nameserver", server, *_]:
                servers.append(server)
            case ["domain", *words]:
                search = tuple(words[:1])
            case ["search", *words]:
                search = tuple(words)
    return ResolvConf(tuple(servers), search)
