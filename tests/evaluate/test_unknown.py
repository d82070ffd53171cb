"""What is not known makes unknown only what depends on it."""

from __future__ import annotations

from tests.evaluate.following import arriving, ends, follow, iptables, nft, sent

BPF = '-m bpf --bytecode "1,6 0 0 1"'


def filtered(*rules: str, policy: str = "ACCEPT") -> str:
    return "\n".join([f":FORWARD {policy} [0:0]", ":X - [0:0]", *(f"-A {rule}" for rule in rules)])


def forwarded(*rules: str, policy: str = "ACCEPT") -> list[str]:
    return ends(iptables(filter=filtered(*rules, policy=policy)), arriving("10.1.2.3"))


def test_an_unknown_match_before_a_drop() -> None:
    rules = iptables(filter=filtered(f"FORWARD {BPF} -j DROP"))
    (outcome,) = follow(rules, arriving("10.1.2.3")).outcomes
    assert outcome.verdict == "unknown"
    assert "bpf" in outcome.reason
    assert "line 4" in outcome.reason


def test_an_unknown_match_does_not_matter_where_both_ways_end_alike() -> None:
    assert forwarded(f"FORWARD {BPF} -j DROP", "FORWARD -j DROP") == ["1 drop"]
    assert forwarded(f"FORWARD {BPF} -j ACCEPT") == ["1 accept"]
    assert forwarded(f"FORWARD {BPF} -j X", "X -j RETURN") == ["1 accept"]


def test_an_unknown_match_does_not_matter_where_another_match_of_the_rule_fails() -> None:
    assert forwarded(f"FORWARD {BPF} -s 10.244.0.0/16 -j DROP") == ["1 accept"]
    assert forwarded(f"FORWARD {BPF} -m mark --mark 1 -j DROP") == ["1 accept"]


def test_an_unknown_match_does_not_matter_before_a_log() -> None:
    assert forwarded(f"FORWARD {BPF} -j LOG", f"FORWARD {BPF}") == ["1 accept"]


def test_the_same_unknown_match_holds_or_fails_throughout() -> None:
    assert forwarded(f"FORWARD {BPF} -j DROP", f"FORWARD ! -s 1.1.1.1 {BPF} -j ACCEPT", "FORWARD -j DROP") == ["1 drop"]


def test_what_is_certain_of_a_choice_stays_certain() -> None:
    rules = iptables(
        filter=filtered(f"FORWARD -d 10.244.0.1 {BPF} -j DROP"),
        nat=":PREROUTING ACCEPT [0:0]\n"
        "-A PREROUTING -m statistic --mode random --probability 0.25 -j DNAT --to-destination 10.244.0.1\n"
        "-A PREROUTING -j DNAT --to-destination 10.244.0.2",
    )
    found = {(outcome.verdict, str(outcome.probability)) for outcome in follow(rules, arriving("10.1.2.3")).outcomes}
    assert found == {("unknown", "1/4"), ("dnat", "3/4")}


def test_a_target_that_is_not_understood_makes_the_outcome_unknown() -> None:
    rules = iptables(filter=filtered("FORWARD -p tcp -j TPROXY --on-port 8080", "FORWARD -j ACCEPT"))
    assert ends(rules, arriving("10.1.2.3")) == ["1 unknown"]
    assert ends(rules, arriving("10.1.2.3", protocol="udp")) == ["1 accept"]


def test_a_packet_that_is_handed_to_a_program_is_not_followed() -> None:
    assert forwarded("FORWARD -j NFQUEUE --queue-num 1") == ["1 unknown"]


def test_an_interface_that_is_not_given() -> None:
    rules = iptables(filter=filtered("FORWARD -i eth0 -j DROP"))
    assert ends(rules, arriving("10.1.2.3")) == ["1 unknown"]
    assert ends(rules, arriving("10.1.2.3", in_interface="eth0")) == ["1 drop"]
    assert ends(rules, arriving("10.1.2.3", in_interface="cni0")) == ["1 accept"]


def test_nothing_arrives_through_loopback() -> None:
    assert forwarded("FORWARD ! -i lo -j DROP") == ["1 drop"]
    assert forwarded("FORWARD -i lo -j DROP") == ["1 accept"]
    rules = iptables(filter=":INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT")
    assert ends(rules, sent("192.168.1.11")) == ["1 accept"]


def test_many_interfaces_are_followed_one_by_one() -> None:
    rules = nft(
        "chain f {\n type filter hook forward priority 0;\n"
        + "".join(f' iifname "eth{n}" meta mark set {n + 1}\n' for n in range(40))
        + " meta mark != 0 drop\n drop\n}"
    )
    assert ends(rules, arriving("10.1.2.3")) == ["1 drop"]


def test_a_verdict_map_by_interface() -> None:
    rules = nft(
        "chain f {\n type filter hook forward priority 0; policy drop;\n"
        ' iifname vmap { "lo" : accept, "eth0" : drop }\n}'
    )
    assert ends(rules, arriving("10.1.2.3")) == ["1 drop"]
    assert ends(rules, arriving("10.1.2.3", in_interface="wg0")) == ["1 drop"]
    accepting = nft(
        "chain f {\n type filter hook forward priority 0; policy drop;\n"
        ' iifname vmap { "eth0" : drop, "wg*" : accept }\n}'
    )
    assert ends(accepting, arriving("10.1.2.3")) == ["1 unknown"]
    assert ends(accepting, arriving("10.1.2.3", in_interface="wg0")) == ["1 accept"]


def test_a_source_port_is_an_ephemeral_one() -> None:
    assert forwarded("FORWARD -p tcp -m tcp --sport 1024:65535 -j DROP") == ["1 drop"]
    assert forwarded("FORWARD -p tcp -m tcp --sport 53 -j DROP") == ["1 accept"]
    assert forwarded("FORWARD -p tcp -m tcp --sport 40000 -j DROP") == ["1 unknown"]
    rules = iptables(filter=filtered("FORWARD -p tcp -m tcp --sport 40000 -j DROP"))
    assert ends(rules, arriving("10.1.2.3", source_port=40000)) == ["1 drop"]


def test_an_ipset_that_was_not_given() -> None:
    assert forwarded("FORWARD -m set --match-set blocked src -j DROP") == ["1 unknown"]


def test_a_packet_alone_keeps_within_limits() -> None:
    assert forwarded("FORWARD -m limit --limit 1/sec -j ACCEPT", "FORWARD -j DROP") == ["1 accept"]
    above = "--hashlimit-above 5/sec --hashlimit-name x"
    assert forwarded(f"FORWARD -m hashlimit {above} -j DROP") == ["1 accept"]
    assert forwarded("FORWARD -p tcp -m connlimit --connlimit-above 3 -j DROP") == ["1 accept"]
    rules = nft("chain f {\n type filter hook forward priority 0;\n limit rate over 5/second drop\n}")
    assert ends(rules, arriving("10.1.2.3")) == ["1 accept"]


def test_rules_that_multiply_come_to_an_end() -> None:
    lines = [f"FORWARD {BPF.replace('1,6', f'{n},6')} -j MARK --xor-mark {1 << n % 32:#x}" for n in range(400)]
    found = forwarded(*lines, "FORWARD -m mark --mark 5 -j DROP")
    assert found == ["1 unknown"]
