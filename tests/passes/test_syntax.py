"""The grammars of names and other values."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcompile.passes import syntax

GRAMMARS: dict[str, Callable[[str], object]] = {
    "dns_label": syntax.is_dns_label,
    "subdomain": syntax.is_subdomain,
    "label_value": syntax.is_label_value,
    "qualified_name": syntax.is_qualified_name,
    "port_name": syntax.is_port_name,
    "duration": syntax.is_duration,
    "timestamp": syntax.is_timestamp,
    "interface": syntax.is_interface,
    "file_path": syntax.is_file_path,
    "word": syntax.is_word,
    "kind": syntax.is_kind,
    "search_domain": syntax.is_search_domain,
}

GOOD = {
    "dns_label": ["a", "web", "1-2", "a" * 63],
    "subdomain": ["a", "a.b", "www.example.com", "1.2.3.4", "a" * 253],
    "label_value": ["", "a", "A_b.c-d", "1", "x" * 63],
    "qualified_name": ["app", "app.kubernetes.io/name", "a/B_c.d", "a" * 253 + "/" + "b" * 63],
    "port_name": ["http", "a", "1a", "http-2", "a" * 15],
    "duration": ["0", "15m0s", "1.5h", "100ms", ".5s"],
    "timestamp": ["2024-01-02T00:00:00Z", "2024-01-02T00:00:00.123456Z", "2024-01-02T00:00:00+02:00"],
    "interface": ["eth0", "cali", "cni0", "_x", "a" * 15],
    "file_path": ["/etc/resolv.conf", "/"],
    "word": ["ndots", "2", "edns0", "a:b"],
    "kind": ["Pod", "ReplicaSet"],
    "search_domain": [".", "a.b.", "_tcp.example.com", "example.com"],
}

BAD = {
    "dns_label": ["", "A", "-a", "a-", "a.b", "a" * 64, "é", "a_b"],
    "subdomain": ["", ".", "a.", ".a", "a..b", "A.b", "a" * 254, "a_b.c"],
    "label_value": ["-", "a-", "x" * 64, "a/b", "é"],
    "qualified_name": ["", "/a", "a/", "a/b/c", "A/b", "a" * 64, "a" * 254 + "/b"],
    "port_name": ["", "80", "a--b", "-a", "a-", "A", "a" * 16, "a_b"],
    "duration": ["", "15", "-1s", "1 s", "1d", "s", "１s"],
    "timestamp": ["", "now", "2024-01-02", "2024-01-02 00:00:00Z"],
    "interface": ["", "-i", "a" * 16, "eth0+", "a b", "!x"],
    "file_path": ["", "etc", "/a b", '/a"', "/a\\b"],
    "word": ["", "a b", "a;b", "#"],
    "kind": ["", "1", "Pod/x"],
    "search_domain": ["", "..", "a b", "a..b", "-a"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in GOOD.items() for text in texts])
def test_a_good_value_matches(name: str, text: str) -> None:
    assert GRAMMARS[name](text)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in BAD.items() for text in texts])
def test_a_bad_value_does_not(name: str, text: str) -> None:
    assert not GRAMMARS[name](text)


HOSTILE = st.sampled_from([*" \t\n\r\v\f\0\"'`\\$;|&<>(){}[]#!*?=,", "\u2028", "\xa0", "１", "é"])


@pytest.mark.parametrize("name", sorted(GRAMMARS))
@given(data=st.data())
def test_no_grammar_admits_a_hostile_character(name: str, data: st.DataObject) -> None:
    good = data.draw(st.sampled_from(GOOD[name]))
    at = data.draw(st.integers(0, len(good)))
    assert not GRAMMARS[name](good[:at] + data.draw(HOSTILE) + good[at:])


@pytest.mark.parametrize("name", sorted(GRAMMARS))
def test_an_endless_value_is_refused_at_once(name: str) -> None:
    assert not GRAMMARS[name]("a" * 1_000_000 + "!")
    assert not GRAMMARS[name]("a." * 500_000 + "!")


@pytest.mark.parametrize(
    ("value", "text"),
    [("web", "web"), (80, "80"), ("", "''"), ("a\nb", "'a\\nb'"), ("\x1b[31m", "'\\x1b[31m'"), ("é", "'\\xe9'")],
)
def test_a_value_is_shown_on_one_line_of_ascii(value: object, text: str) -> None:
    assert syntax.shown(value) == text


def test_a_number_that_python_will_not_print_is_shown_all_the_same() -> None:
    assert syntax.shown(1 << 100_000) == "a number of thousands of digits"


def test_a_long_value_is_cut_where_it_is_shown() -> None:
    assert len(syntax.shown("a" * 10_000)) == 80
