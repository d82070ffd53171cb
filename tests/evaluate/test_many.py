"""Packets by the million end as single ones do: each in one of the outcomes of its trace, in their proportions."""

from __future__ import annotations

import random
from array import array
from collections import Counter
from typing import Any

import pytest

from kcompile.evaluate.many import VERDICTS
from kcompile.evaluate.packet import Host, Packet
from kcompile.evaluate.prepare import Prepared
from kcompile.evaluate.program import STAGE, STAGE_END
from kcompile.ir.addresses import address, address_text, endpoint_text
from kcompile.ir.plan import MODES, Mode
from kcompile.ir.ruleset import Ruleset
from kcompile.readers import read_ruleset
from tests.evaluate.following import HOST, iptables, nft
from tests.evaluate.test_affinity import MODES as STICKY
from tests.evaluate.test_beside_kube_proxy import CALICO, DOCKER, FIREWALL, FLANNEL
from tests.native.test_evaluate import rules_of
from tests.targets.recorded import CASES

PROTOCOLS = {6: "tcp", 17: "udp", 132: "sctp"}


def columns(packets: list[tuple[int, int, int, int, int]], family: int = 4) -> dict[str, Any]:
    """Packets as (source, destination, protocol, port, local)."""

    def addresses(place: int) -> Any:
        if family == 4:
            return array("I", [packet[place] for packet in packets])
        return b"".join(packet[place].to_bytes(16, "big") for packet in packets)

    return {
        "source": addresses(0),
        "destination": addresses(1),
        "protocol": array("B", [packet[2] for packet in packets]),
        "port": array("H", [packet[3] for packet in packets]),
        "local": array("B", [packet[4] for packet in packets]),
    }


def ends(
    rules: Ruleset, packets: list[tuple[int, int, int, int, int]], family: int = 4, **more: Any
) -> list[tuple[Any, ...]]:
    """(verdict, "IP:PORT" or None, masquerade) of each packet."""
    found = rules.evaluate_many({**columns(packets, family), **more}, HOST)
    texts: list[tuple[Any, ...]] = []
    for n, number in enumerate(found["verdict"]):
        verdict = VERDICTS[number]
        raw = found["destination"]
        to = int(raw[n]) if family == 4 else int.from_bytes(bytes(raw[16 * n : 16 * n + 16]), "big")
        arrives = verdict in ("accept", "dnat")
        text = endpoint_text(family, to, found["port"][n]) if verdict == "dnat" else None
        texts.append((verdict, text, bool(found["masquerade"][n]) and arrives))
    return texts


def outcomes(rules: Ruleset, packet: tuple[int, int, int, int, int], family: int) -> set[tuple[Any, ...]]:
    source, destination, protocol, port, local = packet
    one = Packet(
        address_text(family, source),
        address_text(family, destination),
        port,
        PROTOCOLS[protocol],
        local=bool(local),  # type: ignore[arg-type]
    )
    return {(o.verdict, o.to, o.masquerade) for o in rules.trace(one, HOST).outcomes}


