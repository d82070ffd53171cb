"""Plugins whose answers were not all recorded: what CoreDNS 1.13.1's source says."""

from __future__ import annotations

import pytest

from kcompile.evaluate.dns.queries import Client
from tests.evaluate.dns.asking import MANIFESTS, ask, said, server

FORWARD = "    forward . 192.0.2.53\n"


def corefile(*lines: str) -> str:
    return ". {\n" + "".join(f"    {line}\n" for line in lines) + "}\n"


# cache


def test_the_cache_levels_ttls_and_says_aa_the_second_time() -> None:
    there = server(corefile("cache 30", "forward . 192.0.2.53"))
    first = there.query("alias.example.com", "A", Client())
    again = there.query("ALIAS.example.com", "A", Client())
    assert said(first) == ("NOERROR", ("30 CNAME www.example.com.", "30 A 192.0.2.81"))
    assert (first.authoritative, again.authoritative) == (False, True)
    assert again.answer == first.answer
    assert again.plugin == "cache"


@pytest.mark.parametrize(
    ("options", "name", "ttl"),
    [
        ("cache", "short.example.com", 5),
        ("cache", "long.example.com", 3600),
        ("cache 60", "www.example.com", 60),
        ("cache {\n success 100 200 150\n}", "www.example.com", 150),
        ("cache {\n success 100 7\n}", "short.example.com", 5),
        ("cache example.org", "short.example.com", 2),
    ],
)
def test_the_cache_bounds_the_ttl(options: str, name: str, ttl: int) -> None:
    answer = ask(corefile(options, "forward . 192.0.2.53"), name)
    assert [record.ttl for record in answer.answer] == [ttl]


def test_the_cache_keeps_nothing_of_a_zone_that_is_disabled() -> None:
    there = server(corefile("cache {\n disable success example.com\n}", "forward . 192.0.2.53"))
    asked = [there.query("www.example.com", "A", Client()) for _ in range(2)]
    assert [answer.authoritative for answer in asked] == [False, False]


def test_the_cache_does_not_keep_what_was_rewritten() -> None:
    """The question that comes back is not the one that went on, so the cache drops the response."""
    there = server(corefile("cache", "rewrite name a.example www.example.com", "forward . 192.0.2.53"))
    asked = [there.query("a.example", "A", Client()) for _ in range(2)]
    assert [answer.authoritative for answer in asked] == [False, False]


def test_remembered_answers_follow_the_cache() -> None:
    there = server(corefile("cache", "forward . 192.0.2.53"))
    answers = there.query_many(["www.example.com"] * 3)
    assert [answer.authoritative for answer in answers] == [False, True, True]


# rewrite


@pytest.mark.parametrize(
    ("rule", "asked", "wanted"),
    [
        ("rewrite type ANY A", ("www.example.com", "ANY"), ("NOERROR", ("120 A 192.0.2.81",))),
        ("rewrite ttl exact www.example.com 10-20", ("www.example.com", "A"), ("NOERROR", ("20 A 192.0.2.81",))),
        ("rewrite ttl suffix .example.com 600-", ("www.example.com", "A"), ("NOERROR", ("600 A 192.0.2.81",))),
        ("rewrite rcode exact no.example.com NXDOMAIN NOERROR", ("no.example.com", "A"), ("NOERROR", ())),
        (
            "rewrite cname exact www.example.com. long.example.com.",
            ("alias.example.com", "A"),
            ("NOERROR", ("60 CNAME long.example.com.", "100000 A 192.0.2.83")),
        ),
        (
            "rewrite name regex (.*)\\.x\\.example {1}.example.com",
            ("www.x.example", "A"),
            ("NOERROR", ("120 A 192.0.2.81",)),
        ),
        ("rewrite edns0 local set 0xffee abc", ("www.example.com", "A"), ("NOERROR", ("120 A 192.0.2.81",))),
    ],
)
def test_rewrite_rules(rule: str, asked: tuple[str, str], wanted: tuple[str, tuple[str, ...]]) -> None:
    assert said(ask(corefile(rule, "forward . 192.0.2.53"), *asked)) == wanted


def test_a_rule_that_stops_keeps_later_rules_from_the_question() -> None:
    lines = ["rewrite continue name suffix .one.example .two.example", "rewrite name suffix .two.example .example.com"]
    assert said(ask(corefile(*lines, "forward . 192.0.2.53"), "www.one.example"))[1] == ("120 A 192.0.2.81",)
    lines[0] = lines[0].replace("continue", "stop")
    assert ask(corefile(*lines, "forward . 192.0.2.53"), "www.one.example").rcode == "NXDOMAIN"


