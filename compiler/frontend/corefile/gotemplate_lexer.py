"""The words of a Go text/template: text, and what stands between `{{` and `}}`. Imaginary numbers are not taken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from kcompile.frontend.corefile.values import quote


class TemplateError(Exception):
    """A template that Go refuses, in its words, without the template's name."""


class Item(NamedTuple):
    """One word. `kind` is the word itself for `{{`, `}}`, `.`, `:=`, `=`, `|` and parentheses; else what sort it is."""

    kind: str
    text: str
    line: int


_KEYWORDS = frozenset({"block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"})
_SPACE = " \t\r\n"
_LEFT = re.compile(r"\{\{(-(?=[ \t\r\n]))?")
_RIGHT = re.compile(r"([ \t\r\n]-)?\}\}")
_COMMENT = re.compile(r"\{\{(?:-[ \t\r\n]+)?(?=/\*)")
_WORD = re.compile(r"\w+")
_STRING = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"')
_CHARACTER = re.compile(r"'(?:[^'\\\n]|\\[^\n])*'")
_NUMBER = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?"
    r"|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)"
)


def items(text: str) -> Iterator[Item]:
    """Raise `TemplateError` where a word is malformed."""
    position, line, trimmed = 0, 1, False
    while position < len(text):
        start = text.find("{{", position)
        end = start if start >= 0 else len(text)
        plain = text[position:end]
        line += plain.count("\n")
        if trimmed:
            plain = plain.lstrip(_SPACE)
        left = _LEFT.match(text, end)
        if left and left[1]:
            plain = plain.rstrip(_SPACE)
        if plain:
            yield Item("text", plain, line)
        if not left:
            break
        comment = _COMMENT.match(text, end)
        if comment:
            position = _skip_comment(text, comment.end(), line)
        else:
            yield Item("{{", "{{", line)
            position = left.end()
            depth = 0
            while not (closing := _RIGHT.match(text, position)):
                item, position = _action_item(text, position, line)
                depth += (item.kind == "(") - (item.kind == ")")
                line += item.text.count("\n") if item.kind in ("space", "raw") else 0
                yield item
            if depth > 0:
                raise TemplateError(f"{line}: unclosed left paren")
            position = closing.end()
            yield Item("}}", "}}", line)
        trimmed = text[position - 3] == "-" and text[position - 4] in _SPACE
        line += text.count("\n", end, position) if comment else 0
    yield Item("end", "", line)


def _skip_comment(text: str, start: int, line: int) -> int:
    end = text.find("*/", start)
    if end < 0:
        raise TemplateError(f"{line}: unclosed comment")
    closing = _RIGHT.match(text, end + 2)
    if not closing:
        raise TemplateError(f"{line}: comment ends before closing delimiter")
    return closing.end()


def _action_item(text: str, position: int, line: int) -> tuple[Item, int]:
    """The next word inside an action, and where it ends."""
    if position >= len(text):
        raise TemplateError(f"{line}: unclosed action")
    character = text[position]
    if character in _SPACE:
        end = position
        while end < len(text) and text[end] in _SPACE and not (end > position and _RIGHT.match(text, end)):
            end += 1
        return Item("space", text[position:end], line), end
    if character in "=|()":
        return Item(character, character, line), position + 1
    if character == ":":
        if not text.startswith(":=", position):
            raise TemplateError(f"{line}: expected :=")
        return Item(":=", ":=", line), position + 2
    if character in "\"'":
        is_string = character == '"'
        match = (_STRING if is_string else _CHARACTER).match(text, position)
        if not match:
            what = "quoted string" if is_string else "character constant"
            raise TemplateError(f"{line}: unterminated {what}")
        return Item("string" if is_string else "character", match[0], line), match.end()
    if character == "`":
        end = text.find("`", position + 1)
        if end < 0:
            raise TemplateError(f"{line}: unterminated raw quoted string")
        return Item("raw", text[position : end + 1], line), end + 1
    digit_follows = text[position + 1 : position + 2] in tuple("0123456789")
    if character == "$" or (character == "." and not digit_follows):
        return _field_or_variable(text, position, line)
    if character in ".+-" or character in "0123456789":
        return _number(text, position, line)
    if character.isalnum() or character == "_":
        match = _WORD.match(text, position)
        assert match
        _check_end(text, match.end(), line)
        word = match[0]
        kind = "keyword" if word in _KEYWORDS else "nil" if word == "nil" else "identifier"
        return Item("bool" if word in ("true", "false") else kind, word, line), match.end()
    if character.isascii() and character.isprintable():
        return Item("char", character, line), position + 1
    raise TemplateError(f"{line}: unrecognized character in action: U+{ord(character):04X}")


def _field_or_variable(text: str, position: int, line: int) -> tuple[Item, int]:
    match = _WORD.match(text, position + 1)
    end = match.end() if match else position + 1
    _check_end(text, end, line)
    if text[position] == "$":
        return Item("variable", text[position:end], line), end
    return Item("field" if match else ".", text[position:end], line), end


def _check_end(text: str, end: int, line: int) -> None:
    """Whether a word may end here: not, for example, in `$x!`."""
    if end >= len(text) or text[end] in _SPACE or text[end] in ".,|:()" or text.startswith("}}", end):
        return
    raise TemplateError(f"{line}: bad character U+{ord(text[end]):04X} {text[end]!r}")


def _number(text: str, position: int, line: int) -> tuple[Item, int]:
    match = _NUMBER.match(text, position)
    assert match
    end = match.end()
    following = text[end : end + 1]
    if following.isalnum() or following == "_":
        raise TemplateError(f"{line}: bad number syntax: {quote(text[position : end + 1])}")
    return Item("number", text[position:end], line), end
