"""cache: answers are kept, their TTLs bounded."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser, did_you_mean
from kcompile.frontend.corefile.values import SECOND, ValueProblem, atoi, parse_duration, quote, quote_rune
from kcompile.frontend.corefile.zones import origins
from kcompile.ir.domain_names import folded


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


_CAPACITY = 10000
_SUCCESS = Side(_CAPACITY, ttl=3600, min_ttl=5)
_DENIAL = Side(_CAPACITY, ttl=1800, min_ttl=5)
_MAX_SERVFAIL = 5 * 60 * SECOND
_PROPERTIES = ("success", "denial", "prefetch", "serve_stale", "servfail", "disable", "keepttl")


def setup(dispenser: Dispenser, context: Context) -> CacheSettings:
    settings = CacheSettings(zones=(".",), success=_SUCCESS, denial=_DENIAL)
    for _ in dispenser.occurrences(once=True):
        words = dispenser.remaining()
        ttl = _leading_number(words)
        if ttl is not None:
            if ttl <= 0:
                raise dispenser.plain(f"cache TTL can not be zero or negative: {ttl}")
            settings = replace(
                settings, success=replace(settings.success, ttl=ttl), denial=replace(settings.denial, ttl=ttl)
            )
            words = words[1:]
        settings = replace(settings, zones=origins(words, context.keys))
        for name in dispenser.properties():
            settings = _property(dispenser, name, settings)
    return settings


def _leading_number(words: list[str]) -> int | None:
    try:
        return atoi(words[0]) if words else None
    except ValueProblem:
        return None


def _property(dispenser: Dispenser, name: str, settings: CacheSettings) -> CacheSettings:
    if name == "success":
        return replace(settings, success=_side(dispenser, settings.success))
    if name == "denial":
        return replace(settings, denial=_side(dispenser, settings.denial))
    if name == "prefetch":
        return _prefetch(dispenser, settings)
    if name == "serve_stale":
        return _serve_stale(dispenser, settings)
    if name == "servfail":
        duration = dispenser.convert(parse_duration, dispenser.one_argument())
        if duration < 0:
            raise dispenser.plain("invalid negative ttl for servfail")
        if duration > _MAX_SERVFAIL:
            raise dispenser.plain(
                "caching SERVFAIL responses over 5 minutes is not permitted", hint="RFC 2308, section 7.1"
            )
        return replace(settings, servfail_ttl=duration / SECOND)
    if name == "disable":
        return _disable(dispenser, settings)
    if name == "keepttl":
        if dispenser.remaining():
            raise dispenser.argument_error()
        return replace(settings, keep_ttl=True)
    raise dispenser.argument_error(did_you_mean(name, _PROPERTIES))


def _side(dispenser: Dispenser, side: Side) -> Side:
    """`success|denial CAPACITY [TTL [MINTTL]]`"""
    words = dispenser.arguments()
    side = replace(side, capacity=dispenser.number(words[0]))
    if len(words) > 1:
        ttl = dispenser.number(words[1])
        if ttl <= 0:
            raise dispenser.plain(f"cache TTL can not be zero or negative: {ttl}")
        side = replace(side, ttl=ttl)
    if len(words) > 2:
        minimum = dispenser.number(words[2])
        if minimum < 0:
            raise dispenser.plain(f"cache min TTL can not be negative: {minimum}")
        side = replace(side, min_ttl=minimum)
    return side


def _prefetch(dispenser: Dispenser, settings: CacheSettings) -> CacheSettings:
    """`prefetch AMOUNT [DURATION [PERCENTAGE%]]`"""
    words = dispenser.remaining()
    if not 1 <= len(words) <= 3:
        raise dispenser.argument_error()
    amount = dispenser.number(words[0])
    if amount < 0:
        raise dispenser.plain(f"prefetch amount should be positive: {amount}")
    settings = replace(settings, prefetch=amount)
    if len(words) > 1:
        settings = replace(settings, prefetch_duration=dispenser.seconds(words[1]))
    if len(words) > 2:
        if not words[2].endswith("%"):
            raise dispenser.plain(f"last character of percentage should be `%`, but is: {quote_rune(words[2][-1:])}")
        percentage = dispenser.number(words[2][:-1])
        if not 10 <= percentage <= 90:
            raise dispenser.plain(f"percentage should fall in range [10, 90]: {percentage}")
        settings = replace(settings, prefetch_percentage=percentage)
    return settings


def _serve_stale(dispenser: Dispenser, settings: CacheSettings) -> CacheSettings:
    """`serve_stale [DURATION [immediate|verify]]`"""
    words = dispenser.remaining()
    if len(words) > 2:
        raise dispenser.argument_error()
    settings = replace(settings, stale=3600.0, verify_stale=False)
    if words:
        stale = dispenser.seconds(words[0])
        if stale < 0:
            raise dispenser.plain("invalid negative duration for serve_stale")
        settings = replace(settings, stale=stale)
    if len(words) > 1:
        mode = words[1].lower()
        if mode not in ("immediate", "verify"):
            raise dispenser.plain(f"invalid value for serve_stale refresh mode: {mode}")
        settings = replace(settings, verify_stale=mode == "verify")
    return settings


def _disable(dispenser: Dispenser, settings: CacheSettings) -> CacheSettings:
    """`disable success|denial [ZONES...]`"""
    words = dispenser.arguments()
    zones = tuple(folded(zone) for zone in words[1:]) or (".",)
    if words[0] == "denial":
        return replace(settings, denial=replace(settings.denial, disabled=zones))
    if words[0] == "success":
        return replace(settings, success=replace(settings.success, disabled=zones))
    raise dispenser.plain(f"cache type for disable must be {quote('success')} or {quote('denial')}")