def test_a_rewritten_name_that_is_no_name_fails() -> None:
    answer = ask(corefile("rewrite name regex (.*)\\.x {1}{1}{1}{1}{1}{1}.y", "forward . 192.0.2.53"), "a" * 60 + ".x")
    assert answer.rcode == "SERVFAIL"


def test_once_a_target_is_replaced_all_aliases_of_the_answer_lead_there() -> None:
    upstream = "a. 9 IN CNAME b.\nb. 8 IN CNAME c.\nc. 7 IN A 192.0.2.1\n"
    for rule, target in (("exact b. x.", "x."), ("prefix b bb", "bbb.")):
        there = server(corefile(f"rewrite cname {rule}", "forward . 192.0.2.53"), upstream=upstream)
        answer = there.query("a")
        assert [record.data for record in answer.answer if record.type == "CNAME"] == [target, target]


def test_what_a_new_target_brings_is_not_changed_by_further_rules() -> None:
    """CoreDNS goes through the records that the response came with, whatever it puts in their place."""
    lines = ["rewrite continue ttl exact alias.example.com 7", "rewrite cname exact www.example.com. long.example.com."]
    assert said(ask(corefile(*lines, "forward . 192.0.2.53"), "alias.example.com"))[1] == (
        "7 CNAME long.example.com.",
        "100000 A 192.0.2.83",
    )


# template


@pytest.mark.parametrize(
    ("lines", "name", "wanted"),
    [
        ('answer "{{ .Name }} 60 IN A 192.0.2.9"', "a.example", ("NOERROR", ("60 A 192.0.2.9",))),
        ('answer "{{ .Name }} IN A 192.0.2.9"', "a.example", ("NOERROR", ("3600 A 192.0.2.9",))),
        (
            'match "^ip-(?P<a>[0-9]+)-(?P<b>[0-9]+)[.]example[.]$"\n'
            'answer "{{ .Name }} 5 IN A 10.0.{{ .Group.a }}.{{ index .Match 2 }}"',
            "ip-7-8.example",
            ("NOERROR", ("5 A 10.0.7.8",)),
        ),
        ('match "^b[.]"\nanswer "{{ .Name }} 5 IN A 10.0.0.1"', "a.example", ("SERVFAIL", ())),
        ("rcode NXDOMAIN", "a.example", ("NXDOMAIN", ())),
        ("rcode SERVFAIL", "a.example", ("SERVFAIL", ())),
        ('answer "{{ .Nope }}"', "a.example", ("SERVFAIL", ())),
        ('answer "this is no record"', "a.example", ("SERVFAIL", ())),
        (
            'answer "{{ .Name }} 60 IN CNAME www.example.com."',
            "a.example",
            ("NOERROR", ("60 CNAME www.example.com.", "120 A 192.0.2.81")),
        ),
        (
            'match "^x(?P<hex>[0-9a-f]{2})[.]"\nanswer "{{ .Name }} 5 IN A 10.0.0.{{ parseInt .Group.hex 16 8 }}"',
            "xff.example",
            ("NOERROR", ("5 A 10.0.0.255",)),
        ),
        (
            'answer "{{ .Name }} 5 IN A {{ if eq .Type \\"A\\" }}10.0.0.1{{ else }}10.0.0.2{{ end }}"',
            "q",
            ("NOERROR", ("5 A 10.0.0.1",)),
        ),
    ],
)
def test_templates(lines: str, name: str, wanted: tuple[str, tuple[str, ...]]) -> None:
    block = "template IN A . {\n" + lines + "\n}"
    assert said(ask("example q {\n" + block + "\n}\n. {\n    forward . 192.0.2.53\n}\n", name)) == wanted


def test_a_template_falls_through_where_it_says_so() -> None:
    lines = 'template IN A example.com {\nmatch "^nope[.]"\nanswer "{{ .Name }} 5 IN A 10.0.0.1"\nfallthrough\n}'
    assert said(ask(corefile(lines, "forward . 192.0.2.53"), "www.example.com"))[1] == ("120 A 192.0.2.81",)


def test_a_template_of_another_type_lets_the_query_pass() -> None:
    lines = 'template IN AAAA . {\nanswer "{{ .Name }} 5 IN AAAA ::1"\n}'
    assert said(ask(corefile(lines, "forward . 192.0.2.53"), "www.example.com"))[1] == ("120 A 192.0.2.81",)


def test_what_a_template_cannot_know_is_not_guessed() -> None:
    answer = ask(corefile('template IN A . {\nanswer "{{ .Name }} 5 IN TXT {{ .Meta \\"a/b\\" }}"\n}'), "a.example")
    assert (answer.rcode, answer.error) == (None, "metadata in a template is not evaluated")


# k8s_external

EXTERNAL = corefile("kubernetes cluster.local", "k8s_external ext.example", "forward . 192.0.2.53")


