"""The syntax of Go's regexp package (RE2 in Perl mode): what it takes, and as what tree.

It has no back-references and no look-around, so that matching never takes long. Errors are in Go's words.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal as OneOf

MAX_REPEAT = 1000
MAX_HEIGHT = 250
"""Go takes 1000 levels; nobody writes more than a few."""

_LAST = 0x10FFFF


class RegexpError(Exception):
    """A pattern that Go refuses."""


@dataclass(frozen=True, slots=True)
class Characters:
    """One character out of sorted ranges."""

    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Assertion:
    kind: OneOf["text-start", "text-end", "line-start", "line-end", "boundary", "no-boundary"]


@dataclass(frozen=True, slots=True)
class Group:
    """`index` is None for a group that does not capture."""

    index: int | None
    body: Node


@dataclass(frozen=True, slots=True)
class Concatenation:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Alternation:
    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repetition:
    """`maximum` is None for no limit."""

    body: Node
    minimum: int
    maximum: int | None
    greedy: bool


Node = Characters | Assertion | Group | Concatenation | Alternation | Repetition


@dataclass(frozen=True, slots=True)
class Pattern:
    """`names` has the name of each capturing group, "" where it has none."""

    root: Node
    names: tuple[str, ...]


def parse_pattern(text: str) -> Pattern:
    """Raise `RegexpError` in the words of Go's regexp.Compile."""
    return _Parser(text).parse()


@dataclass(slots=True)
class _Level:
    """A group that is open: its finished alternatives and the parts of the current one."""

    index: int | None
    flags: frozenset[str]
    options: list[Node] = field(default_factory=list)
    parts: list[Node] = field(default_factory=list)

    def close(self) -> Node:
        self.alternative()
        return self.options[0] if len(self.options) == 1 else Alternation(tuple(self.options))

    def alternative(self) -> None:
        self.options.append(self.parts[0] if len(self.parts) == 1 else Concatenation(tuple(self.parts)))
        self.parts = []


