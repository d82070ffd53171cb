"""log: one line per query."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.corefile.configuration import Settings


@dataclass(frozen=True, slots=True)
class Rule:
    scope: str
    format: str
    classes: frozenset[str]


@dataclass(frozen=True, slots=True)
class LogSettings(Settings):
    rules: tuple[Rule, ...]
