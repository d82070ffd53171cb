"""file: zones from RFC 1035 master files."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser, SetupError, wrapped
from kcompile.frontend.corefile.files import FileError
from kcompile.frontend.corefile.master_file import master_file_problem
from kcompile.frontend.corefile.values import SECOND, format_duration, parse_duration, quote
from kcompile.frontend.corefile.zones import origins


@dataclass(frozen=True, slots=True)
class ZoneFile:
    """One zone of a master file. Without the file `content` is None and CoreDNS answers SERVFAIL until it is there.

    `content` is also None where the file is not `known`: only the Pod has it.
    """

    origin: str
    path: str
    content: bytes | None
    known: bool = True


@dataclass(frozen=True, slots=True)
class FileSettings(Settings):
    """`fallthrough` are the zones whose missing names go to the next plugin; empty means none."""

    zones: tuple[ZoneFile, ...]
    fallthrough: tuple[str, ...]
    reload_seconds: float


_PROPERTIES = ("fallthrough", "reload", "upstream")


def setup(dispenser: Dispenser, context: Context) -> FileSettings:
    zones: dict[str, ZoneFile] = {}
    fallthrough: tuple[str, ...] = ()
    reload = 60 * SECOND
    missing = ""
    for _ in dispenser.occurrences():
        name = context.path(dispenser.argument())
        names = origins(dispenser.remaining(), context.keys)
        content: bytes | None = None
        try:
            content = context.files.read(name)
        except FileError as failure:
            if not failure.is_missing and failure.reason != "permission denied":
                raise dispenser.plain(f"read {name}: {failure.reason}", "file") from None
            missing = f"open {name}: {failure.reason}"
        for origin in names:
            # Once a file is missing, CoreDNS reads none of those that follow.
            if content is not None and not missing and (problem := master_file_problem(content, origin, name)):
                raise dispenser.plain(problem, "zone-file")
            zones[origin] = ZoneFile(
                origin, name, None if missing else content, known=bool(missing) or content is not None
            )
        for option in dispenser.properties():
            if option == "fallthrough":
                fallthrough = dispenser.fallthrough()
            elif option == "reload":
                words = dispenser.remaining()
                if not words:
                    raise dispenser.plain("reload duration value is expected", "arguments")
                try:
                    reload = dispenser.convert(parse_duration, words[0])
                except SetupError as error:
                    raise wrapped(error, "file") from None
            elif option == "upstream":
                dispenser.remaining()
                dispenser.warn("removed-option", "upstream: has no effect any more")
            else:
                raise dispenser.unknown_property(_PROPERTIES)
    if missing:
        if reload == 0:
            raise wrapped(dispenser.plain(missing, "file"), "file")
        dispenser.warn("file", f"Failed to open {quote(missing)}: trying again in {format_duration(reload)}")
    return FileSettings(tuple(zones.values()), fallthrough, reload / SECOND)
