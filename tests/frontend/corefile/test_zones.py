"""Zones of keys and arguments."""

from __future__ import annotations

import pytest

from kcompile.frontend.corefile.values import ValueProblem
from kcompile.frontend.corefile.zones import normalize_zones, origins, split_scheme, split_zone


@pytest.mark.parametrize(
    ("text", "zones", "port"),
    [
        ("example.org", ("example.org",), ""),
        ("Example.ORG.:53", ("Example.ORG.",), "53"),
        (".", (".",), ""),
        ("a:b:5", ("a:b",), "5"),
        # What is no number after the last colon belongs to the zone.
        ("example.org:dns", ("example.org:dns",), ""),
        ("10.0.0.0/8", ("10.in-addr.arpa.",), ""),
        ("10.0.0.0/15:1053", ("0.10.in-addr.arpa.", "1.10.in-addr.arpa."), "1053"),
        ("10.1.2.3/32", ("3.2.1.10.in-addr.arpa.",), ""),
        ("0.0.0.0/0", ("in-addr.arpa.",), ""),
        ("fd00::/8", ("d.f.ip6.arpa.",), ""),
        ("2001:db8::/31", ("8.b.d.0.1.0.0.2.ip6.arpa.", "9.b.d.0.1.0.0.2.ip6.arpa."), ""),
    ],
)
def test_zones_and_port_of_a_key(text: str, zones: tuple[str, ...], port: str) -> None:
    assert split_zone(text) == (zones, port)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("example.org:", 'expecting data after last colon: "example.org:"'),
        ("a..b", "zone is not a valid domain name: a..b"),
        (f"{'a' * 64}.org", f"zone is not a valid domain name: {'a' * 64}.org"),
        ("a." * 130, "specified zone is too long: 260 > 255"),
        ("::/8", "invalid CIDR ::/8"),
        (":53", "zone is not a valid domain name: "),
        ("", 'expecting data after last colon: ""'),
    ],
)
def test_keys_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueProblem) as caught:
        split_zone(text)
    assert str(caught.value) == message


def test_schemes() -> None:
    assert split_scheme("tls://a") == ("tls", "a")
    assert split_scheme("TLS://a") == ("dns", "TLS://a")
    assert split_scheme("https3://a") == ("dns", "https3://a")
    assert split_scheme("a") == ("dns", "a")


def test_arguments_of_plugins_are_put_in_lower_case_and_malformed_ones_left_out() -> None:
    assert normalize_zones("dns://Example.ORG:53") == ("example.org.",)
    assert normalize_zones("a..b") == ()
    assert origins(("A.org", "a..b", "10.0.0.0/15"), ("dns://x.:53",)) == (
        "a.org.",
        "0.10.in-addr.arpa.",
        "1.10.in-addr.arpa.",
    )
    assert origins((), ("dns://x.:53", "tls://Y.:853")) == ("x.", "y.")