def test_k8s_external_answers_with_external_addresses() -> None:
    answer = ask(EXTERNAL, "lb.default.ext.example")
    addresses = ("5 A 203.0.113.9", "5 A 203.0.113.5", "5 CNAME www.example.com.", "120 A 192.0.2.81")
    assert said(answer) == ("NOERROR", addresses)
    assert answer.authoritative


@pytest.mark.parametrize(
    ("name", "rtype", "rcode", "records"),
    [
        ("web.default.ext.example", "A", "NXDOMAIN", ()),
        ("default.ext.example", "A", "NOERROR", ()),
        ("nope.ext.example", "A", "NXDOMAIN", ()),
        ("lb.default.ext.example", "TXT", "NOERROR", ()),
        ("ext.example", "NS", "NOERROR", ("5 NS ns1.dns.ext.example.",)),
        (
            "ext.example",
            "SOA",
            "NOERROR",
            ("5 SOA ns1.dns.ext.example. hostmaster.dns.ext.example. 1 7200 1800 86400 5",),
        ),
        ("ns1.dns.ext.example", "A", "NOERROR", ("5 A 192.0.2.10",)),
        ("ns2.dns.ext.example", "A", "NXDOMAIN", ()),
        ("dns.ext.example", "A", "NOERROR", ()),
    ],
)
def test_names_of_k8s_external(name: str, rtype: str, rcode: str, records: tuple[str, ...]) -> None:
    there = server(EXTERNAL, server_addresses=("192.0.2.10",))
    answer = there.query(name, rtype)
    assert said(answer) == (rcode, records)
    assert bool(answer.authority) == (not records)


def test_k8s_external_serves_ports() -> None:
    answer = ask(EXTERNAL, "_http._tcp.lb.default.ext.example", "SRV")
    assert [record.data for record in answer.answer] == [
        "0 33 80 lb.default.ext.example.",
        "0 33 80 www.example.com.",
    ]
    assert {record.data for record in answer.additional} == {
        "203.0.113.9",
        "203.0.113.5",
        "192.0.2.81",
        "2001:db8::81",
    }


def test_k8s_external_finds_names_of_addresses_only_in_its_zones() -> None:
    with_reverse = corefile("kubernetes cluster.local", "k8s_external ext.example in-addr.arpa")
    answer = ask(with_reverse, "9.113.0.203.in-addr.arpa", "PTR")
    assert said(answer) == ("NOERROR", ("5 PTR lb.default.ext.example.",))


def test_k8s_external_passes_on_addresses_that_it_does_not_know_where_it_says_so() -> None:
    lines = "k8s_external ext.example in-addr.arpa {\n fallthrough in-addr.arpa\n}"
    text = corefile("kubernetes cluster.local", lines, "forward . 192.0.2.53")
    upstream = "77.113.0.203.in-addr.arpa. 60 IN PTR other.example.\n"
    assert said(server(text, upstream=upstream).query("77.113.0.203.in-addr.arpa", "PTR"))[1] == (
        "60 PTR other.example.",
    )
    assert said(server(text, upstream=upstream).query("9.113.0.203.in-addr.arpa", "PTR"))[1] == (
        "5 PTR lb.default.ext.example.",
    )


# file

ZONE = """\
@ 60 IN SOA ns admin 1 2 3 4 5
@ 60 IN NS ns
ns 60 IN A 192.0.2.1
d 60 IN DNAME elsewhere.example.
* 60 IN CNAME www.example.com.
"""


@pytest.mark.parametrize(
    ("name", "records"),
    [
        ("x.d.zone.example", ("60 DNAME elsewhere.example.", "60 CNAME x.elsewhere.example.")),
        ("any.zone.example", ("60 CNAME www.example.com.",)),
    ],
)
def test_an_alias_that_is_asked_for_is_not_followed(name: str, records: tuple[str, ...]) -> None:
    """The synthesized CNAME of a DNAME, and that of a wildcard."""
    there = server("zone.example {\n    file zone\n}\n. {\n    forward . 192.0.2.53\n}\n", files={"zone": ZONE})
    answer = there.query(name, "CNAME")
    assert said(answer) == ("NOERROR", records)
    assert [str(record) for record in answer.authority] == ["zone.example. 60 IN NS ns.zone.example."]


# autopath

AUTOPATH = corefile("autopath @kubernetes", "kubernetes cluster.local {\n pods verified\n}", "forward . 192.0.2.53")


def test_autopath_answers_for_a_pod_what_its_search_list_would_lead_to() -> None:
    answer = ask(AUTOPATH, "www.example.com.default.svc.cluster.local", "A", "10.244.17.1")
    assert said(answer) == ("NOERROR", ("120 CNAME www.example.com.", "120 A 192.0.2.81"))
    assert answer.answer[0].name == "www.example.com.default.svc.cluster.local."


