"""Manifests to objects: every document of every source, lists taken apart, configuration taken out of ConfigMaps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from kcompile.diagnostics import Diagnostic, error, path_text, warning
from kcompile.frontend.build import BUILDERS, REQUIRED, ApiObject, build
from kcompile.frontend.cursors import Cursor, fast_cursor, manifest_tables, sure_cursor
from kcompile.frontend.documents import Document, documents, json_document
from kcompile.frontend.embedded import embedded_sources, plays_a_part
from kcompile.frontend.events import LIST, MAP, SCALAR, DuplicateKey, Event, Malformed, Unsure
from kcompile.frontend.kinds import KINDS
from kcompile.frontend.locate import paths_of
from kcompile.frontend.misfits import is_kustomization, meant, missing_names, template_hint, version_of
from kcompile.frontend.parser import Problem, parse
from kcompile.frontend.source import Origin, Path, Source
from kcompile.model.namespace import ConfigMap


@dataclass(slots=True)
class Manifests:
    """What was read so far: the objects in the order of the input, what was skipped, what is wrong."""

    objects: list[ApiObject] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def read_manifests(sources: Iterable[Source], progress: Callable[[int], None] | None = None) -> Manifests:
    """The objects of all sources. `progress` is called with the number of bytes read after each document."""
    read = Manifests()
    for source in sources:
        # To look for the end of a JSON value takes as long as to read it: only where there are several.
        whole = json_document(source)
        reader = whole and _read_natively(whole)
        if whole and reader:
            _add(whole, reader, read, progress)
            continue
        for document in documents(source):
            _add(document, _read_natively(document) or _read_in_python(document), read, progress)
    return read


def _read_natively(document: Document) -> _Reader | None:
    """None where Python must read the document."""
    try:
        reader = _Reader(document, fast_cursor(document.text, document.json, document.line_offset))
        reader.document_manifests()
    except Unsure:
        return None
    return reader


def _read_in_python(document: Document) -> _Reader:
    reader = _Reader(document, sure_cursor(document.text, document.json, document.line_offset))
    reader.document_manifests()
    return reader


def _add(document: Document, reader: _Reader, read: Manifests, progress: Callable[[int], None] | None) -> None:
    read.objects += reader.objects
    read.diagnostics += reader.diagnostics
    read.skipped.update(reader.skipped)
    if progress:
        progress(len(document.text))


class _Untyped:
    """An item of a typed list (`kind: ServiceList`) that ends with its kind: until then the item waits."""

    def __init__(self, cursor: Cursor, path: Path) -> None:
        self.path = path
        self._events = cursor.events()
        self._name = cursor.name()

    def name(self, given_version: str, given_kind: str) -> tuple[str, str]:
        version, kind = self._name
        return version or given_version, kind or given_kind

    def first(self) -> Event:
        return self._events[0]

    def events(self) -> list[Event]:
        return self._events

    def fields(self, rule: str) -> dict[str, Any] | None:
        return None


class _Reader:
    """Reads the manifests of one document."""

    def __init__(self, document: Document, cursor: Cursor) -> None:
        self.document = document
        self.cursor = cursor
        self.objects: list[ApiObject] = []
        self.skipped: list[str] = []
        self.diagnostics: list[Diagnostic] = []

    def document_manifests(self) -> None:
        try:
            if self.cursor.enter():
                self.manifest(())
                self.cursor.finish()
        except Malformed as malformed:
            source = self.document.source
            hint = template_hint(source.line(malformed.line)) or malformed.hint
            span = source.span(malformed.line, malformed.column)
            self.diagnostics.append(error(malformed.code, malformed.message, span, hint))
            self.report(map(_twice, self.cursor.duplicates(of_all=True)), [], ())

    def manifest(self, path: Path, version: str = "", kind: str = "") -> _Untyped | None:
        """Read and leave the manifest that the cursor has entered; its list says that it is `version` and `kind`.

        Gives back an item that does not say what it is.
        """
        cursor = self.cursor
        waiting: list[_Untyped] = []
        while cursor.read(kind):
            waiting += self.items(path, *cursor.name(version, kind))
        twice = cursor.duplicates()
        if twice:
            self.report(map(_twice, twice), cursor.events(), path)
        version, kind = cursor.name(version, kind)
        untyped = None
        if cursor.first().kind != MAP:
            self.no_map(path)
        elif kind.endswith("List"):
            for item in waiting:
                self.item(item, version, kind.removesuffix("List"))
        elif version and kind:
            self.object(cursor, path, version, kind)
        elif path:
            untyped = _Untyped(cursor, path)
        else:
            self.unnamed(cursor, path, version, kind)
        cursor.leave()
        return untyped

    def items(self, path: Path, version: str, kind: str) -> list[_Untyped]:
        """Read the items of a list of this version and kind, as far as they are known; gives back those that wait."""
        item_kind = kind.removesuffix("List") if version else ""
        waiting = []
        number = 0
        while self.cursor.enter():
            item = self.manifest((*path, "items", number), version if item_kind else "", item_kind)
            if item:
                waiting.append(item)
            number += 1
        return waiting

    def item(self, item: _Untyped, version: str, kind: str) -> None:
        version, kind = item.name(version, kind)
        if not version or not kind:
            self.unnamed(item, item.path, version, kind)
        elif not kind.endswith("List"):
            self.object(item, item.path, version, kind)

    def no_map(self, path: Path) -> None:
        first = self.cursor.first()
        if first.kind == SCALAR and first.plain and first.text in ("", "~", "null"):
            return
        what = "a list" if first.kind == LIST else f"`{first.text[:40]}`"
        hint = "a manifest is a map with apiVersion, kind and metadata"
        problem = Problem("not-a-manifest", f"expected a manifest, found {what}", first.line, first.column, 1, hint)
        self.report([problem], [first], path)

    def unnamed(self, manifest: Cursor | _Untyped, path: Path, version: str, kind: str) -> None:
        """A map that does not say what it is."""
        first = manifest.first()
        if is_kustomization(self.document.source, version):
            self.kustomization(first)
            return
        text, hint = missing_names(self.document.source, version, kind)
        problem = Problem("not-a-manifest", text, first.line, first.column, 1, hint)
        self.report([problem], manifest.events(), path)

    def kustomization(self, first: Event) -> None:
        text = "a kustomization is not applied: what it names and changes is left as it is"
        span = self.document.source.span(first.line, first.column)
        hint = "build it first: kubectl kustomize FOLDER | kcompile -"
        self.diagnostics.append(warning("kustomization", text, span, hint))

    def unread(self, manifest: Cursor | _Untyped, path: Path, version: str, name: str) -> None:
        """A manifest of a kind that is not read: it plays no part, or it is misnamed."""
        first = manifest.first()
        kind = meant(version, name)
        if kind:
            text = f"there is no {version} {name}"
            hint = f"write apiVersion: {version_of(kind)} and kind: {kind.kind}"
            problem = Problem("unknown-kind", text, first.line, first.column, 1, hint)
            self.report([problem], manifest.events(), path)
        elif is_kustomization(self.document.source, version):
            self.kustomization(first)
        else:
            self.skipped.append(name)

    def object(self, manifest: Cursor | _Untyped, path: Path, version: str, name: str) -> None:
        group, _, version_name = version.rpartition("/")
        kind = KINDS.get((group, name))
        if kind is None:
            self.unread(manifest, path, version, name)
            return
        first = manifest.first()
        if version_name not in kind.versions:
            text = f"{version} {name} is not read"
            problem = Problem("unknown-version", text, first.line, first.column, 1, f"convert it to {version_of(kind)}")
            self.report([problem], manifest.events(), path)
            return
        problems: list[Problem] = []
        fields = manifest.fields(kind.rule)
        if fields is None:
            fields = parse(manifest_tables(), kind.rule, iter(manifest.events()), BUILDERS, REQUIRED, problems)
        if fields and "name" not in fields.get("meta", {"name": ""}):
            hint = "give it one; of generateName only an API server can make a name"
            problems.append(
                Problem("missing-field", "missing field `metadata.name`", first.line, first.column, 1, hint)
            )
        if problems:
            self.report(problems, manifest.events(), path)
            return
        assert fields is not None
        origin = Origin(self.document.source, self.document.number, first.line, first.column, path)
        self.add(build(kind, fields, origin))

    def add(self, built: ApiObject) -> None:
        if isinstance(built, ConfigMap):
            if not plays_a_part(built):
                self.skipped.append("ConfigMap")
                return
            # What stands in a text inside a text is no configuration of kubeadm's.
            for source in embedded_sources(built) if self.document.source.parent is None else ():
                embedded = read_manifests([source])
                self.objects += embedded.objects
                self.diagnostics += embedded.diagnostics
                self.skipped += embedded.skipped.elements()
        self.objects.append(built)

    def report(self, problems: Iterable[Problem], events: Iterable[Event], path: Path) -> None:
        """Problems of the manifest at `path`, which has these events."""
        paths = paths_of(events, path)
        for code, message, line, column, length, hint in problems:
            where = paths.get((line, column), ())
            text = f"{path_text(where)}: {message}" if where else message
            self.diagnostics.append(error(code, text, self.document.source.span(line, column, length), hint))


def _twice(duplicate: DuplicateKey) -> Problem:
    key, line, column, first_line = duplicate
    hint = f"first in line {first_line}"
    return Problem("duplicate-key", f"the key `{key}` stands twice", line, column, len(key), hint)


__all__ = ["Manifests", "read_manifests"]
