"""Session affinity: what one packet leaves in lists and sets, the next one finds."""

from __future__ import annotations

import pytest

from kcompile.evaluate.packet import Memory
from kcompile.ir.ruleset import Ruleset
from kcompile.readers import read_ruleset
from tests.evaluate.following import HOST, arriving, iptables, nft

RECENT = iptables(
    nat="""\
:PREROUTING ACCEPT [0:0]
:SEP-1 - [0:0]
:SEP-2 - [0:0]
-A PREROUTING -m recent --rcheck --seconds 100 --reap --name SEP-1 --mask 255.255.255.255 --rsource -j SEP-1
-A PREROUTING -m recent --rcheck --seconds 100 --reap --name SEP-2 --mask 255.255.255.255 --rsource -j SEP-2
-A PREROUTING -m statistic --mode random --probability 0.50000000000 -j SEP-1
-A PREROUTING -j SEP-2
-A SEP-1 -p tcp -m recent --set --name SEP-1 --rsource -m tcp -j DNAT --to-destination 10.244.0.1:80
-A SEP-2 -p tcp -m recent --set --name SEP-2 --rsource -m tcp -j DNAT --to-destination 10.244.0.2:80"""
)
SETS = nft(
    """\
 set a1 {
  type ipv4_addr
  flags dynamic,timeout
  timeout 100s
 }
 set a2 {
  type ipv4_addr
  flags dynamic,timeout
  timeout 100s
 }
 chain e1 {
  update @a1 { ip saddr }
  meta l4proto tcp dnat to 10.244.0.1:80
 }
 chain e2 {
  update @a2 { ip saddr }
  meta l4proto tcp dnat to 10.244.0.2:80
 }
 chain n {
  type nat hook prerouting priority dstnat
  ip saddr @a1 goto e1
  ip saddr @a2 goto e2
  numgen random mod 2 vmap { 0 : goto e1, 1 : goto e2 }
 }"""
)
IPVS = read_ruleset(
    "-A -t 10.96.0.10:80 -s rr -p 100\n"
    "-a -t 10.96.0.10:80 -r 10.244.0.1:80 -m -w 1\n-a -t 10.96.0.10:80 -r 10.244.0.2:80 -m -w 1\n"
)
MODES = {"iptables": RECENT, "nftables": SETS, "ipvs": IPVS}


def reached(
    rules: Ruleset, seconds: float, memory: Memory | None = None, source: str = "198.51.100.7"
) -> set[str | None]:
    trace = rules.trace(arriving(source=source, seconds=seconds), HOST, memory)
    return {outcome.to for outcome in trace.outcomes}


def after_first(rules: Ruleset, to: str) -> Memory:
    """What the rules remember once the first packet went to `to`."""
    trace = rules.trace(arriving(seconds=0), HOST)
    return next(end.memory for end in trace.ends() if end.outcome.to == to and end.memory)


@pytest.mark.parametrize("mode", MODES)
def test_a_client_keeps_its_endpoint_until_the_timeout(mode: str) -> None:
    rules = MODES[mode]
    assert reached(rules, 0) == {"10.244.0.1:80", "10.244.0.2:80"}
    for to in ("10.244.0.1:80", "10.244.0.2:80"):
        memory = after_first(rules, to)
        assert reached(rules, 60, memory) == {to}
        assert reached(rules, 99, memory) == {to}
        assert len(reached(rules, 101, memory)) == 2


@pytest.mark.parametrize("mode", MODES)
def test_another_client_is_not_bound(mode: str) -> None:
    memory = after_first(MODES[mode], "10.244.0.1:80")
    assert len(reached(MODES[mode], 10, memory, source="198.51.100.8")) == 2


@pytest.mark.parametrize("mode", MODES)
def test_each_packet_starts_the_time_anew(mode: str) -> None:
    rules = MODES[mode]
    memory = after_first(rules, "10.244.0.2:80")
    (end,) = rules.trace(arriving(seconds=80), HOST, memory).ends()
    assert reached(rules, 150, end.memory) == {"10.244.0.2:80"}


def test_hits_are_counted_within_the_seconds() -> None:
    rules = iptables(
        filter=":FORWARD ACCEPT [0:0]\n"
        "-A FORWARD -m recent --update --seconds 60 --hitcount 3 --name x --rsource -j DROP\n"
        "-A FORWARD -m recent --set --name x --rsource"
    )
    memory = None
    verdicts = []
    for seconds in (0, 1, 2, 3, 100):
        (end,) = rules.trace(arriving("10.1.2.3", seconds=seconds), HOST, memory).ends()
        memory = end.memory
        verdicts.append(end.outcome.verdict)
    assert verdicts == ["accept", "accept", "accept", "drop", "accept"]


def test_a_set_that_rules_fill() -> None:
    rules = nft(
        " set seen {\n  type ipv4_addr\n  flags dynamic\n }\n"
        " chain f {\n  type filter hook forward priority 0\n  ip saddr @seen drop\n"
        "  add @seen { ip saddr timeout 10s }\n }"
    )
    (first,) = rules.trace(arriving("10.1.2.3"), HOST).ends()
    assert first.outcome.verdict == "accept"
    (second,) = rules.trace(arriving("10.1.2.3", seconds=9), HOST, first.memory).ends()
    assert second.outcome.verdict == "drop"
    (third,) = rules.trace(arriving("10.1.2.3", seconds=11), HOST, first.memory).ends()
    assert third.outcome.verdict == "accept"


def test_an_ipset_that_rules_fill_and_empty() -> None:
    rules = read_ruleset("create seen hash:ip family inet\nadd seen 10.9.9.9\n") + iptables(
        filter=":FORWARD ACCEPT [0:0]\n"
        "-A FORWARD -s 10.9.9.9 -m set --match-set seen src -j SET --del-set seen src\n"
        "-A FORWARD -m set --match-set seen src -j DROP\n-A FORWARD -j SET --add-set seen src --timeout 10"
    )
    (first,) = rules.trace(arriving("10.1.2.3"), HOST).ends()
    (second,) = rules.trace(arriving("10.1.2.3", seconds=5), HOST, first.memory).ends()
    assert [first.outcome.verdict, second.outcome.verdict] == ["accept", "drop"]
    (removed,) = rules.trace(arriving("10.1.2.3", source="10.9.9.9"), HOST).ends()
    assert removed.outcome.verdict == "accept"
