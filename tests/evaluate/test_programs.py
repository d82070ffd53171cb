"""Programs say what the rules say, in fewer instructions, and most packets need few of them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest

from kcompile.evaluate import program as p
from kcompile.evaluate.layout import PlacedRule
from kcompile.evaluate.prepare import Prepared
from kcompile.evaluate.rule_facts import cascade
from kcompile.ir.ruleset import Ruleset
from kcompile.readers import read_ruleset
from tests.evaluate.following import HOST, iptables, nft
from tests.evaluate.test_many import ends, outcomes, some_packets

SERVICE, PODS = "10.96.0.10", ("10.244.0.1", "10.244.0.2", "10.244.0.3")
MASQUERADE = ":POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE\n"


def endpoints(pods: tuple[str, ...] = PODS, protocol: str = "tcp") -> list[str]:
    """The rules of a Service as kube-proxy writes them."""
    shares = [
        f"-A SVC -m statistic --mode random --probability {1 / left:.11f} -j SEP-{pod}"
        if left > 1
        else f"-A SVC -j SEP-{pod}"
        for left, pod in zip(range(len(pods), 0, -1), pods, strict=True)
    ]
    seps = [
        f"-A SEP-{pod} -s {pod} -j MARK-MASQ\n-A SEP-{pod} -p {protocol} -j DNAT --to-destination {pod}:8080"
        for pod in pods
    ]
    return [f"-A SVC ! -s 10.244.0.0/16 -d {SERVICE} -p {protocol} --dport 80 -j MARK-MASQ", *shares, *seps]


def service(
    lines: list[str],
    dispatch: str = f"-A PREROUTING -d {SERVICE} -p tcp --dport 80 -j SVC",
    chains: str = "".join(f":SEP-{pod} - [0:0]\n" for pod in PODS),
) -> Ruleset:
    return iptables(
        nat=f":PREROUTING ACCEPT [0:0]\n{MASQUERADE}:SVC - [0:0]\n:MARK-MASQ - [0:0]\n{chains}{dispatch}\n"
        "-A MARK-MASQ -j MARK --or-mark 0x4000\n" + "\n".join(lines)
    )


@pytest.mark.parametrize("pods", [PODS[:1], PODS[:2], PODS])
def test_the_endpoints_of_a_service_are_one_instruction(pods: tuple[str, ...]) -> None:
    rules = service(endpoints(pods))
    code = Prepared(rules).program(4, HOST).code
    assert code.count(p.op(p.SHARE, len(pods))) == 1
    assert p.op(p.CASCADE, len(pods)) not in code
    pod, outside = 0x0AF40001, 0x08080808
    counted = Counter(ends(rules, [(sender, 0x0A60000A, 6, 80, 0) for sender in (pod, outside) for _ in range(6000)]))
    for number, each in enumerate(pods):
        own, others = counted[("dnat", f"{each}:8080", True)], counted[("dnat", f"{each}:8080", False)]
        # What the first Pod sends to itself is marked, and all that comes from outside.
        assert abs(own - 6000 / len(pods) * (2 if number == 0 else 1)) < 350
        assert abs(others - 6000 / len(pods) * (number > 0)) < 350


@pytest.mark.parametrize(
    "change",
    [
        ("-s 10.244.0.2 -j MARK-MASQ", "-s 10.244.0.9 -j MARK-MASQ"),
        ("-s 10.244.0.2 -j MARK-MASQ", "-s 10.244.0.2 -j MARK --set-xmark 0x1/0x1"),
        ("-A SEP-10.244.0.2 -s 10.244.0.2 -j MARK-MASQ\n", ""),
        ("-A SEP-10.244.0.2 -p tcp", "-A SEP-10.244.0.2 -p tcp -s 10.9.0.0/16"),
        ("-A SEP-10.244.0.2 -p tcp", "-A SEP-10.244.0.2 -p udp"),
        ("-A SEP-10.244.0.2 -p tcp -j DNAT --to-destination 10.244.0.2:8080", "-A SEP-10.244.0.2 -p tcp -j RETURN"),
        ("-A SEP-10.244.0.2 -s 10.244.0.2 -j MARK-MASQ", "-A SEP-10.244.0.2 -s 10.244.0.2 -j RETURN"),
        ("-j SEP-10.244.0.3\n", "-p udp -j SEP-10.244.0.3\n"),
        ("-A SVC ! -s", "-A SVC -j MARK --or-mark 0x1\n-A SVC ! -s"),
        ("-A SVC -m", "-A SVC -p udp -m"),
        ("--dport 80 -j SVC", "--dport 80:81 -j SVC"),
        ("--dport 80 -j SVC", "--dport 80 -g SVC"),
        (f"-A PREROUTING -d {SERVICE} -p tcp --dport 80 -j SVC", "-A PREROUTING -j SVC"),
        ("-A PREROUTING", "-A PREROUTING -d 10.96.0.11 -j SVC\n-A PREROUTING"),
    ],
)
def test_rules_that_are_nearly_those_of_endpoints_end_packets_as_their_traces_say(change: tuple[str, str]) -> None:
    dispatch = f"-A PREROUTING -d {SERVICE} -p tcp --dport 80 -j SVC"
    whole = "\n".join([dispatch, *endpoints()])
    assert change[0] in whole
    rules = service([whole.replace(*change)], "")
    packets = some_packets([SERVICE, "10.96.0.11", *PODS, "10.9.1.1", "8.8.8.8"], random.Random(1), 300)
    found: dict[tuple[int, ...], set[object]] = {}
    for packet in packets:
        found.setdefault(packet, set()).update(ends(rules, [packet] * 60))
    for packet, each in found.items():
        assert each == outcomes(rules, packet, 4), packet


@pytest.mark.parametrize("seed", range(40))
def test_chains_that_are_put_in_place_end_packets_as_their_traces_say(seed: int) -> None:
    rng = random.Random(seed)
    matches = (
        "", "", "-p udp", "-p tcp", f"-d {SERVICE}", "-s 10.244.0.1", f"-d {SERVICE} -p tcp -m tcp --dport 80",
        "-m mark --mark 0x4000/0x4000", "-m statistic --mode random --probability 0.5", "! -s 10.244.0.0/16",
    )  # fmt: skip
    says = (
        "RETURN",
        "MARK --or-mark 0x4000",
        "DNAT --to-destination 10.244.0.1:8080",
        "DNAT --to-destination 10.244.0.2",
    )
    names = ["PREROUTING", "A", "B", "C", "D"]

    def chain(name: str, later: list[str]) -> list[str]:
        to = [f"-j {say}" for say in says] + [f"-{how} {other}" for how in "jjg" for other in later]
        return [f"-A {name} {rng.choice(matches)} {rng.choice(to)}" for _ in range(rng.randrange(1, 4))]

    lines = [f":PREROUTING ACCEPT [0:0]\n{MASQUERADE}", *(f":{name} - [0:0]" for name in names[1:])]
    for number, name in enumerate(names):
        lines += chain(name, names[number + 1 :])
    rules = iptables(nat="\n".join(lines))
    for packet in some_packets([SERVICE, *PODS[:2], "8.8.8.8"], rng, 25):
        assert set(ends(rules, [packet] * 150)) <= outcomes(rules, packet, 4), packet


def test_endpoints_whose_chains_do_more_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0

    def counted(rules: Sequence[PlacedRule]) -> int:
        nonlocal looked
        looked += len(rules)
        return cascade(rules)

    monkeypatch.setattr("kcompile.evaluate.rule_code.cascade", counted)
    pods = tuple(f"10.244.1.{n}" for n in range(200))
    more = "\n".join(endpoints(pods)).replace("-p tcp -j DNAT", "-p tcp -s 10.9.0.0/16 -j DNAT")
    Prepared(service([more], chains="".join(f":SEP-{pod} - [0:0]\n" for pod in pods))).program(4, HOST)
    assert 200 <= looked <= 200 * 10


REJECTS = "\n".join(f"-A SERVICES -d 10.96.0.{n} -p tcp --dport 80 -j REJECT" for n in (1, 2))


@pytest.mark.parametrize(
    "rules",
    [
        iptables(filter=f":FORWARD ACCEPT [0:0]\n:SERVICES - [0:0]\n-A FORWARD -j SERVICES\n{REJECTS}"),
        iptables(filter=":FORWARD ACCEPT [0:0]\n:A - [0:0]\n:SERVICES - [0:0]\n-A FORWARD -j A\n"
                 f"-A A -p tcp -j SERVICES\n-A A -p udp -j ACCEPT\n{REJECTS}"),
        nft("map none { type ipv4_addr . inet_proto . inet_service : verdict;\n"
            "elements = { 10.96.0.1 . tcp . 80 : drop, 10.96.0.2 . tcp . 80 : drop } }\n"
            "chain f { type filter hook forward priority 0; policy accept;\n"
            "ct state new ip daddr . meta l4proto . th dport vmap @none\n}"),
        nft("set gone { type ipv4_addr; elements = { 10.96.0.1, 10.96.0.2 } }\n"
            "chain f { type filter hook forward priority 0; policy accept; ip daddr @gone drop\n}"),
    ],
    ids=["jump", "jump with matches", "map", "set"],
)  # fmt: skip
def test_a_stage_is_for_the_destinations_that_its_rules_have(rules: Ruleset) -> None:
    program = Prepared(rules).program(4, HOST)
    stages = [program.stages[at : at + p.STAGE] for at in range(0, len(program.stages), p.STAGE)]
    flags = [flags for kind, _, _, flags in stages if kind == p.STAGE_FILTER]
    assert len(flags) == 1
    assert flags[0] > 0
    packets = [(1, 0x0A600000 + last, protocol, 80, 0) for last in (1, 2, 3) for protocol in (6, 17)]
    for packet, end in zip(packets, ends(rules, packets), strict=True):
        assert {end} == outcomes(rules, packet, 4)


@pytest.mark.parametrize("seed", range(40))
def test_packets_that_pass_chains_by_end_as_their_traces_say(seed: int) -> None:
    rng = random.Random(seed)
    addresses = [SERVICE, "10.96.0.11", "10.9.1.1"]
    names = ["FORWARD", "INPUT", "A", "B", "C"]

    def match(keyed: bool) -> str:
        own = f"-d {rng.choice(addresses)}"
        if keyed:
            return rng.choice((own, f"{own} -p tcp -m tcp --dport 80", f"{own} -p tcp -m tcp --dport 80 -s 8.8.8.8"))
        return rng.choice(("", "-p udp", "-m mark --mark 0x1/0x1", f"! {own}", own, "-s 8.8.8.8"))

    def chain(name: str, later: list[str], keyed: bool) -> list[str]:
        says = ["-j ACCEPT", "-j RETURN", "-j DROP", "-j REJECT", "-j MARK --set-xmark 0x1/0x1"]
        to = says + [f"-{how} {other}" for how in "jjg" for other in later]
        return [f"-A {name} {match(keyed)} {rng.choice(to)}" for _ in range(rng.randrange(11 if keyed else 4))]

    lines = [f":FORWARD {rng.choice(('ACCEPT', 'ACCEPT', 'DROP'))} [0:0]\n:INPUT ACCEPT [0:0]"]
    lines += [f":{name} - [0:0]" for name in names[2:]]
    for number, name in enumerate(names):
        lines += chain(name, names[max(number + 1, 2) :], rng.random() < 0.6)
    rules = iptables(
        filter="\n".join(lines),
        nat=f":PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 10.96.0.11 -j DNAT --to-destination {SERVICE}:80\n"
        ":POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -m mark ! --mark 0x1/0x1 -j RETURN\n-A POSTROUTING -j MASQUERADE",
    )
    packets = some_packets([*addresses, "8.8.8.8", "192.168.1.11"], rng, 40)
    for packet, end in zip(packets, ends(rules, packets), strict=True):
        assert {end} == outcomes(rules, packet, 4), packet


def test_a_stage_whose_policy_is_to_drop_is_for_every_packet() -> None:
    rules = iptables(filter=f":FORWARD DROP [0:0]\n:SERVICES - [0:0]\n-A FORWARD -j SERVICES\n{REJECTS}")
    assert ends(rules, [(1, 0x0A600009, 6, 80, 0)]) == [("drop", None, False)]


@pytest.mark.parametrize("port", [80, 0])
def test_a_server_for_every_port_is_found_where_there_is_one(port: int) -> None:
    rules = read_ruleset(f"-A -t 10.96.0.10:{port} -s rr\n-a -t 10.96.0.10:{port} -r 10.244.0.1:{port} -m -w 1\n")
    found = ends(rules, [(0x01010101, 0x0A60000A, 6, each, 0) for each in (80, 81)])
    assert [verdict for verdict, _, _ in found] == (["dnat", "accept"] if port else ["dnat", "dnat"])


def test_chains_that_lead_to_themselves_are_followed_by_other_means() -> None:
    rules = iptables(
        filter=":FORWARD ACCEPT [0:0]\n:A - [0:0]\n:B - [0:0]\n-A FORWARD -p udp -j A\n-A A -j B\n-A B -j A\n"
    )
    assert ends(rules, [(1, 2, 6, 80, 0)]) == [("accept", None, False)]
    assert ends(rules, [(1, 2, 17, 80, 0)]) == [("unknown", None, False)]


def test_what_one_way_to_a_chain_has_matched_is_asked_again_on_the_others() -> None:
    rules = nft(
        "chain x { ip daddr 10.96.0.10 dnat to 10.244.0.1; }\nchain y { dnat to 10.244.0.2; }\nchain z { jump x; }\n"
        "chain n {\n type nat hook prerouting priority dstnat;\n ip daddr 10.96.0.11 jump z\n"
        " ip daddr 10.96.0.10 numgen random mod 4 vmap { 0-2 : jump x, 3 : jump y }\n}"
    )
    assert {to for _, to, _ in ends(rules, [(1, 0x0A60000A, 6, 80, 0)] * 99)} == {"10.244.0.1:80", "10.244.0.2:80"}
    assert ends(rules, [(1, 0x0A60000B, 6, 80, 0)]) == [("accept", None, False)]
