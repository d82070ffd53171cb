"""The tree of an expression of the view plugin (expr-lang); `expression_parser` reads it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Literal:
    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Name:
    name: str


@dataclass(frozen=True, slots=True)
class Unary:
    """`not`, `-`, `+`"""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """`and`, `or`, `==`, `in`, `matches`, `contains`, `startsWith`, `endsWith`, `..`, `??`, arithmetic.

    `&&`, `||` and `not in` are written `and`, `or`, and `not` around `in`.
    """

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Conditional:
    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True)
class Invocation:
    """`incidr(client_ip(), "10.0.0.0/8")`; a pipe `a | f(b)` is `f(a, b)`."""

    callee: Node
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """`value.name` and `value["name"]`; `optional` is `?.`."""

    value: Node
    key: Node
    optional: bool


@dataclass(frozen=True, slots=True)
class Slice:
    value: Node
    start: Node | None
    stop: Node | None


@dataclass(frozen=True, slots=True)
class Array:
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Map:
    items: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True)
class Predicate:
    """`{ # > 1 }`, `{ .Name == "x" }` in `filter`, `all`, `any`, ...; `#` is `Name("#")`."""

    body: Node


@dataclass(frozen=True, slots=True)
class Let:
    """`let x = 1; body`"""

    name: str
    value: Node
    body: Node


@dataclass(frozen=True, slots=True)
class Sequence:
    """`a; b`: the value is that of the last."""

    items: tuple[Node, ...]


Operation = Unary | Binary | Conditional | Invocation | Member | Slice
Node = Literal | Name | Operation | Array | Map | Predicate | Let | Sequence


def parts(node: Node) -> tuple[Node, ...]:
    """The nodes directly below one."""
    match node:
        case Literal() | Name():
            return ()
        case Unary(_, operand):
            return (operand,)
        case Binary(_, left, right):
            return left, right
        case Conditional(condition, then, otherwise):
            return condition, then, otherwise
        case Invocation(callee, arguments):
            return callee, *arguments
        case Member(value, key, _):
            return value, key
        case Slice(value, start, stop):
            return value, *(bound for bound in (start, stop) if bound is not None)
        case Array(items) | Sequence(items):
            return items
        case Map(pairs):
            return tuple(part for pair in pairs for part in pair)
        case Predicate(body):
            return (body,)
        case Let(_, value, body):
            return value, body
