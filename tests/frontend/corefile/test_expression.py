"""Expressions of the view plugin."""

from __future__ import annotations

import pytest

from kcompile.frontend.corefile.expression import (
    Array,
    Binary,
    Conditional,
    Invocation,
    Let,
    Literal,
    Map,
    Member,
    Name,
    Node,
    Predicate,
    Unary,
)
from kcompile.frontend.corefile.expression_check import ExpressionError, parse_expression

TRUE = Literal(True)


def call(name: str, *arguments: Node) -> Invocation:
    return Invocation(Name(name), arguments)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", Literal(True)),
        ("'a\\tb' == `\\t`", Binary("==", Literal("a\tb"), Literal("\\t"))),
        (
            "incidr(client_ip(), '10.0.0.0/8')",
            call("incidr", call("client_ip"), Literal("10.0.0.0/8")),
        ),
        # && and || bind as and, or; not as !.
        ("true || false && !true", Binary("or", TRUE, Binary("and", Literal(False), Unary("not", TRUE)))),
        ("name() not in ['a']", Unary("not", Binary("in", call("name"), Array((Literal("a"),))))),
        ("1 + 2 * 3", Binary("+", Literal(1), Binary("*", Literal(2), Literal(3)))),
        ("2 ** 3 ** 2", Binary("**", Literal(2), Binary("**", Literal(3), Literal(2)))),
        ("-2 ** 2", Unary("-", Binary("**", Literal(2), Literal(2)))),
        ("1 < 2 < 3", Binary("and", Binary("<", Literal(1), Literal(2)), Binary("<", Literal(2), Literal(3)))),
        ("true ? 1 : 2", Conditional(Literal(True), Literal(1), Literal(2))),
        ("if true { 1 } else { 2 }", Conditional(Literal(True), Literal(1), Literal(2))),
        ("let x = 1; x + 0x10", Let("x", Literal(1), Binary("+", Name("x"), Literal(16)))),
        ("name() | lower()", call("lower", call("name"))),
        ("any([1], # > 1)", call("any", Array((Literal(1),)), Predicate(Binary(">", Name("#"), Literal(1))))),
        ("{a: 1}.a", Member(Map(((Literal("a"), Literal(1)),)), Literal("a"), optional=False)),
        ("1 // comment", Literal(1)),
    ],
)  # fmt: skip
def test_the_tree_of_an_expression(text: str, expected: Node) -> None:
    assert parse_expression(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "unexpected token EOF (1:1)"),
        ("1 +", "unexpected token EOF (1:4)"),
        ("a b", 'unexpected token Identifier("b") (1:3)'),
        ("nope", "unknown name nope (1:1)"),
        ("nope()", "unknown name nope (1:1)"),
        ("name(1)", "too many arguments to call name (1:1)"),
        ("incidr('a')", "not enough arguments to call incidr (1:1)"),
        ("incidr(1, 'a')", "cannot use int as argument (type string) to call incidr (1:1)"),
        ("name() == 1", "invalid operation: == (mismatched types string and int) (1:1)"),
        ("name() && true", "invalid operation: and (mismatched types string and bool) (1:1)"),
        ("name() matches '('", None),
        ("name() in nil", "invalid operation: in (mismatched types string and nil) (1:1)"),
        ("name().first", "type string has no field first (1:1)"),
        ("[1].first", "array elements can only be selected using an integer (got string) (1:1)"),
        ("len(1)", "invalid argument for len (type int) (1:1)"),
        ("all([1], {1})", "predicate should return boolean (got int) (1:1)"),
        ("'a", "literal not terminated (1:1)"),
        ("1 ?? 2 + 3", None),
        ("let name = 1; name", "cannot redeclare name (1:1)"),
        ("§", "unrecognized character: U+00A7 (1:1)"),
        ("9" * 30, "integer literal is too large (1:1)"),
    ],
)
def test_what_is_refused(text: str, message: str | None) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text)
    assert message is None or str(caught.value) == message


@pytest.mark.parametrize(
    "text",
    ["(" * 5000, "!" * 5000 + "true", "1" + "+1" * 5000, "name()" + " | lower()" * 5000, "true" + " ? 1 : true" * 5000,
     "if true {1} else " * 5000, "let a = 1; " * 5000, "{}" + ".a" * 5000, "[" * 5000, "1" + " < 1" * 5000],
)  # fmt: skip
def test_depth_is_bounded(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse_expression(text)


def test_what_is_taken_is_never_too_deep_to_walk() -> None:
    parse_expression("1" + "+1" * 249)
    parse_expression("(" * 90 + "1" + ")" * 90)
