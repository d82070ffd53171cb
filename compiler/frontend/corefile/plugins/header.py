"""header: set or clear the aa, ra and rd bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kcompile.frontend.corefile.configuration import Settings


@dataclass(frozen=True, slots=True)
class Rule:
    flag: Literal["aa", "ra", "rd"]
    state: bool


@dataclass(frozen=True, slots=True)
class HeaderSettings(Settings):
    query: tuple[Rule, ...]
    response: tuple[Rule, ...]
