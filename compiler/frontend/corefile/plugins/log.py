"""log: one line per query."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser, did_you_mean
from kcompile.ir.domain_names import absolute


@dataclass(frozen=True, slots=True)
class Rule:
    scope: str
    format: str
    classes: frozenset[str]


@dataclass(frozen=True, slots=True)
class LogSettings(Settings):
    rules: tuple[Rule, ...]


_COMMON = (
    '{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" '
    "{rcode} {>rflags} {rsize} {duration}"
)
_COMBINED = f'{_COMMON} "{{>opcode}}"'
_CLASSES = ("all", "success", "denial", "error")


def setup(dispenser: Dispenser, context: Context) -> LogSettings:
    rules: list[Rule] = []
    for _ in dispenser.occurrences():
        scopes, form = dispenser.remaining(), _COMMON
        if len(scopes) > 1 and "{" in scopes[-1]:
            form = scopes.pop().replace("{common}", _COMMON).replace("{combined}", _COMBINED)
        classes: set[str] = set()
        for name in dispenser.properties():
            if name != "class":
                raise dispenser.argument_error(did_you_mean(name, ("class",)))
            for word in dispenser.arguments():
                if word not in _CLASSES:
                    raise dispenser.plain(f"invalid Class: {word}", hint=", ".join(_CLASSES))
                classes.add(word)
        for scope in scopes or ["."]:
            rules.append(Rule(absolute(scope), form, frozenset(classes or {"all"})))
    return LogSettings(tuple(rules))
