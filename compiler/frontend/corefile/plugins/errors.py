"""errors: log errors, several like ones as one."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.regexp import Regexp


@dataclass(frozen=True, slots=True)
class Consolidation:
    seconds: float
    pattern: Regexp
    level: str


@dataclass(frozen=True, slots=True)
class ErrorsSettings(Settings):
    stacktrace: bool
    consolidations: tuple[Consolidation, ...]
