"""errors: log errors, several like ones as one."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser
from kcompile.frontend.corefile.regexp import Regexp, RegexpError, compile_regexp
from kcompile.frontend.corefile.values import SECOND, ValueProblem, parse_duration


@dataclass(frozen=True, slots=True)
class Consolidation:
    seconds: float
    pattern: Regexp
    level: str


@dataclass(frozen=True, slots=True)
class ErrorsSettings(Settings):
    stacktrace: bool
    consolidations: tuple[Consolidation, ...]


_LEVELS = ("warning", "error", "info", "debug")


def setup(dispenser: Dispenser, context: Context) -> ErrorsSettings:
    stacktrace = False
    consolidations: list[Consolidation] = []
    for _ in dispenser.occurrences(once=True):
        words = dispenser.remaining()
        if len(words) > 1:
            raise dispenser.argument_error()
        if words and words[0] != "stdout":
            raise dispenser.error(f"invalid log file: {words[0]}", hint="only `stdout` is possible")
        for name in dispenser.properties():
            if name == "stacktrace":
                stacktrace = True
            elif name == "consolidate":
                consolidations.append(_consolidation(dispenser))
            else:
                raise dispenser.syntax_error(f"Unknown field {name}")
    return ErrorsSettings(stacktrace, tuple(consolidations))


def _consolidation(dispenser: Dispenser) -> Consolidation:
    """`consolidate DURATION REGEXP [LEVEL]`"""
    words = dispenser.remaining()
    if not 2 <= len(words) <= 3:
        hint = "show_first came with CoreDNS 1.14.0" if "show_first" in words else ""
        raise dispenser.argument_error(hint)
    try:
        seconds = parse_duration(words[0]) / SECOND
        pattern = compile_regexp(words[1])
    except (ValueProblem, RegexpError) as problem:
        raise dispenser.error(str(problem)) from None
    level = words[2] if len(words) == 3 else "error"
    if level not in _LEVELS:
        hint = "show_first came with CoreDNS 1.14.0" if level == "show_first" else ""
        raise dispenser.error(f"unknown log level argument in consolidate: {level}", hint=hint)
    return Consolidation(seconds, pattern, level)
