"""Carry out Go's text/template, as far as records are made with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kcompile.evaluate.dns.chain import Unknown
from kcompile.evaluate.dns.queries import Question
from kcompile.frontend.corefile import gotemplate as go
from kcompile.ir.dns_types import CLASS_NUMBERS, type_number

MAX_OUTPUT = 64 * 1024
"""More than any record can be. A template that goes beyond fails, as does one that takes too many steps."""

MAX_STEPS = 100_000
MAX_INT = (1 << 63) - 1
MAX_NESTING = 50

Value = object
Scope = dict[str, Value]


class TemplateFailure(Exception):
    """The template cannot be carried out with this data; Go's Execute would return an error."""


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Data:
    """The template's dot. `.Message` is not modelled."""

    zone: str
    name: str
    regex: str
    match: tuple[str, ...]
    group: Mapping[str, str]
    rdclass: str
    type: str
    question: Question
    remote: str


_FIELDS: Mapping[str, Callable[[Data], Value]] = {
    "Zone": lambda data: data.zone,
    "Name": lambda data: data.name,
    "Regex": lambda data: data.regex,
    "Match": lambda data: data.match,
    "Group": lambda data: data.group,
    "Class": lambda data: data.rdclass,
    "Type": lambda data: data.type,
    "Question": lambda data: data.question,
    "Remote": lambda data: data.remote,
}

_QUESTION_FIELDS: Mapping[str, Callable[[Question], Value]] = {
    "Name": lambda question: question.name,
    "Qtype": lambda question: type_number(question.type),
    "Qclass": lambda question: CLASS_NUMBERS.get(question.rdclass),
}


def execute(template: go.Template, data: Data) -> str:
    """What the template prints. Raises TemplateFailure, or Unknown for what is not evaluated."""
    run = _Run(dict(template.definitions), data)
    run.statements(template.body, data, {"$": data})
    return "".join(run.output)


@dataclass(slots=True)
class _Run:
    definitions: Mapping[str, tuple[go.Statement, ...]]
    data: Data
    output: list[str] = field(default_factory=list)
    size: int = 0
    steps: int = 0
    nesting: int = 0

    def write(self, text: str) -> None:
        self.size += len(text)
        if self.size > MAX_OUTPUT:
            raise TemplateFailure(f"prints more than {MAX_OUTPUT} characters")
        self.output.append(text)

    def statements(self, body: Sequence[go.Statement], dot: Value, scope: Scope) -> None:
        for statement in body:
            self.steps += 1
            if self.steps > MAX_STEPS:
                raise TemplateFailure(f"takes more than {MAX_STEPS} steps")
            self.statement(statement, dot, scope)

    def statement(self, statement: go.Statement, dot: Value, scope: Scope) -> None:
        match statement:
            case go.Text(text):
                self.write(text)
            case go.Action(pipeline):
                value = self.pipeline(pipeline, dot, scope)
                if not pipeline.declares:
                    self.write(_printed(value))
            case go.If(pipeline, body, otherwise):
                inner = _Scope(scope)
                self.statements(body if _true(self.pipeline(pipeline, dot, inner)) else otherwise, dot, inner)
            case go.With(pipeline, body, otherwise):
                inner = _Scope(scope)
                value = self.pipeline(pipeline, dot, inner)
                if _true(value):
                    self.statements(body, value, inner)
                else:
                    self.statements(otherwise, dot, inner)
            case go.Range():
                self.range(statement, dot, scope)
            case go.Break():
                raise _Break
            case go.Continue():
                raise _Continue
            case go.Call(name, argument):
                self.call(name, self.pipeline(argument, dot, scope) if argument else None)

    def call(self, name: str, dot: Value) -> None:
        if name not in self.definitions:
            raise TemplateFailure(f"template {name!r} is not defined")
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise TemplateFailure(f"templates nest deeper than {MAX_NESTING}")
        self.statements(self.definitions[name], dot, {"$": dot})
        self.nesting -= 1

    def range(self, statement: go.Range, dot: Value, scope: Scope) -> None:
        declares, pipeline = statement.pipeline.declares, statement.pipeline
        value = self.pipeline(go.Pipeline((), False, pipeline.commands), dot, scope)
        items = list(_items(value))
        if not items:
            self.statements(statement.otherwise, dot, _Scope(scope))
            return
        for key, item in items:
            inner = _Scope(scope)
            values = (key, item) if len(declares) == 2 else (item,)
            for name, one in zip(declares, values, strict=False):
                _set(inner, name, one, pipeline.assigns)
            try:
                self.statements(statement.body, item, inner)
            except _Continue:
                continue
            except _Break:
                break

    def pipeline(self, pipeline: go.Pipeline, dot: Value, scope: Scope) -> Value:
        value: Value = None
        for position, command in enumerate(pipeline.commands):
            value = self.command(command, dot, scope, (value,) if position else ())
        for name in pipeline.declares:
            _set(scope, name, value, pipeline.assigns)
        return value

    def command(self, command: tuple[go.Operand, ...], dot: Value, scope: Scope, final: tuple[Value, ...]) -> Value:
        head, *rest = command
        arguments = [*(self.operand(operand, dot, scope) for operand in rest), *final]
        if isinstance(head, go.Function):
            return self.function(head.name, arguments)
        if isinstance(head, go.Field) and head.names[-1] == "Meta" and arguments:
            raise Unknown("metadata in a template is not evaluated")
        if arguments:
            raise TemplateFailure("can't give argument to non-function")
        if isinstance(head, go.Nil):
            raise TemplateFailure("nil is not a command")
        return self.operand(head, dot, scope)

    def operand(self, operand: go.Operand, dot: Value, scope: Scope) -> Value:
        match operand:
            case go.Dot():
                return dot
            case go.Nil():
                return None
            case go.Constant(value):
                if isinstance(value, int) and value > MAX_INT:
                    raise TemplateFailure(f"{value} overflows int")
                return value
            case go.Field(names):
                return _fields(dot, names)
            case go.Variable(name, names):
                if name not in scope:
                    raise TemplateFailure(f"undefined variable {name}")
                return _fields(scope[name], names)
            case go.Function(name):
                return self.function(name, [])
            case go.Chain(inner, names):
                return _fields(self.operand(inner, dot, scope), names)
            case go.Pipeline():
                return self.pipeline(operand, dot, scope)

    def function(self, name: str, arguments: list[Value]) -> Value:
        from kcompile.evaluate.dns.go_functions import FUNCTIONS

        function = FUNCTIONS.get(name)
        if function is None:
            raise Unknown(f"function {name} of a template is not evaluated")
        try:
            value = function(*arguments)
        except (TypeError, ValueError, LookupError, OverflowError) as error:
            raise TemplateFailure(f"{name}: {error}") from error
        if isinstance(value, str) and len(value) > MAX_OUTPUT:
            raise TemplateFailure(f"{name} makes more than {MAX_OUTPUT} characters")
        return value


