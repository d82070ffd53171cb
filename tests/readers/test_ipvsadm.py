"""ipvsadm -Sn."""

from __future__ import annotations

import pytest

from kcompile.ir.ruleset import RealServer, VirtualServer
from kcompile.readers import ipvsadm
from tests.targets.recorded import CASES, plan


def test_servers_with_their_options() -> None:
    read = ipvsadm.read(
        "-A -t 10.96.0.10:80 -s rr\n"
        "-a -t 10.96.0.10:80 -r 10.244.0.5:8080 -m -w 1\n"
        "-A -u [fd00::a]:53 -s mh -p 10800 -M 128 -b sh-port\n"
        "-a -u [fd00::a]:53 -r [fd00::5]:53 -g -w 0\n"
        "-A -f 7 -6 -s wlc -p\n"
        "-A --sctp-service 10.96.0.10:80 -s sh -b flag-1,flag-2\n"
    )
    assert not read.unknown
    assert read.virtual_servers == (
        VirtualServer("tcp", "10.96.0.10", 80, "rr", servers=(RealServer("10.244.0.5", 8080, 1, "masq", 2),), line=1),
        VirtualServer(
            "udp",
            "fd00::a",
            53,
            "mh",
            10800,
            128,
            flags=("sh-port",),
            servers=(RealServer("fd00::5", 53, 0, "gate", 4),),
            line=3,
        ),
        VirtualServer("fwmark", "", 0, "wlc", 360, mark=7, flags=("ipv6",), line=5),
        VirtualServer("sctp", "10.96.0.10", 80, "sh", flags=("flag-1", "flag-2"), line=6),
    )


def test_only_what_is_translated_has_a_port_of_its_own() -> None:
    read = ipvsadm.read(
        "-A -t 10.96.0.10:80 -s rr\n"
        "-a -t 10.96.0.10:80 -r 10.244.0.5:8080 -m\n"
        "-a -t 10.96.0.10:80 -r 10.244.0.6:8080 -i\n"
        "-a -t 10.96.0.10:80 -r 10.244.0.7:8080 -g\n"
        "-A -f 7 -s rr\n"
        "-a -f 7 -r 10.244.0.6:8080 -g\n"
    )
    assert [[real.port for real in server.servers] for server in read.virtual_servers] == [[8080, 80, 80], [8080]]


def test_servers_that_go_again() -> None:
    text = "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m\n"
    assert ipvsadm.read(text + "-d -t 10.0.0.1:80 -r 10.0.0.2:80\n").virtual_servers[0].servers == ()
    assert ipvsadm.read(text + "-D -t 10.0.0.1:80\n").virtual_servers == ()
    assert ipvsadm.read(text + "-C\n").virtual_servers == ()


@pytest.mark.parametrize(
    "line",
    [
        "-A -t",
        "-A -t 10.0.0.300:80 -s rr",
        "-A -t 10.0.0.1:99999",
        "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m",
        "-A -t 10.0.0.1:80 --nonsense",
        "hello",
    ],
)
def test_what_is_not_understood_is_listed(line: str) -> None:
    assert [each.text for each in ipvsadm.read(line).unknown] == [line]


@pytest.mark.parametrize("case", CASES)
def test_everything_that_is_compiled_is_understood(case: str) -> None:
    from kcompile.api import CompiledNode

    text = CompiledNode(plan(case, "ipvs", "1.30")).emit("ipvsadm")
    read = ipvsadm.read(text)
    assert not read.unknown
    assert len(read.virtual_servers) == sum(line.startswith("-A") for line in text.splitlines())


@pytest.mark.parametrize(
    "line",
    [
        "-A -t 10.96.0.11:80 -s rr -p 300 -M 55",
        "-A -t 10.96.0.11:80 -s rr -p 300 -M 255.0.255.0",
        "-A -t [fd00::b]:80 -s rr -p 300 -M 255.255.255.0",
        "-A -t [fd00::b]:80 -s rr -p 300 -M 129",
        "-a -t 10.96.0.10:80 -r [fd00::5]:8080 -m -w 1",
        "-a -f 7 -6 -r 10.244.0.5 -g -w 1",
        "-a -f 7 -r 10.244.0.5 -m -w 1",
    ],
)
def test_what_the_kernel_would_refuse_is_unknown(line: str) -> None:
    servers = "-A -t 10.96.0.10:80 -s rr\n-A -f 7 -6 -s rr\n"
    read = ipvsadm.read(servers + line)
    assert [unknown.text for unknown in read.unknown] == [line]
    assert read.virtual_servers == ipvsadm.read(servers).virtual_servers


def test_only_a_tunnel_leads_to_the_other_family() -> None:
    read = ipvsadm.read("-A -t 10.96.0.10:80 -s rr\n-a -t 10.96.0.10:80 -r [fd00::5]:80 -i -w 1\n")
    assert [real.address for real in read.virtual_servers[0].servers] == ["fd00::5"]
