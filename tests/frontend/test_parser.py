"""Our driver over Lark's tables reads what Lark itself reads."""

from __future__ import annotations

from importlib import resources
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark import Token, Tree

from kcompile import lalr
from kcompile.frontend.events import KEY, LIST, MAP, SCALAR, Event, Events
from kcompile.frontend.grammar_tables import condense, load
from kcompile.frontend.kinds import START_RULES
from kcompile.frontend.parser import Problem, parse
from kcompile.frontend.scalars import resolve
from kcompile.frontend.yaml_events import yaml_events

GRAMMAR = resources.files("kcompile.grammar").joinpath("manifest.lark").read_text("utf-8")
TABLES = load("manifest", START_RULES)


LARK = lalr.lark(GRAMMAR, START_RULES)
TERMINAL_OF_KEY = {t.pattern.value: t.name for t in LARK.terminals if t.pattern is not None}


def parse_with_lark(start: str, events: Events) -> Any:
    """Feed Lark's interactive parser, asking it at each event what it accepts."""
    parser = LARK.parse_interactive("", start=start)
    for event in events:
        accepted = parser.accepts()
        if event.kind == KEY:
            named = TERMINAL_OF_KEY.get(event.text, "OTHER")
            token = Token(named if named in accepted else "OTHER", event.text)
        elif "ANY" in accepted:
            pass_over(event, events)
            token = Token("ANY", "")
        elif event.kind == SCALAR:
            terminal, value = resolve(event.text) if event.plain else ("STRING", event.text)
            token = Token(terminal, value)  # type: ignore[arg-type]
        else:
            token = Token(("MAP", "_END_MAP", "_LIST", "_END_LIST")[event.kind], "")
        parser.feed_token(token)
    return value_of(parser.feed_eof())


def pass_over(event: Event, events: Events) -> None:
    depth = event.kind in (MAP, LIST)
    while depth:
        kind = next(events).kind
        depth += (kind in (MAP, LIST)) - (kind not in (MAP, LIST, KEY, SCALAR))


def value_of(node: Any) -> Any:
    """What our driver makes of a tree of Lark's: fields by their aliases, maps as dicts, lists as tuples."""
    if isinstance(node, Token):
        return None if node.type == "NULL" else resolve_token(node)
    children = node.children
    if children and isinstance(children[0], Token) and children[0].type == "MAP":
        fields = [value_of(child) for child in children[1:]]
        return dict(field for field in fields if field is not None)
    if node.data == "entry":
        return str(children[0]), value_of(children[1]) or ""
    if len(children) == 1 and isinstance(children[0], Token) and children[0].type == "NULL":
        return None
    if node.data in ALIASES:
        if len(children) != 1 or not is_collection(children[0]):
            value = value_of(children[-1])
        else:
            value = value_of(children[0])
        return None if value is None or node.data == "ignored" else (str(node.data), value)
    return tuple(value_of(child) for child in children)


def is_collection(node: Any) -> bool:
    return isinstance(node, Tree)


def resolve_token(token: Token) -> Any:
    value: Any = token.value
    return value if token.type in ("INT", "BOOL") else str(value)


ALIASES = {rule.alias for rule in LARK.rules if rule.alias}

NAMES = st.sampled_from(["a", "web", "name", "namespace", "true", "80", "port", "x.y/z"])
LABELS = st.dictionaries(NAMES, NAMES, max_size=3)
PORT = st.fixed_dictionaries(
    {"port": st.integers(1, 65535)},
    optional={"name": NAMES, "targetPort": st.integers(1, 9) | NAMES, "nodePort": st.none() | st.integers(1, 9)},
)
SERVICE = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries(
            {"name": NAMES}, optional={"labels": LABELS, "uid": LABELS, "annotations": st.none()}
        )
    },
    optional={
        "kind": st.just("Service"),
        "spec": st.fixed_dictionaries(
            {},
            optional={
                "ports": st.lists(PORT, max_size=3) | st.none(),
                "selector": LABELS,
                "clusterIPs": st.lists(NAMES, max_size=2),
                "publishNotReadyAddresses": st.booleans(),
                "sessionAffinityConfig": st.just({"clientIP": {"timeoutSeconds": 5}}),
            },
        ),
        "status": st.just(
            {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}, {"hostname": "x", "ports": [1, {"a": []}]}]}}
        ),
    },
)


@given(SERVICE)
@settings(max_examples=150, deadline=None)
def test_the_driver_reads_what_lark_reads(service: dict[str, Any]) -> None:
    import json

    text = json.dumps(service)
    problems: list[Problem] = []
    ours = parse(TABLES, "service", yaml_events(text, []), {}, {}, problems)
    assert problems == []
    assert ours == parse_with_lark("service", yaml_events(text, []))


def test_every_start_rule_has_a_table() -> None:
    assert set(TABLES.start) == set(START_RULES)


def test_a_grammar_that_must_look_ahead_is_refused() -> None:
    with pytest.raises(ValueError, match="look ahead"):
        condense(lalr.tables("%declare A B\nstart: A B?", ("start",)))


def problems_of(start: str, text: str) -> list[tuple[str, str, int, int]]:
    problems: list[Problem] = []
    parse(TABLES, start, yaml_events(text, []), {}, {}, problems)
    return [(p.code, p.message, p.line, p.column) for p in problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("spec: {clusterip: x}", ("unknown-field", "unknown field `clusterip`", 1, 8)),
        ("spec: {ports: {}}", ("wrong-type", "expected a list, found a map", 1, 15)),
        ("spec: {ports: [5]}", ("wrong-type", "expected a map, found a number 5", 1, 16)),
        ("spec:\n  type: 5", ("wrong-type", "expected a string, found a number 5", 2, 9)),
        ("spec:\n  type: yes", ("wrong-type", "expected a string, found a boolean yes", 2, 9)),
        ('spec: {ports: [{port: "80"}]}', ("wrong-type", "expected a whole number, found a string 80", 1, 23)),
        ("spec: {ports: [{port: 1.5}]}", ("wrong-type", "expected a whole number, found a number 1.5", 1, 23)),
        ("metadata: [a]", ("wrong-type", "expected a map, found a list", 1, 11)),
    ],
)
def test_a_syntax_error_says_what_was_expected_where(text: str, expected: tuple[str, str, int, int]) -> None:
    assert problems_of("service", text) == [expected]


def test_every_error_of_a_document_is_found() -> None:
    text = "metadata: {name: 5, lables: {}}\nspec:\n  ports: [{port: x}, {prt: 1}]\n  typ: y\n"
    assert [code for code, *_ in problems_of("service", text)] == [
        "wrong-type",
        "unknown-field",
        "wrong-type",
        "unknown-field",
        "unknown-field",
    ]


def test_a_misspelt_pod_field_that_counts_is_found_though_others_pass() -> None:
    assert problems_of("pod", "spec: {hostnetwork: true, restartPolicy: Always}") == [
        ("unknown-field", "unknown field `hostnetwork`", 1, 8)
    ]
    assert problems_of("deployment", "spec: {replica: 3, minReadySeconds: 3}") == [
        ("unknown-field", "unknown field `replica`", 1, 8)
    ]
