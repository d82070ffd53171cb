"""How a plugin reads its part of a Corefile: word by word, as with the Dispenser that CoreDNS hands to its setup.

The cursor's rules decide what is accepted, so the plugins here read with the same ones. `{` opens a block only on the
line of the directive; in a block every word that does not follow on a line starts a property.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from kcompile.frontend.corefile.problems import Problem, warning
from kcompile.frontend.corefile.syntax import Token
from kcompile.frontend.corefile.values import (
    SECOND,
    ValueProblem,
    atoi,
    parse_duration,
    value_hint,
)
from kcompile.frontend.corefile.zones import all_zones

Value = TypeVar("Value")


class SetupError(Exception):
    """A plugin refuses its arguments. `problem` lacks the plugin's name until the setup adds it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class Dispenser:
    """A cursor over all words that a server block has for one plugin: repeated directives are read in one go."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._cursor = -1
        self._nesting = 0
        self.warnings: list[Problem] = []

    # The cursor

    @property
    def token(self) -> Token:
        """The current word; before the first one, that one."""
        return self._tokens[max(0, self._cursor)]

    @property
    def value(self) -> str:
        return self._tokens[self._cursor].text if self._cursor >= 0 else ""

    def next(self) -> bool:
        """Go to the next word, wherever it stands."""
        if self._cursor >= len(self._tokens) - 1:
            return False
        self._cursor += 1
        return True

    def next_argument(self) -> bool:
        """Go to the next word if it stands on the same line; a brace counts as a word."""
        if not 0 <= self._cursor < len(self._tokens) - 1:
            return False
        if not self._tokens[self._cursor + 1].follows(self.token):
            return False
        self._cursor += 1
        return True

    def next_block(self) -> bool:
        """Go to the next property in the block, into the block at first; false at its end, or if there is none."""
        if self._nesting:
            # Since 1.13.0 a block whose end is missing ends with the text, instead of never.
            if not self.next():
                return False
            self._nesting -= self.value == "}"
            return self.value != "}"
        if not self.next_argument():
            return False
        if self.value != "{":
            self._cursor -= 1
            return False
        self.next()
        if self.value == "}":
            return False
        self._nesting += 1
        return True

    def properties(self) -> Iterator[str]:
        """The properties of the block, one after the other, each read with the methods below."""
        while self.next_block():
            yield self.value

    def remaining(self) -> list[str]:
        """The rest of the line, up to `{`."""
        arguments = []
        while self.next_argument():
            if self.value == "{":
                self._cursor -= 1
                break
            arguments.append(self.value)
        return arguments

    def latest(self, count: int) -> Sequence[Token]:
        """The last words that were read."""
        return self._tokens[max(0, self._cursor + 1 - count) : self._cursor + 1]

    # Errors, in CoreDNS's three forms

    def error(self, message: str, code: str = "value", hint: str = "") -> SetupError:
        """An error with CoreDNS's file and line."""
        return SetupError(Problem(code, message, self.token, "parsing", hint=hint))

    def plain(self, message: str, code: str = "value", hint: str = "") -> SetupError:
        """An error for which CoreDNS names no place; we do."""
        return SetupError(Problem(code, message, self.token, hint=hint))

    def about_all(self, message: str, code: str = "value", hint: str = "") -> SetupError:
        """An error about no single word: it stands at the name of the plugin."""
        return SetupError(Problem(code, message, self._tokens[0], hint=hint))

    def syntax_error(self, expected: str) -> SetupError:
        message = f"Unexpected token '{self.value}', expecting '{expected}'"
        return SetupError(Problem("syntax", message, self.token, "syntax"))

    def argument_error(self, hint: str = "") -> SetupError:
        """Too few or too many arguments: the cursor stands on the last one read."""
        if self.value == "{":
            return self.error("Unexpected token '{', expecting argument", "arguments", hint)
        message = f"Wrong argument count or unexpected line ending after '{self.value}'"
        return self.error(message, "arguments", hint)

    def unknown_property(self, known: Collection[str]) -> SetupError:
        return self.error(f"unknown property '{self.value}'", "unknown-property", did_you_mean(self.value, known))

    def once(self) -> SetupError:
        """For the second occurrence of a plugin that may stand in a block once."""
        hint = "a { on the line after the directive does not open its block" if self.value == "{" else ""
        return self.plain("this plugin can only be used once per Server Block", "repeated", hint)

    def convert(self, function: Callable[[str], Value], text: str) -> Value:
        """A value by one of the functions of `values`; its error gets our place, none of CoreDNS's."""
        try:
            return function(text)
        except ValueProblem as problem:
            raise self.plain(str(problem), hint=value_hint(str(problem), text)) from None

    def warn(self, code: str, message: str, hint: str = "") -> None:
        """Something that CoreDNS accepts."""
        self.warnings.append(warning(code, message, self.token, hint))

    # What plugins have in common

    def occurrences(self, *, once: bool = False) -> Iterator[None]:
        """Every occurrence of the directive; the second is an error where CoreDNS takes only one."""
        first = True
        while self.next():
            if once and not first:
                raise self.once()
            first = False
            yield

    def no_argument(self) -> None:
        if self.next_argument():
            raise self.argument_error()

    def argument(self) -> str:
        """The next argument; more may follow and are taken for properties."""
        if not self.next_argument():
            raise self.argument_error()
        return self.value

    def one_argument(self) -> str:
        arguments = self.remaining()
        if len(arguments) != 1:
            raise self.argument_error()
        return arguments[0]

    def arguments(self) -> list[str]:
        """One argument or more."""
        arguments = self.remaining()
        if not arguments:
            raise self.argument_error()
        return arguments

    def number(self, text: str) -> int:
        return self.convert(atoi, text)

    def seconds(self, text: str) -> float:
        return self.convert(parse_duration, text) / SECOND

    def fallthrough(self) -> tuple[str, ...]:
        """The zones of `fallthrough [ZONES...]`; all names without any."""
        zones = self.remaining()
        return all_zones(zones) if zones else (".",)


def wrapped(error: SetupError, plugin: str) -> SetupError:
    """An error that CoreDNS gives a plugin's name twice, or another's: `plugin/auto: plugin/file: ...`."""
    return SetupError(replace(error.problem, prefix=f"plugin/{plugin}: {error.problem.prefix}"))


def did_you_mean(word: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(word.lower(), known, 1)
    return f"did you mean `{close[0]}`?" if close else ""
