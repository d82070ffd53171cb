"""What the command line names, as sources: files, folders (recursively), and standard input."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from kcompile.diagnostics import Diagnostic, error, warning
from kcompile.frontend.source import Source, Span

SUFFIXES = (".yaml", ".yml", ".json")
STANDARD_INPUT = "-"


def read_sources(paths: Sequence[str | os.PathLike[str]]) -> tuple[tuple[Source, ...], tuple[Diagnostic, ...]]:
    """The sources that the paths name, in their order, each file once, and what could not be read.

    A folder gives its `*.yaml`, `*.yml` and `*.json` files, sorted by path; links to folders are not followed.
    """
    sources: list[Source] = []
    problems: list[Diagnostic] = []
    seen: set[tuple[int, int]] = set()
    for path in paths:
        name = os.fspath(path)
        if name == STANDARD_INPUT:
            sources.append(Source("<stdin>", sys.stdin.buffer.read()))
            continue
        files = list(_files(Path(name))) if os.path.isdir(name) else [Path(name)]
        if not files:
            problems.append(_at(name, "empty-folder", "no *.yaml, *.yml or *.json file in this folder", is_error=False))
        for file in files:
            _read(file, sources, problems, seen)
    return tuple(sources), tuple(problems)


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(parent, name) for name in sorted(names) if name.endswith(SUFFIXES))


def _read(file: Path, sources: list[Source], problems: list[Diagnostic], seen: set[tuple[int, int]]) -> None:
    try:
        # Opening a FIFO would wait for a writer, a device might never end: look before reading.
        status = os.stat(file)
        identity = status.st_dev, status.st_ino
        if identity in seen:
            return
        seen.add(identity)
        if stat.S_ISFIFO(status.st_mode) and not os.fspath(file).startswith("/dev/fd/"):
            problems.append(_at(str(file), "not-a-file", "a named pipe; pipe into standard input and name `-`"))
        elif not (stat.S_ISREG(status.st_mode) or stat.S_ISFIFO(status.st_mode)):
            problems.append(_at(str(file), "not-a-file", "neither a file nor a folder"))
        else:
            sources.append(Source(str(file), file.read_bytes()))
    except OSError as failure:
        problems.append(_at(str(file), "unreadable", failure.strerror or str(failure)))


def _at(name: str, code: str, message: str, *, is_error: bool = True) -> Diagnostic:
    return (error if is_error else warning)(code, message, Span(Source(name, b""), 0, 1))
