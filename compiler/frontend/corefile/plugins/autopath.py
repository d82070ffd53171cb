"""autopath: answer the search list's names on the server's side."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.corefile.configuration import Settings


@dataclass(frozen=True, slots=True)
class AutopathSettings(Settings):
    """`plugin` is the NAME of `@NAME` ("kubernetes"); without it `search` is the search list of a resolv.conf."""

    zones: tuple[str, ...]
    plugin: str | None
    search: tuple[str, ...]
