"""Which server block takes a query, and what is answered where none does."""

from __future__ import annotations

import pytest

from kcompile.evaluate.dns.queries import Client
from tests.evaluate.dns.asking import ask, said, server

TWO_ZONES = """\
example.org {
    template IN ANY {
        answer "{{ .Name }} 5 IN TXT parent"
    }
}
sub.example.org {
    template IN ANY {
        answer "{{ .Name }} 5 IN TXT child"
    }
}
"""


@pytest.mark.parametrize(
    ("name", "block"), [("example.org", "parent"), ("x.example.org", "parent"), ("SUB.Example.Org", "child")]
)
def test_the_longest_zone_takes_the_query(name: str, block: str) -> None:
    assert said(ask(TWO_ZONES, name, "TXT")) == ("NOERROR", (f'5 TXT "{block}"',))


def test_ds_goes_to_the_block_of_the_parent() -> None:
    answer = ask(TWO_ZONES, "sub.example.org", "DS")
    assert [record.data for record in answer.answer] == ['"parent"']


def test_a_name_of_no_block_is_refused() -> None:
    assert ask(TWO_ZONES, "example.net").rcode == "REFUSED"


def test_an_empty_block_refuses() -> None:
    assert ask("example.org {\n}\n", "example.org").rcode == "REFUSED"


def test_a_block_whose_plugins_do_not_answer_fails() -> None:
    assert ask("example.org {\n    errors\n}\n", "example.org").rcode == "SERVFAIL"


def test_a_port_that_nobody_listens_on_is_an_error() -> None:
    answer = server(".:1053 {\n    whoami\n}\n").query("x", "A", Client(port=53))
    assert (answer.rcode, answer.error) == (None, "no server block listens on port 53, but on 1053")


def test_blocks_on_several_ports_are_kept_apart() -> None:
    there = server(".:53 {\n    hosts {\n        192.0.2.1 a.example\n    }\n}\n.:54 {\n    whoami\n}\n")
    assert there.query("a.example", "A", Client(port=53)).answer[0].data == "192.0.2.1"
    assert there.query("a.example", "A", Client(port=54)).answer == ()


def test_a_plugin_that_is_not_evaluated_is_named() -> None:
    answer = ask(". {\n    erratic\n}\n", "x.example")
    assert (answer.rcode, answer.error) == (None, "plugin erratic is not evaluated")


def test_a_plugin_that_is_not_evaluated_is_not_in_the_way_of_what_it_does_not_touch() -> None:
    corefile = ". {\n    dns64\n    hosts {\n        192.0.2.1 a.example\n    }\n}\n"
    assert said(ask(corefile, "a.example")) == ("NOERROR", ("3600 A 192.0.2.1",))
    assert ask(corefile, "a.example", "AAAA").error == "plugin dns64 is not evaluated"


def test_another_class_is_refused_unless_forward_is_loaded() -> None:
    from kcompile.evaluate.dns.chain import Context
    from kcompile.evaluate.dns.queries import Question

    there = server(". {\n    whoami\n}\n").server
    reply = there.resolve(Question("version.bind.", "TXT", "CH"), Context(Client(), there.resolve))
    assert reply.message is not None
    assert reply.message.rcode == "REFUSED"


def test_what_is_forwarded_to_a_server_that_is_not_known_says_where() -> None:
    answer = ask(". {\n    forward . 9.9.9.9 tls://1.1.1.1\n}\n", "www.example.com")
    assert answer.rcode is None
    assert answer.forwarded_to == ("9.9.9.9:53", "tls://1.1.1.1:853")
    assert answer.error == "www.example.com. A is forwarded to 9.9.9.9:53, tls://1.1.1.1:853"


def test_the_way_of_a_query_is_told_when_asked_for() -> None:
    there = server("cluster.local {\n    kubernetes\n}\n. {\n    forward . 192.0.2.53\n}\n")
    answer = there.query("out.default.svc.cluster.local", trace=True)
    assert [(step.depth, step.plugin, step.text) for step in answer.steps] == [
        (0, "server", "server block cluster.local"),
        (1, "server", "looks up www.example.com. A"),
        (1, "server", "server block ."),
        (1, "forward", "forwards to 192.0.2.53:53"),
        (0, "kubernetes", "answers from the cluster, zone cluster.local."),
    ]


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".example", ".".join(["label"] * 50), "a\\", "a\\999.b"])
def test_what_is_no_name_is_no_query(name: str) -> None:
    answer = ask(". {\n    whoami\n}\n", name)
    assert answer.rcode is None
    assert answer.error


VIEWS = """\
. {
    view inside {
        expr incidr(client_ip(), '10.0.0.0/8') && type() in ['A', 'AAAA']
        expr name() startsWith 'a'
    }
    hosts {
        10.0.0.1 a.example b.example
    }
}
. {
    hosts {
        192.0.2.1 a.example b.example
    }
}
"""


@pytest.mark.parametrize(
    ("client", "name", "address"),
    [
        ("10.1.2.3", "a.example", "10.0.0.1"),
        ("10.1.2.3", "b.example", "192.0.2.1"),
        ("192.0.2.7", "a.example", "192.0.2.1"),
        ("2001:db8::1", "a.example", "192.0.2.1"),
    ],
)
def test_a_view_takes_what_its_expressions_say(client: str, name: str, address: str) -> None:
    assert ask(VIEWS, name, "A", client).answer[0].data == address


def test_a_view_that_asks_what_a_query_does_not_tell_is_not_guessed() -> None:
    corefile = ". {\n    view v {\n        expr metadata('a/b') == 'c'\n    }\n    whoami\n}\n. {\n    whoami\n}\n"
    assert ask(corefile, "x").error == "metadata in a view is not evaluated"
