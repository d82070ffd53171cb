"""ipvs between the hooks of the packet filter."""

from __future__ import annotations

import pytest

from kcompile.ir.ruleset import Ruleset
from kcompile.readers import read_ruleset
from tests.evaluate.following import arriving, ends, follow, iptables, sent

VIP = "10.96.0.10"


def virtual(scheduler: str = "rr", *servers: str, flags: str = "") -> Ruleset:
    lines = [f"-A -t {VIP}:80 -s {scheduler} {flags}", *(f"-a -t {VIP}:80 -r {server}" for server in servers)]
    return read_ruleset("\n".join(lines))


TWO = ("10.244.0.5:8080 -m -w 1", "10.244.1.6:8080 -m -w 3")


@pytest.mark.parametrize(
    ("scheduler", "shares"),
    [("rr", ["1/2", "1/2"]), ("wrr", ["1/4", "3/4"]), ("wlc", ["1/4", "3/4"]), ("lc", ["1/2", "1/2"]), ("fo", ["1"])],
)
def test_a_scheduler_shares_out_new_connections(scheduler: str, shares: list[str]) -> None:
    found = follow(virtual(scheduler, *TWO), arriving()).outcomes
    assert [str(outcome.probability) for outcome in found] == shares
    assert found[-1].to == "10.244.1.6:8080"


def test_a_server_of_weight_nought_gets_none() -> None:
    assert ends(virtual("rr", TWO[0], "10.244.1.6:8080 -m -w 0"), arriving()) == ["1 dnat 10.244.0.5:8080"]


def test_without_servers_the_packet_is_refused() -> None:
    assert ends(virtual("rr"), arriving()) == ["1 reject"]
    assert ends(virtual("rr", "10.244.0.5:8080 -m -w 0"), sent()) == ["1 reject"]


def test_the_address_of_a_virtual_server_is_the_hosts() -> None:
    rules = virtual("rr", TWO[0]) + iptables(filter=":INPUT ACCEPT [0:0]\n-A INPUT -d 10.96.0.10 -j REJECT")
    assert ends(rules, arriving(port=81)) == ["1 reject"]


def test_input_filters_come_before_ipvs_and_output_after_it() -> None:
    rules = virtual("rr", TWO[0]) + iptables(
        filter=":INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -m mark --mark 1 -j DROP\n"
        "-A OUTPUT -d 10.244.0.5 -m ipvs --vaddr 10.96.0.10 --vproto tcp --vport 80 -j REJECT"
    )
    assert ends(rules, arriving()) == ["1 reject"]
    assert ends(rules, arriving(mark=1)) == ["1 drop"]


def test_source_nat_is_asked_after_ipvs() -> None:
    rules = virtual("rr", TWO[0]) + iptables(
        nat=":PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n"
        "-A PREROUTING -d 10.96.0.10 -j MARK --set-mark 1\n-A OUTPUT -d 10.96.0.10 -j MARK --set-mark 1\n"
        "-A POSTROUTING -m mark --mark 1 -d 10.244.0.5 -j MASQUERADE"
    )
    assert ends(rules, arriving()) == ["1 dnat 10.244.0.5:8080 as 192.168.1.11"]
    assert ends(rules, sent()) == ["1 dnat 10.244.0.5:8080 as 192.168.1.11"]


def test_a_server_on_the_host_itself() -> None:
    rules = virtual("rr", "192.168.1.11:8080 -m -w 1") + iptables(
        nat=":INPUT ACCEPT [0:0]\n-A INPUT -j SNAT --to-source 1.2.3.4"
    )
    assert ends(rules, arriving()) == ["1 dnat 192.168.1.11:8080 as 1.2.3.4"]


def test_direct_routing_keeps_the_packet_as_it_is() -> None:
    rules = read_ruleset(f"-A -t {VIP}:80 -s rr\n-a -t {VIP}:80 -r 10.9.0.1:80 -g -w 1")
    assert ends(rules, arriving()) == ["1 dnat 10.9.0.1:80"]


def test_a_virtual_server_by_mark() -> None:
    rules = read_ruleset("-A -f 7 -s rr\n-a -f 7 -r 10.244.0.5:0 -m -w 1") + iptables(
        mangle=":PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 192.168.1.11 -p tcp -m tcp --dport 80 -j MARK --set-mark 7"
    )
    assert ends(rules, arriving("192.168.1.11")) == ["1 dnat 10.244.0.5:80"]
    assert ends(rules, arriving("192.168.1.11", 81)) == ["1 accept"]


def test_a_persistent_server_remembers_a_network_of_clients() -> None:
    rules = virtual("rr", *TWO, flags="-p 60 -M 255.255.255.0")
    end = next(e for e in follow(rules, arriving(source="198.51.100.7")).ends() if e.outcome.to == "10.244.0.5:8080")
    again = rules.trace(arriving(source="198.51.100.99", seconds=30), memory=end.memory)
    assert [outcome.to for outcome in again.outcomes] == ["10.244.0.5:8080"]
