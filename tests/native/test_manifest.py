"""The native front end reads what the one in Python reads, or leaves it to it: tokens, positions, objects, errors."""

from __future__ import annotations

import gc
import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcompile.frontend import manifests
from kcompile.frontend.documents import documents
from kcompile.frontend.events import MAX_DEPTH, MAX_EVENTS, MAX_SCALAR, Unsure
from kcompile.frontend.source import Source
from kcompile.twins import manifest as twin
from tests.cli.broken import GOOD
from tests.native.both_readers import hold, parsers, read_all, read_both

native = pytest.importorskip("kcompile.native.manifest", reason="the extensions are not built")

ROOT = Path(__file__).parents[2]

YAML_FRAGMENTS = (
    *(
        "a",
        "b",
        "items",
        "kind",
        "List",
        "é",
        "日本",
        "10.0.0.1",
        "::1",
        "http://x",
        "~",
        "true",
        "1",
        "-1",
        "x:y",
        "=",
    ),
    *(
        ": ",
        ":",
        "- ",
        "-",
        "  ",
        " ",
        "\n",
        "\n  ",
        "\n    ",
        "\n ",
        "\n- ",
        "\n  - ",
        "\n\n",
        "a: b\n",
        "b:\n",
        "- a\n",
    ),
    *("{", "}", "[", "]", ",", ", ", "#", " # c", "'", '"', "''", "'x y'", '"x\\n"', '"\\u00e9"', "\\", "a\n  b"),
    *("|", "|-", ">", "|+", ">2", "|\n", "  c: d\n", "\t", "?", "? ", "!", "&x ", "*x", "%", "@", "<<: "),
    *("...", "---", "\n---\n", "\u2028", "\ufeff", "\r\n", "\x7f", "\x00"),
)
JSON_FRAGMENTS = (
    *(
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        '"a"',
        '"b"',
        '"items"',
        '"kind"',
        '"List"',
        '{"a":',
        '["a"]',
        "\n",
        " ",
        "\t",
        "\r",
    ),
    *('"\\u00e9"', '"\\ud83d\\ude00"', '"\\ud800"', '"\\n"', '"\\x"', '"é"', '"', "\\", '"x\ty"', "é", "\x7f", "\x00"),
    *("1", "-1.5e3", "01", "1.", "true", "null", "tru", "-"),
)


@lru_cache(maxsize=1)
def good_documents() -> tuple[bytes, ...]:
    """The YAML documents of the golden scenarios, the examples and the recordings, and a few in other styles."""
    paths = [*ROOT.glob("golden/*/input/*.yaml"), *ROOT.glob("examples/*/*.yaml"), *ROOT.glob("tests/data/**/*.yaml")]
    texts = [path.read_bytes() for path in sorted(paths)] + [GOOD.encode()]
    texts += [style.encode() for style in STYLES]
    found = [document.text for text in texts for document in documents(Source("a.yaml", text))]
    return tuple(text for text in found if len(text) < 4000)


@given(st.lists(st.sampled_from(YAML_FRAGMENTS), max_size=14).map("".join), st.integers(0, 3))
@settings(max_examples=1500, deadline=None)
def test_tokens_of_yaml_are_those_of_libyaml(text: str, line_offset: int) -> None:
    hold(text.encode(), line_offset=line_offset)


