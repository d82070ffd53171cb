"""Warnings that CoreDNS does not give."""

from __future__ import annotations

import pytest

from kcompile.frontend.corefile.context import LOOPBACK, Machine
from tests.frontend.corefile.reading import load, warnings

KUBEADM = """\
.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30
    loop
    reload
    loadbalance
}
"""


def found(text: str, machine: Machine | None = None) -> list[tuple[int, str]]:
    return warnings(load(text, machine=machine))


def test_there_is_nothing_to_say_about_the_default_of_kubeadm() -> None:
    assert found(KUBEADM) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # To itself, on its own port, over every address or the one it is bound to.
        (".:53 {\n forward . 127.0.0.1\n}\n", [2]),
        (".:53 {\n forward . 8.8.8.8 [::1]:53\n}\n", [2]),
        (".:53 {\n forward . 0.0.0.0\n}\n", [2]),
        (".:53 {\n bind 127.0.0.1\n forward . 127.0.0.1\n}\n", [3]),
        ("tls://. {\n tls cert key\n forward . tls://127.0.0.1\n}\n", [3]),
        # Through another block.
        (".:53 {\n forward . 127.0.0.1:54\n}\n.:54 {\n forward . 127.0.0.1:53\n}\n", [2, 5]),
        (".:53 {\n forward a 127.0.0.1\n}\na:53 {\n forward . 127.0.0.1\n}\n", [5]),
        # Elsewhere.
        (".:54 {\n forward . 127.0.0.1\n}\n", []),
        (".:53 {\n bind 127.0.0.1\n forward . ::1\n}\n", []),
        (".:53 {\n forward . tls://127.0.0.1\n}\n", []),
        (".:53 {\n forward a 127.0.0.1\n}\na:53 {\n whoami\n}\n", []),
        (".:53 {\n forward . 127.0.0.1:54\n}\n.:54 {\n forward . 127.0.0.1:53 {\n  except .\n }\n}\n", []),
    ],
)
def test_forwards_that_come_back(text: str, expected: list[int]) -> None:
    # What the certificates hold is not known: they are not in the ConfigMap.
    diagnostics = load(text).diagnostics
    assert [d.span.line for d in diagnostics if d.span and d.code == "forward-loop"] == expected


def test_the_addresses_of_the_machine_are_its_own() -> None:
    text = ".:53 {\n forward . 10.0.0.5\n}\n"
    assert found(text, Machine({**LOOPBACK, "eth0": ("10.0.0.5/24",)})) == [(2, "forward-loop")]
    assert found(text, Machine()) == []
    # A Pod may have any address: nothing is said.
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.org {\n kubernetes cluster.local\n}\n", [(2, "unreachable-zone")]),
        ("cluster.local {\n kubernetes cluster.local 10.0.0.0/8\n}\n", [(2, "unreachable-zone")]),
        ("a.org {\n cache 30 b.org\n whoami\n}\n", [(2, "unreachable-zone")]),
        ("a.org {\n acl b.org {\n  block\n }\n whoami\n}\n", [(2, "unreachable-zone")]),
        ("a.org {\n forward b.org 8.8.8.8\n}\n", [(2, "unreachable-zone")]),
        # A longer zone of another block takes the names, on the same port.
        (". {\n forward a.org 8.8.8.8\n}\nb.a.org {\n whoami\n}\n", []),
        (". {\n forward b.a.org 8.8.8.8\n}\na.org {\n whoami\n}\n", [(2, "unreachable-zone")]),
        (". {\n forward b.a.org 8.8.8.8\n}\na.org:54 {\n whoami\n}\n", []),
        (". a.org:54 {\n forward a.org 8.8.8.8\n}\na.org {\n whoami\n}\n", []),
        (". {\n forward a.org 8.8.8.8\n}\na.org {\n view x {\n  expr true\n }\n whoami\n}\n", []),
        # What other names become, and what others look into, may be anything.
        ("a.org {\n rewrite name suffix a.org cluster.local\n kubernetes cluster.local\n}\n", []),
        ("a.org {\n k8s_external a.org\n kubernetes cluster.local\n}\n", []),
        # Wider than the block is fine.
        ("b.a.org {\n forward a.org 8.8.8.8\n}\n", []),
    ],
)
def test_zones_that_no_query_reaches(text: str, expected: list[tuple[int, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (". {\n hosts {\n  10.0.0.1 a\n }\n forward . 8.8.8.8\n}\n", [5]),
        (". {\n hosts {\n  10.0.0.1 a\n  fallthrough\n }\n forward . 8.8.8.8\n}\n", []),
        (". {\n hosts {\n  10.0.0.1 a\n  fallthrough a\n }\n forward . 8.8.8.8\n}\n", []),
        (". {\n forward . 8.8.8.8\n whoami\n}\n", [3]),
        (". {\n forward . 8.8.8.8 {\n  except a\n }\n whoami\n}\n", []),
        (". {\n forward . 8.8.8.8 {\n  next NXDOMAIN\n }\n forward . 9.9.9.9\n}\n", []),
        (". {\n forward . 8.8.8.8\n forward . 9.9.9.9\n}\n", [3]),
        (". {\n forward a 8.8.8.8\n forward . 9.9.9.9\n}\n", []),
        ("a {\n forward a 8.8.8.8\n forward . 9.9.9.9\n}\n", [3]),
        (". {\n template IN A\n forward . 9.9.9.9\n}\n", []),
        ("cluster.local {\n kubernetes cluster.local\n forward . 8.8.8.8\n}\n", [3]),
    ],
)
def test_plugins_behind_one_that_answers_everything(text: str, expected: list[int]) -> None:
    assert found(text) == [(line, "unreachable-plugin") for line in expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Example.org {\n whoami\n}\n", [(1, "upper-case-zone")]),
        ("example.org {\n file /none Example.org\n}\n", []),
        ("a{\n whoami\n}\n", [(1, "brace-in-zone")]),
        ("a {\n bind 127.0.0.1 {\n  except 127.0.0.1\n }\n}\n", [(2, "no-listener")]),
    ],
)
def test_keys_and_sockets_that_take_nothing(text: str, expected: list[tuple[int, str]]) -> None:
    assert found(text) == expected


def test_an_order_that_misleads() -> None:
    text = ". {\n forward . 8.8.8.8\n kubernetes cluster.local\n hosts {\n  10.0.0.1 a\n  fallthrough\n }\n cache\n}\n"
    assert found(text) == [(3, "plugin-order"), (4, "plugin-order")]
    messages = [d.message for d in load(text).diagnostics]
    assert "`hosts` answers before `kubernetes` and `forward`, which stand above it" in messages
    # Where they answer different names the order says nothing.
    assert found(". {\n forward a 8.8.8.8\n kubernetes cluster.local\n}\n") == []


def test_there_is_no_advice_on_what_is_refused() -> None:
    codes = [d.code for d in load("A {\n forward . 127.0.0.1\n whoami x\n}\n").diagnostics]
    assert codes == ["arguments"]