class _Scope(dict[str, Value]):
    """Variables of a block; an assignment to an outer one reaches the outer block."""

    def __init__(self, outer: Scope) -> None:
        super().__init__(outer)
        self.outer = outer


def _set(scope: Scope, name: str, value: Value, assigns: bool) -> None:
    declared = name in scope
    scope[name] = value
    if assigns and declared:
        while isinstance(scope, _Scope) and name in scope.outer:
            scope = scope.outer
            scope[name] = value


def _fields(value: Value, names: Sequence[str]) -> Value:
    for name in names:
        value = _field(value, name)
    return value


def _field(value: Value, name: str) -> Value:
    if isinstance(value, Data) and name in _FIELDS:
        return _FIELDS[name](value)
    if isinstance(value, Data) and name == "Message":
        raise Unknown(".Message of a template is not evaluated")
    if isinstance(value, Question) and name in _QUESTION_FIELDS:
        return _QUESTION_FIELDS[name](value)
    if isinstance(value, Mapping):
        # Nothing, not an empty text, for a key that the map does not have; and nothing is a field of nothing.
        return value.get(name)
    if value is None:
        return None
    raise TemplateFailure(f"can't evaluate field {name}")


def _items(value: Value) -> Iterator[tuple[Value, Value]]:
    if isinstance(value, Mapping):
        yield from sorted(value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from enumerate(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        if value > MAX_STEPS:
            raise TemplateFailure(f"takes more than {MAX_STEPS} steps")
        yield from ((number, number) for number in range(value))
    elif value is not None:
        raise TemplateFailure(f"range can't iterate over {value!r}")


def _true(value: Value) -> bool:
    return bool(value) if isinstance(value, (bool, int, float, str, Mapping, Sequence)) else value is not None


def _printed(value: Value) -> str:
    from kcompile.evaluate.dns.go_functions import printed

    return "<no value>" if value is None else printed(value)
