"""The view plugin: whether a server block takes a query. The expressions are expr-lang's, as far as views use them."""

from __future__ import annotations

import ipaddress
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kcompile.evaluate.dns.chain import Context, Unknown
from kcompile.evaluate.dns.patterns import find
from kcompile.evaluate.dns.queries import Question
from kcompile.frontend.corefile import expression as expr
from kcompile.frontend.corefile.plugins.view import ViewSettings
from kcompile.frontend.corefile.regexp import RegexpError, compile_regexp

MAX_STEPS = 100_000
MAX_LENGTH = 65_536

Value = object


class ExpressionFailure(Exception):
    """The expression cannot be carried out; the view then does not take the query."""


def takes(settings: ViewSettings, question: Question, context: Context) -> bool:
    """Whether all expressions of a view are true. Raises Unknown where that depends on what a query file cannot say."""
    for node in settings.expressions:
        try:
            if _Evaluation(question, context).value(node) is not True:
                return False
        except ExpressionFailure:
            return False
    return True


class _Evaluation:
    def __init__(self, question: Question, context: Context) -> None:
        self.steps = 0
        self.variables: dict[str, Value] = {}
        client = context.client
        self.functions: Mapping[str, Callable[..., Value]] = {
            "incidr": _in_cidr,
            "type": lambda: question.type,
            "name": lambda: question.name.lower(),
            "class": lambda: question.rdclass,
            "proto": lambda: client.protocol,
            "client_ip": lambda: client.address,
            "server_ip": lambda: client.server_address,
            "server_port": lambda: str(client.port),
            "opcode": lambda: 0,
            "do": lambda: False,
            **_BUILTINS,
        }

    def value(self, node: expr.Node) -> Value:
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise ExpressionFailure("takes too many steps")
        match node:
            case expr.Literal(value):
                return value
            case expr.Name(name):
                if name in self.variables:
                    return self.variables[name]
                raise Unknown(f"{name} in a view is not evaluated")
            case expr.Unary(symbol, operand):
                return _unary(symbol, self.value(operand))
            case expr.Binary():
                return self.binary(node)
            case expr.Conditional(condition, then, otherwise):
                return self.value(then if _boolean(self.value(condition)) else otherwise)
            case expr.Invocation(callee, arguments):
                return self.invoke(callee, arguments)
            case expr.Member(value, key, optional):
                return _member(self.value(value), self.value(key), optional)
            case expr.Slice(value, start, stop):
                return _slice(self.value(value), self._bound(start), self._bound(stop))
            case expr.Array(items):
                return [self.value(item) for item in items]
            case expr.Map(items):
                return {_key(self.value(key)): self.value(value) for key, value in items}
            case expr.Predicate():
                raise ExpressionFailure("a predicate outside a function")
            case expr.Let(name, value, body):
                return self._within({name: self.value(value)}, body)
            case expr.Sequence(items):
                return [self.value(item) for item in items][-1]

    def binary(self, node: expr.Binary) -> Value:
        left = self.value(node.left)
        if node.operator == "and":
            return _boolean(left) and _boolean(self.value(node.right))
        if node.operator == "or":
            return _boolean(left) or _boolean(self.value(node.right))
        if node.operator == "??":
            return self.value(node.right) if left is None else left
        right = self.value(node.right)
        function = _BINARY.get(node.operator)
        if function is None:
            raise Unknown(f"operator {node.operator} in a view is not evaluated")
        return _guarded(function, left, right)

    def invoke(self, callee: expr.Node, arguments: tuple[expr.Node, ...]) -> Value:
        name = callee.name if isinstance(callee, expr.Name) else ""
        if name in ("all", "any", "none", "one", "filter", "map", "count") and len(arguments) == 2:
            return self._quantified(name, arguments[0], arguments[1])
        function = self.functions.get(name)
        if function is None:
            raise Unknown(f"{name or 'a function'} in a view is not evaluated")
        return _guarded(function, *(self.value(argument) for argument in arguments))

    def _quantified(self, name: str, items: expr.Node, predicate: expr.Node) -> Value:
        values = self.value(items)
        if not isinstance(values, Sequence) or isinstance(values, str):
            raise ExpressionFailure(f"{name} of what is no array")
        body = predicate.body if isinstance(predicate, expr.Predicate) else predicate
        results = [self._within({"#": value}, body) for value in values]
        match name:
            case "map":
                return results
            case "filter":
                return [value for value, result in zip(values, results, strict=True) if result is True]
            case "count":
                return results.count(True)
            case "all":
                return all(result is True for result in results)
            case "any":
                return any(result is True for result in results)
            case "none":
                return not any(result is True for result in results)
        return results.count(True) == 1

    def _within(self, variables: Mapping[str, Value], body: expr.Node) -> Value:
        outer, self.variables = self.variables, {**self.variables, **variables}
        try:
            return self.value(body)
        finally:
            self.variables = outer

    def _bound(self, node: expr.Node | None) -> Value:
        return None if node is None else self.value(node)


