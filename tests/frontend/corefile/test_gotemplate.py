"""Templates that Go takes or refuses; tests/data/corefile/templates.jsonl is recorded from Go's text/template."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest

from kcompile.frontend.corefile.gotemplate import Action, Call, Constant, Field, Function, If, Pipeline, Range, Text
from kcompile.frontend.corefile.gotemplate_parser import TemplateError, parse_template

DATA = Path(__file__).parents[2] / "data" / "corefile" / "templates.jsonl"


def test_the_templates_that_go_refuses_and_its_words() -> None:
    for line in DATA.read_text().splitlines():
        case = json.loads(line)
        try:
            parse_template(case["template"])
            message = ""
        except TemplateError as error:
            message = str(error)
        assert (case["template"], message) == (case["template"], case["error"])


def field(*names: str) -> Pipeline:
    return Pipeline((), False, ((Field(names),),))


def test_the_tree_of_a_template() -> None:
    template = parse_template("{{ .Name }} 60 IN A {{ index .Match 1 }}")
    assert template.body == (
        Action(field("Name")),
        Text(" 60 IN A "),
        Action(Pipeline((), False, ((Function("index"), Field(("Match",)), Constant(1)),))),
    )


def test_branches_loops_and_named_templates() -> None:
    text = (
        '{{ define "t" }}x{{ end }}{{ if .A }}a{{ else if .B }}b{{ end -}}  {{ range .C }}{{ template "t" . }}{{ end }}'
    )
    template = parse_template(text)
    branch, loop = template.body
    assert isinstance(branch, If)
    assert branch.body == (Text("a"),)
    assert branch.otherwise == (If(field("B"), (Text("b"),), ()),)
    assert isinstance(loop, Range)
    assert isinstance(loop.body[0], Call)
    assert template.definitions == (("t", (Text("x"),)),)


@pytest.mark.parametrize(
    "text", ["{{" + "(" * 5000, "{{ if .A }}" * 5000, "{{ .A" + ".B" * 5000 + " }}", "{{ .A" + " | len" * 5000 + " }}"]
)
def test_nesting_is_bounded(text: str) -> None:
    with suppress(TemplateError):
        parse_template(text)
