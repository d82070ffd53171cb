"""The style of a Corefile."""

from __future__ import annotations

import pytest

from kcompile.frontend.corefile.format import format_corefile
from kcompile.frontend.source import Source


def formatted(text: str) -> str:
    once = format_corefile(Source("Corefile", text.encode()))
    assert format_corefile(Source("Corefile", once.encode())) == once
    return once


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("\n\n# only\n\n\n# this", "# only\n\n# this\n"),
        (".:53{", ".:53{\n"),
        # Four blanks for each brace, one between words, none at the end.
        (
            ".  {\n\t\twhoami   \n  log  . {\nclass all\n}\n}\n",
            ". {\n    whoami\n    log . {\n        class all\n    }\n}\n",
        ),
        # Empty lines: one at most, none at braces, one after each block.
        ("a {\n\n\nlog\n\n\nwhoami\n\n}\nb {\n}\n", "a {\n    log\n\n    whoami\n}\n\nb {\n}\n"),
        ("a {\n log {\n }\n whoami\n}\n", "a {\n    log {\n    }\n    whoami\n}\n"),
        # Lines are neither joined nor split.
        (
            "a,\n  b {\n log { class all\n class error }\n}\n",
            "a,\nb {\n    log { class all\n        class error }\n}\n",
        ),
        ("a\nlog\n{\nclass all\n}", "a\nlog\n{\n    class all\n}\n"),
        ("a { whoami }", "a { whoami }\n"),
        # Comments stay on their line; one inside a word goes to its end.
        ("a { # why\n#x y\n  log#z w\n}\n# end", "a { # why\n    #x y\n    log w #z\n}\n\n# end\n"),
        ("a #\n", "a #\n"),
        # Quotes stay, an open one is closed.
        (r'a "b  c" "\"" "\n" ""', r'a "b  c" "\"" "\n" ""' + "\n"),
        ('"a"b', '"a" b\n'),
        ('a {\n log "x\n  y" z\n}', 'a {\n    log "x\n  y" z\n}\n'),
        ('a "b', 'a "b"\n'),
        ('a "', "a\n"),
        # Line ends and marks of other systems go.
        ("\ufeffa {\r\n whoami\r\n}\r\n", "a {\n    whoami\n}\n"),
        ("\ufeff\ufeffa", "\ufeff\ufeffa\n"),
        ("a\u00a0b", "a b\n"),
        ("}\n}\na", "}\n\n}\n\na\n"),
    ],
)
def test_style(text: str, expected: str) -> None:
    assert formatted(text) == expected


def test_deep_nesting_does_not_make_a_file_of_blanks() -> None:
    text = formatted("{\n" * 1000)
    assert max(map(len, text.split("\n"))) == 81
