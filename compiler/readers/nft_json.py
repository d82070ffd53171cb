"""Read `nft -j list ruleset`: the objects are written as nft text, which the grammar of nft then reads.

So there is one meaning for both, and a rule that is shown is in nft's own words. The schema is libnftables-json(5).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from kcompile.ir.ruleset import Ruleset
from kcompile.readers import nft

_PLAIN = re.compile(r"[\w.:/*+-]+")
_VERDICTS = ("accept", "drop", "continue", "return")
_OPERATORS = ("&", "|", "^", "<<", ">>")


def read(data: Any, source: str = "") -> Ruleset:
    """The tables of parsed JSON. What has no words in nft comes out as unknown."""
    objects = data.get("nftables") if isinstance(data, dict) else None
    return nft.read("\n".join(_commands(objects if isinstance(objects, list) else [])), source)


def _commands(objects: list[Any]) -> Iterator[str]:
    """One `add` command for each object."""
    for entry in objects:
        if not isinstance(entry, dict) or len(entry) != 1:
            continue
        ((kind, body),) = entry.items()
        if isinstance(body, dict):
            try:
                yield from _object(kind, body)
            except _MISFITS:
                yield f"unknown {_quoted(json.dumps(entry))}"


def _object(kind: str, body: Mapping[str, Any]) -> Iterator[str]:
    owner = f"{_word(body.get('family', 'ip'))} {_word(body.get('table', ''))}"
    name = _word(body.get("name", ""))
    if kind == "table":
        dormant = " flags dormant;" if "dormant" in _listed(body.get("flags")) else ""
        properties = f" {{{_comment(body)}{dormant} }}" if "comment" in body or dormant else ""
        yield f"add table {_word(body.get('family', 'ip'))} {name}{properties}"
    elif kind == "chain":
        yield f"add chain {owner} {name}{_hook(body)}"
    elif kind in ("set", "map"):
        yield f"add {kind} {owner} {name} {{ {_set(kind, body)} }}"
        if elements := [_safely(_element, element) for element in _listed(body.get("elem"))]:
            yield f"add element {owner} {name} {{ {', '.join(elements)} }}"
    elif kind == "rule":
        words = [_safely(_statement, each) for each in _listed(body.get("expr"))]
        comment = [f"comment {_quoted(body['comment'])}"] if "comment" in body else []
        yield f"add rule {owner} {_word(body.get('chain', ''))} {' '.join([*words, *comment])}"


def _hook(body: Mapping[str, Any]) -> str:
    if "hook" not in body:
        return f" {{{_comment(body)} }}" if "comment" in body else ""
    devices = f" devices = {{ {', '.join(map(_word, _listed(body['dev'])))} }}" if "dev" in body else ""
    policy = f" policy {_word(body['policy'])};" if "policy" in body else ""
    kind, hook, priority = _word(body.get("type", "")), _word(body["hook"]), _word(body.get("prio", 0))
    return f" {{ type {kind} hook {hook}{devices} priority {priority};{policy}{_comment(body)} }}"


def _set(kind: str, body: Mapping[str, Any]) -> str:
    types = " . ".join(map(_word, _listed(body.get("type"))))
    value = f" : {_value_types(body.get('map', ''))}" if kind == "map" else ""
    flags = f" flags {','.join(map(_word, _listed(body['flags'])))};" if "flags" in body else ""
    timeout = f" timeout {_word(body['timeout'])}s;" if "timeout" in body else ""
    size = f" size {_word(body['size'])};" if "size" in body else ""
    merges = " auto-merge;" if body.get("auto-merge") is True else ""
    return f"type {types}{value};{size}{flags}{merges}{timeout}{_comment(body)}"


def _comment(body: Mapping[str, Any]) -> str:
    return f" comment {_quoted(body['comment'])};" if "comment" in body else ""


def _value_types(given: Any) -> str:
    return " . ".join(map(_word, given)) if isinstance(given, list) else str(given)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


class _NoWords(Exception):
    """An object that nft's grammar here has no words for."""


_MISFITS = (_NoWords, LookupError, TypeError, ValueError, AttributeError, RecursionError)


def _safely(write: Any, value: Any) -> str:
    """What `write` makes of a value; else the JSON itself, in words that the grammar takes for unknown."""
    try:
        text: str = write(value)
        return text
    except _MISFITS:
        return "unknown " + _quoted(json.dumps(value) if not isinstance(value, str) else value)


def _quoted(text: Any) -> str:
    return '"' + re.sub(r'["\n]', "'", str(text)) + '"'


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "exists" if value else "missing"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) else _quoted(value)
    raise _NoWords


# ---------------------------------------------------------------- expressions


