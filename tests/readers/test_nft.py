"""nft list ruleset, the commands of nft -f, and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kcompile.ir.ruleset import (
    Assumed,
    Base,
    Binary,
    Compare,
    Constant,
    Element,
    Elements,
    Field,
    Lookup,
    Member,
    Nat,
    NoEffect,
    NoTrack,
    Reject,
    Rule,
    SetField,
    SetReference,
    Table,
    Uniform,
    UnknownStatement,
    UpdateSet,
    Verdict,
    VerdictMap,
)
from kcompile.readers import nft, nft_json
from tests.targets.recorded import CASES, FOLDER

RULES = Path(__file__).parents[1] / "data" / "rules"

TCP = Compare(Field("l4proto"), ((6, 6),))
IPV4 = Compare(Field("nfproto"), ((2, 2),))
MARK = Field("mark")


def table(text: str) -> Table:
    read = nft.read(text)
    assert not read.unknown
    return read.tables[0]


def rule(text: str, family: str = "ip") -> Rule:
    (found,) = table(f"table {family} t {{\n\tchain c {{\n\t\t{text}\n\t}}\n}}\n").chains["c"].rules
    return found


def interval(*octets: int) -> tuple[int, int]:
    number = int.from_bytes(bytes(octets), "big")
    return number, number


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("tcp dport 80 accept", (TCP, Compare(Field("dport"), ((80, 80),)), Verdict("accept"))),
        (
            "tcp dport != { 22, 80-90 } drop",
            (TCP, Compare(Field("dport"), ((22, 22), (80, 90)), True), Verdict("drop")),
        ),
        ("ip saddr != 10.0.0.0/8", (Compare(Field("saddr"), ((0x0A000000, 0x0AFFFFFF),), True),)),
        ("ip saddr 10.0.0.1-10.0.0.9", (Compare(Field("saddr"), ((0x0A000001, 0x0A000009),)),)),
        ("ip daddr @cluster-ips", (Member(Field("daddr"), SetReference("cluster-ips")),)),
        ('iifname { "lo", "eth*" }', (Compare(Field("iif"), ("lo", "eth*")),)),
        ("ct state established,related", (Compare(Binary("&", Field("ct state"), Constant(6)), ((0, 0),), True),)),
        ("ct state != established", (Compare(Field("ct state"), ((2, 2),), True),)),
        (
            "mark and 0x00004000 == 0 return",
            (Compare(Binary("&", MARK, Constant(0x4000)), ((0, 0),)), Verdict("return")),
        ),
        ("meta mark != 0x00000000/1", (Compare(MARK, ((0, 0x7FFFFFFF),), True),)),
        ("mark set mark or 0x00004000", (SetField(MARK, Binary("|", MARK, Constant(0x4000))),)),
        ("meta mark set 0x10", (SetField(MARK, Constant(0x10)),)),
        ("ct mark set meta mark", (SetField(Field("ct mark"), MARK),)),
        ("fib daddr type local", (Compare(Field("dst type"), ((2, 2),)),)),
        ("fib saddr . iif oif missing drop", (Assumed("fib saddr . iif oif missing", False), Verdict("drop"))),
        (
            "limit rate over 5/second burst 3 packets drop",
            (Assumed("limit rate over 5/second burst 3 packets", False), Verdict("drop")),
        ),
        ("tcp flags syn / syn,ack", (TCP, Compare(Binary("&", Field("tcp flags"), Constant(18)), ((2, 2),)))),
        ("tcp flags & (syn | ack) == syn", (TCP, Compare(Binary("&", Field("tcp flags"), Constant(18)), ((2, 2),)))),
        ("dnat to 10.0.0.1:80", (Nat("dnat", interval(10, 0, 0, 1), (80, 80)),)),
        (
            "dnat to 10.0.0.1-10.0.0.4:80-90 persistent",
            (Nat("dnat", (0x0A000001, 0x0A000004), (80, 90), ("persistent",)),),
        ),
        ("masquerade fully-random", (Nat("masquerade", flags=("fully-random",)),)),
        ("redirect to :8080", (Nat("redirect", None, (8080, 8080)),)),
        ("reject with tcp reset", (Reject("tcp-reset"),)),
        (
            "udp dport 4789 notrack",
            (Compare(Field("l4proto"), ((17, 17),)), Compare(Field("dport"), ((4789, 4789),)), NoTrack()),
        ),
        (
            "update @seen { ip saddr timeout 1m30s }",
            (UpdateSet("update", SetReference("seen"), Field("saddr"), None, 90.0),),
        ),
        ("ip dscp set cs1", (NoEffect("ip dscp set cs1"),)),
        (
            "numgen random mod 2 vmap { 0 : goto a, 1 : goto b }",
            (
                VerdictMap(
                    Uniform(2),
                    Elements((Element(((0, 0),), Verdict("goto", "a")), Element(((1, 1),), Verdict("goto", "b")))),
                ),
            ),
        ),
        (
            "dnat ip addr . port to numgen random mod 2 map { 0 : 10.0.0.1 . 80 , 1 : 10.0.0.2 . 81 }",
            (
                Nat(
                    "dnat",
                    Lookup(
                        Uniform(2),
                        Elements(
                            (
                                Element(((0, 0),), (interval(10, 0, 0, 1), (80, 80))),
                                Element(((1, 1),), (interval(10, 0, 0, 2), (81, 81))),
                            )
                        ),
                    ),
                ),
            ),
        ),
    ],
)
def test_what_a_rule_means(text: str, items: tuple[object, ...]) -> None:
    assert rule(text).items == items


def test_in_an_inet_table_an_address_implies_its_family() -> None:
    assert rule("ip saddr 10.0.0.1", "inet").items[0] == IPV4
    assert rule("ip saddr 10.0.0.1").items[0] != IPV4


def test_a_concatenation_is_looked_up_as_a_whole() -> None:
    found = rule("ip daddr . meta l4proto . th dport vmap @service-ips").items
    assert isinstance(found[0], VerdictMap)
    assert found[0].container == SetReference("service-ips")


@pytest.mark.parametrize(
    "name", ["input", "accept", "tcp", "services", "set", "endpoint-A-ns/svc/tcp/x__fd00.10..5/80"]
)
def test_a_chain_may_have_any_name(name: str) -> None:
    text = f"table ip t {{\n\tchain {name} {{\n\t\tdrop\n\t}}\n\tchain c {{\n\t\tjump {name}\n\t}}\n}}\n"
    found = table(text)
    assert name in found.chains
    assert found.chains["c"].rules[0].items == (Verdict("jump", name),)


def test_blocks_and_commands_mean_the_same() -> None:
    block = """\
