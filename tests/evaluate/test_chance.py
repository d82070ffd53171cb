"""Probabilities are exact: what a rule rounds is taken for the fraction that was meant."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcompile.readers.values import probability
from tests.evaluate.following import arriving, ends, follow, iptables, nft


@given(st.integers(1, 20_000))
def test_one_nth_is_read_back_from_ten_decimals_as_kube_proxy_writes_it(n: int) -> None:
    assert probability(f"{1 / n:0.10f}") == Fraction(1, n)


@given(st.integers(1, 20_000))
def test_one_nth_is_read_back_from_eleven_decimals_as_iptables_prints_it(n: int) -> None:
    assert probability(f"{round((1 << 31) / n) / (1 << 31):0.11f}") == Fraction(1, n)


@pytest.mark.parametrize(
    ("text", "fraction"),
    [("0.33333333349", "1/3"), ("0.5", "1/2"), ("0.70000000019", "7/10"), ("1", "1"), ("0", "0")],
)
def test_a_rounded_probability_is_the_simplest_one_near(text: str, fraction: str) -> None:
    assert probability(text) == Fraction(fraction)


@pytest.mark.parametrize("text", ["", "2", "-0.5", "1.5", "0.5x", "nan", "1e-3", "." + "9" * 40])
def test_what_is_no_probability(text: str) -> None:
    with pytest.raises(ValueError):
        probability(text)


def test_a_chain_of_statistic_rules_shares_evenly() -> None:
    lines = [":PREROUTING ACCEPT [0:0]"]
    for n in range(7, 0, -1):
        chance = f"-m statistic --mode random --probability {1 / n:0.10f} " if n > 1 else ""
        lines.append(f"-A PREROUTING {chance}-j DNAT --to-destination 10.244.0.{n}")
    found = follow(iptables(nat="\n".join(lines)), arriving()).outcomes
    assert [outcome.probability for outcome in found] == [Fraction(1, 7)] * 7


def test_numgen_shares_evenly_over_the_intervals_of_its_map() -> None:
    rules = nft(
        "chain n {\n type nat hook prerouting priority dstnat;\n"
        " dnat to numgen random mod 10 map { 0-6 : 10.244.0.1, 7-9 : 10.244.0.2 }\n}"
    )
    assert ends(rules, arriving()) == ["7/10 dnat 10.244.0.1:80", "3/10 dnat 10.244.0.2:80"]


def test_numbers_that_a_map_does_not_have_fall_through() -> None:
    rules = nft(
        "chain a {\n drop\n}\n"
        "chain f {\n type filter hook forward priority 0;\n numgen random mod 4 offset 10 vmap { 10 : goto a }\n}"
    )
    assert ends(rules, arriving()) == ["1/4 drop", "3/4 accept"]


@pytest.mark.parametrize("number", ["numgen random mod 4 < 1", "numgen inc mod 4 == 3", "jhash ip saddr mod 4 1"])
def test_a_number_compared(number: str) -> None:
    rules = nft(f"chain f {{\n type filter hook forward priority 0;\n {number} drop\n}}")
    assert ends(rules, arriving()) == ["1/4 drop", "3/4 accept"]


def test_statistic_as_nft_lists_it() -> None:
    rules = nft("chain f {\n type filter hook forward priority 0;\n meta random & 2147483647 < 715827883 drop\n}")
    assert ends(rules, arriving()) == ["1/3 drop", "2/3 accept"]


def test_every_nth_packet() -> None:
    rules = iptables(filter=":FORWARD ACCEPT [0:0]\n-A FORWARD -m statistic --mode nth --every 3 --packet 0 -j DROP")
    assert ends(rules, arriving()) == ["1/3 drop", "2/3 accept"]


def test_ways_that_end_alike_add_up() -> None:
    rules = nft(
        "chain n {\n type nat hook prerouting priority dstnat;\n"
        " numgen random mod 2 < 1 dnat to 10.244.0.1\n numgen random mod 3 < 1 dnat to 10.244.0.2\n"
        " dnat to 10.244.0.1\n}"
    )
    assert ends(rules, arriving()) == ["5/6 dnat 10.244.0.1:80", "1/6 dnat 10.244.0.2:80"]


def test_masquerading_is_told_for_each_way() -> None:
    rules = nft(
        "chain n {\n type nat hook prerouting priority dstnat;\n"
        " dnat to numgen random mod 2 map { 0 : 10.244.0.5, 1 : 10.244.1.6 }\n}\n"
        "chain p {\n type nat hook postrouting priority srcnat;\n"
        " ip saddr . ip daddr { 10.244.0.5 . 10.244.0.5 } masquerade\n}"
    )
    assert ends(rules, arriving(source="10.244.0.5")) == [
        "1/2 dnat 10.244.0.5:80 as 192.168.1.11",
        "1/2 dnat 10.244.1.6:80",
    ]


def test_a_range_of_addresses_is_shared() -> None:
    rules = iptables(nat=":PREROUTING ACCEPT [0:0]\n-A PREROUTING -j DNAT --to-destination 10.244.0.1-10.244.0.2")
    assert ends(rules, arriving()) == ["1/2 dnat 10.244.0.1:80", "1/2 dnat 10.244.0.2:80"]
