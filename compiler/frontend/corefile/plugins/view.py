"""view: take only queries for which expressions hold."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.expression import Node


@dataclass(frozen=True, slots=True)
class ViewSettings(Settings):
    """All expressions must be true."""

    name: str
    expressions: tuple[Node, ...]
