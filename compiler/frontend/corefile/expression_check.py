"""Checks that CoreDNS makes when it compiles a view's expression: names, functions, and the types of operands."""

from __future__ import annotations

from typing import Literal as OneOf

from kcompile.frontend.corefile.expression import (
    Array,
    Binary,
    Conditional,
    Invocation,
    Let,
    Literal,
    Member,
    Name,
    Node,
    Predicate,
    Sequence,
    Slice,
    Unary,
)
from kcompile.frontend.corefile.expression_parser import PREDICATE_FUNCTIONS, ExpressionError, read_expression
from kcompile.frontend.corefile.regexp import RegexpError, compile_regexp

__all__ = ["ExpressionError", "parse_expression"]

Type = OneOf["string", "int", "float", "bool", "array", "map", "nil", "func", "any"]

_QUERY_FUNCTIONS: dict[str, tuple[int, Type]] = {
    "bufsize": (0, "int"),
    "class": (0, "string"),
    "client_ip": (0, "string"),
    "do": (0, "bool"),
    "id": (0, "int"),
    "incidr": (2, "bool"),
    "metadata": (1, "string"),
    "name": (0, "string"),
    "opcode": (0, "int"),
    "port": (0, "string"),
    "proto": (0, "string"),
    "server_ip": (0, "string"),
    "server_port": (0, "string"),
    "size": (0, "int"),
    "type": (0, "string"),
}
"""What CoreDNS adds: the number of arguments, all of them strings, and the type of the result."""

_BUILTINS: dict[str, Type] = {
    "abs": "any",
    "bitand": "int",
    "bitnand": "int",
    "bitnot": "int",
    "bitor": "int",
    "bitshl": "int",
    "bitshr": "int",
    "bitushr": "int",
    "bitxor": "int",
    "ceil": "float",
    "concat": "array",
    "date": "any",
    "duration": "any",
    "first": "any",
    "flatten": "array",
    "float": "float",
    "floor": "float",
    "fromBase64": "string",
    "fromJSON": "any",
    "fromPairs": "map",
    "get": "any",
    "hasPrefix": "bool",
    "hasSuffix": "bool",
    "indexOf": "int",
    "int": "int",
    "join": "string",
    "keys": "array",
    "last": "any",
    "lastIndexOf": "int",
    "len": "int",
    "lower": "string",
    "max": "any",
    "mean": "any",
    "median": "any",
    "min": "any",
    "now": "any",
    "repeat": "string",
    "replace": "string",
    "reverse": "array",
    "round": "float",
    "sort": "array",
    "split": "array",
    "splitAfter": "array",
    "string": "string",
    "take": "array",
    "timezone": "any",
    "toBase64": "string",
    "toJSON": "string",
    "toPairs": "array",
    "trim": "string",
    "trimPrefix": "string",
    "trimSuffix": "string",
    "uniq": "array",
    "upper": "string",
    "values": "array",
}
_PREDICATES: dict[str, Type] = {
    "all": "bool",
    "any": "bool",
    "none": "bool",
    "one": "bool",
    "count": "int",
    "findIndex": "int",
    "findLastIndex": "int",
    "filter": "array",
    "map": "array",
    "sortBy": "array",
    "groupBy": "map",
}

_BOOLEAN_PREDICATES = frozenset(
    {"all", "any", "none", "one", "count", "filter", "find", "findIndex", "findLast", "findLastIndex"}
)
_NUMBERS = ("int", "float", "any")


def parse_expression(text: str) -> Node:
    """The tree of an expression; raises `ExpressionError` with the place as expr-lang writes it."""
    try:
        node = read_expression(text)
        _type_of(node, {})
    except ExpressionError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - (text.rfind("\n", 0, error.position) + 1)
        raise ExpressionError(f"{error.message} ({line}:{column + 1})", error.position) from None
    return node


def _type_of(node: Node, variables: dict[str, Type]) -> Type:
    if isinstance(node, Literal):
        return _type_of_value(node.value)
    if isinstance(node, Name):
        return _type_of_name(node.name, variables)
    if isinstance(node, Unary):
        operand = _type_of(node.operand, variables)
        if operand not in (("bool", "any") if node.operator == "not" else _NUMBERS):
            raise ExpressionError(f"invalid operation: {node.operator} (mismatched type {operand})")
        return operand
    if isinstance(node, Binary):
        return _type_of_binary(node, _type_of(node.left, variables), _type_of(node.right, variables))
    if isinstance(node, Conditional):
        condition = _type_of(node.condition, variables)
        if condition not in ("bool", "any"):
            raise ExpressionError(f"non-bool expression (type {condition}) used as condition")
        then, otherwise = _type_of(node.then, variables), _type_of(node.otherwise, variables)
        return then if then == otherwise else "any"
    if isinstance(node, Invocation):
        return _type_of_invocation(node, variables)
    if isinstance(node, Member):
        return _type_of_member(node.key, _type_of(node.key, variables), _type_of(node.value, variables))
    if isinstance(node, Slice):
        for bound in (node.start, node.stop):
            if bound is not None and _type_of(bound, variables) not in ("int", "any"):
                raise ExpressionError("non-integer slice index")
        return _type_of(node.value, variables)
    if isinstance(node, Let):
        if node.name in variables or node.name in _QUERY_FUNCTIONS or node.name in _BUILTINS:
            raise ExpressionError(f"cannot redeclare {node.name}")
        return _type_of(node.body, {**variables, node.name: _type_of(node.value, variables)})
    if isinstance(node, Predicate):
        return _type_of(node.body, {**variables, "#": "any", "#acc": "any", "#index": "int"})
    if isinstance(node, Sequence):
        return [_type_of(item, variables) for item in node.items][-1]
    if isinstance(node, Array):
        for item in node.items:
            _type_of(item, variables)
        return "array"
    for pair in node.items:
        for part in pair:
            _type_of(part, variables)
    return "map"


