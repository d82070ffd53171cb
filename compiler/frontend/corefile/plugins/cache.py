"""cache: answers are kept, their TTLs bounded."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.corefile.configuration import Settings


@dataclass(frozen=True, slots=True)
class Side:
    """The cache for successes or for denials. TTLs are seconds; nothing is cached in the zones `disabled`."""

    capacity: int
    ttl: int
    min_ttl: int
    disabled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CacheSettings(Settings):
    """Durations are seconds. `stale` is None without serve_stale."""

    zones: tuple[str, ...]
    success: Side
    denial: Side
    prefetch: int = 0
    prefetch_duration: float = 60.0
    prefetch_percentage: int = 10
    stale: float | None = None
    verify_stale: bool = False
    servfail_ttl: float = 5.0
    keep_ttl: bool = False
