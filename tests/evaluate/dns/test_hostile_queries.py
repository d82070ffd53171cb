"""No question, however odd, makes the server fall over."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcompile.evaluate.dns.queries import Client
from kcompile.ir.dns_types import TYPE_NUMBERS
from tests.evaluate.dns.asking import server

COREFILE = """\
. {
    acl {
        drop net 203.0.113.0/24
        allow
    }
    any
    loadbalance
    cache 30
    rewrite name regex (.*)\\.rx {1}.svc.cluster.local answer auto
    rewrite stop {
        name suffix .sfx .default.svc.cluster.local
        answer auto
    }
    autopath @kubernetes
    template IN ANY tpl {
        match "^(?P<a>.*)[.]tpl[.]$"
        answer "{{ .Name }} 5 IN TXT {{ printf \\"%q\\" .Group.a }}"
        fallthrough
    }
    hosts {
        192.0.2.1 a.example
        fallthrough
    }
    k8s_external ext.example
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods verified
        fallthrough in-addr.arpa ip6.arpa
    }
    forward . 192.0.2.53
}
"""
RCODES = {None, "NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED", "FORMERR", "NOTIMP"}
SERVER = server(COREFILE, server_addresses=("10.244.0.2",))

SUFFIXES = st.sampled_from(
    (
        *("", "svc.cluster.local", "pod.cluster.local", "default.svc.cluster.local", "default.pod.cluster.local"),
        *("in-addr.arpa", "ip6.arpa", "rx", "sfx", "tpl", "ext.example", "dns.ext.example", "example.com"),
    )
)
LABELS = st.text(st.characters(codec="latin-1"), max_size=20) | st.sampled_from(
    ["web", "default", "_http", "_tcp", "*", "10-1-2-3", "--", "::1", "a:b", "256", "f", "\\", "\\000", "x" * 63]
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(LABELS, max_size=6),
    SUFFIXES,
    st.sampled_from([*TYPE_NUMBERS, "TYPE65280"]),
    st.sampled_from(["127.0.0.1", "10.244.17.1", "203.0.113.1", "fe80::1%eth0", "::1"]),
)
def test_every_question_has_an_answer(labels: list[str], suffix: str, rtype: str, client: str) -> None:
    answer = SERVER.query(".".join([*labels, suffix]), rtype, Client(address=client), trace=True)
    assert answer.rcode in RCODES
    assert answer.rcode is not None or answer.error
    for record in (*answer.answer, *answer.authority, *answer.additional):
        assert record.name.endswith(".")
        assert 0 <= record.ttl < 1 << 31
        assert "\n" not in str(record)


TOO_LARGE = "(a|b)*" + "a{1000}" * 200


@pytest.mark.parametrize(
    "lines",
    [
        f"rewrite name regex {TOO_LARGE} c\nwhoami",
        f'template IN A {{\nmatch {TOO_LARGE}\nanswer "{{{{ .Name }}}} 5 IN A 192.0.2.1"\n}}',
        f"view v {{\nexpr name() matches '{TOO_LARGE}'\n}}\nwhoami",
    ],
)
def test_a_pattern_that_is_too_large_has_no_known_answer(lines: str) -> None:
    answer = server(f". {{\n{lines}\n}}\n").query("a.example")
    assert (answer.rcode, answer.error) == (
        None,
        "a regular expression of more than 100000 instructions is not evaluated",
    )


def test_look_ups_that_lead_ever_deeper_end() -> None:
    """Each look-up inside the server goes through all plugins, and a deep expression stands at the end."""
    lines = [
        "view v {",
        "expr " + " && ".join(["true"] * 249),
        "}",
        "any",
        "local",
        "loadbalance",
        "cache",
        "header {",
        "response set ra",
        "}",
        "minimal",
        "rewrite ttl suffix . 5",
        "acl {",
        "allow",
        "}",
        "template IN A {",
        'answer "{{ .Name }} 5 IN CNAME x.{{ .Name }}"',
        "}",
    ]
    answer = server(". {\n" + "\n".join(lines) + "\n}\n").query("a.example")
    assert answer.rcode is not None or answer.error == "a.example A leads deeper than is followed here"
