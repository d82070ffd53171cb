"""Find the lines, words and chains of iptables text, in plain Python: the reference for `kcompile.native.dump_lines`.

Only the classes of the words are looked at, not what they mean: a few hundred shapes stand for all lines of a dump, and
each is parsed once (see `kcompile.readers.parser`).
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from typing import NamedTuple

# The kinds of words; a keyword is its place in the list of keywords above these.
WORD, TABLE, CHAIN, COUNTERS, UNKNOWN, KEYWORD = range(6)
# What a line of some shape is.
OTHER, TABLE_LINE, CHAIN_LINE, RULE_LINE, COUNTED_RULE_LINE, COMMIT_LINE = range(6)

MOST_WORDS = 1000
"""No rule has as many words; a line that has is none for this reader."""

_WORDS = re.compile(rb'"(?:[^"\\]|\\.)*"|[^\s"]\S*|"\S*')
_SEPARATORS = re.compile(rb"[\x1c-\x1f]")
_COUNTERS = re.compile(rb"\[[0-9]+:[0-9]+\]")


class Lines(NamedTuple):
    """The lines of a text but for blank ones and comments: where each begins and ends, its number from 1, its shape.

    `kinds` has the kinds of words of each shape.
    """

    starts: array[int]
    ends: array[int]
    numbers: array[int]
    shapes: array[int]
    kinds: list[tuple[int, ...]]


class Chains(NamedTuple):
    """The chains of a text. `tables` are the lines that begin a table.

    By chain: `table` is a number in `tables`, `line` the line that declares it or its first rule, `declared` says
    which. Its rules are the lines `rules[first[n]:first[n + 1]]`.
    """

    tables: array[int]
    table: array[int]
    name_starts: array[int]
    name_ends: array[int]
    line: array[int]
    declared: bytearray
    first: array[int]
    rules: array[int]


def scan(data: bytes, keywords: Sequence[bytes]) -> Lines | None:
    """The lines of an ASCII text; None where a line has too many words, or one of the characters that separate words
    in some texts only (0x1c to 0x1f)."""
    if _SEPARATORS.search(data):
        return None
    codes = {keyword: KEYWORD + n for n, keyword in enumerate(keywords)}
    found = Lines(array("q"), array("q"), array("i"), array("i"), [])
    known: dict[tuple[int, ...], int] = {}
    offset = 0
    for number, raw in enumerate(data.split(b"\n"), 1):
        line = raw.strip(b" \t\r\f\v")
        start = offset + raw.find(line)
        offset += len(raw) + 1
        if not line or line.startswith(b"#"):
            continue
        kinds = tuple(_kind(word, first, codes) for first, word in enumerate(_WORDS.findall(line)))
        if len(kinds) > MOST_WORDS:
            return None
        found.starts.append(start)
        found.ends.append(start + len(line))
        found.numbers.append(number)
        found.shapes.append(known.setdefault(kinds, len(known)))
    found.kinds.extend(known)
    return found


def _kind(word: bytes, place: int, codes: dict[bytes, int]) -> int:
    if word.startswith(b'"'):
        return WORD
    if word in codes:
        return codes[word]
    if place == 0 and word.startswith((b"*", b":")):
        return TABLE if word[:1] == b"*" else CHAIN
    if _COUNTERS.fullmatch(word):
        return COUNTERS
    return UNKNOWN if word.startswith(b"-") and len(word) > 1 and not word[1:2].isdigit() else WORD


def group(data: bytes, lines: Lines, roles: bytes) -> Chains | None:
    """The rules of each chain. `roles` says what the lines of each shape are.

    None for a text that is not all tables, chains, appended rules and commits, or that declares a chain twice: such a
    text is read line by line.
    """
    tables = array("i")
    numbers: dict[tuple[int, bytes], int] = {}
    chain_table, chain_line, declared = array("i"), array("i"), bytearray()
    name_starts, name_ends = array("q"), array("q")
    rules_of: list[list[int]] = []
    for n, shape in enumerate(lines.shapes):
        role = roles[shape]
        if role == COMMIT_LINE:
            continue
        if role == TABLE_LINE:
            tables.append(n)
            continue
        if role == OTHER or not tables:
            return None
        start, end = _name(data, lines.starts[n], lines.ends[n], role)
        if data[start : start + 1] == b'"':
            return None
        key = (len(tables) - 1, data[start:end])
        chain = numbers.get(key)
        if chain is None:
            chain = numbers[key] = len(numbers)
            chain_table.append(len(tables) - 1)
            chain_line.append(n)
            declared.append(role == CHAIN_LINE)
            name_starts.append(start)
            name_ends.append(end)
            rules_of.append([])
        elif role == CHAIN_LINE:
            return None
        if role != CHAIN_LINE:
            rules_of[chain].append(n)
    first = array("i", [0])
    for rules in rules_of:
        first.append(first[-1] + len(rules))
    ordered = array("i", [n for rules in rules_of for n in rules])
    return Chains(tables, chain_table, name_starts, name_ends, chain_line, declared, first, ordered)


def _name(data: bytes, start: int, end: int, role: int) -> tuple[int, int]:
    """Where the chain's name stands in a line."""
    words = _WORDS.finditer(data, start, end)
    place = {CHAIN_LINE: 0, RULE_LINE: 1, COUNTED_RULE_LINE: 2}[role]
    match = next(word for n, word in enumerate(words) if n == place)
    return match.start() + (role == CHAIN_LINE), match.end()
