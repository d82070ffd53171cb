"""ipset save."""

from __future__ import annotations

import pytest

from kcompile.readers import ipset
from tests.targets.recorded import CASES, plan

TCP, UDP = (6, 6), (17, 17)
ONE, TWO = (0x0A000001, 0x0A000001), (0x0A000002, 0x0A000002)


@pytest.mark.parametrize(
    ("kind", "entry", "key"),
    [
        ("hash:ip", "10.0.0.1", (ONE,)),
        ("hash:net", "10.0.0.0/24", ((0x0A000000, 0x0A0000FF),)),
        ("hash:ip,port", "10.0.0.1,tcp:80", (ONE, TCP, (80, 80))),
        ("hash:ip,port", "10.0.0.1,udp:53-54", (ONE, UDP, (53, 54))),
        ("hash:ip,port", "10.0.0.1,80", (ONE, TCP, (80, 80))),
        ("hash:ip,port,ip", "10.0.0.1,tcp:80,10.0.0.2", (ONE, TCP, (80, 80), TWO)),
        ("hash:ip,port,net", "10.0.0.1,tcp:80,10.0.0.0/24", (ONE, TCP, (80, 80), (0x0A000000, 0x0A0000FF))),
        ("bitmap:port", "8080", ((8080, 8080),)),
        ("hash:net,iface", "10.0.0.1,eth0", (ONE, "eth0")),
        ("hash:ip,mark", "10.0.0.1,0x10", (ONE, (16, 16))),
    ],
)
def test_entries(kind: str, entry: str, key: tuple[object, ...]) -> None:
    read = ipset.read(f"create s {kind} family inet hashsize 1024 maxelem 65536\nadd s {entry}\n")
    assert not read.unknown
    assert [element.key for element in read.ipsets["s"].elements] == [key]


def test_options_of_sets_and_entries() -> None:
    read = ipset.read(
        'create s hash:net family inet6 timeout 60 comment counters\nadd s fd00::/8 comment "a b" timeout 5 nomatch\n'
        "create l list:set size 8\nadd l s\n"
    )
    held = read.ipsets["s"]
    assert (held.family, held.timeout, held.elements[0].comment, held.elements[0].exclude) == ("ip6", 60, "a b", True)
    assert read.ipsets["l"].lists == ("s",)


def test_entries_that_go_again() -> None:
    text = "create s hash:ip family inet\nadd s 10.0.0.1\nadd s 10.0.0.2\ncreate t hash:ip family inet\n"
    assert len(ipset.read(text + "del s 10.0.0.1\n").ipsets["s"].elements) == 1
    assert len(ipset.read(text + "flush s\n").ipsets["s"].elements) == 0
    assert set(ipset.read(text + "destroy s\n").ipsets) == {"t"}
    assert len(ipset.read(text + "swap s t\n").ipsets["t"].elements) == 2


@pytest.mark.parametrize(
    "line", ["add nosuch 10.0.0.1", "create s", "create s hash:ip family inet7", "add", "bogus line"]
)
def test_what_is_not_understood_is_listed(line: str) -> None:
    assert [each.text for each in ipset.read(line).unknown] == [line]


@pytest.mark.parametrize("case", CASES)
def test_everything_that_is_compiled_is_understood(case: str) -> None:
    from kcompile.api import CompiledNode

    text = CompiledNode(plan(case, "ipvs", "1.30")).emit("ipset")
    read = ipset.read(text)
    assert not read.unknown
    assert sum(len(held.elements) for held in read.ipsets.values()) == sum(
        line.startswith("add") for line in text.splitlines()
    )
