"""hosts: names from a hosts file and from lines in the Corefile."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.corefile.configuration import Settings


@dataclass(frozen=True, slots=True)
class HostsSettings(Settings):
    """`content` is None when the file `path` is missing. `inline` are lines in the file's own form."""

    zones: tuple[str, ...]
    path: str
    content: bytes | None
    inline: tuple[str, ...]
    fallthrough: tuple[str, ...]
    ttl: int
    auto_reverse: bool
    reload_seconds: float
