"""Go's text/template, as far as records are made with it."""

from __future__ import annotations

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


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ .Name }} {{.Type}} {{ .Class }} {{ .Zone }} {{ .Remote }}", "ip-10-1.example. A IN example. 192.0.2.7"),
        ("{{ .Group.last }}{{ index .Match 1 }}{{ .Group.missing }}", "110"),
        ("{{ .Question.Name }}/{{ .Question.Qtype }}/{{ .Question.Qclass }}", "ip-10-1.example./1/1"),
        ('{{ $x := .Type }}{{ $x }}{{ $x = "B" }}{{ $x }}', "AB"),
        ('{{ if and (eq .Type "A" "AAAA") (not false) }}yes{{ else }}no{{ end }}', "yes"),
        ("{{ with .Group.missing }}a{{ else }}b{{ end }}", "b"),
        ("{{ with $y := .Type }}{{ $y }}{{ . }}{{ end }}", "AA"),
        ("{{ range $i, $m := .Match }}{{ $i }}={{ $m }};{{ end }}", "0=ip-10-1.;1=10;2=1;"),
        ('{{ range .Match }}{{ if eq . "10" }}{{ break }}{{ end }}{{ . }}{{ end }}', "ip-10-1."),
        ('{{ range .Match }}{{ if eq . "10" }}{{ continue }}{{ end }}{{ . }},{{ end }}', "ip-10-1.,1,"),
        ("{{ $n := 0 }}{{ range .Match }}{{ $n = len . }}{{ end }}{{ $n }}", "1"),
        ('{{ printf "%03d|%-4s|%q|%x|%%|%v" 7 "a" "b" 255 true }}', '007|a   |"b"|ff|%|true'),
        ('{{ printf "%d" "a" }} {{ printf "%s" }}', "%!d(string=a) %!s(MISSING)"),
        ('{{ parseInt "ff" 16 64 }} {{ len .Name }} {{ slice .Name 0 2 }}', "255 16 ip"),
        ('{{ .Type | printf "%s-%s" "x" }}', "x-A"),
        ('{{ print 1 2 "a" 3 }}', "1 2a3"),
        ('{{ define "t" }}<{{ . }}>{{ end }}{{ template "t" .Type }}', "<A>"),
        ('{{ lt 1 2 }}{{ ge "b" "a" }}{{ ne 1 1 }}', "truetruefalse"),
        ('a {{- " b " -}} c', "a b c"),
        ("{{/* nothing */}}x", "x"),
        ("{{ .Match }}", "[ip-10-1. 10 1]"),
    ],
)
def test_templates_print_as_in_go(template: str, text: str) -> None:
    assert execute(parse_template(template), DATA) == text


@pytest.mark.parametrize(
    "template",
    [
        "{{ .Nope }}",
        "{{ index .Match 9 }}",
        '{{ parseInt "x" 10 8 }}',
        '{{ parseInt "256" 10 8 }}',
        '{{ lt 1 "a" }}',
        '{{ eq 1 "a" }}',
        '{{ template "none" }}',
        "{{ .Name.Foo }}",
        '{{ define "t" }}{{ template "t" }}{{ end }}{{ template "t" }}',
    ],
)
def test_what_go_could_not_carry_out_fails(template: str) -> None:
    with pytest.raises(TemplateFailure):
        execute(parse_template(template), DATA)


@pytest.mark.parametrize("template", ["{{ .Message.Id }}", '{{ .Meta "a/b" }}', "{{ html .Name }}"])
def test_what_is_not_evaluated_is_unknown(template: str) -> None:
    with pytest.raises(Unknown):
        execute(parse_template(template), DATA)


def test_a_template_cannot_grow_without_bound() -> None:
    doubling = "{{ $x := .Name }}" + "{{ $x = print $x $x }}" * 60 + "{{ $x }}"
    with pytest.raises(TemplateFailure, match="more than"):
        execute(parse_template(doubling), DATA)