def _guarded(function: Callable[..., Value], *arguments: Value) -> Value:
    try:
        value = function(*arguments)
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise ExpressionFailure(str(error)) from error
    if isinstance(value, (str, list)) and len(value) > MAX_LENGTH:
        raise ExpressionFailure("makes too long a value")
    return value


def _boolean(value: Value) -> bool:
    if not isinstance(value, bool):
        raise ExpressionFailure(f"{value!r} is no boolean")
    return value


def _unary(symbol: str, value: Value) -> Value:
    if symbol == "not":
        return not _boolean(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ExpressionFailure(f"{value!r} is no number")
    return -value if symbol == "-" else value


def _member(value: Value, key: Value, optional: bool) -> Value:
    if value is None and optional:
        return None
    if isinstance(value, Mapping):
        return value.get(key)
    if isinstance(value, Sequence) and isinstance(key, int) and -len(value) <= key < len(value):
        return value[key]
    raise ExpressionFailure(f"no member {key!r}")


def _slice(value: Value, start: Value, stop: Value) -> Value:
    if not isinstance(value, Sequence) or not isinstance(start, int | None) or not isinstance(stop, int | None):
        raise ExpressionFailure("cannot slice")
    return value[start:stop]


def _key(value: Value) -> str:
    if not isinstance(value, str):
        raise ExpressionFailure("a map's key is a string")
    return value


def _in_cidr(address: Value, network: Value) -> bool:
    # Go takes host bits beyond the mask and drops them.
    return ipaddress.ip_address(_text(address)) in ipaddress.ip_network(_text(network), strict=False)


def _text(value: Value) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no string")
    return value


def _contains(container: Value, item: Value) -> bool:
    if isinstance(container, Mapping):
        return item in container
    if isinstance(container, Sequence) and not isinstance(container, str):
        return any(_equal(item, one) for one in container)
    raise TypeError("in needs an array or a map")


def _equal(left: Value, right: Value) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _matches(text: Value, pattern: Value) -> bool:
    try:
        return find(compile_regexp(_text(pattern)), _text(text)) is not None
    except RegexpError as error:
        raise ValueError(str(error)) from error


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Value, Value], bool]:
    def ordered(left: Value, right: Value) -> bool:
        numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (left, right))
        if not numbers and not (isinstance(left, str) and isinstance(right, str)):
            raise TypeError("cannot be ordered")
        return compare(left, right)

    return ordered


def _arithmetic(compute: Callable[[Any, Any], Value], strings: bool = False) -> Callable[[Value, Value], Value]:
    def arithmetic(left: Value, right: Value) -> Value:
        numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (left, right))
        if not numbers and not (strings and isinstance(left, str) and isinstance(right, str)):
            raise TypeError("no numbers")
        return compute(left, right)

    return arithmetic


def _range(first: Value, last: Value) -> Value:
    if not isinstance(first, int) or not isinstance(last, int) or last - first > MAX_LENGTH:
        raise TypeError("no range")
    return list(range(first, last + 1))


_BINARY: Mapping[str, Callable[[Value, Value], Value]] = {
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
    "+": _arithmetic(operator.add, strings=True),
    "-": _arithmetic(operator.sub),
    "*": _arithmetic(operator.mul),
    "/": _arithmetic(operator.truediv),
    "%": _arithmetic(operator.mod),
    "in": lambda item, container: _contains(container, item),
    "contains": lambda text, part: _text(part) in _text(text),
    "startsWith": lambda text, part: _text(text).startswith(_text(part)),
    "endsWith": lambda text, part: _text(text).endswith(_text(part)),
    "matches": _matches,
    "..": _range,
}

_BUILTINS: Mapping[str, Callable[..., Value]] = {
    "len": lambda value: len(value),
    "lower": lambda text: _text(text).lower(),
    "upper": lambda text: _text(text).upper(),
    "trim": lambda text, characters=None: _text(text).strip(characters),
    "trimPrefix": lambda text, prefix: _text(text).removeprefix(_text(prefix)),
    "trimSuffix": lambda text, suffix: _text(text).removesuffix(_text(suffix)),
    "hasPrefix": lambda text, prefix: _text(text).startswith(_text(prefix)),
    "hasSuffix": lambda text, suffix: _text(text).endswith(_text(suffix)),
    "indexOf": lambda text, part: _text(text).find(_text(part)),
    "split": lambda text, separator: _text(text).split(_text(separator)),
    "int": lambda value: int(value),
    "string": lambda value: str(value),
}
