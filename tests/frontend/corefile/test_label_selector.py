"""Label selectors of the kubernetes plugin."""

from __future__ import annotations

import pytest

from kcompile.frontend.corefile.label_selector import LabelSelector, Requirement, SelectorProblem, parse_label_selector


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("a=b", (Requirement("a", "In", ("b",)),)),
        ("a==b,c", (Requirement("a", "In", ("b",)), Requirement("c", "Exists"))),
        ("!a", (Requirement("a", "DoesNotExist"),)),
        ("a in (y, x,y)", (Requirement("a", "In", ("x", "y")),)),
        ("a notin (x,)", (Requirement("a", "NotIn", ("", "x")),)),
        ("a=", (Requirement("a", "In", ("",)),)),
        # CoreDNS keeps those with = in a map: the last counts.
        ("a=x,a=y", (Requirement("a", "In", ("y",)),)),
        # `in` is a key like any other.
        ("in in (in)", (Requirement("in", "In", ("in",)),)),
        ("example.org/tier=web", (Requirement("example.org/tier", "In", ("web",)),)),
    ],
)
def test_requirements(text: str, expected: tuple[Requirement, ...]) -> None:
    assert parse_label_selector(text) == LabelSelector(expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a!=b", '"!=" is not a valid label selector operator'),
        ("a>1", '"gt" isn\'t supported in label selectors'),
        ("a,", "couldn't parse the selector string \"a,\": found '', expected: identifier after ','"),
        ("a in", "couldn't parse the selector string \"a in\": unable to parse requirement: found '' expected: '('"),
        ("a in ()", None),
        ("a b", None),
        ("-a", None),
        ("a=-b-", None),
        (",a", "couldn't parse the selector string \",a\": found ',', expected: !, identifier, or 'end of string'"),
        ("a in (b", None),
        ("((((", None),
    ],
)
def test_selectors_that_are_refused(text: str, message: str | None) -> None:
    with pytest.raises(SelectorProblem) as caught:
        parse_label_selector(text)
    assert message is None or str(caught.value) == message
