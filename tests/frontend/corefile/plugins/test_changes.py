"""Plugins that change, hold back or keep queries and answers."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

import pytest

from kcompile.frontend.corefile.expression import Literal
from kcompile.frontend.corefile.plugins.acl import AclSettings, Policy
from kcompile.frontend.corefile.plugins.acl import Rule as AclRule
from kcompile.frontend.corefile.plugins.cache import CacheSettings, Side
from kcompile.frontend.corefile.plugins.dns64 import Dns64Settings
from kcompile.frontend.corefile.plugins.header import HeaderSettings
from kcompile.frontend.corefile.plugins.header import Rule as HeaderRule
from kcompile.frontend.corefile.plugins.loadbalance import LoadbalanceSettings
from kcompile.frontend.corefile.plugins.rewrite import (
    AnswerRule,
    ClassRule,
    CNAMERule,
    EDNS0Rule,
    NameRule,
    RcodeRule,
    RewriteSettings,
    Rule,
    TTLRule,
    TypeRule,
)
from kcompile.frontend.corefile.plugins.view import ViewSettings
from kcompile.frontend.corefile.regexp import compile_regexp
from tests.frontend.corefile.reading import rejection, settings

GROUP = compile_regexp("(.*)[.]a[.]$")


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("name A.org b.org", NameRule(True, "exact", "a.org.", None, "b.org.", True, ())),
        ("continue name suffix .a.org .b.org", NameRule(False, "suffix", ".a.org.", None, ".b.org.", False, ())),
        (
            "stop name regex (.*)[.]a[.]$ {1}.b answer auto",
            NameRule(True, "regex", GROUP.text, GROUP, "{1}.b.", True, ()),
        ),
        (
            "name suffix a b answer name (.*)[.]a[.]$ {1}.c value (.*)[.]a[.]$ {1}.d",
            NameRule(
                True,
                "suffix",
                "a.",
                None,
                "b.",
                False,
                (AnswerRule("name", GROUP, "{1}.c."), AnswerRule("value", GROUP, "{1}.d.")),
            ),
        ),
        ("type ANY hinfo", TypeRule(True, 255, 13)),
        ("class CH IN", ClassRule(True, 3, 1)),
        ("ttl a 30-", TTLRule(True, "exact", "a.", None, 30, (1 << 31) - 1)),
        ("ttl regex (.*)[.]a[.]$ -60", TTLRule(True, "regex", GROUP.text, GROUP, 0, 60)),
        ("rcode prefix a SERVFAIL NXDOMAIN", RcodeRule(True, "prefix", "a.", None, 2, 3)),
        ("cname exact a b", CNAMERule(True, "exact", "a", None, "b")),
        ("edns0 local set 0xffee 0x61", EDNS0Rule(True, "local", "set", ("0xffee", "0x61"), False)),
        ("edns0 subnet replace 24 56 revert", EDNS0Rule(True, "subnet", "replace", ("24", "56"), True)),
    ],
)
def test_rules_of_rewrite(words: str, rule: Rule) -> None:
    assert settings(f"rewrite {words}") == RewriteSettings((rule,))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "no rule type specified for rewrite"),
        ("stop", "stop rule must begin with a rule type"),
        ("answer a b", "response rewrites must begin with a name rule"),
        ("name a", "too few arguments for a name rule"),
        ("name regex ( b", "invalid regex matching pattern: ("),
        (
            "name regex a {1}",
            "the rewrite regex pattern ({1}) uses more subexpressions than its corresponding matching regex "
            "pattern (a)",
        ),
        ("name suffix a b auto x", "exceeded the number of arguments for a non-answer rule argument for suffix rule"),
        ("type A", "type rules must have exactly two arguments"),
        ("type A B", 'invalid type "B"'),
        ("ttl a x", "invalid TTL 'x' for a ttl rule"),
        ("nope a b", 'invalid rule type "nope"'),
    ],
)
def test_rules_that_rewrite_refuses(words: str, message: str) -> None:
    assert rejection(f"rewrite {words}") == f"plugin/rewrite: {message}"


def test_a_rewrite_in_braces_is_one_rule() -> None:
    text = "rewrite stop {\n name regex (.*)[.]a[.]$ {1}.b\n answer auto\n}"
    assert settings(text) == settings("rewrite stop name regex (.*)[.]a[.]$ {1}.b answer auto")


def test_policies_of_acl() -> None:
    text = "acl a.org {\n allow net 10.0.0.0/8 192.0.2.1\n BLOCK type A AAAA net *\n filter type * net ::1\n drop\n}"
    networks = (IPv4Network("10.0.0.0/8"), IPv4Network("192.0.2.1/32"))
    assert settings(text) == AclSettings(
        (
            AclRule(
                ("a.org.",),
                (
                    Policy("allow", frozenset(), networks),
                    Policy("block", frozenset({1, 28}), ()),
                    Policy("filter", frozenset(), (IPv6Network("::1/128"),)),
                    Policy("drop", frozenset(), ()),
                ),
            ),
        )
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("deny", "unexpected token \"deny\"; expect 'allow', 'block', 'filter' or 'drop'"),
        ("allow from x", "unexpected token \"from\"; expect 'type | net'"),
        ("allow net", 'no token specified in "net" section'),
        ("allow net x", 'illegal CIDR notation "x/32"'),
        ("allow type a", 'unexpected token "a"; expect legal QTYPE'),
    ],
)
def test_policies_that_acl_refuses(line: str, message: str) -> None:
    assert rejection(f"acl {{\n{line}\n}}") == f"plugin/acl: Corefile:3 - Error during parsing: {message}"


def test_cache() -> None:
    assert settings("cache") == CacheSettings((".",), Side(10000, 3600, 5), Side(10000, 1800, 5))
    text = """\
