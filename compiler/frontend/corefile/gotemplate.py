"""The tree of a Go text/template; `gotemplate_parser` reads it, whoever evaluates answers carries it out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dot:
    """`.`"""


@dataclass(frozen=True, slots=True)
class Nil:
    """`nil`"""


@dataclass(frozen=True, slots=True)
class Constant:
    value: str | int | float | bool


@dataclass(frozen=True, slots=True)
class Field:
    """`.Name`, `.Message.Question`: names from the dot."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """`$x`, `$x.Name`; `name` keeps the `$`. `$` alone is the data the template started with."""

    name: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """`index`, `printf`, `len`, ...; an argument or the head of a command."""

    name: str


@dataclass(frozen=True, slots=True)
class Chain:
    """`(pipeline).Field`"""

    operand: Operand
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """`$x := a b | c`. With `declares` the value goes to those variables; `assigns` means `=`, not `:=`."""

    declares: tuple[str, ...]
    assigns: bool
    commands: tuple[tuple[Operand, ...], ...]


Operand = Dot | Nil | Constant | Field | Variable | Function | Chain | Pipeline


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Action:
    """`{{pipeline}}`: prints its value unless it declares."""

    pipeline: Pipeline


@dataclass(frozen=True, slots=True)
class If:
    pipeline: Pipeline
    body: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class With:
    pipeline: Pipeline
    body: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Range:
    pipeline: Pipeline
    body: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Break:
    """`{{break}}`"""


@dataclass(frozen=True, slots=True)
class Continue:
    """`{{continue}}`"""


@dataclass(frozen=True, slots=True)
class Call:
    """`{{template "name" pipeline}}`; also what `{{block}}` leaves behind."""

    name: str
    pipeline: Pipeline | None


Statement = Text | Action | If | With | Range | Break | Continue | Call


@dataclass(frozen=True, slots=True)
class Template:
    """`definitions` are the named templates of `{{define}}` and `{{block}}`."""

    text: str
    body: tuple[Statement, ...]
    definitions: tuple[tuple[str, tuple[Statement, ...]], ...] = ()
