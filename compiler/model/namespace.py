"""Namespace and ConfigMap (core/v1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kcompile.frontend.source import NOWHERE, Origin
from kcompile.model.meta import EMPTY, Meta


@dataclass(frozen=True, slots=True)
class Namespace:
    meta: Meta
    origin: Origin = NOWHERE


@dataclass(frozen=True, slots=True)
class ConfigMap:
    meta: Meta
    origin: Origin = NOWHERE
    data: Mapping[str, str] = field(default_factory=lambda: EMPTY)
