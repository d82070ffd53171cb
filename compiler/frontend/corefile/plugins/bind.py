"""bind: the addresses that a server block listens on."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.corefile.configuration import Settings


@dataclass(frozen=True, slots=True)
class BindSettings(Settings):
    """Addresses and interface names as written; `excluded` comes from `except`."""

    addresses: tuple[str, ...]
    excluded: tuple[str, ...]
