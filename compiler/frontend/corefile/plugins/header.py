"""header: set or clear the aa, ra and rd bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser

Flag = Literal["aa", "ra", "rd"]


@dataclass(frozen=True, slots=True)
class Rule:
    flag: Flag
    state: bool


@dataclass(frozen=True, slots=True)
class HeaderSettings(Settings):
    query: tuple[Rule, ...]
    response: tuple[Rule, ...]


def setup(dispenser: Dispenser, context: Context) -> HeaderSettings:
    """The first `header` with a rule counts; CoreDNS does not look at the ones after it."""
    for _ in dispenser.occurrences():
        query: list[Rule] = []
        response: list[Rule] = []
        for name in dispenser.properties():
            selector = name.lower()
            if selector not in ("query", "response"):
                hint = "the form without query or response went with 1.12.4" if selector in ("set", "clear") else ""
                message = f"setting up rule: invalid selector={selector} should be query or response"
                raise dispenser.plain(message, "unknown-property", hint)
            (query if selector == "query" else response).extend(_rules(dispenser))
        if query or response:
            return HeaderSettings(tuple(query), tuple(response))
    raise dispenser.argument_error()


def _rules(dispenser: Dispenser) -> list[Rule]:
    """`set|clear FLAG...`"""
    action = dispenser.value.lower() if dispenser.next_argument() else ""
    words = dispenser.remaining()
    if not action:
        raise dispenser.plain("setting up rule: no flag action provided", "arguments")
    if not words:
        message = "setting up rule: invalid length for flags, at least one should be provided"
        raise dispenser.plain(message, "arguments")
    if action not in ("set", "clear"):
        raise dispenser.plain(f"setting up rule: unknown flag action={action}, should be set or clear")
    flags: tuple[Flag, ...] = get_args(Flag)
    rules = []
    for word in words:
        flag = next((flag for flag in flags if flag == word.lower()), None)
        if flag is None:
            raise dispenser.plain(f"setting up rule: unknown/unsupported flag={word.lower()}", hint="aa, ra or rd")
        rules.append(Rule(flag, action == "set"))
    return rules
