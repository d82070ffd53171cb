"""In which order plugins are set up, and what is said when several things are wrong."""

from __future__ import annotations

import time

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


@pytest.mark.parametrize(
    ("lines", "line", "hint"),
    [
        ("cache {\n success 10s\n}", 3, "write a number without a unit: 10 if seconds are meant"),
        ("cache {\n success many\n}", 3, "write a whole number"),
        ("cache {\n servfail 5\n}", 3, "write 5s for seconds"),
        ("reload often", 2, "write a duration such as 30s, 5m or 1h30m"),
        ("kubernetes a {\n pods insecur\n}", 3, "did you mean `insecure`?"),
        (
            'view a {\n expr name() == "x."\n}',
            3,
            "write texts in single quotes: the double ones around a word belong to the Corefile",
        ),
    ],
)
def test_an_error_says_what_to_write_instead(lines: str, line: int, hint: str) -> None:
    (diagnostic,) = load(f". {{\n{lines}\n}}\n").diagnostics
    assert diagnostic.span
    assert (diagnostic.span.line, diagnostic.hint) == (line, hint)


def test_what_is_wrong_with_a_plugin_as_a_whole_stands_at_its_name() -> None:
    rejection = load(". {\n forward . " + "1.1.1.1 " * 16 + "{\n  expire 5s\n }\n}\n").rejection
    assert rejection
    assert (rejection.text, rejection.line) == ("plugin/forward: more than 15 TOs configured: 16", 2)


def test_many_words_and_many_errors_take_no_longer_than_that() -> None:
    """Each of these took minutes when the words of a wrong property were looked for one by one."""
    started = time.process_time()
    load(". {\n forward . " + "1.1.1.1 " * 10_000 + "\n}\n")
    load(". {\n forward . 1.1.1.1 {\n" + "  max_fails x\n" * 3_000 + " }\n}\n")
    load(". {\n reload " + "1h" * 200_000 + "\n}\n")
    load("\n".join(["a {", *(f"unknown{n}" for n in range(3_000)), "}"]))
    assert time.process_time() - started < 10
