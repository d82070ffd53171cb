"""Plugins that answer from files, templates and other servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from kcompile.frontend.corefile.files import Files
from kcompile.frontend.corefile.load import load_corefile
from kcompile.frontend.corefile.plugins.file import FileSettings, ZoneFile
from kcompile.frontend.corefile.plugins.forward import Forward, ForwardSettings, Upstream
from kcompile.frontend.corefile.plugins.grpc import GrpcSettings
from kcompile.frontend.corefile.plugins.hosts import HostsSettings
from kcompile.frontend.corefile.plugins.template import TemplateSettings
from kcompile.frontend.source import Source
from tests.frontend.corefile.reading import load, rejection, settings, warnings

WRONG_COUNT = "Wrong argument count or unexpected line ending after"
ZONE = b"@ 60 IN SOA ns h 1 60 60 60 60\n"


def test_hosts_from_lines_and_options() -> None:
    text = "hosts {\n 10.0.0.1 a  b\n ::1 c\n ttl 60\n no_reverse\n reload 1m\n fallthrough a.org\n}"
    found = settings(text, key="example.org")
    assert found == HostsSettings(
        ("example.org.",), "/etc/hosts", None, ("10.0.0.1 a b", "::1 c"), ("a.org.",), 60, False, 60.0
    )


def test_hosts_from_a_file_and_zones() -> None:
    found = settings("hosts names a.org b.org", {"names": b"10.0.0.1 a\n"})
    assert isinstance(found, HostsSettings)
    assert (found.path, found.content, found.zones) == ("names", b"10.0.0.1 a\n", ("a.org.", "b.org."))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hosts {\n ttl 0\n}", "Corefile:3 - Error during parsing: ttl provided is invalid"),
        ("hosts {\n ttl\n}", "Corefile:3 - Error during parsing: ttl needs a time in second"),
        ("hosts {\n reload 5\n}", "Corefile:3 - Error during parsing: invalid duration for reload '5'"),
        ("hosts {\n fallthrough\n 10.0.0.1 a\n}", "Corefile:4 - Error during parsing: unknown property '10.0.0.1'"),
        ("hosts\nhosts", "this plugin can only be used once per Server Block"),
    ],
)
def test_hosts_that_are_refused(text: str, message: str) -> None:
    assert rejection(text) == f"plugin/hosts: {message}"


def test_files_with_zones(tmp_path: Path) -> None:
    (tmp_path / "zones").mkdir()
    (tmp_path / "zones" / "db").write_bytes(ZONE)
    text = f". {{\n root {tmp_path}/zones\n file db a.org b.org {{\n  reload 10s\n  fallthrough\n }}\n}}\n"
    configuration = load_corefile(Source("Corefile", text.encode()), {}, Files(str(tmp_path)))
    assert configuration.rejection is None
    plugin = configuration.servers[0].plugin("file")
    path = f"{tmp_path}/zones/db"
    assert plugin
    assert plugin.settings == FileSettings(
        (ZoneFile("a.org.", path, ZONE), ZoneFile("b.org.", path, ZONE)), (".",), 10.0
    )


def test_a_zone_file_that_is_missing_is_waited_for_unless_nothing_is_reloaded(tmp_path: Path) -> None:
    def found(options: str) -> str | None:
        source = Source("Corefile", f". {{\n file none a {{\n {options}\n }}\n}}\n".encode())
        rejected = load_corefile(source, {}, Files(str(tmp_path))).rejection
        return rejected.text if rejected else None

    assert found("reload 5s") is None
    assert found("reload 0s") == "plugin/file: plugin/file: open none: no such file or directory"


def test_a_template() -> None:
    text = """\
template IN A a.org {
    match ^x(.*)[.]a b
    answer "{{ .Name }} 60 IN A 10.0.0.1"
    additional "{{ .Name }} 60 IN TXT a"
    authority "a. 60 IN NS b."
    rcode NXDOMAIN
    ederror 21 "not here"
    fallthrough b.org
}"""
    found = settings(text)
    assert isinstance(found, TemplateSettings)
    (template,) = found.templates
    assert (template.zones, template.query_class, template.query_type) == (("a.org.",), 1, 1)
    assert [pattern.text for pattern in template.patterns] == ["^x(.*)[.]a", "b"]
    assert [len(part) for part in (template.answer, template.additional, template.authority)] == [1, 1, 1]
    assert (template.rcode, template.extended_error, template.fallthrough) == (3, (21, "not here"), ("b.org.",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("template", f"Corefile:2 - Error during parsing: {WRONG_COUNT} 'template'"),
        ("template in A", "Corefile:2 - Error during parsing: invalid query class in"),
        ("template IN B", "Corefile:2 - Error during parsing: invalid RR class B"),
        ("template IN A {\n match (\n}", "Corefile:3 - Error during parsing: could not parse regex: (, error parsing "
         "regexp: missing closing ): `(`"),
        ("template IN A {\n rcode NO\n}", "Corefile:3 - Error during parsing: unknown rcode NO"),
        ("template IN A {\n answer {{.X\n}", "Corefile:3 - Error during parsing: could not compile template: {{.X, "
         "template: answer:1: unclosed action"),
    ],
)  # fmt: skip
def test_templates_that_are_refused(text: str, message: str) -> None:
    assert rejection(text) == f"plugin/template: {message}"


def test_a_forward_with_all_its_options() -> None:
    text = """\
