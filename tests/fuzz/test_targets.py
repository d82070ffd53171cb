"""What fuzzing found stays mended, and every text that it begins with passes."""

from __future__ import annotations

import pytest

from tests.fuzz.targets import TARGETS

FOUND: list[tuple[str, bytes]] = [
    # A key stands twice around a list: to which manifest does that belong?
    ("yaml", b"items:\n- a: b\nitems:\n- c: d\n"),
    # The end of a range is missing.
    ("nft-json", b'{"nftables": [{"set": {"name": "s", "type": "mark", "elem": [{"elem": {"val": {"range": []}}}]}}]}'),
    # An address of the other family to go to.
    (
        "iptables",
        b"*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -s 10.0.0.0/8 -j RETURN\n"
        b"-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination [fd00::1]:80\nCOMMIT\n",
    ),
    # A netmask that is no IPv4 mask, and a real server of the other family.
    (
        "ipvsadm",
        b"-A -t 10.96.0.10:80 -s rr -p 10800 -M 55\n-a -t 10.96.0.10:80 -r 10.244.0.5:8080 -m -w 1\n"
        b"-A -t 10.96.0.10:80 -s rr\n-a -t 10.96.0.10:80 -r [fd00::5]:8080 -m -w 1\n",
    ),
]


@pytest.mark.parametrize(("name", "data"), FOUND)
def test_what_was_found_is_mended(name: str, data: bytes) -> None:
    TARGETS[name].run(data)


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_pass(name: str) -> None:
    seeds = list(TARGETS[name].seeds())
    assert seeds
    for seed in seeds[:6]:
        TARGETS[name].run(seed)
