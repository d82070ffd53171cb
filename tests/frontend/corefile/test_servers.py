"""Keys, ports, and zones that collide."""

from __future__ import annotations

import pytest

from kcompile.frontend.corefile.context import LOOPBACK, Machine
from tests.frontend.corefile.reading import load


def keys(text: str) -> list[str]:
    configuration = load(text)
    assert configuration.rejection is None
    return [key.text for server in configuration.servers for key in server.keys]


def error(text: str, machine: Machine | None = None) -> tuple[str, int | None]:
    rejection = load(text, machine=machine).rejection
    return (rejection.text, rejection.line) if rejection else ("", None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (". {\n}\n", ["dns://.:53"]),
        ("example.org:1053 {\n}\n", ["dns://example.org.:1053"]),
        ("tls://a grpc://b https://c {\n}\n", ["tls://a.:853", "grpc://b.:443", "https://c.:443"]),
        ("a dns://b. {\n}\n", ["dns://a.:53", "dns://b.:53"]),
        ("A.Org {\n}\n", ["dns://A.Org.:53"]),
        ("10.0.0.0/15 {\n}\n", ["dns://0.10.in-addr.arpa.:53", "dns://1.10.in-addr.arpa.:53"]),
        ("http://a {\n}\n", ["dns://http://a.:53"]),
        # Without a server block CoreDNS answers everything with whoami.
        ("", ["dns://.:53"]),
    ],
)
def test_what_keys_stand_for(text: str, expected: list[str]) -> None:
    assert keys(text) == expected


def test_quic_needs_certificates() -> None:
    assert error("quic://a {\n}\n") == ("ListenPacket: quic: tls.Config not set", 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a {\n}\na {\n}\n", ("cannot serve dns://a.:53 - it is already defined", 3)),
        ("a a. {\n}\n", ("cannot serve dns://a.:53 - it is already defined", 1)),
        ("a a:53 {\n}\n", ("cannot serve dns://a.:53 - it is already defined", 1)),
        ("a A {\n}\n", ("", None)),
        ("a tls://a {\n}\n", ("", None)),
        ("a:53 a:54 {\n}\n", ("", None)),
        ("a {\n bind 127.0.0.1\n}\na {\n bind 127.0.0.2\n}\n", ("", None)),
        (
            "a {\n bind 127.0.0.1\n}\na {\n bind 127.0.0.1\n}\n",
            ("cannot serve dns://a.:53 on 127.0.0.1 - it is already defined", 4),
        ),
        (
            "a {\n bind 127.0.0.1\n}\na {\n}\n",
            (
                "cannot serve dns://a.:53 - zone overlap listener capacity with dns://a.:53 on 127.0.0.1",
                4,
            ),
        ),
        (
            "a {\n}\na {\n bind 127.0.0.1\n}\n",
            ("cannot serve dns://a.:53 on 127.0.0.1 - zone overlap listener capacity with dns://a.:53", 3),
        ),
        # Views divide the queries of a zone; only a block without one takes the rest, and it comes last.
        ("a {\n view x {\n  expr true\n }\n}\na {\n}\n", ("", None)),
        ("a {\n}\na {\n view x {\n  expr true\n }\n}\n", ("cannot serve dns://a.:53 - it is already defined", 3)),
    ],
)
def test_zones_are_served_once(text: str, expected: tuple[str, int | None]) -> None:
    assert error(text) == expected


def test_a_key_that_is_no_zone_stops_everything_else() -> None:
    assert error("a..b {\n cache x y\n}\nc: {\n}\n") == (
        "error inspecting server blocks: zone is not a valid domain name: a..b",
        1,
    )
    found = load("a..b {\n}\nc: {\n}\nd {\n whoami x\n}\n").diagnostics
    assert [d.span.line for d in found if d.span] == [1, 3, 6]


def test_a_brace_without_a_blank_is_explained() -> None:
    assert [(d.code, d.hint) for d in load("a{\n}\n").diagnostics] == [("brace-in-zone", "write a blank before {")]


def test_ports_are_looked_at_when_the_server_starts() -> None:
    assert error("a:70000 {\n}\n") == ("address 70000: invalid port", 1)


def test_addresses_must_be_those_of_the_machine() -> None:
    text = ".:53 {\n bind 10.0.0.1\n}\n"
    message = "Listen: listen tcp 10.0.0.1:53: bind: cannot assign requested address"
    # Of a Pod nothing is known.
    assert error(text) == ("", None)
    assert error(text, Machine()) == (message, 2)
    assert error(text, Machine({**LOOPBACK, "eth0": ("10.0.0.1/24",)})) == ("", None)
    assert error(".:53 {\n bind eth0\n}\n", Machine({"eth0": ("10.0.0.1/24", "fe80::1/64")})) == ("", None)
    assert error(".:53 {\n bind 127.0.0.9 ::1 0.0.0.0\n}\n", Machine()) == ("", None)


def test_networks_cannot_fill_the_memory() -> None:
    # Each stands for 128 zones.
    parts = [(first, second) for first in (10, 11) for second in range(200)]
    networks = " ".join(f"{first}.{second}.0.0/17" for first, second in parts)
    assert error(f"{networks} {{\n}}\n") == ("error inspecting server blocks: more than 50000 zones", 1)
    in_blocks = "".join(f"{network} {{\n}}\n" for network in networks.split())
    assert error(in_blocks) == ("error inspecting server blocks: more than 50000 zones", 781)
    assert error(f". {{\n cache 5 {networks}\n}}\n") == ("plugin/cache: more than 50000 zones", 2)