_REPEAT = re.compile(r"\{(0|[1-9][0-9]*)(,(0|[1-9][0-9]*)?)?\}")
_GROUP_NAME = re.compile(r"\(\?P?<([^>]*)>")
_FLAGS = re.compile(r"\(\?([imsU]*)(-[imsU]+)?([:)])")
_WRONG_FLAGS = re.compile(r"\(\?[imsU]*(-[imsU]*)?.?", re.DOTALL)
_OCTAL = re.compile(r"\\(?:0[0-7]{0,2}|[1-7][0-7]{1,2})")
_HEXADECIMAL = re.compile(r"\\x(?:([0-9a-fA-F]{2})|\{0*([0-9a-fA-F]{1,6})\})")
# Go stops at the digit with which the number becomes too large for a character.
_WRONG_HEXADECIMAL = re.compile(
    r"""\\x(?:\{0*(?:1[1-9a-fA-F]|[2-9a-fA-F][0-9a-fA-F])[0-9a-fA-F]{4}
             |\{0*10[0-9a-fA-F]{5}
             |\{[0-9a-fA-F]*.?
             |.{0,2})""",
    re.VERBOSE | re.DOTALL,
)
_POSIX_CLASS = re.compile(r"\[:(\^?)([^\]]*?):\]")
_ESCAPES = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_CLASSES = {
    "d": ((0x30, 0x39),),
    "s": ((9, 10), (12, 13), (32, 32)),
    "w": ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)),
}
_POSIX = {
    "alnum": ((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)),
    "alpha": ((0x41, 0x5A), (0x61, 0x7A)),
    "ascii": ((0, 0x7F),),
    "blank": ((9, 9), (32, 32)),
    "cntrl": ((0, 0x1F), (0x7F, 0x7F)),
    "digit": ((0x30, 0x39),),
    "graph": ((0x21, 0x7E),),
    "lower": ((0x61, 0x7A),),
    "print": ((0x20, 0x7E),),
    "punct": ((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)),
    "space": ((9, 13), (32, 32)),
    "upper": ((0x41, 0x5A),),
    "word": _CLASSES["w"],
    "xdigit": ((0x30, 0x39), (0x41, 0x46), (0x61, 0x66)),
}
Ranges = tuple[tuple[int, int], ...]


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._names: list[str] = []
        self._classes: dict[Ranges, Ranges] = {}
        self._levels = [_Level(None, frozenset())]
        self._repeated_at = -1
        """Where the last repetition operator began if nothing came after it yet, else -1."""

    def parse(self) -> Pattern:
        while self._position < len(self._text):
            start = self._position
            self._step(self._text[start])
            if self._text[start] not in "*+?{" or self._repeated_at < start:
                self._repeated_at = -1
        if len(self._levels) > 1:
            raise _error("missing closing )", self._text)
        return Pattern(self._levels[0].close(), tuple(self._names))

    def _step(self, character: str) -> None:
        level = self._levels[-1]
        if character == "(":
            self._open()
        elif character == ")":
            if len(self._levels) == 1:
                raise _error("unexpected )", self._text)
            closed = self._levels.pop()
            self._levels[-1].parts.append(Group(closed.index, closed.close()))
            self._position += 1
        elif character == "|":
            level.alternative()
            self._position += 1
        elif character in "*+?":
            self._repeat({"*": (0, None), "+": (1, None), "?": (0, 1)}[character], self._position + 1)
        elif character == "{":
            self._counted()
        elif character == "[":
            level.parts.append(Characters(self._bracket()))
        elif character == "\\":
            self._escape()
        else:
            self._position += 1
            level.parts.append(self._plain(character))

    def _plain(self, character: str) -> Node:
        flags = self._levels[-1].flags
        if character == "^":
            return Assertion("line-start" if "m" in flags else "text-start")
        if character == "$":
            return Assertion("line-end" if "m" in flags else "text-end")
        if character == ".":
            return Characters(((0, _LAST),) if "s" in flags else ((0, 9), (11, _LAST)))
        return self._literal(ord(character))

    def _literal(self, code: int) -> Characters:
        return Characters(_folded(((code, code),)) if "i" in self._levels[-1].flags else ((code, code),))

    # Groups

    def _open(self) -> None:
        text, start = self._text, self._position
        if len(self._levels) > MAX_HEIGHT:
            raise _error("expression nests too deeply", text)
        flags = self._levels[-1].flags
        if not text.startswith("(?", start):
            self._names.append("")
            self._levels.append(_Level(len(self._names), flags))
            self._position += 1
        elif text.startswith(("(?P<", "(?<"), start) and text[start:] not in ("(?P<", "(?<"):
            match = _GROUP_NAME.match(text, start)
            if not match:
                raise _error("invalid named capture", text[start:])
            name = match[1]
            if not name or not re.fullmatch(r"\w+", name):
                raise _error("invalid named capture", match[0])
            self._names.append(name)
            self._levels.append(_Level(len(self._names), flags))
            self._position = match.end()
        else:
            flag_match = _FLAGS.match(text, start)
            if not flag_match:
                wrong = _WRONG_FLAGS.match(text, start)
                raise _error("invalid or unsupported Perl syntax", wrong[0] if wrong else "(?")
            changed = (flags | set(flag_match[1])) - set((flag_match[2] or "")[1:])
            self._position = flag_match.end()
            if flag_match[3] == ":":
                self._levels.append(_Level(None, changed))
            else:
                self._levels[-1].flags = changed

    # Repetition

    def _counted(self) -> None:
        match = _REPEAT.match(self._text, self._position)
        if not match:
            self._position += 1
            self._levels[-1].parts.append(self._literal(ord("{")))
            return
        minimum = int(match[1][:6])
        maximum = minimum if match[2] is None else int(match[3][:6]) if match[3] else None
        if minimum > MAX_REPEAT or (maximum is not None and (maximum > MAX_REPEAT or minimum > maximum)):
            raise _error("invalid repeat count", match[0])
        self._repeat((minimum, maximum), match.end())

    def _repeat(self, limits: tuple[int, int | None], end: int) -> None:
        start, parts = self._position, self._levels[-1].parts
        lazy = self._text[end : end + 1] == "?"
        end += lazy
        operator = self._text[start:end]
        if self._repeated_at >= 0:
            raise _error("invalid nested repetition operator", self._text[self._repeated_at : end])
        if not parts:
            raise _error("missing argument to repetition operator", operator)
        greedy = lazy == ("U" in self._levels[-1].flags)
        parts.append(Repetition(parts.pop(), *limits, greedy))
        if operator.startswith("{") and _largest_repeat(parts[-1]) > MAX_REPEAT:
            raise _error("invalid repeat count", operator)
        self._position = end
        self._repeated_at = start

    # Escapes and classes

    def _escape(self) -> None:
        text, start, parts = self._text, self._position, self._levels[-1].parts
        following = text[start + 1 : start + 2]
        simple: dict[str, Assertion] = {
            "A": Assertion("text-start"),
            "z": Assertion("text-end"),
            "b": Assertion("boundary"),
            "B": Assertion("no-boundary"),
        }
        if following in simple:
            parts.append(simple[following])
            self._position += 2
        elif following == "Q":
            end = text.find("\\E", start + 2)
            parts += [self._literal(ord(character)) for character in text[start + 2 : end if end >= 0 else None]]
            self._position = end + 2 if end >= 0 else len(text)
        elif (following and following in "pP") or following.lower() in _CLASSES:
            parts.append(Characters(self._class_escape()))
        else:
            parts.append(self._literal(self._escaped_code()))

    def _class_escape(self) -> Ranges:
        """`\\d`, `\\W`, `\\pL`, `\\P{Greek}`"""
        text, start = self._text, self._position
        kind = text[start + 1]
        if kind in "pP":
            ranges = self._unicode_class()
        else:
            ranges = _CLASSES[kind.lower()]
            self._position += 2
        return _negated(ranges) if kind.isupper() else ranges

    def _unicode_class(self) -> Ranges:
        text, start = self._text, self._position
        if text[start + 2 : start + 3] == "{":
            end = text.find("}", start)
            if end < 0:
                raise _error("invalid character class range", text[start:])
            name, self._position = text[start + 3 : end], end + 1
        else:
            name, self._position = text[start + 2 : start + 3], start + 3
        inverted = name.startswith("^")
        ranges = _unicode_ranges(re.sub(r"[-_ ]", "", name[inverted:]).lower())
        if ranges is None:
            raise _error("invalid character class range", text[start : self._position])
        return _negated(ranges) if inverted else ranges

    def _escaped_code(self) -> int:
        text, start = self._text, self._position
        following = text[start + 1 : start + 2]
        if not following:
            raise _error("trailing backslash at end of expression", "")
        if match := _OCTAL.match(text, start):
            self._position = match.end()
            return int(match[0][1:], 8)
        if match := _HEXADECIMAL.match(text, start):
            code = int(match[1] or match[2], 16)
            if code <= _LAST:
                self._position = match.end()
                return code
        self._position = start + 2
        if following in _ESCAPES:
            return _ESCAPES[following]
        if following.isascii() and not following.isalnum():
            return ord(following)
        raise _error("invalid escape sequence", _wrong_escape(text, start))

    def _bracket(self) -> Ranges:
        """`[...]`"""
        text, start = self._text, self._position
        self._position += 1
        negated = text.startswith("^", self._position)
        self._position += negated
        ranges: list[tuple[int, int]] = []
        first = True
        while self._position >= len(text) or text[self._position] != "]" or first:
            at = self._position
            if at >= len(text):
                raise _error("missing closing ]", text[start:])
            first = False
            if match := _POSIX_CLASS.match(text, at):
                if match[2] not in _POSIX:
                    raise _error("invalid character class range", match[0])
                ranges += _negated(_POSIX[match[2]]) if match[1] else _POSIX[match[2]]
                self._position = match.end()
            elif text[at] == "\\" and text[at + 1 : at + 2] and text[at + 1] in "dswDSWpP":
                ranges += self._class_escape()
            else:
                ranges.append(self._range(start))
        self._position += 1
        merged = _merged(_folded(tuple(ranges)) if "i" in self._levels[-1].flags else tuple(ranges))
        # A pattern may repeat a class of hundreds of ranges thousands of times.
        return self._shared(_negated(merged) if negated else merged)

    def _shared(self, ranges: Ranges) -> Ranges:
        return self._classes.setdefault(ranges, ranges)

    def _range(self, bracket: int) -> tuple[int, int]:
        at = self._position
        low = high = self._class_character(bracket)
        text = self._text
        if text.startswith("-", self._position) and text[self._position + 1 : self._position + 2] not in ("]", ""):
            self._position += 1
            high = self._class_character(bracket)
        if high < low:
            raise _error("invalid character class range", text[at : self._position])
        return low, high

    def _class_character(self, bracket: int) -> int:
        if self._position >= len(self._text):
            raise _error("missing closing ]", self._text[bracket:])
        if self._text[self._position] == "\\":
            return self._escaped_code()
        self._position += 1
        return ord(self._text[self._position - 1])


