"""`{$NAME}` and `{%NAME%}`: a variable's value, in the place of the reference. The word stays one word."""

from __future__ import annotations

import re
from collections.abc import Mapping

MAX_REPLACEMENTS = 1000
MAX_LENGTH = 1 << 20


_REFERENCE = re.compile(r"\{\$([^}]+)\}|\{%([^}]+?)%\}")


class VariableLoop(Exception):
    """A variable's value leads back to itself. CoreDNS would replace it for ever and never start."""


def replace_variables(text: str, environment: Mapping[str, str]) -> str:
    """Replace until no reference is left; an undefined variable is empty, `{$}` and an unclosed `{$X` stay.

    Raises `VariableLoop`.
    """
    if "{%" not in text and "{$" not in text:
        return text
    return _replace(_replace(text, "{%", "%}", environment), "{$", "}", environment)


def _replace(text: str, opening: str, closing: str, environment: Mapping[str, str]) -> str:
    for _ in range(MAX_REPLACEMENTS):
        start = text.find(opening)
        end = text.find(closing, start)
        # The closing mark may begin inside the opening one: `{%}` ends where `{%` does. CoreDNS then leaves the word.
        if start < 0 or end <= start + len(opening):
            return text
        name = text[start + len(opening) : end]
        text = text.replace(text[start : end + len(closing)], environment.get(name, ""))
        if len(text) > MAX_LENGTH:
            break
    raise VariableLoop(text[:40])


def undefined_variables(text: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The names in a text that the environment does not have."""
    if "{" not in text:
        return ()
    names = (match[1] or match[2] for match in _REFERENCE.finditer(text))
    return tuple(name for name in names if name not in environment)
