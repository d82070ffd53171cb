"""YAML as we write it: block style, keys in the order given, every text quoted that could be read as something else."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

Value = str | int | bool | None | Mapping[str, "Value"] | Sequence["Value"]

# Beyond these a text is quoted: the first character keeps numbers, indicators and words that YAML 1.1 knows apart.
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*", re.ASCII)
_QUOTED = re.compile(r"[ !#-\[\]-~]*")  # in quotes, but without escapes
_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])


def yaml_documents(documents: Iterable[Mapping[str, Value]]) -> bytes:
    """The documents as one YAML text, `---` between them."""
    text = io.BytesIO()
    for document in documents:
        lines = ["---"] if text.tell() else []
        _mapping(document, "", lines)
        lines.append("")
        text.write("\n".join(lines).encode())
    return text.getvalue()


def scalar(value: str | int | bool | None) -> str:
    """One scalar on one line; a text that is not plain is double-quoted."""
    if isinstance(value, str):
        return _text(value)
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


# Keys, names and zones repeat.
@lru_cache(maxsize=4096)
def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    if _QUOTED.fullmatch(text):
        return f'"{text}"'
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    code = ord(character)
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable() and not 0xD800 <= code <= 0xDFFF:
        return character
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _mapping(mapping: Mapping[str, Value], indent: str, lines: list[str], first: str = "") -> None:
    start = first or indent
    for key, value in mapping.items():
        head = f"{start}{_text(key)}:"
        start = indent
        # A large cluster has millions of values: most are texts, and to ask for a Mapping takes long.
        if isinstance(value, str) and "\n" not in value:
            lines.append(f"{head} {_text(value)}")
        elif isinstance(value, int):
            lines.append(f"{head} {scalar(value)}")
        elif isinstance(value, dict) and value:
            lines.append(head)
            _mapping(value, indent + "  ", lines)
        elif isinstance(value, list | tuple) and value:
            lines.append(head)
            _sequence(value, indent, lines)
        else:
            _entry(head, value, indent, lines)


def _sequence(items: Sequence[Value], indent: str, lines: list[str]) -> None:
    inner, first = indent + "  ", indent + "- "
    for item in items:
        if isinstance(item, dict) and item:
            _mapping(item, inner, lines, first)
        elif isinstance(item, str | int | None):
            lines.append(f"{first}{scalar(item)}")
        elif item:
            assert isinstance(item, Mapping)
            _mapping(item, inner, lines, first)
        else:
            lines.append(f"{first}{{}}")


def _entry(head: str, value: Value, indent: str, lines: list[str]) -> None:
    if isinstance(value, str | int | None):
        if isinstance(value, str) and _is_literal(value):
            lines.append(f"{head} |")
            lines += [f"{indent}  {line}" if line else "" for line in value[:-1].split("\n")]
        else:
            lines.append(f"{head} {scalar(value)}")
    elif not value:
        lines.append(f"{head} {{}}" if isinstance(value, Mapping) else f"{head} []")
    else:
        lines.append(head)
        if isinstance(value, Mapping):
            _mapping(value, indent + "  ", lines)
        else:
            _sequence(value, indent, lines)


def _is_literal(text: str) -> bool:
    """Whether a text of several lines can stand as a literal block scalar and come back the same."""
    if not text.endswith("\n") or text.endswith("\n\n") or text == "\n" or text[0] in " \n":
        return False
    return all(line.isprintable() or not line.strip("\t") for line in text.split("\n"))
