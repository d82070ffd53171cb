"""Addresses, CIDRs and ranges."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcompile.passes.addresses import (
    AddressRange,
    format_address,
    parse_address,
    parse_cidr,
    parse_range,
    special,
)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("255.255.255.255", "255.255.255.255"),
        ("::", "::"),
        ("fd00::1", "fd00::1"),
        ("FD00:0010:0244:0000:0000:0000:0000:000D", "fd00:10:244::d"),
        ("FD00:10:244:0::5", "fd00:10:244::5"),
        ("64:ff9b::192.0.2.1", "64:ff9b::c000:201"),
    ],
)
def test_an_address_is_read_however_it_is_written(text: str, canonical: str) -> None:
    address = parse_address(text)
    assert address is not None
    assert format_address(address) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.0.0",
        "10.0.0.256",
        "10.0.0.01",
        "010.0.0.1",
        "10.0.0.1 ",
        " 10.0.0.1",
        "10.0.0.1\n",
        "10.0.0.1/32",
        "1e1.0.0.1",
        "٣.0.0.1",
        "１0.0.0.1",
        "fe80::1%eth0",
        "fe80::1%25",
        "::ffff:10.0.0.1",
        "::ffff:a00:1",
        "fd00:::1",
        "fd00::1::2",
        "12345::",
        "[fd00::1]",
        "fd00::1\n",
        "1:2:3:4:5:6:7:8:9",
        "-j ACCEPT",
        "0x0a000001",
        "167772161",
    ],
)
def test_what_is_not_an_address_is_refused(text: str) -> None:
    assert parse_address(text) is None


@given(st.ip_addresses())
def test_canonical_text_is_that_of_the_standard_library(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    parsed = parse_address(str(address))
    if address.version == 6 and address.ipv4_mapped:
        assert parsed is None
    else:
        assert parsed == (address.version, int(address))
        assert format_address(parsed) == str(address)


@given(st.text(alphabet="0123456789abcdefABCDEF:./% \n", max_size=45))
def test_nothing_is_an_address_that_the_standard_library_refuses(text: str) -> None:
    if parse_address(text) is not None:
        ipaddress.ip_address(text)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("10.1.2.3/16", "10.1.0.0", "10.1.255.255"),
        ("0.0.0.0/0", "0.0.0.0", "255.255.255.255"),
        ("1.2.3.4/32", "1.2.3.4", "1.2.3.4"),
        ("fd00::/108", "fd00::", "fd00::f:ffff"),
        ("::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("192.0.2.10-192.0.2.20", "192.0.2.10", "192.0.2.20"),
        ("192.0.2.10 - 192.0.2.20", "192.0.2.10", "192.0.2.20"),
    ],
)
def test_a_range_has_its_ends(text: str, first: str, last: str) -> None:
    parsed = parse_range(text)
    assert parsed is not None
    assert format_address((parsed.family, parsed.first)) == first
    assert format_address((parsed.family, parsed.last)) == last


@pytest.mark.parametrize(
    "text",
    ["10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/+8", "10.0.0.0/٨", "fd00::/129", "/8", "a/8"],
)
def test_what_is_not_a_cidr_is_refused(text: str) -> None:
    assert parse_cidr(text) is None


@pytest.mark.parametrize("text", ["192.0.2.20-192.0.2.10", "192.0.2.1-fd00::1", "192.0.2.1-", "-192.0.2.1"])
def test_a_range_runs_upwards_within_a_family(text: str) -> None:
    assert parse_range(text) is None


def test_a_range_knows_what_it_holds_without_being_expanded() -> None:
    whole = parse_cidr("::/0")
    assert whole is not None
    assert whole.size == 2**128
    assert (6, 5) in whole
    assert (4, 5) not in whole
    assert (4, 9) not in AddressRange(4, 1, 8)


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",
        "127.0.0.1",
        "127.255.0.1",
        "169.254.1.1",
        "224.0.0.251",
        "::",
        "::1",
        "fe80::1",
        "febf::1",
        "ff02::1",
        "ff12::1",
    ],
)
def test_a_special_address_says_why(text: str) -> None:
    address = parse_address(text)
    assert address is not None
    assert special(address)


@pytest.mark.parametrize("text", ["10.0.0.1", "224.0.1.1", "0.0.0.1", "fec0::1", "ff05::1", "::2", "255.255.255.255"])
def test_an_ordinary_address_is_not_special(text: str) -> None:
    address = parse_address(text)
    assert address is not None
    assert special(address) == ""
