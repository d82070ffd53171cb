"""RFC 1035 master files, as CoreDNS's DNS library (miekg/dns) and its file plugin read them.

Lines, names, TTLs, classes and directives are read here, since there the library has its own ideas: a record with
neither TTL nor class needs a TTL before it, one with a class does not. The data of a record is left to dnspython.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from kcompile.frontend.corefile.numbers import CLASSES
from kcompile.frontend.corefile.tokens import decode
from kcompile.frontend.corefile.values import ValueProblem, parse_int, quote
from kcompile.ir.domain_names import absolute, canonical_address, is_absolute, is_domain_name, normalize

MAX_SIZE = 2 << 20
"""A bigger file is taken for good: reading it here would take many seconds."""

GENERATED_TTL = 3600
MAX_GENERATED = 65536
"""What one $GENERATE may make, in miekg/dns."""

MAX_GENERATED_HERE = 20_000
"""What all of a file may make before we look no further."""

_STRING = 255


class MasterFileError(Exception):
    """What miekg/dns says against a line."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(f"dns: {problem} at line: {line}")


class NotRead(Exception):
    """The file is not looked into: it includes others, or it is too large."""


class MasterRecord(NamedTuple):
    """`name` is absolute, in the form that came over the wire; `data` is in presentation form with absolute names."""

    name: str
    ttl: int
    rdclass: str
    type: str
    data: str


def read_records(text: str, origin: str, default_ttl: int | None = None) -> Iterator[MasterRecord]:
    """The records of a master file in their order. Raises `MasterFileError` and `NotRead`."""
    if len(text) > MAX_SIZE:
        raise NotRead(f"more than {MAX_SIZE >> 20} MiB")
    yield from _Reader(origin, default_ttl).read(text)


def master_file_problem(content: bytes, origin: str, name: str) -> str:
    """What CoreDNS's file plugin says against a zone; empty if nothing, or if the file is not looked into."""
    has_soa = False
    try:
        for record in read_records(decode(content), origin):
            has_soa = has_soa or record.type == "SOA"
            if record.type in ("NSEC3", "NSEC3PARAM"):
                return f"NSEC3 zone is not supported, dropping RR: {record.name.lower()} for zone: {origin}"
    except MasterFileError as error:
        return f"failed to parse file {quote(name)} for origin {origin} with error {name}: {error}"
    except NotRead:
        return ""
    return "" if has_soa else f"file {quote(name)} has no SOA record for origin {origin}"


class _Line(NamedTuple):
    """One entry without its comments, parentheses and line breaks. `number` is the line on which it begins."""

    number: int
    text: str


_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"?|\\[^\n]?|;[^\n]*|[()\n\r]|[^"\\;()\n\r]+', re.DOTALL)


def _lines(text: str) -> Iterator[_Line]:
    number = first = 1
    open_braces = 0
    parts: list[str] = []
    for match in _PIECE.finditer(text):
        piece = match[0]
        if piece[0] == '"':
            # A quoted string may hold line breaks; a line break as \010 is what the data's reader takes.
            parts.append(piece.replace("\n", "\\010"))
            number += piece.count("\n")
        elif piece == "\n":
            number += 1
            if open_braces:
                parts.append(" ")
                continue
            yield _Line(first, "".join(parts))
            parts, first = [], number
        elif piece == "(":
            open_braces += 1
        elif piece == ")":
            open_braces -= 1
            if open_braces < 0:
                raise MasterFileError('extra closing brace: ")"', number)
        elif piece != "\r" and piece[0] != ";":
            parts.append(piece)
    if open_braces:
        raise MasterFileError("unbalanced brace", number)
    yield _Line(first, "".join(parts))


_ESCAPE = re.compile(r"\\.", re.DOTALL)
_WORD = re.compile(r"(?:[^ \t\\]|\\.?)+", re.DOTALL)
_NUMBERED_TYPE = re.compile(r"TYPE([0-9]{1,5})", re.IGNORECASE)
_NUMBERED_CLASS = re.compile(r"CLASS([0-9]{1,5})", re.IGNORECASE)


