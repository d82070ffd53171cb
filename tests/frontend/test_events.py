"""YAML and JSON give one token stream, with positions, within bounds."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcompile.frontend.events import SCALAR, DuplicateKey, Event, Events, Malformed
from kcompile.frontend.json_events import json_events
from kcompile.frontend.scalars import resolve
from kcompile.frontend.yaml_events import yaml_events
from kcompile.targets.yaml_text import yaml_documents

LEAVES = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=20)
MAPS = st.deferred(
    lambda: st.dictionaries(st.text(max_size=8), LEAVES | MAPS | st.lists(LEAVES | MAPS, max_size=4), max_size=4)
)
"""What our YAML writer takes: maps of scalars, maps and lists; no list directly in a list."""


def shape(events: list[Event]) -> list[tuple[int, str]]:
    return [(event.kind, event.text) for event in events]


def values(events: Events) -> list[tuple[int, object]]:
    """Each event with what its text means."""
    return [
        (kind, resolve(text) if kind == SCALAR and plain else ("STRING", text)) for kind, text, plain, _, _ in events
    ]


def yaml_shape(text: str) -> list[tuple[int, str]]:
    return shape(list(yaml_events(text, [])))


@given(MAPS)
@settings(max_examples=200, deadline=None)
def test_json_and_yaml_give_the_same_events(value: dict[str, Any]) -> None:
    text, block = json.dumps({"value": value}), yaml_documents([{"value": value}])
    assert values(json_events(text, [])) == values(yaml_events(block, []))


def test_positions_count_from_one_and_lead_to_the_text() -> None:
    text = '{"a": [1,\n  {"bc": null}],\n "d": "x\\ny"}'
    lines = text.split("\n")
    for event in json_events(text, []):
        if event.text:
            start = lines[event.line - 1][event.column - 1 :].lstrip('"')
            assert start.startswith(event.text[:1])


def test_alias_stands_for_what_its_anchor_names() -> None:
    assert yaml_shape("a: &x {p: 1}\nb: *x\n") == yaml_shape("a: {p: 1}\nb: {p: 1}\n")


def test_merge_key_adds_what_the_map_does_not_have() -> None:
    assert yaml_shape("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  p: 5\n") == yaml_shape("a: {p: 1, q: 2}\nb: {p: 5, q: 2}\n")


def test_merge_key_takes_a_list_and_the_earlier_map_wins() -> None:
    merged = "x: &x {p: 1}\ny: &y {p: 2, q: 3}\nb:\n  <<: [*x, *y]\n"
    assert yaml_shape(merged) == yaml_shape("x: {p: 1}\ny: {p: 2, q: 3}\nb: {p: 1, q: 3}\n")


def test_a_merged_map_may_itself_merge() -> None:
    merged = "x: &x {p: 1}\ny: &y {<<: *x, q: 2}\nb:\n  <<: *y\n"
    assert yaml_shape(merged) == yaml_shape("x: {p: 1}\ny: {q: 2, p: 1}\nb: {p: 1, q: 2}\n")


@pytest.mark.parametrize("read", [yaml_events, json_events])
def test_a_key_that_stands_twice_is_found_with_both_lines(read: Callable[..., object]) -> None:
    duplicates: list[DuplicateKey] = []
    list(read('{"a": 1,\n "b": {"a": 2},\n "a": 3}', duplicates))  # type: ignore[call-overload]
    assert duplicates == [DuplicateKey("a", 3, 2, 1)]


def test_explicit_string_tag_keeps_a_number_a_string() -> None:
    assert [e.plain for e in yaml_events("a: !!str 80", []) if e.text == "80"] == [False]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: [1, 2", "yaml-syntax"),
        ("a: b: c", "yaml-syntax"),
        ("\tx: 1", "yaml-syntax"),
        ("a: \x00", "yaml-syntax"),
        (b"\xff\xfe\x00", "yaml-syntax"),
        ("a: *nothing", "bad-alias"),
        ("a: &a [*a]", "bad-alias"),
        ("<<: 5", "bad-merge"),
        ("? [a, b]\n: 1", "bad-key"),
        ("[" * 100_000, "too-deep"),
        ("a: " + "x" * 2_000_000, "too-long"),
    ],
)
def test_what_is_not_yaml_is_named_with_a_code(text: str | bytes, code: str) -> None:
    started = time.monotonic()
    with pytest.raises(Malformed) as found:
        list(yaml_events(text, []))
    assert found.value.code == code
    assert time.monotonic() - started < 2


def test_an_alias_bomb_is_stopped() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(Malformed) as found:
        list(yaml_events("\n".join(lines), []))
    assert found.value.code == "alias-bomb"


@pytest.mark.parametrize(
    "text",
    [
        '{"a" 1}',
        '{"a": }',
        "{,}",
        "[1,]",
        '{"a": 1',
        '["\\x"]',
        '{"a": 01}',
        "[tru]",
        '["a\nb"]',
        "[1}",
        '{"a": 1]',
        "{1: 2}",
    ],
)
def test_what_is_not_json_is_named_at_its_place(text: str) -> None:
    with pytest.raises(Malformed) as found:
        list(json_events(text, []))
    assert found.value.code == "json-syntax"
    assert found.value.line >= 1
    assert found.value.column >= 1


@given(st.text(alphabet='{}[]:,"\\ab1-.e\n ', max_size=40))
@settings(max_examples=500, deadline=None)
def test_json_reader_accepts_what_pythons_json_accepts(text: str) -> None:
    try:
        json.loads(text)
    except ValueError:
        valid = False
    else:
        valid = True
    try:
        list(json_events(text, []))
    except Malformed:
        assert not valid
