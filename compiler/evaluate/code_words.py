"""What the instructions of a program are made of while places in it are not known yet."""

from __future__ import annotations

from typing import NamedTuple

from kcompile.evaluate import program as p
from kcompile.ir.ruleset import Interval

LARGEST_WORD = (1 << 31) - 1
FINAL = (p.DECIDE, p.SHARE, p.TRANSLATE, p.REDIRECT, p.MASQUERADE, p.GIVE_UP)
"""What ends a packet's way through its base chain wherever it stands."""


class CannotTell(Exception):
    """A packet that comes here is followed by other means."""


class Never(Exception):
    """No packet of this program matches."""


class Lead(NamedTuple):
    """A jump or goto to a chain whose place in the code is not known yet."""

    chain: int
    goto: bool


class Entry(NamedTuple):
    """The entry of an address; its words are known when all flags are. None for an address that stays."""

    address: int | None


class Rest:
    """The place of another word of an entry, so that places in unfinished words are those that they will have."""


Word = int | Lead | Entry | Rest
Words = list[Word]


def op(opcode: int, of: int = 0) -> int:
    """The first word of an instruction. Raises `CannotTell` for one that does not fit."""
    if of > p.MOST_OF:
        raise CannotTell
    return p.op(opcode, of)


def bounded(interval: Interval) -> Interval:
    """An interval as words; marks are compared as signed words, so intervals of high ones cannot be told."""
    low, high = interval
    if low > LARGEST_WORD:
        raise CannotTell
    return low, min(high, LARGEST_WORD)


def marks_and_rest(words: Words) -> tuple[Words, Words]:
    """Statements that set marks, and what comes behind them."""
    at = 0
    while at < len(words):
        opcode, of = parts(words[at])
        if opcode == p.FLIP:
            at += 3
        elif opcode == p.SET:
            at += 3 + 2 * of
        else:
            break
    return words[:at], words[at:]


def parts(word: Word) -> tuple[int, int]:
    """The opcode of an instruction and its `of`, by its first word; -1 for a word that is none."""
    return (word & p.OPCODE, word >> 8) if isinstance(word, int) else (-1, 0)
