"""Sources split into documents where YAML and kubectl split them."""

from __future__ import annotations

import pytest

from kcompile.frontend.documents import documents
from kcompile.frontend.events import Malformed
from kcompile.frontend.source import Source


def numbers_and_texts(text: str, name: str = "a.yaml") -> list[tuple[int, str]]:
    return [(document.number, document.text.decode()) for document in documents(Source(name, text.encode()))]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("\n# only a comment\n", 0),
        ("a: 1", 1),
        ("---\na: 1\n---\nb: 2\n", 2),
        ("a: 1\n...\nb: 2\n", 2),
        ("a: 1\n...\n\n...\n# the end\n", 1),
        ("---\n---\na: 1\n", 1),
        ("a: |\n  ---\n  b\n", 1),
        ("a: ---b\n---c: 1\n", 1),
        ("%YAML 1.1\n---\na: 1\n", 1),
        ("\ufeffa: 1\n", 1),
        ("a: 1\r\n---\r\nb: 2\r\n", 2),
        ('{"a": 1}', 1),
        ('{"a": 1}\n{"b": 2}\n', 2),
        ("{a: 1}\n---\n{b: 2}\n", 2),
        ("{{ a }}\n---\nb: 2\n", 2),
    ],
)
def test_documents_are_counted_as_yaml_and_kubectl_count_them(text: str, count: int) -> None:
    assert len(numbers_and_texts(text)) == count


def test_events_have_the_positions_of_the_source() -> None:
    (_, second) = documents(Source("a.yaml", b"a: 1\n---\n# comment\nb: 2\n"))
    assert [(event.text, event.line, event.column) for event in second.events([]) if event.text] == [
        ("b", 4, 1),
        ("2", 4, 4),
    ]


def test_positions_in_the_second_json_value_count_from_the_start_of_the_source() -> None:
    (_, second) = documents(Source("<stdin>", b'{"a": 1}\n{"b": 2}\n'))
    assert [(event.text, event.line) for event in second.events([]) if event.text] == [("b", 2), ("2", 2)]


@pytest.mark.parametrize("line_break", ["\r", "\u2028", "\u2029", "\x85"])
def test_a_document_that_begins_behind_an_odd_line_break_is_not_lost(line_break: str) -> None:
    (document,) = documents(Source("a.yaml", f"a: 1{line_break}---{line_break}b: 2\n".encode()))
    with pytest.raises(Malformed, match="second document"):
        list(document.events([]))