forward Example.org 10.0.0.1 [::1]:54 tls://9.9.9.9 fe80::1%eth0 {
    except a.example.org
    except b.example.org 10.0.0.0/15
    policy sequential
    max_fails 3
    health_check 1s no_rec domain a.org
    expire 1m
    force_tcp
    prefer_udp
    tls_servername dns.quad9.net
    max_concurrent 5
    next NXDOMAIN SERVFAIL
    failover REFUSED
    failfast_all_unhealthy_upstreams
}"""
    expected = Forward(
        "example.org.",
        (
            Upstream("dns", "10.0.0.1:53"),
            Upstream("dns", "[::1]:54"),
            Upstream("tls", "9.9.9.9:853"),
            Upstream("dns", "[fe80::1%eth0]:53"),
        ),
        ("a.example.org.", "b.example.org.", "0.10.in-addr.arpa.", "1.10.in-addr.arpa."),
        "sequential",
        (3, 2),
        (5,),
        force_tcp=True,
        prefer_udp=True,
        max_fails=3,
        max_concurrent=5,
        expire_seconds=60.0,
        health_check_seconds=1.0,
        tls_server_name="dns.quad9.net",
        failfast=True,
    )
    assert settings(text) == ForwardSettings((expected,))


def test_upstreams_from_files() -> None:
    found = settings("forward . servers /etc/resolv.conf", {"servers": b"nameserver 10.0.0.1\nnameserver ::1\n"})
    assert isinstance(found, ForwardSettings)
    assert found.forwards[0].upstreams == (
        Upstream("dns", "10.0.0.1:53", "servers"),
        Upstream("dns", "[::1]:53", "servers"),
        # What is in the resolv.conf of the Pod is not known.
        Upstream("dns", "", "/etc/resolv.conf"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("forward", f"Corefile:2 - Error during parsing: {WRONG_COUNT} 'forward'"),
        ("forward .", f"Corefile:2 - Error during parsing: {WRONG_COUNT} '.'"),
        ("forward a..b 10.0.0.1", "unable to normalize 'a..b'"),
        ("forward . https://10.0.0.1", "'https' is not supported as a destination protocol in forward: "
         "https://10.0.0.1:443"),
        ("forward . 10.0.0.1 {\n max_fails -1\n}", 'strconv.ParseUint: parsing "-1": invalid syntax'),
        ("forward . 10.0.0.1 {\n policy best\n}", "Corefile:3 - Error during parsing: unknown policy 'best'"),
        ("forward . 10.0.0.1 {\n except\n}", f"Corefile:3 - Error during parsing: {WRONG_COUNT} 'except'"),
        ("forward . 10.0.0.1 {\n max_age 5s\n}", "Corefile:3 - Error during parsing: unknown property 'max_age'"),
        ("forward . 10.0.0.1 {\n next NO\n}", "NO is not a valid rcode"),
        (f"forward . {'10.0.0.1 ' * 16}", "more than 15 TOs configured: 16"),
    ],
)  # fmt: skip
def test_forwards_that_are_refused(text: str, message: str) -> None:
    assert rejection(text) == f"plugin/forward: {message}"


def test_names_of_upstreams_are_not_resolved(tmp_path: Path) -> None:
    source = Source("Corefile", b". {\n forward . dns.google\n}\n")
    (diagnostic,) = load_corefile(source, {}, Files(str(tmp_path))).diagnostics
    assert diagnostic.message == 'forward: not an IP address or file: "dns.google"'
    assert diagnostic.hint == "upstreams are IP addresses, names are not resolved"


def test_grpc() -> None:
    assert settings("grpc a 10.0.0.1:443") == GrpcSettings("a.", (Upstream("dns", "10.0.0.1:443"),))


@pytest.mark.parametrize(
    "text",
    [
        "etcd a.org {\n path /x\n endpoint http://a:2379 http://b:2379\n credentials u p\n min-lease-ttl 5\n}",
        "route53 example.org.:Z1 {\n aws_endpoint x\n credentials a b\n refresh 5\n fallthrough\n}",
        "azure group:example.org {\n tenant a\n environment AzurePublicCloud\n access private\n}",
        "clouddns example.org.:project:zone {\n fallthrough\n}",
        "nomad service.nomad {\n address http://a:4646\n ttl 3600\n token x\n}",
        "secondary a.org {\n transfer from 10.0.0.1 10.0.0.2:54\n}",
        "auto a.org {\n directory /zones (.*) {1}\n reload 1m\n}",
        "transfer a.org {\n to * 10.0.0.1\n}",
    ],
)
def test_records_from_elsewhere(text: str) -> None:
    assert rejection(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "etcd {\n credentials u\n}",
        "etcd {\n min-lease-ttl x\n}",
        "etcd {\n pathh /x\n}",
        "route53 example.org.",
        "route53 a:b {\n refresh 0\n}",
        "route53 a:b a:b",
        "azure a",
        "azure a:b {\n environment x\n}",
        "clouddns a:b",
        "nomad {\n ttl 3601\n}",
        "nomad {\n filter x\n}",
        "secondary",
        "secondary {\n transfer to 10.0.0.1\n}",
        "auto {\n directory /zones x {1}\n}",
        "transfer",
        "transfer {\n to a\n}",
    ],
)
def test_records_from_elsewhere_that_are_refused(text: str) -> None:
    assert rejection(text).startswith(f"plugin/{text.split()[0]}: ")


def test_options_without_effect_are_warned_of() -> None:
    text = ". {\n template IN A {\n  upstream\n }\n forward . 8.8.8.8 {\n  failover NOERROR\n }\n any x\n}\n"
    assert warnings(load(text))[-3:] == [(3, "removed-option"), (6, "removed-option"), (8, "removed-option")]