@dataclass(slots=True)
class _Reader:
    origin: str
    default_ttl: int | None
    """The TTL of $TTL, else the last one that was written out."""

    is_default_fixed: bool = False
    generates: bool = True
    owner: str = ""
    made: int = 0

    def read(self, text: str) -> Iterator[MasterRecord]:
        for line in _lines(text):
            words = _WORD.finditer(line.text)
            first = next(words, None)
            if first is None:
                continue
            if first.start() == 0 and first[0].upper() in ("$TTL", "$ORIGIN", "$INCLUDE", "$GENERATE"):
                yield from self._directive(first[0].upper(), line, first.end())
                continue
            has_owner = first.start() == 0
            if has_owner:
                self.owner = self._name(first[0], line, "owner")
            record = self._record(line, first.end() if has_owner else 0, has_owner)
            # A record before the first name has none, and nobody can ask for it.
            if record.name:
                yield record

    def _directive(self, name: str, line: _Line, start: int) -> Iterator[MasterRecord]:
        if name == "$INCLUDE":
            raise NotRead("it includes other files")
        if name == "$GENERATE":
            yield from self._generate(line, start)
            return
        words = _WORD.findall(line.text, start)
        if not words:
            raise MasterFileError(f"expecting {name} value, not this...", line.number)
        if len(words) > 1:
            raise MasterFileError(f"garbage after rdata: {quote(words[1])}", line.number)
        if name == "$ORIGIN":
            self.origin = self._name(words[0], line, "origin")
            return
        ttl = _ttl(words[0])
        if ttl is None:
            raise MasterFileError(f"expecting $TTL value, not this...: {quote(words[0])}", line.number)
        self.default_ttl, self.is_default_fixed = ttl, True

    def _name(self, text: str, line: _Line, what: str) -> str:
        if text == "@":
            return self.origin
        if '"' in _ESCAPE.sub("", text):
            raise MasterFileError(f"syntax error at beginning: {quote(text)}", line.number)
        name = text if is_absolute(text) or self.origin == "." else f"{text}.{self.origin}"
        try:
            if not is_domain_name(text):
                raise ValueError
            return normalize(absolute(name))
        except ValueError:
            raise MasterFileError(f"bad {what} name: {quote(text)}", line.number) from None

    def _record(self, line: _Line, start: int, has_owner: bool) -> MasterRecord:
        """`[TTL] [CLASS] TYPE DATA` or `[CLASS] [TTL] TYPE DATA`, from `start` on."""
        ttl: int | None = None
        rdclass = ""
        for match in _WORD.finditer(line.text, start):
            word = match[0]
            if (named := _class(word, line.number)) is not None:
                if rdclass:
                    raise MasterFileError(f"expecting RR type or TTL, not this...: {quote(word)}", line.number)
                rdclass = named
                continue
            rdtype = _type(word)
            if rdtype is not None:
                return self._made(line, match.end(), ttl, rdclass, rdtype, has_owner)
            if ttl is not None:
                raise MasterFileError(f"expecting RR type or class, not this...: {quote(word)}", line.number)
            ttl = _ttl(word)
            if ttl is None:
                raise MasterFileError(f"not a TTL: {quote(word)}", line.number)
            if not self.is_default_fixed:
                self.default_ttl = ttl
        raise MasterFileError("expecting RR type, TTL or class, not this...", line.number)

    def _made(
        self, line: _Line, start: int, ttl: int | None, rdclass: str, rdtype: str, has_owner: bool
    ) -> MasterRecord:
        if self.default_ttl is None and not rdclass and has_owner:
            raise MasterFileError(f"missing TTL with no previous value: {quote(rdtype)}", line.number)
        shown = self.default_ttl or 0 if ttl is None else ttl
        data = _data(rdtype, line.text[start:].strip(" \t"), self.origin, line.number)
        return MasterRecord(self.owner, shown, rdclass or "IN", rdtype, data)

    def _generate(self, line: _Line, start: int) -> Iterator[MasterRecord]:
        """`$GENERATE FIRST-LAST[/STEP] LINE`: `$` in the line is the number, `${OFFSET,WIDTH,BASE}` a form of it."""
        if not self.generates:
            raise MasterFileError("nested $GENERATE directive not allowed", line.number)
        match = _WORD.search(line.text, start)
        if match is None:
            raise MasterFileError("expecting $GENERATE value, not this...", line.number)
        numbers = _range(match[0], line.number)
        self.made += len(numbers)
        if self.made > MAX_GENERATED_HERE:
            raise NotRead(f"$GENERATE makes more than {MAX_GENERATED_HERE} records")
        template = line.text[match.end() :].strip(" \t")
        if not template:
            raise MasterFileError("garbage after $GENERATE range", line.number)
        reader = _Reader(self.origin, GENERATED_TTL, generates=False)
        for number in numbers:
            try:
                yield from reader.read(_generated(template, number, line.number))
            except MasterFileError as error:
                raise MasterFileError(str(error).removeprefix("dns: ").rpartition(" at line")[0], line.number) from None


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def _ttl(text: str) -> int | None:
    """`300`, `1h30m`; a number above 32 bits runs over."""
    total = number = 0
    for character in text.lower():
        if character in _UNITS:
            total, number = total + number * _UNITS[character], 0
        elif "0" <= character <= "9":
            number = (number * 10 + int(character)) & 0xFFFFFFFF
        else:
            return None
    return (total + number) & 0xFFFFFFFF


_CLASS_NAMES = {number: name for name, number in CLASSES.items()}


def _class(word: str, line: int) -> str | None:
    """The name of a class, `CLASS1` being IN. ANY is a type, too, and confuses miekg/dns: it takes no line with it."""
    name = word.upper()
    if name == "ANY":
        raise MasterFileError(f"not a TTL: {quote(word)}", line)
    match = _NUMBERED_CLASS.fullmatch(name)
    if match and int(match[1]) > 0xFFFF:
        raise MasterFileError(f"unknown class: {quote(word)}", line)
    if match:
        return _CLASS_NAMES.get(int(match[1]), name)
    return name if name in CLASSES else None


