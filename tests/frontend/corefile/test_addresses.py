"""Addresses as Go's net package reads them."""

from __future__ import annotations

import pytest

from kcompile.frontend.corefile.addresses import join_host_port, parse_cidr, parse_ip, parse_port, split_host_port
from kcompile.frontend.corefile.values import ValueProblem


@pytest.mark.parametrize("text", ["10.0.0.1", "::", "fe80::1", "::ffff:10.0.0.1", "1:2:3:4:5:6:7:8"])
def test_addresses(text: str) -> None:
    assert parse_ip(text) is not None


@pytest.mark.parametrize(
    "text", ["", "10.0.0", "10.0.0.01", "10.0.0.256", "fe80::1%eth0", "::1::", "١.0.0.1", "10.0.0.1/8"]
)
def test_no_addresses(text: str) -> None:
    assert parse_ip(text) is None


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("fd00::1/64", "fd00::/64"),
        ("10.0.0.1", None),
        ("10.0.0.1/33", None),
        ("10.0.0.1/", None),
        ("10.0.0.1/+8", None),
        ("10.0.0.0/255.0.0.0", None),
    ],
)
def test_networks(text: str, network: str | None) -> None:
    parsed = parse_cidr(text)
    assert (str(parsed[1]) if parsed else None) == network


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a:53", ("a", "53")), ("[::1]:53", ("::1", "53")), (":53", ("", "53")), ("a:", ("a", "")), ("[a]:b", ("a", "b"))],
)
def test_host_and_port(text: str, expected: tuple[str, str]) -> None:
    assert split_host_port(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a", "missing port in address"),
        ("::1", "too many colons in address"),
        ("[::1]", "missing port in address"),
        ("[::1]a:5", "missing port in address"),
        ("[::1", "missing ']' in address"),
        ("a]:5", "unexpected ']' in address"),
        ("[[a]:5", "unexpected '[' in address"),
    ],
)
def test_no_host_and_port(text: str, reason: str) -> None:
    with pytest.raises(ValueProblem, match=f"^address .*: {reason.replace('[', '.').replace(']', '.')}$"):
        split_host_port(text)


def test_an_ipv6_host_gets_brackets() -> None:
    assert join_host_port("::1", "53") == "[::1]:53"
    assert join_host_port("10.0.0.1", "53") == "10.0.0.1:53"


def test_ports() -> None:
    assert (parse_port("53"), parse_port(""), parse_port("domain"), parse_port("HTTPS")) == (53, 0, 53, 443)
    for text in ("65536", "-1", "99999999999999999999", "nowhere", "5 3"):
        with pytest.raises(ValueProblem):
            parse_port(text)
