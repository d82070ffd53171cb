"""In which order plugins are set up, and what is said when several things are wrong."""

from __future__ import annotations

import pytest

from kcompile.frontend.corefile.directives import DIRECTIVES
from kcompile.frontend.corefile.plugins.registry import SETUPS
from tests.frontend.corefile.reading import load


def found(text: str) -> list[tuple[int, str]]:
    """Line and message of every error."""
    return [(d.span.line, d.message) for d in load(text).diagnostics if d.span and d.severity.value == "error"]


def test_every_directive_has_a_setup() -> None:
    assert set(SETUPS) == set(DIRECTIVES)


def test_plugins_run_in_the_compiled_order() -> None:
    (server,) = load(". {\n whoami\n cache\n errors\n bind 127.0.0.1\n log\n}\n").servers
    assert [plugin.name for plugin in server.plugins] == ["bind", "errors", "log", "cache", "whoami"]


def test_coredns_names_the_error_that_its_order_comes_to_first() -> None:
    text = "a {\n whoami x\n cache 0\n}\nb {\n errors x\n}\n"
    rejection = load(text).rejection
    assert rejection
    assert rejection.text == "plugin/errors: Corefile:6 - Error during parsing: invalid log file: x"
    assert [line for line, _ in found(text)] == [6, 3, 2]


def test_every_wrong_line_of_a_plugin_is_found() -> None:
    text = ". {\n forward . 8.8.8.8 {\n  a\n  policy x\n  max_fails -1\n  expire 5s\n  b {\n   c\n  }\n }\n}\n"
    assert [line for line, _ in found(text)][:3] == [3, 4, 5]


def test_every_wrong_occurrence_of_a_plugin_is_found() -> None:
    assert [line for line, _ in found(". {\n rewrite a\n rewrite name a b\n rewrite c\n}\n")] == [2, 4]


def test_where_a_plugin_fails_the_others_are_set_up() -> None:
    (server,) = load(". {\n cache 0\n whoami\n}\n").servers
    assert [(plugin.name, plugin.settings is None) for plugin in server.plugins] == [("cache", True), ("whoami", False)]


def test_errors_of_one_plugin_are_counted_up_to_a_hundred() -> None:
    assert len(found(". {\n" + " cache 0\n" * 300 + "}\n")) == 100


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("autopath @cache\n cache", "plugin/autopath: cache does not implement the AutoPather interface"),
        ("k8s_external a", "plugin/k8s_external: kubernetes plugin not loaded"),
    ],
)
def test_plugins_that_need_another_one_are_checked_at_the_start(text: str, message: str) -> None:
    rejection = load(f". {{\n {text}\n}}\n").rejection
    assert rejection
    assert (rejection.text, rejection.line) == (message, 2)