def _type(word: str) -> str | None:
    """The name of a type; `TYPE65` has the name that it is known by."""
    import dns.rdatatype

    name = word.upper()
    if match := _NUMBERED_TYPE.fullmatch(name):
        number = int(match[1])
        return dns.rdatatype.to_text(dns.rdatatype.RdataType.make(number)) if number <= 0xFFFF else None
    try:
        return dns.rdatatype.to_text(dns.rdatatype.from_text(name))
    except (dns.rdatatype.UnknownRdatatype, ValueError):
        return None


def _data(rdtype: str, text: str, origin: str, line: int) -> str:
    import dns.exception
    import dns.name
    import dns.rdata

    if rdtype == "A" and text and canonical_address(text) == text:
        return text
    try:
        name = dns.name.from_text(origin)
        if rdtype in _NUMBERS_BEFORE_DIGEST and (digest := _digest(rdtype, text)):
            return digest
        if rdtype in ("TXT", "SPF", "AVC"):
            text = _in_pieces(text)
        return dns.rdata.from_text("IN", rdtype, text, name, False).to_text()
    except (dns.exception.DNSException, ValueError, AssertionError, IndexError) as error:
        problem = str(error) or type(error).__name__
        raise MasterFileError(f"bad {rdtype} data ({problem}): {quote(text[:100])}", line) from None


_NUMBERS_BEFORE_DIGEST = {"DS": 3, "CDS": 3, "DLV": 3, "TLSA": 3, "SMIMEA": 3, "SSHFP": 2}


def _digest(rdtype: str, text: str) -> str:
    """Data that ends with a digest, of whatever length: dnspython wants the one that its algorithm gives it."""
    words = text.split()
    numbers, digest = words[: _NUMBERS_BEFORE_DIGEST[rdtype]], "".join(words[_NUMBERS_BEFORE_DIGEST[rdtype] :]).lower()
    if not all(re.fullmatch("[0-9]{1,5}", word) for word in numbers) or not re.fullmatch("([0-9a-f]{2})+", digest):
        return ""
    return " ".join([*numbers, digest])


_CHARACTER_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"|((?:[^ \t"\\]|\\.)+)', re.DOTALL)
_OCTET = re.compile(r"\\[0-9]{3}|\\.|.", re.DOTALL)


def _in_pieces(text: str) -> str:
    """The strings of a TXT record; one of more than 255 octets is cut into several."""
    if len(text) <= _STRING:
        return text

    def cut(match: re.Match[str]) -> str:
        octets = _OCTET.findall(match[1] if match[1] is not None else match[2])
        # A character of several bytes fills more octets, so such strings are cut earlier than they need be.
        room = _STRING if match[0].isascii() else _STRING // 4
        pieces = ["".join(octets[start : start + room]) for start in range(0, len(octets), room)]
        return " ".join(f'"{piece}"' for piece in pieces or [""])

    return _CHARACTER_STRING.sub(cut, text)


def _range(text: str, line: int) -> range:
    """`FIRST-LAST` or `FIRST-LAST/STEP`."""
    numbers, slash, step_text = text.partition("/")
    first_text, dash, last_text = numbers.partition("-")
    step = _number(step_text, "step", line) if slash else 1
    if not dash:
        raise MasterFileError(f"bad start-stop in $GENERATE range: {quote(text)}", line)
    first, last = _number(first_text, "start", line), _number(last_text, "stop", line)
    if step <= 0:
        raise MasterFileError(f"bad step in $GENERATE range: {quote(text)}", line)
    if not 0 <= first <= last or (last - first) // step >= MAX_GENERATED:
        raise MasterFileError(f"bad range in $GENERATE range: {quote(text)}", line)
    return range(first, last + 1, step)


def _number(text: str, what: str, line: int) -> int:
    try:
        return parse_int(text, 64)
    except ValueProblem:
        raise MasterFileError(f"bad {what} in $GENERATE range: {quote(text)}", line) from None


_MARK = re.compile(r"\\(\\|\$)|\\.?|\$\$|\$(?:\{([^}]*)(\}?))?", re.DOTALL)


def _generated(template: str, number: int, line: int) -> str:
    def marked(match: re.Match[str]) -> str:
        if match[0][0] == "\\":
            return match[1] or ""
        if match[0] == "$$":
            return "$"
        return str(number) if match[2] is None else _modified(match[2], match[3], number, line)

    return _MARK.sub(marked, template)


def _modified(text: str, brace: str, number: int, line: int) -> str:
    """`OFFSET[,WIDTH[,BASE]]`"""
    parts = text.split(",")
    offset_text, width_text, base = (*parts, *("0", "0", "d")[len(parts) :]) if len(parts) <= 3 else ("", "", "")
    try:
        offset, width = parse_int(offset_text, 64), parse_int(width_text, 64)
    except ValueProblem:
        offset, width = 0, -1
    if not brace or base not in ("d", "o", "x", "X") or not base or not 0 <= width <= 255:
        raise MasterFileError(f"bad modifier in $GENERATE: {quote(text)}", line)
    if not 0 <= number + offset < 1 << 31:
        raise MasterFileError(f"bad offset in $GENERATE: {quote(text)}", line)
    return format(number + offset, f"0{width}{base}" if width else base)