@given(st.lists(st.sampled_from(JSON_FRAGMENTS), max_size=14).map("".join))
@settings(max_examples=1000, deadline=None)
def test_tokens_of_json_are_those_of_the_reader_in_python(text: str) -> None:
    hold(text.encode(), is_json=True)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A few lines of a good document with a few changes."""
    lines = draw(st.sampled_from(good_documents())).split(b"\n")
    first = draw(st.integers(0, len(lines)))
    text = b"\n".join(lines[first : first + 30]) if draw(st.booleans()) else b"\n".join(lines)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        length = draw(st.integers(0, 4))
        text = text[:at] + draw(st.sampled_from(("", *YAML_FRAGMENTS))).encode() + text[at + length :]
    return text


@given(mutated())
@settings(max_examples=700, deadline=None)
def test_tokens_of_a_document_with_a_fault_are_those_of_libyaml(text: bytes) -> None:
    hold(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.sampled_from((None, 0, 2)), st.booleans())
@settings(max_examples=300, deadline=None)
def test_what_python_writes_as_json_is_read_natively(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert hold(text, is_json=True)


STYLES = (
    "a: b\nc: 'd'\ne: \"f\"\n",
    "# before\n\na:   # after a key\n  # alone\n  b: c # after a value\n# at the end\n",
    "---\na: b\n...",
    "--- # a comment\na: b\n",
    "a:\n- b\n- c: d\n  e: f\n-\n  g: h\n- - i\n  - j\nk:\n  - l\n",
    "a:\nb: ~\nc: null\n- \n".replace("- \n", ""),
    "a: {b: c, 'd': [e, \"f\", {}], g: [], h: {i: 1,},\n  j: k} # flow\nl: [\n  m, # comment\n  n\n]\n",
    '{a: b, "c":1, d: }\n',
    "a: |\n  one\n   two\n\n  three\nb: >-\n  folded\n  text\n\n  more\n    indented\n",
    "c: |+\n  kept\n\n\nd: |2\n    two\ne: f\n",
    "a: one\n  two\n\n  three\nb: 'one\n  two\n\n  it''s'\n",
    'c: "one\n  two \\\n  three\\n \\x41 \\u00e9 \\U0001F600"\n',
    "a: b\nlong: http://example.com:80/x#y\nargs: -c\naddress: ::1\n'quoted key' : x\n\"other\": y\n",
    "été: naïve\n日本: [語, 'é']\n",
    "  a: 1\n  b:\n      c: 2\n",
    "plain text\n",
    "'quoted'\n",
    "- a\n- {b: c}\n",
    'annotations:\n  last: |\n    {"apiVersion":"v1","kind":"Service"}\n  k:{"port":80,"protocol":"TCP"}: {}\n',
    "a: b",
    "a: 'b'  ",
    "a: [b]   # c",
)


@pytest.mark.parametrize("text", STYLES)
def test_yaml_as_people_write_it_is_read_natively(text: str) -> None:
    assert hold(text.encode())


def test_nothing_that_this_project_shows_is_left_to_python() -> None:
    assert [text for text in good_documents() if not hold(text)] == []


@pytest.mark.parametrize(
    ("text", "is_json"),
    [
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), True),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), False),
        (b"[" * 1_000_000, True),
        (b"- " * 1_000_000, False),
        (b'"' + b"x" * MAX_SCALAR + b'"', True),
        (b"a: " + b"x" * (MAX_SCALAR + 1), False),
        (b'"' + b"\\n" * MAX_SCALAR + b'"', True),
        (b"[" + b"1," * MAX_EVENTS + b"1]", True),
        (b"- a\n" * MAX_EVENTS, False),
        (b"a" * 2000 + b": b", False),
    ],
)
def test_what_goes_beyond_the_limits_is_left_to_python(text: bytes, is_json: bool) -> None:
    with pytest.raises(Unsure):
        read_all(native.Cursor(parsers()[0], text, is_json))


@pytest.mark.parametrize("count", [2, 12, 13, 100_000])
def test_keys_that_stand_twice_are_found_among_any_number(count: int) -> None:
    keys = [f"k{n}" for n in range(count)]
    text = "".join(f"{key}: 1\n" for key in [*keys, "k0", "k1", "k0"])
    found = read_all(native.Cursor(parsers()[0], text.encode()))[0][2]
    assert [(d.key, d.line, d.first_line) for d in found] == [
        ("k0", count + 1, 1),
        ("k1", count + 2, 2),
        ("k0", count + 3, count + 1),
    ]


def as_json(text: bytes) -> bytes | None:
    import yaml

    try:
        value = list(yaml.safe_load_all(text))
        return json.dumps({"apiVersion": "v1", "items": value, "kind": "List"}, indent=4).encode()
    except (yaml.YAMLError, TypeError, ValueError):
        return None


WORDS = st.sampled_from(
    ["80", '"80"', "yes", "~", "", "{}", "[]", "[a]", "{a: b}", "1.5", "0x50", "1_0", "-1", "é", "''", "{port: 80}"]
)


@st.composite
def changed_manifest(draw: st.DrawFn) -> bytes:
    """Manifests with other values, other keys, lines left out or written twice."""
    lines = draw(st.sampled_from((GOOD.encode(), *good_documents()))).split(b"\n")
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        key, colon, value = lines[at].partition(b":")
        change = draw(st.integers(0, 5))
        if change == 0:
            lines[at] = key + colon + b" " + draw(WORDS).encode()
        elif change == 1:
            lines[at] = key + draw(st.sampled_from((b"x", b"S", "é".encode()))) + colon + value
        elif change == 2:
            lines[at] = key.swapcase() + colon + value
        elif change == 3:
            del lines[at]
            lines.append(b"")
        elif change == 4:
            lines.insert(at, lines[at])
        else:
            lines[at] = lines[at] + draw(st.sampled_from((b"\t", b" # x", b" &a", b":")))
    return b"\n".join(lines)


@given(changed_manifest())
@settings(max_examples=400, deadline=None)
def test_objects_and_errors_are_the_same(text: bytes) -> None:
    found, expected = read_both(text, "a.yaml")
    assert found == expected
    listed = b"kind: List\nmetadata: {a: 1, a: 2}\nitems:\n- " + text.replace(b"\n", b"\n  ")
    found, expected = read_both(listed, "a.yaml")
    assert found == expected
    list_text = as_json(text)
    if list_text is not None:
        found, expected = read_both(list_text, "a.json")
        assert found == expected


@pytest.mark.parametrize("is_json", [False, True])
def test_every_kind_is_read_natively(is_json: bool) -> None:
    """Not one object of the golden scenarios needs the parser in Python."""
    parser = parsers()[0]
    kinds = set()
    for text in good_documents():
        cursor = native.Cursor(parser, as_json(text) if is_json else text, is_json)
        assert cursor.enter()
        while cursor.read():
            while cursor.enter():
                while cursor.read():
                    pass
                kinds.add(check_fields(cursor))
                cursor.leave()
        kinds.add(check_fields(cursor))
        cursor.finish()
    assert {"Service", "EndpointSlice", "Pod", "Deployment", "KubeProxyConfiguration", "ConfigMap"} <= kinds


def check_fields(cursor: Any) -> str:
    version, name = cursor.name()
    kind = manifests.KINDS.get((version.rpartition("/")[0], name))
    if kind:
        assert cursor.fields(kind.rule) is not None
    return str(name)


def test_an_object_that_was_made_natively_is_like_any_other() -> None:
    found, expected = read_both(GOOD.encode(), "a.yaml")
    for one, other in zip(found.objects, expected.objects, strict=True):
        assert repr(one) == repr(other)
    endpoint = found.objects[1].endpoints[0]
    assert endpoint == expected.objects[1].endpoints[0]
    assert hash(endpoint) == hash(expected.objects[1].endpoints[0])
    assert replace(endpoint, zone="a").zone == "a"
    assert gc.is_tracked(endpoint)
    with pytest.raises(AttributeError):
        endpoint.zone = "b"


@given(st.lists(st.sampled_from(JSON_FRAGMENTS), max_size=20).map("".join), st.integers(0, 10))
@settings(max_examples=500, deadline=None)
def test_json_values_end_where_the_twin_says(text: str, start: int) -> None:
    data = text.encode()
    start = min(start, len(data))
    assert native.value_end(data, start) == twin.value_end(data, start)


@given(st.lists(st.sampled_from(("---", "...", "\n", "-", ".", " ", "a", "\t", "\r", "x" * 16)), max_size=20))
@settings(max_examples=500, deadline=None)
def test_markers_stand_where_the_twin_says(parts: list[str]) -> None:
    data = "".join(parts).encode()
    assert native.document_marker(data, 0) == twin.document_marker(data, 0)


@pytest.mark.parametrize("function", ["value_end", "document_marker"])
@pytest.mark.parametrize("module", [native, twin])
def test_a_start_outside_the_text_is_refused(module: Any, function: str) -> None:
    for start in (-1, 4):
        with pytest.raises(ValueError, match="outside"):
            getattr(module, function)(b"abc", start)


def test_a_cursor_that_has_entered_nothing_has_nothing_to_say() -> None:
    cursor = native.Cursor(parsers()[0], b"a: b\n")
    calls: tuple[Callable[[], object], ...] = (cursor.first, cursor.events, cursor.name, cursor.read, cursor.leave)
    for call in calls:
        with pytest.raises(RuntimeError):
            call()


def test_nothing_is_kept_of_what_was_read() -> None:
    def read() -> None:
        for text in (GOOD.encode(), GOOD.replace("port: 80\n", "port: x\n").encode(), b"a: [b\n"):
            manifests.read_manifests([Source("a.yaml", text)])

    read()
    tracemalloc.start()
    read()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(50):
        read()
    gc.collect()
    assert tracemalloc.get_traced_memory()[0] - before < 20_000
    tracemalloc.stop()