def _wrong_escape(text: str, start: int) -> str:
    """The part of an escape sequence that Go has read when it gives up."""
    wrong = _WRONG_HEXADECIMAL.match(text, start)
    return wrong[0] if wrong else text[start : start + 2]


def _error(problem: str, text: str) -> RegexpError:
    return RegexpError(f"error parsing regexp: {problem}: `{text}`")


def _largest_repeat(node: Node) -> int:
    """How often the innermost body can stand in the pattern once counted repetitions are written out."""
    if isinstance(node, Group):
        return _largest_repeat(node.body)
    if isinstance(node, Concatenation):
        return max(map(_largest_repeat, node.parts), default=1)
    if isinstance(node, Alternation):
        return max(map(_largest_repeat, node.options))
    if isinstance(node, Repetition):
        if node.maximum == 0:
            return 1
        count = node.minimum if node.maximum is None else node.maximum
        return max(1, count) * _largest_repeat(node.body)
    return 1


def _merged(ranges: Ranges) -> Ranges:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def _negated(ranges: Ranges) -> Ranges:
    result, start = [], 0
    for low, high in _merged(ranges):
        if start < low:
            result.append((start, low - 1))
        start = high + 1
    return (*result, (start, _LAST)) if start <= _LAST else tuple(result)


def _folded(ranges: Ranges) -> Ranges:
    """With both cases of the letters of ASCII: the names of the DNS have no others."""
    more = []
    for low, high in ranges:
        for first, last, shift in ((0x41, 0x5A, 32), (0x61, 0x7A, -32)):
            if max(low, first) <= min(high, last):
                more.append((max(low, first) + shift, min(high, last) + shift))
    return _merged((*ranges, *more))