def some_packets(texts: list[str], rng: random.Random, count: int) -> list[tuple[int, int, int, int, int]]:
    numbers = [address(text)[1] for text in texts]
    return [
        (
            rng.choice(numbers),
            rng.choice(numbers),
            rng.choice((6, 6, 17)),
            rng.choice((80, 443, 8080, 8443, 22, 53, 30080)),
            rng.choice((0, 0, 0, 1)),
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("rules", [DOCKER, FLANNEL, CALICO, FIREWALL], ids=["docker", "flannel", "calico", "firewall"])
def test_the_rules_of_others_end_packets_as_their_traces_say(rules: Ruleset) -> None:
    texts = ["192.168.1.11", "10.244.0.5", "10.244.3.7", "172.17.0.2", "10.9.1.1", "8.8.8.8", "127.0.0.1", "10.66.0.1"]
    packets = some_packets(texts, random.Random(1), 300)
    for packet, end in zip(packets, ends(rules, packets), strict=True):
        assert end in outcomes(rules, packet, 4), packet


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", CASES[1::5])
def test_compiled_rules_end_packets_as_their_traces_say(case: str, mode: Mode) -> None:
    rules = rules_of(case, mode)
    cluster = ["10.96.0.10", "10.244.0.5", "10.244.1.6", "192.168.1.11", "203.0.113.10", "198.51.100.7"]
    packets = some_packets(cluster, random.Random(case), 150)
    for packet, end in zip(packets, ends(rules, packets), strict=True):
        assert end in outcomes(rules, packet, 4), packet
    dual = ["fd00:10:96::a", "fd00:10:244::5", "fd00:192:168:1::11", "2001:db8::10", "2001:db8:ff::7"]
    packets = some_packets(dual, random.Random(case), 100)
    for packet, end in zip(packets, ends(rules, packets, 6), strict=True):
        assert end in outcomes(rules, packet, 6), packet


def test_redirects_lead_to_the_nearest_address_of_the_host() -> None:
    rules = iptables(
        nat=":PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
        "-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080\n-A OUTPUT -p tcp -j REDIRECT"
    )
    texts = ["192.168.1.11", "192.168.1.77", "10.20.30.41", "10.96.0.10", "127.0.0.5", "8.8.8.8", "10.20.0.0"]
    packets = some_packets(texts, random.Random(3), 200)
    for packet, end in zip(packets, ends(rules, packets), strict=True):
        assert end in outcomes(rules, packet, 4), packet
    sources = [address(text)[1] for text in ("192.168.1.77", "10.20.30.41", "8.8.8.8")]
    given = columns([(source, 0x0A60000A, 6, 80, 0) for source in sources])
    found = rules.evaluate_many(given, Host(("192.168.1.11/24", "10.20.30.40/16")))
    assert [address_text(4, to) for to in found["destination"]] == ["192.168.1.11", "10.20.30.40", "192.168.1.11"]


def test_a_connection_is_new_only_where_conntrack_follows_it() -> None:
    rules = iptables(
        raw=":PREROUTING ACCEPT [0:0]\n-A PREROUTING -p udp -j NOTRACK",
        filter=":FORWARD ACCEPT [0:0]\n-A FORWARD -m conntrack --ctstate NEW -j REJECT\n"
        "-A FORWARD -m conntrack --ctstate UNTRACKED -j DROP",
    )
    found = ends(rules, [(1, 0x0A60000A, protocol, 80, 0) for protocol in (6, 17)])
    assert [verdict for verdict, _, _ in found] == ["reject", "drop"]


def test_marks_that_a_short_chain_sets_stand_where_it_is_jumped_to() -> None:
    rules = iptables(
        nat=":PREROUTING ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n:MARK-IT - [0:0]\n"
        "-A PREROUTING -p tcp -j MARK-IT\n-A MARK-IT -j MARK --set-xmark 0x4000/0x4000\n"
        "-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE"
    )
    found = ends(rules, [(1, 0x0A60000A, protocol, 80, 0) for protocol in (6, 17)])
    assert [masquerade for _, _, masquerade in found] == [True, False]


@pytest.mark.parametrize("seed", range(40))
def test_rules_that_are_put_together_or_left_out_change_nothing(seed: int) -> None:
    rng = random.Random(seed)
    matches = ("", "-p udp", "! -s 10.9.0.0/16", "-d 10.96.0.10", "-m mark --mark 0x1/0x1", "-p tcp -m tcp --dport 80")
    says = ("ACCEPT", "RETURN", "DROP", "MARK --set-xmark 0x1/0x1", "MARK --set-xmark 0x1/0x0")

    def chain(name: str, later: list[str]) -> list[str]:
        to = [f"-j {say}" for say in says] + [f"-{how} {other}" for how in "jg" for other in later]
        return [f"-A {name} {rng.choice(matches)} {rng.choice(to)}" for _ in range(rng.randrange(5))]

    names = ["FORWARD", "A", "B", "C"]
    lines = [f":FORWARD {rng.choice(('ACCEPT', 'ACCEPT', 'DROP'))} [0:0]", *(f":{name} - [0:0]" for name in names[1:])]
    for number, name in enumerate(names):
        lines += chain(name, names[number + 1 :])
    rules = iptables(
        filter="\n".join(lines),
        nat=":POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -m mark ! --mark 0x1/0x1 -j RETURN\n"
        "-A POSTROUTING -j MASQUERADE",
    )
    packets = some_packets(["10.96.0.10", "10.9.1.1", "8.8.8.8"], rng, 60)
    for packet, end in zip(packets, ends(rules, packets), strict=True):
        assert {end} == outcomes(rules, packet, 4), packet


def test_a_chain_that_only_accepts_costs_nothing() -> None:
    rules = iptables(
        filter=":INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:LOCAL - [0:0]\n-A INPUT -j LOCAL\n-A FORWARD -j LOCAL\n"
        "-A FORWARD -p tcp -j ACCEPT\n-A LOCAL -p udp -j RETURN"
    )
    program = Prepared(rules).program(4, HOST)
    stages = [program.stages[at : at + STAGE] for at in range(0, len(program.stages), STAGE)]
    assert [drops for kind, _, drops, _ in stages if kind != STAGE_END] == [1]


def test_hairpins_are_found_in_sets_of_pairs() -> None:
    rules = read_ruleset("create LOOP hash:ip,port,ip family inet\nadd LOOP 10.244.0.1,tcp:80,10.244.0.1\n") + iptables(
        nat=":POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -m set --match-set LOOP dst,dst,src -j MASQUERADE"
    )
    pairs = [(0x0AF40001, 0x0AF40001), (0x0AF40002, 0x0AF40001), (0x0AF40002, 0x0AF40002)]
    found = ends(rules, [(*pair, 6, 80, 0) for pair in pairs])
    assert [masquerade for _, _, masquerade in found] == [True, False, False]


SHARES = {
    "iptables": iptables(
        nat=":PREROUTING ACCEPT [0:0]\n:A - [0:0]\n:B - [0:0]\n:C - [0:0]\n"
        "-A PREROUTING -m statistic --mode random --probability 0.33333333349 -j A\n"
        "-A PREROUTING -m statistic --mode random --probability 0.50000000000 -j B\n-A PREROUTING -j C\n"
        "-A A -j DNAT --to-destination 10.244.0.1\n-A B -j DNAT --to-destination 10.244.0.2\n"
        "-A C -j DNAT --to-destination 10.244.0.3"
    ),
    "nftables": nft(
        "chain n {\n type nat hook prerouting priority dstnat;\n"
        " dnat to numgen random mod 3 map { 0 : 10.244.0.1, 1 : 10.244.0.2, 2 : 10.244.0.3 }\n}"
    ),
    "ipvs": read_ruleset(
        "-A -t 10.96.0.10:80 -s wrr\n" + "".join(f"-a -t 10.96.0.10:80 -r 10.244.0.{n}:80 -m -w 2\n" for n in (1, 2, 3))
    ),
}


@pytest.mark.parametrize("mode", SHARES)
def test_chance_is_fair(mode: str) -> None:
    packets = [(0x01010101, 0x0A60000A, 6, 80, 0)] * 30_000
    found = Counter(to for _, to, _ in ends(SHARES[mode], packets))
    assert len(found) == 3
    # Five standard deviations around 10,000.
    assert all(abs(count - 10_000) < 410 for count in found.values())


def test_a_cascade_that_comes_back_goes_on_where_it_left() -> None:
    rules = iptables(
        nat=":PREROUTING ACCEPT [0:0]\n:A - [0:0]\n:B - [0:0]\n"
        "-A PREROUTING -m statistic --mode random --probability 0.50000000000 -j A\n-A PREROUTING -j B\n"
        "-A A -p udp -j DNAT --to-destination 10.244.0.1\n-A B -j DNAT --to-destination 10.244.0.2"
    )
    tcp = ends(rules, [(1, 0x0A60000A, 6, 80, 0)] * 2000)
    assert set(tcp) == {("dnat", "10.244.0.2:80", False)}
    udp = Counter(ends(rules, [(1, 0x0A60000A, 17, 80, 0)] * 2000))
    assert set(udp) == {("dnat", "10.244.0.1:80", False), ("dnat", "10.244.0.2:80", False)}


@pytest.mark.parametrize("mode", STICKY)
def test_a_sequence_of_packets_carries_session_affinity(mode: str) -> None:
    clients = [0xC6336400 + n for n in range(12)]
    packets = [(client, 0x0A60000A, 6, 80, 0) for _ in range(3) for client in clients]
    seconds = [50.0 * turn for turn in range(3) for _ in clients]
    found = [to for _, to, _ in ends(STICKY[mode], packets, seconds=seconds)]
    assert found[:12] == found[12:24] == found[24:]
    assert len(set(found)) == 2
    late = ends(STICKY[mode], packets, seconds=[500.0 * turn for turn in range(3) for _ in clients])
    assert [to for _, to, _ in late[:12]] != [to for _, to, _ in late[12:24]]


def test_the_line_of_the_deciding_rule() -> None:
    rules = iptables(
        nat=":PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.244.0.1",
        filter=":FORWARD ACCEPT [0:0]\n-A FORWARD -p tcp -m tcp --dport 81 -j REJECT",
    )
    found = rules.evaluate_many(columns([(1, 0x0A60000A, 6, port, 0) for port in (80, 81, 82)]), HOST)
    assert [VERDICTS[number] for number in found["verdict"]] == ["dnat", "reject", "accept"]
    assert list(found["line"]) == [3, 7, 0]


def test_columns_of_different_lengths_are_refused() -> None:
    given = columns([(1, 2, 6, 80, 0)] * 3)
    with pytest.raises(ValueError, match="column `protocol` has 2 items, not 3"):
        SHARES["iptables"].evaluate_many({**given, "protocol": given["protocol"][:2]}, HOST)
