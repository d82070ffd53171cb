"""hosts: names from a hosts file and from lines in the Corefile."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser
from kcompile.frontend.corefile.files import FileError
from kcompile.frontend.corefile.values import SECOND, ValueProblem, atoi, parse_duration, quote
from kcompile.frontend.corefile.zones import origins


@dataclass(frozen=True, slots=True)
class HostsSettings(Settings):
    """`content` is empty when the file `path` is missing, and None where only the Pod has it.

    `inline` are lines in the file's own form.
    """

    zones: tuple[str, ...]
    path: str
    content: bytes | None
    inline: tuple[str, ...]
    fallthrough: tuple[str, ...]
    ttl: int
    auto_reverse: bool
    reload_seconds: float


_PROPERTIES = ("fallthrough", "no_reverse", "ttl", "reload")
_MAX_TTL = 65535


def setup(dispenser: Dispenser, context: Context) -> HostsSettings:
    settings = HostsSettings((), "/etc/hosts", None, (), (), 3600, auto_reverse=True, reload_seconds=5.0)
    inline: list[str] = []
    for _ in dispenser.occurrences(once=True):
        words = dispenser.remaining()
        if words:
            path = context.path(words[0])
            settings = replace(settings, path=path, content=_content(dispenser, context, path))
        settings = replace(settings, zones=origins(words[1:], context.keys))
        for name in dispenser.properties():
            if name in _PROPERTIES:
                settings = _property(dispenser, name, settings)
            elif settings.fallthrough:
                hint = "write hosts entries before fallthrough"
                raise dispenser.error(f"unknown property '{name}'", "unknown-property", hint)
            else:
                inline.append(" ".join([name, *dispenser.remaining()]))
    return replace(settings, inline=tuple(inline))


def _content(dispenser: Dispenser, context: Context, path: str) -> bytes | None:
    try:
        return context.files.read(path)
    except FileError as failure:
        if failure.is_missing:
            dispenser.warn("file", f"File does not exist: {path}")
        elif failure.reason == "is a directory":
            dispenser.warn("file", f"Hosts file {quote(path)} is a directory")
        else:
            raise dispenser.error(f"unable to access hosts file '{path}': {failure.reason}", "file") from None
        return b""


def _property(dispenser: Dispenser, name: str, settings: HostsSettings) -> HostsSettings:
    if name == "fallthrough":
        return replace(settings, fallthrough=dispenser.fallthrough())
    if name == "no_reverse":
        return replace(settings, auto_reverse=False)
    if name == "ttl":
        return replace(settings, ttl=_ttl(dispenser))
    return replace(settings, reload_seconds=_reload(dispenser))


def _ttl(dispenser: Dispenser) -> int:
    words = dispenser.remaining()
    if not words:
        raise dispenser.error("ttl needs a time in second", "arguments")
    try:
        ttl = atoi(words[0])
    except ValueProblem:
        raise dispenser.error("ttl needs a number of second") from None
    if not 0 < ttl <= _MAX_TTL:
        raise dispenser.error("ttl provided is invalid", hint=f"1 to {_MAX_TTL}")
    return ttl


def _reload(dispenser: Dispenser) -> float:
    words = dispenser.remaining()
    if len(words) != 1:
        raise dispenser.error("reload needs a duration (zero seconds to disable)", "arguments")
    try:
        duration = parse_duration(words[0])
    except ValueProblem:
        raise dispenser.error(f"invalid duration for reload '{words[0]}'") from None
    if duration < 0:
        raise dispenser.error(f"invalid negative duration for reload '{words[0]}'")
    return duration / SECOND