_ALIASES = {
    "other": "c",
    "control": "cc",
    "format": "cf",
    "privateuse": "co",
    "surrogate": "cs",
    "unassigned": "cn",
    "letter": "l",
    "casedletter": "lc",
    "lowercaseletter": "ll",
    "modifierletter": "lm",
    "otherletter": "lo",
    "titlecaseletter": "lt",
    "uppercaseletter": "lu",
    "mark": "m",
    "combiningmark": "m",
    "spacingmark": "mc",
    "enclosingmark": "me",
    "nonspacingmark": "mn",
    "number": "n",
    "decimalnumber": "nd",
    "digit": "nd",
    "letternumber": "nl",
    "othernumber": "no",
    "punctuation": "p",
    "punct": "p",
    "symbol": "s",
    "separator": "z",
}
_CATEGORY = re.compile("c[cfons]?|l[lmotu]?|m[cen]?|n[dlo]?|p[cdefios]?|s[ckmo]?|z[lps]?")
_SCRIPTS = {
    "latin": ((0x41, 0x5A), (0x61, 0x7A), (0xAA, 0xAA), (0xBA, 0xBA), (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x2B8)),
    "common": ((0, 0x40), (0x5B, 0x60), (0x7B, 0xA9), (0xAB, 0xB9), (0xBB, 0xBF), (0xD7, 0xD7), (0xF7, 0xF7)),
    "greek": ((0x370, 0x3FF),),
    "cyrillic": ((0x400, 0x52F),),
    "armenian": ((0x531, 0x58F),),
    "hebrew": ((0x591, 0x5F4),),
    "arabic": ((0x600, 0x6FF),),
    "devanagari": ((0x900, 0x97F),),
    "bengali": ((0x980, 0x9FE),),
    "tamil": ((0xB82, 0xBFA),),
    "thai": ((0xE01, 0xE5B),),
    "tibetan": ((0xF00, 0xFDA),),
    "georgian": ((0x10A0, 0x10FF),),
    "hangul": ((0x1100, 0x11FF), (0xAC00, 0xD7A3)),
    "ethiopic": ((0x1200, 0x139F),),
    "cherokee": ((0x13A0, 0x13FD),),
    "khmer": ((0x1780, 0x17F9),),
    "mongolian": ((0x1800, 0x18AA),),
    "hiragana": ((0x3041, 0x3096),),
    "katakana": ((0x30A1, 0x30FA),),
    "bopomofo": ((0x3105, 0x312F),),
    "han": ((0x2E80, 0x2FD5), (0x3400, 0x9FFF)),
    "inherited": ((0x300, 0x36F),),
}
"""The main blocks of the scripts in use: the names that are matched are ASCII."""


@lru_cache(maxsize=32)
def _unicode_ranges(name: str) -> Ranges | None:
    """The characters of a category or script, of the Basic Multilingual Plane."""
    name = _ALIASES.get(name, name)
    if name in ("any", "ascii"):
        return ((0, _LAST),) if name == "any" else ((0, 0x7F),)
    if name in _SCRIPTS:
        return _SCRIPTS[name]
    wanted = {"lc": ("Lu", "Ll", "Lt"), "assigned": ("L", "M", "N", "P", "S", "Z", "Cc", "Cf", "Co", "Cs")}.get(name)
    if wanted is None and not _CATEGORY.fullmatch(name):
        return None
    prefixes = wanted or (name.capitalize(),)
    return _merged(
        tuple((code, code) for code in range(0x10000) if unicodedata.category(chr(code)).startswith(prefixes))
    )