def _expression(value: Any) -> str:
    if isinstance(value, str) and value.startswith("@"):
        return value
    if isinstance(value, list):
        return ",".join(map(_expression, value))
    if not isinstance(value, dict):
        return _word(value)
    ((kind, body),) = value.items()
    if kind == "concat":
        return " . ".join(map(_expression, body))
    if kind == "prefix":
        return f"{_expression(body['addr'])}/{_word(body['len'])}"
    if kind == "range":
        return f"{_expression(body[0])}-{_expression(body[1])}"
    if kind == "set":
        return f"{{ {', '.join(map(_element, _listed(body)))} }}"
    if kind == "map":
        return f"{_expression(body['key'])} map {_expression(body['data'])}"
    if kind == "payload":
        if "base" in body:
            return f"@{_word(body['base'])},{_word(body['offset'])},{_word(body['len'])}"
        return f"{_word(body['protocol'])} {_word(body['field'])}"
    if kind == "meta":
        return f"meta {_word(body['key'])}"
    if kind == "ct":
        direction = f"{_word(body['dir'])} " if "dir" in body else ""
        return f"ct {direction}{' '.join(map(_word, str(body['key']).split()))}"
    if kind == "fib":
        return f"fib {' . '.join(map(_word, _listed(body['flags'])))} {_word(body['result'])}"
    if kind in ("numgen", "jhash", "symhash"):
        return _number(kind, body)
    if kind in _OPERATORS:
        first, *rest = body
        return " ".join([_expression(first), *(f"{kind} {_operand(part)}" for part in rest)])
    if kind == "elem":
        return _element(value)
    raise _NoWords


def _operand(value: Any) -> str:
    if isinstance(value, list):
        return f"({' | '.join(map(_expression, value))})"
    return f"({_expression(value)})" if isinstance(value, dict) and {*value} & {*_OPERATORS} else _expression(value)


def _number(kind: str, body: Mapping[str, Any]) -> str:
    source = f"numgen {_word(body['mode'])}" if kind == "numgen" else kind
    if kind == "jhash":
        source += f" {_expression(body['expr'])}"
    seed = f" seed {_word(body['seed'])}" if "seed" in body else ""
    offset = f" offset {_word(body['offset'])}" if body.get("offset") else ""
    return f"{source} mod {_word(body['mod'])}{seed}{offset}"


def _element(value: Any) -> str:
    """An element of a set, or a pair of a map."""
    if isinstance(value, list):
        key, data = value
        return f"{_element(key)} : {_verdict(data) or _expression(data)}"
    if isinstance(value, dict) and "elem" in value:
        body = value["elem"]
        timeout = f" timeout {_word(body['timeout'])}s" if "timeout" in body else ""
        comment = f" comment {_quoted(body['comment'])}" if "comment" in body else ""
        return f"{_expression(body['val'])}{timeout}{comment}"
    return _expression(value)


def _verdict(value: Any) -> str:
    if not isinstance(value, dict) or len(value) != 1:
        return ""
    ((kind, body),) = value.items()
    if kind in ("jump", "goto"):
        return f"{kind} {_word(body['target'])}"
    return str(kind) if kind in _VERDICTS else ""


# ---------------------------------------------------------------- statements


def _statement(value: Any) -> str:
    if verdict := _verdict(value):
        return verdict
    ((kind, body),) = value.items()
    if kind == "match":
        operator = "" if body["op"] == "in" else f" {body['op']}"
        if operator.strip() not in ("", "==", "!=", "<", ">", "<=", ">="):
            raise _NoWords
        return f"{_expression(body['left'])}{operator} {_expression(body['right'])}"
    if kind == "vmap":
        return f"{_expression(body['key'])} vmap {_expression(body['data'])}"
    if kind == "mangle":
        return f"{_expression(body['key'])} set {_expression(body['value'])}"
    if kind in ("dnat", "snat", "masquerade", "redirect"):
        return _translation(kind, body or {})
    if kind == "reject":
        if not body:
            return "reject"
        answer = f"{_word(body['type'])} {_expression(body['expr'])}" if "expr" in body else str(body["type"])
        return f"reject with {answer}"
    if kind == "set":
        return _update(body)
    if kind in ("counter", "log", "notrack"):
        return str(kind)
    if kind in ("limit", "quota", "ct count"):
        over = "over " if isinstance(body, dict) and body.get("inv") else ""
        words = {"limit": "limit rate {}1/second", "quota": "quota {}1 bytes", "ct count": "ct count {}1"}
        return words[kind].format(over)
    if kind == "queue":
        return "queue"
    if kind == "xt" and isinstance(body, dict):
        return f"xt {_word(body['type'])} {_quoted(body['name'])}"
    raise _NoWords


def _translation(kind: str, body: Mapping[str, Any]) -> str:
    flags = " ".join(map(_word, _listed(body.get("flags"))))
    port = f":{_expression(body['port'])}" if "port" in body else ""
    if kind in ("masquerade", "redirect"):
        return f"{kind}{' to ' + port if port else ''} {flags}".rstrip()
    family = f" {_word(body['family'])}" if "family" in body else ""
    address = _expression(body["addr"]) if "addr" in body else ""
    if port and ":" in address:
        address = f"[{address}]"
    return f"{kind}{family} to {address}{port} {flags}".rstrip()


def _update(body: Mapping[str, Any]) -> str:
    element = body["elem"]
    timeout = ""
    if isinstance(element, dict) and "elem" in element:
        timeout = f" timeout {_word(element['elem']['timeout'])}s" if "timeout" in element["elem"] else ""
        element = element["elem"]["val"]
    limits = " ".join(_safely(_statement, each) for each in _listed(body.get("stmt")))
    data = f" : {_expression(body['data'])}" if "data" in body else ""
    return f"{_word(body['op'])} {_expression(body['set'])} {{ {_expression(element)}{timeout} {limits}{data} }}"
