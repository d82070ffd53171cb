"""Manifests to objects: every document of every source, lists taken apart, configuration taken out of ConfigMaps."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from kcompile.diagnostics import Diagnostic, error, path_text, raise_errors
from kcompile.frontend.build import BUILDERS, REQUIRED, ApiObject, build
from kcompile.frontend.documents import Document, documents
from kcompile.frontend.embedded import embedded_sources, plays_a_part
from kcompile.frontend.events import KEY, LIST, MAP, SCALAR, DuplicateKey, Event, Events, Malformed
from kcompile.frontend.grammar_tables import Tables, load
from kcompile.frontend.kinds import KINDS, START_RULES, Kind
from kcompile.frontend.locate import path_at
from kcompile.frontend.parser import Problem, parse, skip
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
        for document in documents(source):
            _read_document(document, read)
            if progress:
                progress(len(document.text))
    return read


@lru_cache(maxsize=1)
def manifest_tables() -> Tables:
    return load("manifest", START_RULES)


def _read_document(document: Document, read: Manifests) -> None:
    duplicates: list[DuplicateKey] = []
    reader = _Reader(document, read)
    events = document.events(duplicates)
    try:
        first = next(events, None)
        if first is not None:
            reader.manifest(events, first, ())
            for _ in events:
                pass
    except Malformed as malformed:
        span = document.source.span(malformed.line, malformed.column)
        read.diagnostics.append(error(malformed.code, malformed.message, span, malformed.hint))
    finally:
        for key, line, column, first_line in duplicates:
            reader.report(
                Problem(
                    "duplicate-key",
                    f"the key `{key}` stands twice",
                    line,
                    column,
                    len(key),
                    f"first in line {first_line}",
                )
            )


@dataclass(slots=True)
class _Untyped:
    """An item of a typed list (`kind: ServiceList`): its kind stands at the end of the list, so its events wait."""

    events: list[Event]
    path: Path


class _Reader:
    """Reads the manifests of one document."""

    def __init__(self, document: Document, read: Manifests) -> None:
        self.document = document
        self.read = read

    def report(self, problem: Problem) -> None:
        code, message, line, column, length, hint = problem
        path = path_at(self.document, line, column)
        text = f"{path_text(path)}: {message}" if path else message
        self.read.diagnostics.append(error(code, text, self.document.source.span(line, column, length), hint))

    def manifest(self, events: Events, first: Event, path: Path, kind: tuple[str, str] = ("", "")) -> _Untyped | None:
        """Read one manifest, of which `first` is the first event; `kind` is (apiVersion, kind) where it gives none.

        Gives back the events of a manifest that does not say its kind, when `path` says that it is an item.
        """
        if first.kind != MAP:
            if not (first.kind == SCALAR and first.plain and first.text in ("", "~", "null")):
                what = "a list" if first.kind == LIST else f"`{first.text[:40]}`"
                hint = "a manifest is a map with apiVersion, kind and metadata"
                self.report(
                    Problem("not-a-manifest", f"expected a manifest, found {what}", first.line, first.column, 1, hint)
                )
            skip(events, first)
            return None
        head, values, items = [first], {"apiVersion": kind[0], "kind": kind[1]}, []
        for event in events:
            if event.kind != KEY:
                head.append(event)
                break
            if event.text == "items" and (not values["kind"] or values["kind"].endswith("List")):
                items += self._items(events, next(events), path)
                continue
            value = next(events)
            if event.text in values and value.kind == SCALAR:
                values[event.text] = value.text
                head += (event, value)
            elif all(values.values()) and not values["kind"].endswith("List"):
                head += (event, value)
                break
            else:
                head += (event, value)
                head += _rest(events, value)
        return self._dispatch(itertools.chain(head, events), values, items, path)

    def _dispatch(self, events: Events, values: dict[str, str], items: list[_Untyped], path: Path) -> _Untyped | None:
        version, kind = values["apiVersion"], values["kind"]
        first = next(events)
        if kind.endswith("List"):
            skip(events, first)
            for item in items:
                waiting = iter(item.events)
                self.manifest(waiting, next(waiting), item.path, (version, kind.removesuffix("List")))
            return None
        if not version or not kind:
            rest = [first, *_rest(events, first)]
            if path:
                return _Untyped(rest, path)
            missing = " and ".join(name for name in ("apiVersion", "kind") if not values[name])
            self.report(
                Problem(
                    "not-a-manifest",
                    f"missing field `{missing}`",
                    first.line,
                    first.column,
                    1,
                    "not a Kubernetes manifest",
                )
            )
            return None
        self._object(events, first, version, kind, path)
        return None

    def _items(self, events: Events, first: Event, path: Path) -> list[_Untyped]:
        if first.kind != LIST:
            skip(events, first)
            return []
        waiting = []
        for number, event in enumerate(events):
            if event.kind not in (MAP, LIST, SCALAR):
                break
            item = self.manifest(events, event, (*path, "items", number))
            if item:
                waiting.append(item)
        return waiting

    def _object(self, events: Events, first: Event, version: str, name: str, path: Path) -> None:
        group, _, version_name = version.rpartition("/")
        kind = KINDS.get((group, name))
        if kind is None:
            self.read.skipped[name] += 1
            skip(events, first)
            return
        if version_name not in kind.versions:
            newest = f"{group}/{kind.versions[0]}" if group else kind.versions[0]
            text = f"{version} {name} is not read"
            self.report(Problem("unknown-version", text, first.line, first.column, 1, f"convert it to {newest}"))
            skip(events, first)
            return
        problems: list[Problem] = []
        tables = manifest_tables()
        fields = parse(tables, kind.rule, itertools.chain((first,), events), BUILDERS, REQUIRED, problems)
        if fields and "name" not in fields.get("meta", {"name": ""}):
            problems.append(Problem("missing-field", "missing field `metadata.name`", first.line, first.column, 1))
        for problem in problems:
            self.report(problem)
        if not problems:
            origin = Origin(self.document.source, self.document.number, first.line, first.column, path)
            self._add(build(kind, fields, origin))

    def _add(self, built: ApiObject) -> None:
        if isinstance(built, ConfigMap):
            if not plays_a_part(built):
                self.read.skipped["ConfigMap"] += 1
                return
            for source in embedded_sources(built):
                for document in documents(source):
                    _read_document(document, self.read)
        self.read.objects.append(built)


def _rest(events: Events, first: Event) -> list[Event]:
    """The events that follow `first` up to the end of the value it begins."""
    rest: list[Event] = []
    depth = int(first.kind in (MAP, LIST))
    while depth:
        event = next(events)
        depth += (event.kind in (MAP, LIST)) - (event.kind not in (MAP, LIST, KEY, SCALAR))
        rest.append(event)
    return rest


def read_objects(sources: Iterable[Source]) -> tuple[ApiObject, ...]:
    """The objects of all sources; raises `Errors` with everything that is wrong."""
    read = read_manifests(sources)
    raise_errors(read.diagnostics)
    return tuple(read.objects)


__all__ = ["Kind", "Manifests", "read_manifests", "read_objects"]
