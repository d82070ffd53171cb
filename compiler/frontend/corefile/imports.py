"""`import`: the text of a snippet or of files, in the place of the statement."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field

from kcompile.frontend.corefile.files import CONFIG_MAP_FOLDER, FileError, Files
from kcompile.frontend.corefile.syntax import Token
from kcompile.frontend.corefile.tokens import MAX_BYTES, scan
from kcompile.frontend.source import Source

MAX_DEPTH = 10000
"""How many imports of snippets, and of files, CoreDNS 1.13.1 carries out before it gives up."""

_MAX_REPETITIONS = 50
"""How often one statement may stand inside its own import before we know that it will reach `MAX_DEPTH`."""

_MAX_MATCHES = 10000


class ImportFailure(Exception):
    """An import that CoreDNS refuses, in its words."""


@dataclass(frozen=True, slots=True)
class Imported:
    """`warning` is what CoreDNS only logs, or what cannot be known here."""

    tokens: tuple[Token, ...]
    warning: str = ""


@dataclass(slots=True)
class Importer:
    """Carries out imports and counts them. `snippets` grows as the text defines them."""

    files: Files
    snippets: dict[str, tuple[Token, ...]] = field(default_factory=dict)
    _snippet_count: int = 0
    _file_count: int = 0
    _sources: dict[str, Source] = field(default_factory=dict)

    def load(self, pattern: str, argument: Token) -> Imported:
        """What `import pattern` stands for; raises `ImportFailure`. `argument` is the token that holds the pattern."""
        if pattern in self.snippets:
            self._snippet_count += 1
            if self._snippet_count > MAX_DEPTH or _repeats(argument):
                raise ImportFailure(f"maximum snippet import depth ({MAX_DEPTH}) exceeded")
            return Imported(tuple(_imported_by(token, argument) for token in self.snippets[pattern]))
        self._file_count += 1
        if self._file_count > MAX_DEPTH or _repeats(argument):
            raise ImportFailure(f"maximum file import depth ({MAX_DEPTH}) exceeded")
        return self._load_files(pattern, argument)

    def _load_files(self, pattern: str, argument: Token) -> Imported:
        folder = CONFIG_MAP_FOLDER if self.files.mounted is not None else os.path.dirname(argument.source.name)
        path = os.path.normpath(os.path.join(folder, pattern))
        if path.count("*") > 1 or path.count("?") > 1 or ("[" in path and "]" in path):
            raise ImportFailure(f"Glob pattern may only contain one wildcard (*), but has others: {path}")
        if self.files.mounted is not None and os.path.dirname(path) != CONFIG_MAP_FOLDER:
            return Imported((), f"what there is at {path} is not known here: nothing is imported")
        matches = self._glob(path)
        if not matches:
            if not re.search(r"[*?\[\]]", path):
                raise ImportFailure(f"File to import not found: {pattern}")
            return Imported((), f"No files matching import glob pattern: {pattern}")
        tokens: list[Token] = []
        for match in matches:
            tokens += scan(self._source(match), argument).tokens
        return Imported(tuple(tokens))

    def _source(self, path: str) -> Source:
        if path not in self._sources:
            try:
                data = Files(mounted=self.files.mounted).read(path)
            except FileError as failure:
                raise ImportFailure(f"Could not import {path}: {failure.reason}") from None
            if data and len(data) > MAX_BYTES:
                raise ImportFailure(f"Could not import {path}: more than {MAX_BYTES >> 20} MiB")
            self._sources[path] = Source(path, data or b"")
        return self._sources[path]

    def _glob(self, path: str) -> list[str]:
        if self.files.mounted is not None:
            folder, key = os.path.split(path)
            keys = sorted(self.files.mounted) if folder == CONFIG_MAP_FOLDER else []
            return [os.path.join(folder, name) for name in keys if _pattern(key).fullmatch(name)]
        return _glob(path)


def _repeats(argument: Token) -> bool:
    """Whether an import statement stands inside its own import so deep that this will not end."""
    repetitions, token = 0, argument.importer
    while token and repetitions < _MAX_REPETITIONS:
        repetitions += (token.source, token.line, token.column) == (argument.source, argument.line, argument.column)
        token = token.importer
    return repetitions >= _MAX_REPETITIONS


def _imported_by(token: Token, argument: Token) -> Token:
    return Token(token.text, token.source, token.line, token.column, token.length, argument)


def _glob(path: str) -> list[str]:
    """The paths that match, sorted; `*` and `?` also match a leading dot, as in Go."""
    if not re.search(r"[*?\[\\]", path):
        return [path] if os.path.lexists(path) else []
    folder, name = os.path.split(path)
    if not name:
        return []
    wanted = _pattern(name)
    found = []
    for parent in _glob(folder) if folder not in ("", "/") else [folder]:
        try:
            entries = sorted(os.listdir(parent or "."))
        except (OSError, ValueError):
            continue
        found += [os.path.join(parent, entry) for entry in entries if wanted.fullmatch(entry)]
    if len(found) > _MAX_MATCHES:
        raise ImportFailure(f"more than {_MAX_MATCHES} files match")
    return found


def _pattern(name: str) -> re.Pattern[str]:
    parts = re.findall(r"\\.|.", name, re.DOTALL)
    wildcards = {"*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(wildcards.get(part) or re.escape(part[-1]) for part in parts), re.DOTALL)
