"""The path of a packet: which hooks it passes, in which order tables are asked, when NAT chains are."""

from __future__ import annotations

import pytest

from kcompile.evaluate.packet import Packet
from kcompile.readers import read_ruleset
from tests.evaluate.following import POD, arriving, ends, follow, iptables, nft, sent

EVERY_HOOK = "\n".join(
    f'chain {hook} {{\n type filter hook {hook} priority 0;\n counter comment "{hook}"\n}}'
    for hook in ("prerouting", "input", "forward", "output", "postrouting")
)
PRIORITIES = ("raw", "mangle", "filter", "security")


def hooks(rules_text: str, packet: Packet) -> list[str]:
    trace = follow(nft(rules_text), packet)
    return [step.hook for step in trace.branch.steps]  # type: ignore[union-attr]


def test_what_passes_through_the_host_is_forwarded() -> None:
    assert hooks(EVERY_HOOK, arriving("10.1.2.3")) == ["prerouting", "forward", "postrouting"]


def test_what_is_for_the_host_comes_in() -> None:
    assert hooks(EVERY_HOOK, arriving("192.168.1.11")) == ["prerouting", "input"]


def test_what_the_host_sends_goes_out() -> None:
    assert hooks(EVERY_HOOK, sent("10.1.2.3")) == ["output", "postrouting"]


@pytest.mark.parametrize("own", ["192.168.1.11", "127.0.0.1", "127.4.5.6", "fd00:192:168:1::11", "::1"])
def test_what_the_host_sends_to_itself_comes_back_by_loopback(own: str) -> None:
    trace = follow(nft(EVERY_HOOK, "inet"), sent(own))
    assert [step.hook for step in trace.branch.steps] == ["output", "postrouting", "prerouting", "input"]  # type: ignore[union-attr]


def test_after_destination_nat_the_packet_is_routed_anew() -> None:
    to_pod = "chain nat {\n type nat hook prerouting priority dstnat;\n ip daddr 192.168.1.11 dnat to 10.244.0.5\n}\n"
    assert hooks(to_pod + EVERY_HOOK, arriving("192.168.1.11"))[1:] == ["prerouting", "forward", "postrouting"]
    to_host = "chain nat {\n type nat hook prerouting priority dstnat;\n ip daddr 10.1.2.3 dnat to 192.168.1.11\n}\n"
    assert hooks(to_host + EVERY_HOOK, arriving("10.1.2.3"))[1:] == ["prerouting", "input"]


def test_tables_are_asked_by_priority_across_iptables_and_nft() -> None:
    rules = iptables(
        filter=":FORWARD ACCEPT [0:0]\n-A FORWARD -j ACCEPT",
        mangle=":FORWARD ACCEPT [0:0]\n-A FORWARD -j MARK --set-mark 1",
    ) + nft(
        "chain early {\n type filter hook forward priority -200;\n counter\n}\n"
        "chain between {\n type filter hook forward priority filter - 10;\n counter\n}\n"
        "chain late {\n type filter hook forward priority 10;\n counter\n}"
    )
    asked = [step.chain for step in follow(rules, arriving("10.1.2.3")).branch.steps]  # type: ignore[union-attr]
    assert asked == ["early", "FORWARD", "between", "FORWARD", "late"]


def test_an_accept_ends_its_own_chain_only() -> None:
    rules = nft(
        "chain first {\n type filter hook forward priority 0;\n accept\n}\n"
        "chain second {\n type filter hook forward priority 1;\n drop\n}"
    )
    assert ends(rules, arriving("10.1.2.3")) == ["1 drop"]


def test_the_policy_decides_where_no_rule_does() -> None:
    rules = iptables(filter=":FORWARD DROP [0:0]\n:INPUT ACCEPT [0:0]\n-A FORWARD -s 10.244.0.0/16 -j ACCEPT")
    assert ends(rules, arriving("10.1.2.3")) == ["1 drop"]
    assert ends(rules, arriving("10.1.2.3", source=POD)) == ["1 accept"]
    assert ends(rules, arriving("192.168.1.11")) == ["1 accept"]


def test_return_from_a_base_chain_is_its_policy() -> None:
    rules = iptables(filter=":FORWARD DROP [0:0]\n-A FORWARD -j RETURN\n-A FORWARD -j ACCEPT")
    assert ends(rules, arriving("10.1.2.3")) == ["1 drop"]


def test_goto_does_not_come_back() -> None:
    rules = nft(
        "chain a {\n drop\n}\nchain b {\n counter\n}\n"
        "chain f {\n type filter hook forward priority 0;\n goto b\n goto a\n}"
    )
    assert ends(rules, arriving("10.1.2.3")) == ["1 accept"]
    jumps = nft(
        "chain a {\n drop\n}\nchain b {\n counter\n}\n"
        "chain f {\n type filter hook forward priority 0;\n jump b\n goto a\n}"
    )
    assert ends(jumps, arriving("10.1.2.3")) == ["1 drop"]


def test_a_goto_returns_to_the_chain_before_its_own() -> None:
    rules = nft(
        "chain c {\n counter\n}\nchain b {\n goto c\n drop\n}\n"
        "chain f {\n type filter hook forward priority 0;\n jump b\n reject\n}"
    )
    assert ends(rules, arriving("10.1.2.3")) == ["1 reject"]


def test_nat_is_asked_once_for_each_half_of_a_connection() -> None:
    rules = nft(
        "chain first {\n type nat hook prerouting priority -110;\n dnat to 10.244.0.1\n}\n"
        "chain second {\n type nat hook prerouting priority dstnat;\n dnat to 10.244.0.2\n}\n"
        "chain out {\n type nat hook output priority -100;\n dnat to 192.168.1.11\n}"
    )
    assert ends(rules, arriving("10.1.2.3", 80)) == ["1 dnat 10.244.0.1:80"]
    # The host's own packet has passed output when it comes back through prerouting.
    assert ends(rules, sent("10.1.2.3", 80)) == ["1 dnat 192.168.1.11:80"]


