"""file: zones from RFC 1035 master files."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.corefile.configuration import Settings


@dataclass(frozen=True, slots=True)
class ZoneFile:
    """One zone of a master file. Without the file `content` is None and CoreDNS answers SERVFAIL until it is there."""

    origin: str
    path: str
    content: bytes | None


@dataclass(frozen=True, slots=True)
class FileSettings(Settings):
    """`fallthrough` are the zones whose missing names go to the next plugin; empty means none."""

    zones: tuple[ZoneFile, ...]
    fallthrough: tuple[str, ...]
    reload_seconds: float
