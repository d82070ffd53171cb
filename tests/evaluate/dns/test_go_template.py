"""Go's text/template, as far as records are made with it; template_outputs.jsonl is recorded from Go's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kcompile.evaluate.dns.chain import Unknown
from kcompile.evaluate.dns.go_template import Data, TemplateFailure, execute
from kcompile.evaluate.dns.queries import Question
from kcompile.frontend.corefile.gotemplate_parser import parse_template

DATA = Data(
    zone="example.",
    name="ip-10-1.example.",
    regex="^ip-([0-9]+)-([0-9]+)[.]",
    match=("ip-10-1.", "10", "1"),
    group={"0": "ip-10-1.", "1": "10", "2": "1", "last": "1"},
    rdclass="IN",
    type="A",
    question=Question("ip-10-1.example.", "A"),
    remote="192.0.2.7",
)


RECORDED = Path(__file__).parents[2] / "data" / "corefile" / "template_outputs.jsonl"


def test_templates_print_and_fail_as_in_go() -> None:
    for line in RECORDED.read_text().splitlines():
        case = json.loads(line)
        try:
            output = execute(parse_template(case["template"]), DATA)
        except TemplateFailure:
            output = None
        assert (case["template"], output) == (case["template"], case.get("output"))


def test_a_template_that_calls_itself_fails() -> None:
    with pytest.raises(TemplateFailure):
        execute(parse_template('{{ define "t" }}{{ template "t" }}{{ end }}{{ template "t" }}'), DATA)


@pytest.mark.parametrize(
    "template", ["{{ .Message.Id }}", '{{ .Meta "a/b" }}', "{{ html .Name }}", "{{ . }}", '{{ printf "%T" 1 }}']
)
def test_what_is_not_evaluated_is_unknown(template: str) -> None:
    with pytest.raises(Unknown):
        execute(parse_template(template), DATA)


def test_a_template_cannot_grow_without_bound() -> None:
    doubling = "{{ $x := .Name }}" + "{{ $x = print $x $x }}" * 60 + "{{ $x }}"
    with pytest.raises(TemplateFailure, match="more than"):
        execute(parse_template(doubling), DATA)
