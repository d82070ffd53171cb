"""Which of its addresses a host connects from."""

from __future__ import annotations

import pytest

from kcompile.evaluate.packet import Host
from kcompile.ir.addresses import address, address_text

HOST = Host(
    (
        *("192.168.1.11/24", "10.9.8.7/8"),
        *("fd00:192:168:1::11/64", "fd00:5::5/64", "2001:db8:5::5/64", "fe80::11/64"),
    )
)


@pytest.mark.parametrize(
    ("destination", "source"),
    [
        ("192.168.1.11", "192.168.1.11"),
        ("127.0.0.9", "127.0.0.1"),
        ("10.1.2.3", "10.9.8.7"),
        ("8.8.8.8", "192.168.1.11"),
        ("fd00:192:168:1::12", "fd00:192:168:1::11"),
        # Bits in common: the first 27 with fd00:5::5, the first 23 with fd00:192:168:1::11.
        ("fd00:10:96::1", "fd00:5::5"),
        ("fd00:180::1", "fd00:192:168:1::11"),
        # A global address has no bit in common with a unique local one, and many with another global one.
        ("2001:4860::8888", "2001:db8:5::5"),
        ("fe80::99", "fe80::11"),
    ],
)
def test_a_host_connects_from_the_address_that_routing_chooses(destination: str, source: str) -> None:
    family, number = address(destination)
    assert address_text(family, HOST.source_for(family, number)) == source


def test_a_unique_local_address_is_not_for_the_internet() -> None:
    host = Host(("fd00::5/64", "4000::5/64"))
    assert address_text(6, host.source_for(6, address("8000::1")[1])) == "4000::5"
