"""Regular expressions over the names of questions and records."""

from __future__ import annotations

from kcompile.evaluate.dns.chain import Unknown
from kcompile.frontend.corefile.regexp import Regexp, TooLarge


def find(pattern: Regexp, text: str) -> tuple[str, ...] | None:
    """The leftmost match and its groups, or None. Raises Unknown for a pattern that is too large."""
    try:
        return pattern.find(text)
    except TooLarge as error:
        raise Unknown(str(error)) from error
