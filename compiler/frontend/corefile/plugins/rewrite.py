"""rewrite: change the question before other plugins see it, and the answer on its way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.regexp import Regexp

Match = Literal["exact", "prefix", "suffix", "substring", "regex"]


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """`rewrite ... answer name|value PATTERN REPLACEMENT`: `{1}` in `replacement` is the first group."""

    field: Literal["name", "value"]
    pattern: Regexp
    replacement: str


@dataclass(frozen=True, slots=True)
class Rule:
    """The base of all rules. With `stop` no further rule is looked at once this one has matched."""

    stop: bool


@dataclass(frozen=True, slots=True)
class NameRule(Rule):
    """`source` is the text to find, `pattern` stands for it where `match` is "regex".

    `auto` turns names and values of the answer back to what was asked; an exact rule always does.
    """

    match: Match
    source: str
    pattern: Regexp | None
    replacement: str
    auto: bool
    answers: tuple[AnswerRule, ...]


@dataclass(frozen=True, slots=True)
class TypeRule(Rule):
    source: int
    target: int


@dataclass(frozen=True, slots=True)
class ClassRule(Rule):
    source: int
    target: int


@dataclass(frozen=True, slots=True)
class TTLRule(Rule):
    """TTLs of the answer are raised to `minimum` and cut to `maximum`."""

    match: Match
    source: str
    pattern: Regexp | None
    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class RcodeRule(Rule):
    match: Match
    source: str
    pattern: Regexp | None
    old: int
    new: int


@dataclass(frozen=True, slots=True)
class CNAMERule(Rule):
    """A CNAME's target is replaced, then looked up anew. The pattern is compiled when it is used: None if it is bad."""

    match: Match
    source: str
    pattern: Regexp | None
    replacement: str


@dataclass(frozen=True, slots=True)
class EDNS0Rule(Rule):
    """`arguments` are the words after the option's kind and action."""

    kind: Literal["local", "nsid", "subnet"]
    action: Literal["append", "replace", "set", "unset"]
    arguments: tuple[str, ...]
    revert: bool


@dataclass(frozen=True, slots=True)
class RewriteSettings(Settings):
    rules: tuple[Rule, ...]
