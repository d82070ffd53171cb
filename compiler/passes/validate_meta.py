"""Validate metadata, labels and the uniqueness of names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from kcompile.diagnostics import Diagnostic
from kcompile.frontend.source import Origin, Path
from kcompile.model import Meta
from kcompile.passes.problems import Problems
from kcompile.passes.syntax import (
    LABEL,
    SUBDOMAIN,
    is_dns_label,
    is_kind,
    is_label_value,
    is_qualified_name,
    is_subdomain,
    is_timestamp,
    is_word,
    shown,
)

MAX_ANNOTATIONS_SIZE = 256 * 1024


class Proven:
    """Values that have passed their grammar before: in a large cluster most labels, node names and zones repeat."""

    __slots__ = ("dns_labels", "label_values", "qualified_names", "subdomains")

    def __init__(self) -> None:
        self.qualified_names: set[str] = set()
        self.subdomains: set[str] = set()
        self.dns_labels: set[str] = set()
        self.label_values: set[str] = set()

    def qualified_name(self, text: str) -> bool:
        return _proven(text, self.qualified_names, is_qualified_name)

    def subdomain(self, text: str) -> bool:
        return _proven(text, self.subdomains, is_subdomain)

    def dns_label(self, text: str) -> bool:
        return _proven(text, self.dns_labels, is_dns_label)

    def label_value(self, text: str) -> bool:
        return _proven(text, self.label_values, is_label_value)


def _proven(text: str, seen: set[str], grammar: Callable[[str], object]) -> bool:
    if text in seen:
        return True
    if not grammar(text):
        return False
    seen.add(text)
    return True


def check_meta(check: Problems, meta: Meta, proven: Proven, namespaced: bool = True, label_name: bool = False) -> None:
    """Check an object's own metadata; `label_name` holds its name to the grammar of one DNS label."""
    name = meta.name
    if label_name and not is_dns_label(name):
        check.error("bad-name", ("metadata", "name"), f"{shown(name)} is not {LABEL}")
    elif not label_name and not is_subdomain(name):
        check.error("bad-name", ("metadata", "name"), f"{shown(name)} is not {SUBDOMAIN}")
    if not namespaced:
        if meta.namespace:
            check.error("forbidden-field", ("metadata", "namespace"), "objects of this kind live in no namespace")
    elif not proven.dns_label(meta.namespace):
        check.error("bad-name", ("metadata", "namespace"), f"{shown(meta.namespace)} is not {LABEL}")
    check_labels(check, meta.labels, ("metadata", "labels"), proven)
    if meta.annotations:
        check_annotations(check, meta.annotations, ("metadata", "annotations"), proven)
    if meta.deletion_timestamp and not is_timestamp(meta.deletion_timestamp):
        text = f"{shown(meta.deletion_timestamp)} is not a time such as 2024-01-02T03:04:05Z"
        check.error("bad-value", ("metadata", "deletionTimestamp"), text)
    for kind, owner in meta.owners:
        if not is_word(owner) or not is_kind(kind):
            text = f"{shown(kind)} {shown(owner)} does not name an owner"
            check.error("bad-name", ("metadata", "ownerReferences"), text)


def check_labels(check: Problems, labels: Mapping[str, str], path: Path, proven: Proven) -> None:
    """Check the keys and values of labels or of a selector."""
    keys, values = proven.qualified_names, proven.label_values
    for key, value in labels.items():
        if key not in keys and not proven.qualified_name(key):
            check.error("bad-label", (*path, key), f"{shown(key)} is not a label's key")
        elif value not in values and not proven.label_value(value):
            text = f"{shown(value)} is not a label's value: letters, digits, `-`, `_` and `.`, at most 63 characters"
            check.error("bad-label", (*path, key), text)


def check_annotations(check: Problems, annotations: Mapping[str, str], path: Path, proven: Proven) -> None:
    """Check the keys of annotations, and their size; their values may be anything."""
    size = 0
    for key, value in annotations.items():
        size += len(key) + len(value)
        if not key.isascii() or not proven.qualified_name(key.lower()):
            check.error("bad-annotation", (*path, key), f"{shown(key)} is not an annotation's key")
    if size > MAX_ANNOTATIONS_SIZE:
        text = f"{size} characters in all, more than {MAX_ANNOTATIONS_SIZE}"
        check.error("too-long", path, text)


class ApiObject(Protocol):
    @property
    def meta(self) -> Meta: ...
    @property
    def origin(self) -> Origin: ...


def check_unique(kind: str, objects: Iterable[ApiObject]) -> list[Diagnostic]:
    """An error for every object that has the name of an earlier one of its kind."""
    first: dict[tuple[str, str], ApiObject] = {}
    found: list[Diagnostic] = []
    for api_object in objects:
        earlier = first.setdefault(api_object.meta.key, api_object)
        if earlier is not api_object:
            check = Problems(api_object.origin)
            text = f"{kind} {shown(api_object.meta)} is also defined at {earlier.origin.span}"
            check.error("duplicate-name", ("metadata", "name"), text, "give it another name, or remove one of the two")
            found += check.found
    return found