cache 60 a.org {
    success 100 30 10
    denial 200
    prefetch 10 1m 20%
    serve_stale 1h VERIFY
    servfail 1m
    disable success b.org
    disable denial
    keepttl
}"""
    assert settings(text) == CacheSettings(
        ("a.org.",),
        Side(100, 30, 10, ("b.org.",)),
        Side(200, 60, 5, (".",)),
        prefetch=10,
        prefetch_duration=60.0,
        prefetch_percentage=20,
        stale=3600.0,
        verify_stale=True,
        servfail_ttl=60.0,
        keep_ttl=True,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cache 0", "cache TTL can not be zero or negative: 0"),
        ("cache {\n success x\n}", 'strconv.Atoi: parsing "x": invalid syntax'),
        ("cache {\n servfail 10m\n}", "caching SERVFAIL responses over 5 minutes is not permitted"),
        ("cache {\n prefetch 1 1m 5%\n}", "percentage should fall in range [10, 90]: 5"),
        ("cache {\n disable all\n}", 'cache type for disable must be "success" or "denial"'),
        ("cache {\n serve_stale 1h later\n}", "invalid value for serve_stale refresh mode: later"),
    ],
)
def test_caches_that_are_refused(text: str, message: str) -> None:
    assert rejection(text) == f"plugin/cache: {message}"


def test_header() -> None:
    text = "header {\n response set AA ra\n query clear rd\n response clear rd\n}"
    assert settings(text) == HeaderSettings(
        (HeaderRule("rd", False),), (HeaderRule("aa", True), HeaderRule("ra", True), HeaderRule("rd", False))
    )
    assert rejection("header {\n set aa\n}") == (
        "plugin/header: setting up rule: invalid selector=set should be query or response"
    )


def test_loadbalance() -> None:
    assert settings("loadbalance") == settings("loadbalance round_robin") == LoadbalanceSettings()
    preferring = settings("loadbalance round_robin {\n prefer 10.0.0.0/8 fd00::/8\n}")
    assert preferring == LoadbalanceSettings(preferred=(IPv4Network("10.0.0.0/8"), IPv6Network("fd00::/8")))
    weighted = settings("loadbalance weighted weights {\n reload 0s\n}", {"weights": b"a\n10.0.0.1 3\n"})
    assert weighted == LoadbalanceSettings("weighted", "weights", 0.0)
    assert rejection("loadbalance best") == "plugin/loadbalance: unknown policy: best"


def test_dns64() -> None:
    assert settings("dns64") == Dns64Settings(IPv6Network("64:ff9b::/96"), False, False)
    assert settings("dns64 {\n prefix fd00::/64\n translate_all\n}") == Dns64Settings(
        IPv6Network("fd00::/64"), True, False
    )
    assert "invalid prefix length" in rejection("dns64 fd00::/65")


def test_view() -> None:
    assert settings("view inner {\n expr true\n}") == ViewSettings("inner", (Literal(True),))
    assert rejection("view inner {\n expr nope()\n}").startswith("plugin/view: unknown name nope")
