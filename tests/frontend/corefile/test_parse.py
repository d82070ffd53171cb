"""Words to server blocks, and what is said where that fails."""

from __future__ import annotations

import pytest

from kcompile.frontend.corefile.files import Files
from kcompile.frontend.corefile.parse import MAX_NESTING, parse_corefile
from kcompile.frontend.source import Source
from tests.frontend.corefile.reading import load


def blocks(text: str, **environment: str) -> list[tuple[list[str], list[str]]]:
    """The keys of each block, and each directive with all its words."""
    corefile, problems = parse_corefile(Source("Corefile", text.encode()), environment, Files(mounted={}))
    assert not [problem for problem in problems if problem.severity.value == "error"]
    return [
        (
            [key.text for key in block.keys],
            [" ".join(token.text for token in directive.tokens) for directive in block.directives],
        )
        for block in corefile.server_blocks
    ]


def errors(text: str) -> list[tuple[int, str]]:
    """Line and message of each error of the parser, in the order in which CoreDNS would meet them."""
    _, problems = parse_corefile(Source("Corefile", text.encode()), {}, Files(mounted={}))
    return [(problem.token.line, problem.message) for problem in problems if problem.token]


def test_keys_go_on_after_a_comma() -> None:
    assert blocks("a, b,\n c d {\n whoami\n}\n") == [(["a", "b", "c", "d"], ["whoami"])]
    assert blocks("a,b {\n}\n") == [(["a,b"], [])]


def test_a_single_block_needs_no_braces() -> None:
    assert blocks("a b\nwhoami\nlog . {\n class all\n}\n") == [(["a", "b"], ["whoami", "log . { class all }"])]
    assert blocks("a") == [(["a"], [])]
    assert blocks("(a)") == [(["(a)"], [])]


def test_a_text_without_words_has_no_blocks() -> None:
    assert blocks("\n# nothing\n") == []


def test_the_brace_of_a_directive_may_stand_on_the_next_line() -> None:
    assert blocks("a {\n log\n {\n class all\n }\n}\n") == [(["a"], ["log { class all }"])]


def test_inside_the_braces_of_a_directive_lines_do_not_count() -> None:
    assert blocks("a {\n log . { class all\n class error }\n whoami\n}\n") == [
        (["a"], ["log . { class all class error }", "whoami"])
    ]


def test_the_last_directive_may_close_its_braces_and_the_block_at_once() -> None:
    assert blocks("a {\n log {\n }") == [(["a"], ["log { }"])]


def test_a_quoted_brace_is_a_brace() -> None:
    assert blocks('a "{"\n whoami\n"}"\n') == [(["a"], ["whoami"])]


def test_variables_count_in_keys_names_and_arguments() -> None:
    assert blocks("{$Z}:53 {\n {$P} {$A} {\n {$B}\n }\n}\n", Z="a", P="log", A="x y", B="class") == [
        (["a:53"], ["log x y { class }"])
    ]
    # A key that is empty then is none; a brace in a variable is no brace.
    assert blocks("{$NONE} a {\n}\n") == [(["a"], [])]
    assert blocks("a {\n log {$BRACE}\n}\n", BRACE="{") == [(["a"], ["log {"])]


def test_a_directive_offers_its_arguments_and_lines() -> None:
    corefile, _ = parse_corefile(
        Source("Corefile", b'. {\n hosts "a\nb" c {\n  1.2.3.4 x\n  y { z\n  }\n }\n}\n'), {}, Files(mounted={})
    )
    (directive,) = corefile.server_blocks[0].directives
    assert directive.arguments == ("a\nb", "c")
    assert [[token.text for token in line] for line in directive.lines] == [["1.2.3.4", "x"], ["y", "{", "z"], ["}"]]
    assert str(directive.span) == "Corefile:2:2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a {\n foo\n}\n", [(2, "Unknown directive 'foo'")]),
        ("a {\n Whoami\n}\n", [(2, "Unknown directive 'Whoami'")]),
        # A second block without braces is taken for a directive of the first.
        ("a\nwhoami\nb\n", [(3, "Unknown directive 'b'")]),
        ("a {\n whoami\n", [(2, "Unexpected token 'whoami', expecting '}'")]),
        ("a {\n whoami }\n", [(2, "Unexpected '}' because no matching opening brace")]),
        ("a { whoami }\n", [(1, "Unexpected '}' because no matching opening brace")]),
        ("a, {\n}\n", [(1, "Expected another address but had '{' - check for extra comma")]),
        ("a,", [(1, "Unexpected EOF")]),
        ("(s)\nwhoami", [(2, "Unexpected token 'whoami', expecting '{'")]),
        ("(s) {\n a\n", [(2, "Unexpected token 'a', expecting '}'")]),
    ],
)  # fmt: skip
def test_errors_in_the_words_of_coredns(text: str, expected: list[tuple[int, str]]) -> None:
    assert errors(text)[: len(expected)] == expected


def test_reading_goes_on_after_an_unknown_directive() -> None:
    text = "a {\n fo x {\n y\n }\n whoami\n}\nb {\n hots\n}\n"
    assert errors(text) == [(2, "Unknown directive 'fo'"), (8, "Unknown directive 'hots'")]
    hints = [diagnostic.hint for diagnostic in load(text).diagnostics]
    assert "did you mean `hosts`?" in hints


def test_names_of_the_past_get_an_explanation() -> None:
    hints = [d.hint for d in load("a {\n proxy . 8.8.8.8\n metrics\n example.org:53\n}\n").diagnostics]
    assert hints == [
        "removed in 1.5.0; `forward` took its place",
        "the directive is called `prometheus`",
        "a server block after one without braces, or after a missing }, is taken for a directive",
    ]


def test_a_variable_without_a_value_is_warned_of_once() -> None:
    found = load("{$Z} a {\n log {$Z}\n}\n").diagnostics
    assert [(d.code, d.hint) for d in found] == [("undefined-variable", "give it one with --env Z=VALUE")]


def test_a_variable_that_leads_to_itself_is_an_error_not_a_hang() -> None:
    configuration = load("a {\n log {$Z}\n}\n", {"Z": "{$Z}"})
    assert configuration.rejection
    assert configuration.rejection.line == 2


def test_braces_are_not_followed_without_end() -> None:
    text = f"a {{\n log {'{ ' * (MAX_NESTING + 1)}"
    assert errors(text)[0] == (2, f"braces are nested more than {MAX_NESTING} deep")


def test_size_is_bounded() -> None:
    assert errors("a" * (1 << 20 | 1)) == [(1, "a Corefile of more than 1 MiB")]
    assert errors("a " * 200_001) == [(1, "more than 200000 words with all imports")]
