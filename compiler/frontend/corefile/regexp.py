"""Regular expressions as Go's regexp package (RE2) takes them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Regexp:
    """A checked pattern. `groups` counts its capturing groups."""

    text: str
    groups: int
    names: tuple[str, ...] = ()

    def find(self, subject: str) -> tuple[str, ...] | None:
        """The leftmost match and its groups (a group that took no part is ""), or None."""
        raise NotImplementedError


def compile_regexp(text: str) -> Regexp:
    """Raise `RegexpError` in Go's words."""
    raise NotImplementedError
