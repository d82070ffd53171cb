"""JSON to events: a scanner with positions, which Python's json module does not give."""

from __future__ import annotations

import json
import re

from kcompile.frontend.events import (
    END_LIST,
    END_MAP,
    KEY,
    LIST,
    MAP,
    SCALAR,
    DuplicateKey,
    Event,
    Events,
    Malformed,
    check_depth,
    check_scalar,
)

_TOKEN = re.compile(
    r"[ \t\r\n]*(?:"
    r'(?P<string>"(?:[^"\\\x00-\x1f]|\\.)*")'
    r"|(?P<open>[{\[])|(?P<close>[}\]])|(?P<comma>,)|(?P<colon>:)"
    r"|(?P<plain>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?(?![\w.])|true\b|false\b|null\b)"
    r"|(?P<end>\Z))"
)
_ESCAPED = re.compile(r'["\\]')

_VALUE, _KEY_OR_END, _KEY_NEXT, _COLON, _COMMA_OR_END, _VALUE_OR_END, _DONE = range(7)
_EXPECTED = {
    _VALUE: "a value",
    _KEY_OR_END: "a key in double quotes or `}`",
    _KEY_NEXT: "a key in double quotes",
    _COLON: "`:` after a key",
    _COMMA_OR_END: "`,` or a closing bracket",
    _VALUE_OR_END: "a value or `]`",
}


def json_events(text: str, duplicates: list[DuplicateKey], start: int = 0) -> Events:
    """The events of the JSON value that begins at `start`; duplicate keys go to `duplicates`. Raises `Malformed`."""
    match = _TOKEN.match
    expect = _VALUE
    stack: list[dict[str, int] | None] = []
    position, line, line_start = start, text.count("\n", 0, start) + 1, text.rfind("\n", 0, start) + 1
    while expect != _DONE:
        token = match(text, position)
        if token is None:
            blank = len(text) - len(text[position:].lstrip(" \t\r\n"))
            raise _malformed(text, blank, expect)
        group = token.lastgroup or ""
        begin = token.start(group)
        newlines = text.count("\n", position, begin)
        if newlines:
            line += newlines
            line_start = text.rfind("\n", position, begin) + 1
        position, column = token.end(), begin - line_start + 1
        if group == "string":
            value = _string(token.group(group), line, column)
            if expect in (_KEY_OR_END, _KEY_NEXT):
                keys = stack[-1]
                if keys is not None:
                    if value in keys:
                        duplicates.append(DuplicateKey(value, line, column, keys[value]))
                    keys[value] = line
                yield Event(KEY, value, False, line, column)
                expect = _COLON
                continue
            if expect not in (_VALUE, _VALUE_OR_END):
                raise _malformed(text, begin, expect)
            yield Event(SCALAR, value, False, line, column)
            expect = _COMMA_OR_END if stack else _DONE
        elif group == "comma" and expect == _COMMA_OR_END:
            expect = _VALUE if stack[-1] is None else _KEY_NEXT
        elif group == "colon" and expect == _COLON:
            expect = _VALUE
        elif group == "plain" and expect in (_VALUE, _VALUE_OR_END):
            yield Event(SCALAR, token.group(group), True, line, column)
            expect = _COMMA_OR_END if stack else _DONE
        elif group == "open" and expect in (_VALUE, _VALUE_OR_END):
            is_map = text[begin] == "{"
            stack.append({} if is_map else None)
            check_depth(len(stack), line, column)
            yield Event(MAP if is_map else LIST, "", False, line, column)
            expect = _KEY_OR_END if is_map else _VALUE_OR_END
        elif group == "close" and _may_close(text[begin], expect, stack):
            stack.pop()
            yield Event(END_MAP if text[begin] == "}" else END_LIST, "", False, line, column)
            expect = _COMMA_OR_END if stack else _DONE
        else:
            raise _malformed(text, begin, expect)


def _may_close(bracket: str, expect: int, stack: list[dict[str, int] | None]) -> bool:
    if not stack or expect not in (_KEY_OR_END, _VALUE_OR_END, _COMMA_OR_END):
        return False
    return (stack[-1] is not None) == (bracket == "}")


def _string(quoted: str, line: int, column: int) -> str:
    check_scalar(quoted, line, column)
    if not _ESCAPED.search(quoted, 1, len(quoted) - 1):
        return quoted[1:-1]
    try:
        value = json.loads(quoted)
    except ValueError as error:
        raise Malformed("json-syntax", f"bad escape in a string: {error}", line, column) from None
    assert isinstance(value, str)
    return value


def _malformed(text: str, position: int, expect: int) -> Malformed:
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    found = repr(text[position]) if position < len(text) else "the end of the text"
    return Malformed("json-syntax", f"expected {_EXPECTED[expect]}, found {found}", line, column)
