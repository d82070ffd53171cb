"""Words and comments as CoreDNS's lexer finds them."""

from __future__ import annotations

import pytest

from kcompile.frontend.corefile.tokens import Comment, decode, scan
from kcompile.frontend.source import Source


def words(text: str | bytes) -> list[str]:
    return [token.text for token in scan(Source("Corefile", text if isinstance(text, bytes) else text.encode())).tokens]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \t\r\n\v\f", []),
        (". {\n  whoami\n}", [".", "{", "whoami", "}"]),
        ("a{ b}", ["a{", "b}"]),
        # White space is Unicode's.
        ("a\u00a0b\u3000c\u2028d\u0085e", ["a", "b", "c", "d", "e"]),
        # A byte order mark is skipped once, at the start only.
        ("\ufeffa", ["a"]),
        ("\ufeff\ufeffa", ["\ufeffa"]),
        ("a \ufeffb", ["a", "\ufeffb"]),
        # A carriage return vanishes outside quotes, and stays inside.
        ("a\rb\r\n", ["ab"]),
        ('"a\rb"', ["a\rb"]),
        # Quotes count at the start of a word, and end it.
        ('"a b" c', ["a b", "c"]),
        ('a"b c"', ['a"b', 'c"']),
        ('"a"b', ["a", "b"]),
        ('""', [""]),
        ('"', []),
        ('a "', ["a"]),
        ('"a\nb', ["a\nb"]),
        # Only the quote can be escaped.
        (r'"a\"b\n\\"', [r'a"b\n\\']),
        ('"a\\', ["a"]),
        # A comment also begins inside a word; there it ends with the word.
        ("a # b c", ["a"]),
        ("a#b c", ["a", "c"]),
        ('"a#b"', ["a#b"]),
        ('"a"#b c', ["a"]),
        ("# a\nb", ["b"]),
        (b"a\xff\xc3(", ["a\ufffd\ufffd("]),
    ],
)
def test_words_of_a_text(text: str | bytes, expected: list[str]) -> None:
    assert words(text) == expected


def test_a_word_knows_where_it_stands() -> None:
    tokens = scan(Source("Corefile", b'a  b\n  "c\nd" e\n')).tokens
    assert [(token.text, token.line, token.column, token.length) for token in tokens] == [
        ("a", 1, 1, 1),
        ("b", 1, 4, 1),
        ("c\nd", 2, 3, 5),
        ("e", 3, 4, 1),
    ]
    assert tokens[2].last_line == 3


def test_comments_and_quotes_are_kept_for_the_formatter() -> None:
    scanned = scan(Source("Corefile", b'# one\r\na#two "b" # three\n#'))
    assert scanned.comments == (
        Comment("# one", 1, 0),
        Comment("#two", 2, 1),
        Comment("# three", 2, 2),
        Comment("#", 3, 2),
    )
    assert scanned.quoted == {1}


def test_each_wrong_byte_is_one_replacement_character() -> None:
    assert decode(b"\xe2\x82a\xf0\x9f\x98\x80") == "\ufffd\ufffda\U0001f600"
