"""`{$NAME}` and `{%NAME%}`."""

from __future__ import annotations

import pytest

from kcompile.frontend.corefile.variables import VariableLoop, replace_variables, undefined_variables

ENVIRONMENT = {"A": "a", "B": "b c", "REF": "{$A}", "WINDOWS": "{%A%}", "A:x": "colon"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("{$A}", "a"),
        ("{%A%}", "a"),
        ("x{$A}y{$A}z{%B%}", "xayazb c"),
        ("{$NONE}", ""),
        # There are no default values: everything up to the brace is the name.
        ("{$A:x}", "colon"),
        ("{$A:y}", ""),
        # What is no reference stays.
        ("{$}", "{$}"),
        ("{%%}", "{%%}"),
        ("{%}", "{%}"),
        ("{$A", "{$A"),
        ("$A", "$A"),
        ("{A}", "{A}"),
        # A value is looked at again; {% comes before {$, so it is not found any more.
        ("{$REF}", "a"),
        ("{%REF%}", "a"),
        ("{$WINDOWS}", "{%A%}"),
    ],
)
def test_references_give_way_to_values(text: str, expected: str) -> None:
    assert replace_variables(text, ENVIRONMENT) == expected


@pytest.mark.parametrize(
    "environment", [{"A": "{$A}"}, {"A": "x{$B}", "B": "y{$A}"}, {"A": "{$A}{$A}"}], ids=["itself", "two", "growing"]
)
def test_a_variable_that_leads_to_itself_is_found_out(environment: dict[str, str]) -> None:
    with pytest.raises(VariableLoop):
        replace_variables("{$A}", environment)


def test_variables_without_a_value_are_named() -> None:
    assert undefined_variables("{$X}{%Y%}{$A}{$}", ENVIRONMENT) == ("X", "Y")