table ip t {
	comment "x"
	set s {
		type ipv4_addr . inet_service
		flags interval,timeout
		timeout 10s
		elements = { 10.0.0.1 . 80 comment "one",
				10.0.0.0/24 . 90-95 }
	}
	map m {
		type inet_proto . inet_service : verdict
		elements = { tcp . 80 : goto a, * : drop }
	}
	chain a {
		type nat hook prerouting priority dstnat - 5; policy drop;
		ip daddr . tcp dport @s accept comment "here"
	}
}
"""
    commands = """\
add table ip t { comment "x" ; }
add set ip t s { type ipv4_addr . inet_service ; flags interval,timeout ; timeout 10s ; }
add map ip t m { type inet_proto . inet_service : verdict ; }
add chain ip t a { type nat hook prerouting priority -105 ; policy drop ; }
add rule ip t a ip daddr . tcp dport @s accept comment "here"
add element ip t s { 10.0.0.1 . 80 comment "one" }
add element ip t s { 10.0.0.0/24 . 90-95 }
add element ip t m { tcp . 80 : goto a , * : drop }
"""
    first, second = table(block), table(commands)
    assert first.chains["a"].base == second.chains["a"].base == Base("nat", "prerouting", -105, "drop")
    assert first.chains["a"].rules[0].items == second.chains["a"].rules[0].items
    assert first.chains["a"].rules[0].comment == "here"
    for name in ("s", "m"):
        one, other = first.sets[name], second.sets[name]
        assert [(e.key, e.value, e.comment) for e in one.elements] == [
            (e.key, e.value, e.comment) for e in other.elements
        ]
        assert (one.key_types, one.value_types, one.flags, one.timeout) == (
            other.key_types,
            other.value_types,
            other.flags,
            other.timeout,
        )
    assert first.sets["m"].default == Verdict("drop")
    assert first.sets["s"].elements[1].key == ((0x0A000000, 0x0A0000FF), (90, 95))


def test_commands_that_take_away() -> None:
    text = "add table ip t\nadd chain ip t a\nadd rule ip t a drop\nadd chain ip t b\nadd rule ip t b drop\n"
    assert not table(text + "flush chain ip t a\n").chains["a"].rules
    assert "a" not in table(text + "delete chain ip t a\n").chains
    assert not nft.read(text + "delete table ip t\n").tables
    assert not nft.read(text + "flush ruleset\n").tables


def test_an_inserted_rule_comes_first() -> None:
    found = table("add table ip t\nadd chain ip t a\nadd rule ip t a drop\ninsert rule ip t a accept\n")
    assert [each.items for each in found.chains["a"].rules] == [(Verdict("accept"),), (Verdict("drop"),)]


def test_what_is_understood_of_an_unknown_rule_is_kept() -> None:
    found = rule("ip saddr 10.0.0.1 tcp dport 80 synproxy mss 1460 wscale 7 timestamp")
    assert found.items[-1] == UnknownStatement("synproxy mss 1460 wscale 7 timestamp")
    assert TCP in found.items


def test_what_is_unknown_between_blocks_is_passed_over() -> None:
    flowtable = "\tflowtable f {\n\t\thook ingress priority 0\n\t\tdevices = { eth0 }\n\t}\n"
    text = f"table ip t {{\n{flowtable}\tchain c {{\n\t\tdrop\n\t}}\n}}\n"
    assert nft.read(text).tables[0].chains["c"].rules[0].items == (Verdict("drop"),)


def test_a_set_by_the_type_of_expressions() -> None:
    held = "\tmap m {\n\t\ttypeof ip daddr . tcp dport : meta mark\n\t\telements = { 10.0.0.1 . 80 : 0x10 }\n\t}\n"
    found = table(f"table inet t {{\n{held}}}\n")
    assert found.sets["m"].key_types == ("ipv4_addr", "inet_service")
    assert found.sets["m"].elements[0].value == ((16, 16),)


@pytest.mark.parametrize("case", CASES)
def test_everything_that_kube_proxy_writes_is_understood(case: str) -> None:
    for file in sorted((FOLDER / case / "expect").glob("*/nftables.commands")):
        text = file.read_text()
        read = nft.read(text)
        assert not read.unknown
        assert not list(read.unknown_items())
        assert sum(len(c.rules) for t in read.tables for c in t.chains.values()) == text.count("\nadd rule ")
        assert sum(len(s.elements) for t in read.tables for s in t.sets.values()) == text.count("\nadd element ")


def test_a_firewall_that_people_write_is_understood() -> None:
    read = nft.read((RULES / "firewall.nft").read_text())
    assert not read.unknown
    assert not list(read.unknown_items())


def test_json_means_what_text_means() -> None:
    """What `nft -j list ruleset` printed for the rules beside it."""
    objects = json.loads((RULES / "firewall.json").read_text())
    from_json, from_text = nft_json.read(objects), nft.read((RULES / "firewall.nft").read_text())
    assert not from_json.unknown
    assert not list(from_json.unknown_items())
    (one,), (other,) = from_json.tables, from_text.tables
    assert one.chains.keys() == other.chains.keys()
    for name, chain in one.chains.items():
        assert chain.base == other.chains[name].base
        pairs = zip(chain.rules, other.chains[name].rules, strict=True)
        assert all(_decisive(first) == _decisive(second) for first, second in pairs), name
    for name, held in one.sets.items():
        assert {(e.key, e.value) for e in held.elements} == {(e.key, e.value) for e in other.sets[name].elements}


def _decisive(found: Rule) -> list[object]:
    """The items that decide, without the words of those that do not, nor how a refusal is put."""
    decisive: list[object] = []
    for item in found.items:
        if isinstance(item, Assumed):
            decisive.append(item.holds)
        elif isinstance(item, Reject):
            decisive.append(Reject)
        elif not isinstance(item, NoEffect):
            decisive.append(item)
    return decisive


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"nftables": None},
        {"nftables": [None, {"rule": 3}, {"rule": {}}, {"set": {"elem": [[]]}}, {"chain": {"hook": []}}]},
    ],
)
def test_json_that_is_not_nfts_is_no_crash(data: object) -> None:
    nft_json.read(data)
