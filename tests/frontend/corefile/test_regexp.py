"""Regular expressions as Go takes and matches them; tests/data/corefile/regexps.jsonl is recorded from Go's regexp."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from kcompile.frontend.corefile.regexp import RegexpError, TooLarge, compile_regexp
from kcompile.frontend.corefile.regexp_matcher import Matcher
from kcompile.frontend.corefile.regexp_syntax import parse_pattern

DATA = Path(__file__).parents[2] / "data" / "corefile" / "regexps.jsonl"
CASES: list[dict[str, Any]] = [json.loads(line) for line in DATA.read_text().splitlines()]
SUBJECTS = ("", "ab", "abc", "AB", "a\nb", "a.b.svc.cluster.local", "web.example.org.", "ip-10-1.x.")


def test_the_patterns_that_go_refuses_and_its_words() -> None:
    for case in CASES:
        try:
            compile_regexp(case["pattern"])
            message = None
        except RegexpError as error:
            message = str(error)
        assert (case["pattern"], message) == (case["pattern"], case.get("error"))


def test_both_matchers_find_what_go_finds() -> None:
    for case in CASES:
        if "error" in case:
            continue
        regexp = compile_regexp(case["pattern"])
        assert regexp.groups == case["groups"]
        expected = [tuple(match) if match is not None else None for match in case["matches"]]
        careful = Matcher(parse_pattern(case["pattern"]))
        for find in (regexp.find, careful.find):
            assert (case["pattern"], [find(subject) for subject in SUBJECTS]) == (case["pattern"], expected)


def test_a_character_by_its_number_may_have_any_leading_zeros() -> None:
    assert compile_regexp(r"\x{000000000041}").find("A") == ("A",)


def test_groups_have_names() -> None:
    regexp = compile_regexp(r"(?P<first>a)(b)(?P<last>c)")
    assert regexp.names == ("first", "", "last")
    assert regexp.find("xabc") == ("abc", "a", "b", "c")


@pytest.mark.parametrize("pattern", ["(a|a)*b", "(a*)*b", "(.*)*x", "(a|ab|b)*c", "((a+)+)+b"])
def test_no_pattern_takes_for_ever(pattern: str) -> None:
    started = time.monotonic()
    assert compile_regexp(pattern).find("a" * 250) is None
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    "pattern", ["(" * 5000, "(" * 900 + ")" * 900, "a{1000}" * 200, "(a{1000}){1000}", "[a-z" * 1000]
)
def test_size_and_nesting_are_bounded(pattern: str) -> None:
    with suppress(RegexpError, TooLarge):
        compile_regexp(pattern).find("a" * 10)
