"""Plugins that take no argument, or one or two: most only stand in a block or do not."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser, did_you_mean, wrapped
from kcompile.frontend.corefile.values import SECOND, ValueProblem, atoi, parse_duration, parse_int, quote
from kcompile.frontend.corefile.zones import normalize_zones, origins

_NONE = Settings()


def setup_anything(dispenser: Dispenser, context: Context) -> Settings:
    """any, local: 1.13.1 does not look at what follows; 1.14.4 refuses it."""
    if dispenser.next() and dispenser.next_argument():
        dispenser.warn(
            "removed-option", f"takes no arguments: {quote(dispenser.value)} has no effect, 1.14.4 refuses it"
        )
    return _NONE


def setup_bare(dispenser: Dispenser, context: Context) -> Settings:
    """minimal, whoami: nothing may follow the first occurrence."""
    dispenser.next()
    dispenser.no_argument()
    return _NONE


def setup_debug(dispenser: Dispenser, context: Context) -> Settings:
    for _ in dispenser.occurrences():
        dispenser.no_argument()
    return _NONE


@dataclass(frozen=True, slots=True)
class LoopSettings(Settings):
    """`zone` is the zone below which the probing query's name lies."""

    zone: str


def setup_loop(dispenser: Dispenser, context: Context) -> LoopSettings:
    for _ in dispenser.occurrences(once=True):
        dispenser.no_argument()
    return LoopSettings((normalize_zones(context.keys[0]) or (".",))[0])


@dataclass(frozen=True, slots=True)
class MetadataSettings(Settings):
    zones: tuple[str, ...]


def setup_metadata(dispenser: Dispenser, context: Context) -> MetadataSettings:
    dispenser.next()
    zones = origins(dispenser.remaining(), context.keys)
    if dispenser.next_block() or dispenser.next():
        raise dispenser.argument_error()
    return MetadataSettings(zones)


def setup_nsid(dispenser: Dispenser, context: Context) -> Settings:
    for _ in dispenser.occurrences(once=True):
        dispenser.remaining()
    return _NONE


def setup_chaos(dispenser: Dispenser, context: Context) -> Settings:
    """`chaos [VERSION] [AUTHORS...]`"""
    return _NONE


def setup_cancel(dispenser: Dispenser, context: Context) -> Settings:
    """`cancel [TIMEOUT]`"""
    for _ in dispenser.occurrences():
        words = dispenser.remaining()
        if len(words) > 1:
            raise dispenser.argument_error()
        if words:
            try:
                duration = parse_duration(words[0])
            except ValueProblem:
                raise dispenser.plain(f"invalid duration: {quote(words[0])}") from None
            if duration <= 0:
                raise dispenser.plain(f"invalid negative duration: {quote(words[0])}")
    return _NONE


@dataclass(frozen=True, slots=True)
class BufsizeSettings(Settings):
    size: int


def setup_bufsize(dispenser: Dispenser, context: Context) -> BufsizeSettings:
    """`bufsize [SIZE]`: 512 to 4096, RFC 6891; only the first occurrence is read."""
    dispenser.next()
    words = dispenser.remaining()
    size = 1232
    if words:
        try:
            size = atoi(words[0])
        except ValueProblem:
            size = 0
    if len(words) > 1 or not 512 <= size <= 4096:
        raise wrapped(dispenser.argument_error("512 to 4096"), "bufsize")
    return BufsizeSettings(size)


@dataclass(frozen=True, slots=True)
class RootSettings(Settings):
    """The folder from which relative file names of the block's other plugins start."""

    path: str


def setup_root(dispenser: Dispenser, context: Context) -> RootSettings:
    path = ""
    for _ in dispenser.occurrences():
        path = dispenser.argument()
    if not context.files.exists(path):
        dispenser.warn("file", f"Root path does not exist: {path}")
    return RootSettings(path)


def setup_multisocket(dispenser: Dispenser, context: Context) -> Settings:
    """`multisocket [NUMBER]`"""
    dispenser.next()
    words = dispenser.remaining()
    if len(words) > 1 or dispenser.next():
        raise dispenser.argument_error()
    if words:
        try:
            number = atoi(words[0])
        except ValueProblem as problem:
            raise dispenser.plain(f"invalid num sockets: {problem}") from None
        if number < 1:
            raise dispenser.plain(f"num sockets can not be zero or negative: {number}")
        if number > 1024:
            dispenser.warn("removed-option", f"{number} sockets: CoreDNS 1.13.2 and later take at most 1024")
    return _NONE


_ERRATIC = ("drop", "delay", "truncate", "large")


def setup_erratic(dispenser: Dispenser, context: Context) -> Settings:
    """erratic, for tests of clients: `drop [N]`, `delay [N [DURATION]]`, `truncate [N]`, `large`."""
    for _ in dispenser.occurrences():
        for name in dispenser.properties():
            if name not in _ERRATIC:
                raise dispenser.error(f"unknown property '{name}'", "unknown-property", did_you_mean(name, _ERRATIC))
            if name == "large":
                continue
            words = dispenser.remaining()
            if len(words) > (2 if name == "delay" else 1):
                raise dispenser.argument_error()
            if words and dispenser.convert(lambda text: parse_int(text, 32), words[0]) < 0:
                raise dispenser.plain(f"illegal amount value given {quote(words[0])}")
            if len(words) > 1:
                dispenser.seconds(words[1])
    return _NONE


@dataclass(frozen=True, slots=True)
class ReloadSettings(Settings):
    """How often CoreDNS looks for a changed Corefile."""

    interval_seconds: float
    jitter_seconds: float


def setup_reload(dispenser: Dispenser, context: Context) -> ReloadSettings:
    """`reload [INTERVAL [JITTER]]`; only the first occurrence is read."""
    dispenser.next()
    words = dispenser.remaining()
    if len(words) > 2:
        raise dispenser.argument_error()
    interval = dispenser.convert(parse_duration, words[0]) if words else 30 * SECOND
    if interval < 2 * SECOND:
        raise dispenser.plain("interval value must be greater or equal to 2s")
    jitter = dispenser.convert(parse_duration, words[1]) if len(words) > 1 else 15 * SECOND
    if jitter != 0 and jitter < SECOND:
        raise dispenser.plain("jitter value must be 0 or greater or equal to 1s")
    return ReloadSettings(interval / SECOND, min(jitter, interval // 2) / SECOND)