def test_autopath_gives_back_the_first_denial_when_nothing_is_found() -> None:
    answer = ask(AUTOPATH, "no.example.com.default.svc.cluster.local", "A", "10.244.17.1")
    assert answer.rcode == "NXDOMAIN"
    assert answer.authority[0].name == "cluster.local."


def test_autopath_leaves_others_alone() -> None:
    assert ask(AUTOPATH, "www.example.com.default.svc.cluster.local", "A", "10.1.1.1").rcode == "NXDOMAIN"


# others


@pytest.mark.parametrize(
    ("plugin", "name", "rtype", "wanted"),
    [
        ("any", "x.example", "ANY", ("NOERROR", ('8482 HINFO "ANY obsoleted" "See RFC 8482"',))),
        ("local", "localhost", "A", ("NOERROR", ("604800 A 127.0.0.1",))),
        ("local", "localhost", "AAAA", ("NOERROR", ("604800 AAAA ::1",))),
        ("local", "localhost.default.svc.cluster.local", "A", ("NOERROR", ("604800 A 127.0.0.1",))),
        ("local", "1.0.0.127.in-addr.arpa", "PTR", ("NOERROR", ("604800 PTR localhost.",))),
        ("local", "2.0.0.127.in-addr.arpa", "PTR", ("NXDOMAIN", ())),
        ("local", "localhost", "MX", ("NOERROR", ())),
    ],
)
def test_any_and_local(plugin: str, name: str, rtype: str, wanted: tuple[str, tuple[str, ...]]) -> None:
    assert said(ask(corefile(plugin, "forward . 192.0.2.53"), name, rtype)) == wanted


def test_whoami_tells_who_asks() -> None:
    answer = ask(corefile("whoami"), "x.example", "A", "2001:db8::7")
    assert [str(record) for record in answer.additional] == [
        "x.example. 0 IN AAAA 2001:db8::7",
        "_udp.x.example. 0 IN SRV 0 0 0 .",
    ]


def test_a_dropped_query_gets_no_answer() -> None:
    answer = ask(corefile("acl {\n drop net 192.0.2.0/24\n}", "whoami"), "x", "A", "192.0.2.1")
    assert (answer.rcode, answer.error) == (None, "no response is sent")


def test_loadbalance_puts_aliases_first_and_preferred_addresses_before_others() -> None:
    hosts = "hosts {\n 192.0.2.1 a.example\n 10.0.0.1 a.example\n}"
    assert said(ask(corefile("loadbalance round_robin {\n prefer 10.0.0.0/8\n}", hosts), "a.example"))[1] == (
        "3600 A 10.0.0.1",
        "3600 A 192.0.2.1",
    )


def test_a_second_forward_takes_what_the_first_leaves() -> None:
    lines = ["forward example.org 9.9.9.9", "forward . 192.0.2.53 {\n except example.net\n}"]
    assert ask(corefile(*lines), "x.example.org").forwarded_to == ("9.9.9.9:53",)
    assert said(ask(corefile(*lines), "www.example.com"))[0] == "NOERROR"
    assert ask(corefile(*lines), "x.example.net").rcode == "SERVFAIL"


@pytest.mark.parametrize(
    ("second", "rcode"),
    [("forward . 192.0.2.53", "NXDOMAIN"), ("forward example.org 192.0.2.53", "SERVFAIL"), ("", "NXDOMAIN")],
)
def test_next_leads_past_a_forward_that_does_not_take_the_name(second: str, rcode: str) -> None:
    lines = ["forward . 192.0.2.53 {\n next NXDOMAIN\n}", second]
    assert ask(corefile(*lines), "no.example.com").rcode == rcode


def test_an_alias_to_the_outside_is_answered_though_the_outside_is_not_known() -> None:
    answer = ask(corefile("kubernetes cluster.local", "forward . 9.9.9.9"), "out.default.svc.cluster.local")
    assert said(answer) == ("NOERROR", ("5 CNAME www.example.com.",))
    assert answer.forwarded_to == ("9.9.9.9:53",)


def test_selected_labels_may_be_excluded() -> None:
    manifests = MANIFESTS.replace(
        "{name: web, namespace: default}", "{name: web, namespace: default, labels: {app: x}}"
    )
    for selector, found in (("app notin (x)", False), ("!app", False), ("app in (x,y)", True), ("app", True)):
        text = corefile(f"kubernetes cluster.local {{\n labels {selector}\n}}")
        assert (ask(text, "web.default.svc.cluster.local", manifests=manifests).rcode == "NOERROR") is found, selector
