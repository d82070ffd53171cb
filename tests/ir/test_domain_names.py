"""Domain names and addresses as CoreDNS reads and prints them."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcompile.ir.domain_names import (
    absolute,
    address_of_reverse_name,
    canonical_address,
    escape,
    folded,
    is_below_reverse_zone,
    is_domain_name,
    is_subdomain,
    longest_match,
    normalize,
    reverse_name,
    split,
    unescape,
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("example", "example."),
        ("Example.ORG.", "Example.ORG."),
        (".", "."),
        ("", "."),
        (r"a\.b.c", r"a\.b.c."),
        (r"a\065b", "aAb."),
        (r"a\032b", r"a\ b."),
        ("a b", r"a\ b."),
        ("ü", r"\195\188."),
        ("_http._tcp.x", "_http._tcp.x."),
        ("*", "*."),
        ("x" * 63, "x" * 63 + "."),
    ],
)
def test_names_take_one_form(text: str, name: str) -> None:
    assert normalize(text) == name
    assert normalize(name) == name


@pytest.mark.parametrize("text", ["..", "a..b", ".a", "x" * 64, "\\", "a\\", r"\256", r"\25", ".".join(["x" * 60] * 5)])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        normalize(text)


@pytest.mark.parametrize("name", [".", "a", "a.b.", "_x._y", "*", "a\\.b", "a\\065", "é", "a b", "-", "a" * 63])
def test_domain_names(name: str) -> None:
    assert is_domain_name(name)


@pytest.mark.parametrize("name", ["", "..", ".a", "a..b", "a" * 64, "é."])
def test_no_domain_names(name: str) -> None:
    assert not is_domain_name(name)


def test_a_final_dot_may_be_escaped() -> None:
    assert absolute("a") == "a."
    assert absolute("a.") == "a."
    assert absolute("a\\.") == "a\\.."
    assert absolute("a\\\\.") == "a\\\\."


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=8))
def test_labels_of_any_octets_come_back(labels: list[bytes]) -> None:
    name = ".".join(map(escape, labels)) + "."
    assert list(map(unescape, split(name))) == labels
    assert normalize(name) == name


@given(st.text(max_size=300))
def test_any_text_is_a_name_or_an_error(text: str) -> None:
    try:
        name = normalize(text)
    except ValueError:
        return
    assert normalize(name) == name
    assert name.isascii()


@pytest.mark.parametrize(
    ("zone", "name", "inside"),
    [
        (".", "x.", True),
        ("example.", "example.", True),
        ("example.", "A.EXAMPLE.", True),
        ("example.", "anexample.", False),
        ("b.example.", "example.", False),
        ("b.example.", r"a\.b.example.", False),
    ],
)
def test_subdomains_are_told_by_labels(zone: str, name: str, inside: bool) -> None:
    assert is_subdomain(zone, name) is inside


def test_names_are_compared_absolute_and_in_lower_case() -> None:
    assert folded("A.Org") == "a.org."
    assert folded("É.") == "é."


def test_the_reverse_zones_themselves_count_as_ordinary_ones() -> None:
    assert is_below_reverse_zone("10.in-addr.arpa.")
    assert not is_below_reverse_zone("in-addr.arpa.")


def test_the_longest_zone_matches() -> None:
    assert longest_match((".", "b.c.", "c."), "a.b.c.") == "b.c."
    assert longest_match(("b.c.",), "c.") == ""


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("010.0.0.1", ""),
        ("10.0.0.256", ""),
        ("10.0.0", ""),
        ("fd00:0::AA", "fd00::aa"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("fe80::1%eth0", ""),
        ("web", ""),
        ("", ""),
        ("1٠.0.0.1", ""),
    ],
)
def test_addresses_are_written_as_go_writes_them(text: str, address: str) -> None:
    assert canonical_address(text) == address


@given(st.ip_addresses())
def test_addresses_come_back_from_their_reverse_names(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    text = canonical_address(str(address))
    if ":" in text or address.version == 4:
        assert address_of_reverse_name(reverse_name(str(address))) == text


@pytest.mark.parametrize("name", ["1.0.0.10.example.", "10.in-addr.arpa.", "a.b.c.d.in-addr.arpa.", "f.ip6.arpa."])
def test_other_names_stand_for_no_address(name: str) -> None:
    assert address_of_reverse_name(name) == ""