def test_nat_is_for_the_first_packet_of_a_connection() -> None:
    rules = nft("chain n {\n type nat hook prerouting priority dstnat;\n dnat to 10.244.0.1\n}")
    assert ends(rules, arriving("10.1.2.3", state="established")) == ["1 accept"]
    assert ends(rules, arriving("10.1.2.3", state="new")) == ["1 dnat 10.244.0.1:80"]


def test_nat_leaves_untracked_packets_alone() -> None:
    rules = iptables(
        raw=":PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -j CT --notrack",
        nat=":PREROUTING ACCEPT [0:0]\n-A PREROUTING -j DNAT --to-destination 10.244.0.1",
        filter=":FORWARD ACCEPT [0:0]\n-A FORWARD -m conntrack --ctstate UNTRACKED -j DROP",
    )
    assert ends(rules, arriving("10.1.2.3")) == ["1 drop"]
    assert ends(rules, arriving("10.1.2.3", protocol="udp")) == ["1 dnat 10.244.0.1:80"]


def test_before_conntrack_every_packet_is_invalid_to_it() -> None:
    early = "chain e {\n type filter hook prerouting priority raw;\n ct state new drop\n}"
    late = "chain e {\n type filter hook prerouting priority mangle;\n ct state new drop\n}"
    assert ends(nft(early), arriving()) == ["1 accept"]
    assert ends(nft(late), arriving()) == ["1 drop"]


def test_conntrack_knows_of_translation_after_it() -> None:
    rules = nft(
        "chain n {\n type nat hook prerouting priority dstnat;\n ip daddr 10.1.2.3 dnat to 10.244.0.1\n}\n"
        "chain f {\n type filter hook forward priority 0;\n ct status dnat drop\n}"
    )
    assert ends(rules, arriving("10.1.2.3")) == ["1 drop"]
    assert ends(rules, arriving("10.1.2.4")) == ["1 accept"]
    filtered = ":FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate DNAT -m conntrack --ctorigdst 10.1.2.3 -j ACCEPT"
    nat = ":PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 10.1.2.0/24 -j DNAT --to-destination 10.244.0.1:81"
    assert ends(iptables(nat=nat, filter=filtered), arriving("10.1.2.3")) == ["1 dnat 10.244.0.1:81"]
    assert ends(iptables(nat=nat, filter=filtered), arriving("10.1.2.4")) == ["1 drop"]


def test_marks_are_kept_on_the_way() -> None:
    rules = iptables(
        mangle=":PREROUTING ACCEPT [0:0]\n-A PREROUTING -j MARK --set-xmark 0x4000/0x4000\n"
        "-A PREROUTING -j MARK --or-mark 0x3\n-A PREROUTING -j CONNMARK --save-mark",
        filter=":FORWARD DROP [0:0]\n-A FORWARD -m mark --mark 0x4003 -m connmark --mark 0x3/0xff -j ACCEPT",
        nat=":POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN\n"
        "-A POSTROUTING -j MARK --xor-mark 0x4000\n-A POSTROUTING -m mark --mark 0x3 -j MASQUERADE",
    )
    assert ends(rules, arriving("10.1.2.3")) == ["1 accept as 192.168.1.11"]


def test_masquerading_takes_the_address_that_routing_chooses() -> None:
    rules = nft("chain p {\n type nat hook postrouting priority srcnat;\n masquerade\n}")
    assert ends(rules, arriving("203.0.113.1")) == ["1 accept as 192.168.1.11"]
    assert ends(rules, arriving("10.9.8.200")) == ["1 accept as 10.9.8.7"]


def test_redirect_leads_to_the_host() -> None:
    rules = iptables(nat=":PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -j REDIRECT --to-ports 8080")
    assert ends(rules, sent("10.1.2.3")) == ["1 dnat 127.0.0.1:8080"]


def test_dormant_tables_and_other_families_are_passed_over() -> None:
    dormant = read_ruleset(
        "table ip t {\n flags dormant\n chain f {\n type filter hook forward priority 0; policy drop;\n }\n}"
    )
    assert ends(dormant, arriving()) == ["1 accept"]
    ipv6 = read_ruleset("table ip6 t {\n chain f {\n type filter hook forward priority 0; policy drop;\n }\n}")
    assert ends(ipv6, arriving()) == ["1 accept"]
    both = read_ruleset("table inet t {\n chain f {\n type filter hook forward priority 0; policy drop;\n }\n}")
    assert ends(both, arriving()) == ["1 drop"]
    assert ends(both, arriving("fd00::1", source="2001:db8::7")) == ["1 drop"]


def test_chains_that_jump_in_a_circle_are_told() -> None:
    rules = nft(
        "chain a {\n jump b\n}\nchain b {\n jump a\n}\nchain f {\n type filter hook forward priority 0;\n jump a\n}"
    )
    (outcome,) = follow(rules, arriving()).outcomes
    assert outcome.verdict == "unknown"
    assert "circle" in outcome.reason


@pytest.mark.parametrize(
    ("source", "to"),
    [("10.0.0.1", "fd00::1"), ("no address", "10.0.0.1"), ("10.0.0.1", "10.0.0.300"), ("", "10.0.0.1")],
)
def test_a_packet_without_proper_addresses_is_refused(source: str, to: str) -> None:
    with pytest.raises(ValueError):
        follow(nft(EVERY_HOOK), Packet(source, to, 80))