def _type_of_value(value: str | int | float | bool | None) -> Type:
    if isinstance(value, bool):
        return "bool"
    if value is None:
        return "nil"
    return "string" if isinstance(value, str) else "int" if isinstance(value, int) else "float"


def _type_of_name(name: str, variables: dict[str, Type]) -> Type:
    if name in variables:
        return variables[name]
    if name in _QUERY_FUNCTIONS:
        return "func"
    if name == "$env":
        return "map"
    raise ExpressionError(f"unknown name {name}")


def _type_of_member(key: Node, key_type: Type, value: Type) -> Type:
    if value == "array" and key_type not in ("int", "any"):
        raise ExpressionError(f"array elements can only be selected using an integer (got {key_type})")
    if value not in ("any", "array", "map", "string") or (value == "string" and key_type == "string"):
        name = key.value if isinstance(key, Literal) else key_type
        raise ExpressionError(f"type {value} has no field {name}")
    return "any"


def _type_of_invocation(node: Invocation, variables: dict[str, Type]) -> Type:
    types = [_type_of(argument, variables) for argument in node.arguments]
    if not isinstance(node.callee, Name):
        _type_of(node.callee, variables)
        return "any"
    name = node.callee.name
    if name in PREDICATE_FUNCTIONS:
        if not types:
            raise ExpressionError('unexpected token Bracket(")")')
        if types[0] not in ("array", "any", "map"):
            raise ExpressionError(f"builtin {name} takes only array (got {types[0]})")
        if name in _BOOLEAN_PREDICATES and len(types) > 1 and types[1] not in ("bool", "any"):
            raise ExpressionError(f"predicate should return boolean (got {types[1]})")
        return _PREDICATES.get(name, "any")
    if name in _QUERY_FUNCTIONS:
        count, result = _QUERY_FUNCTIONS[name]
        if len(types) != count:
            amount = "too many" if len(types) > count else "not enough"
            raise ExpressionError(f"{amount} arguments to call {name}")
        for given in types:
            if given not in ("string", "any"):
                raise ExpressionError(f"cannot use {given} as argument (type string) to call {name}")
        return result
    if name in _BUILTINS:
        if not types and name != "now":
            raise ExpressionError(f"not enough arguments to call {name}")
        if name == "len" and types[0] not in ("string", "array", "map", "any"):
            raise ExpressionError(f"invalid argument for len (type {types[0]})")
        return _BUILTINS[name]
    raise ExpressionError(f"unknown name {name}" if name not in variables else f"{name} is not callable")


def _type_of_binary(node: Binary, left: Type, right: Type) -> Type:
    operator = node.operator
    either_any = "any" in (left, right)
    strings = left in ("string", "any") and right in ("string", "any")
    numbers = left in _NUMBERS and right in _NUMBERS
    result: Type = "bool"
    if operator in ("==", "!="):
        fits = left == right or numbers or either_any or "nil" in (left, right)
    elif operator in ("and", "or"):
        fits = left in ("bool", "any") and right in ("bool", "any")
    elif operator in ("<", ">", "<=", ">="):
        fits = numbers or strings
    elif operator == "in":
        fits = right in ("array", "map", "any")
    elif operator == "matches":
        fits = strings
        if isinstance(node.right, Literal) and isinstance(node.right.value, str):
            try:
                compile_regexp(node.right.value)
            except RegexpError as problem:
                raise ExpressionError(str(problem)) from None
    elif operator in ("contains", "startsWith", "endsWith"):
        fits = strings
    elif operator == "..":
        fits, result = left in ("int", "any") and right in ("int", "any"), "array"
    elif operator == "%":
        fits, result = left in ("int", "any") and right in ("int", "any"), "int"
    elif operator == "??":
        fits, result = True, left if left == right else "any"
    elif operator in ("/", "**"):
        fits, result = numbers, "float"
    else:
        fits = numbers or (strings and operator == "+")
        result = "string" if "string" in (left, right) else "float" if "float" in (left, right) else "int"
        result = "any" if either_any else result
    if not fits:
        raise ExpressionError(f"invalid operation: {operator} (mismatched types {left} and {right})")
    return result
