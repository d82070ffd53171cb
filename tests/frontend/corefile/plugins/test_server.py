"""Plugins that set the server up or look after it."""

from __future__ import annotations

import pytest

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Machine
from kcompile.frontend.corefile.plugins.bind import BindSettings
from kcompile.frontend.corefile.plugins.endpoints import EndpointSettings, HealthSettings
from kcompile.frontend.corefile.plugins.errors import ErrorsSettings
from kcompile.frontend.corefile.plugins.log import LogSettings
from kcompile.frontend.corefile.plugins.switches import BufsizeSettings, LoopSettings, ReloadSettings
from tests.frontend.corefile.reading import load, rejection, settings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bind 127.0.0.1 ::1", BindSettings(("127.0.0.1", "::1"))),
        ("bind 127.0.0.1\nbind ::1", BindSettings(("127.0.0.1", "::1"))),
        ("bind 127.0.0.1 127.0.0.2 {\n except 127.0.0.1\n}", BindSettings(("127.0.0.2",))),
        ("bufsize", BufsizeSettings(1232)),
        ("bufsize 512", BufsizeSettings(512)),
        ("reload", ReloadSettings(30.0, 15.0)),
        ("reload 10s 1m", ReloadSettings(10.0, 5.0)),
        ("health", HealthSettings(":8080")),
        ("health 127.0.0.1:80 {\n lameduck 5s\n}", HealthSettings("127.0.0.1:80", 5.0)),
        ("ready :1", EndpointSettings(":1")),
        ("prometheus", EndpointSettings("localhost:9153")),
        ("pprof", EndpointSettings("localhost:6053")),
        ("loop", LoopSettings(".")),
        ("whoami", Settings()),
        ("minimal", Settings()),
        ("local", Settings()),
        ("any", Settings()),
        ("errors", ErrorsSettings(False, ())),
    ],
)
def test_settings(text: str, expected: Settings) -> None:
    assert settings(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bind", "at least one address or interface name is expected"),
        ("bind ::1 {\n exempt x\n}", 'invalid option "exempt"'),
        ("reload 1s", "interval value must be greater or equal to 2s"),
        ("reload 5s 500ms", "jitter value must be 0 or greater or equal to 1s"),
        ("loop x", "Corefile:2 - Error during parsing: Wrong argument count or unexpected line ending after 'x'"),
        ("health 80", "address 80: missing port in address"),
        ("ready {\n monitor never\n}", "Corefile:3 - Error during parsing: monitor type 'never' not supported"),
        ("errors x", "Corefile:2 - Error during parsing: invalid log file: x"),
        ("errors {\n consolidate 5s (\n}", "Corefile:3 - Error during parsing: "
         "error parsing regexp: missing closing ): `(`"),
        ("log . {\n class some\n}", "invalid Class: some"),
        ("debug x", "Corefile:2 - Error during parsing: Wrong argument count or unexpected line ending after 'x'"),
        ("multisocket 0", "num sockets can not be zero or negative: 0"),
        ("cancel 5", 'invalid duration: "5"'),
        ("erratic {\n drop x\n}", 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("on never x", "Corefile:2 - Error during parsing: Wrong event name or event not supported: 'never'"),
        ("trace {\n every x\n}", 'strconv.ParseUint: parsing "x": invalid syntax'),
        ("dnstap", "Corefile:2 - Error during parsing: Wrong argument count or unexpected line ending after 'dnstap'"),
        ("nsid\nnsid", "this plugin can only be used once per Server Block"),
        ("minimal x", "Corefile:2 - Error during parsing: Wrong argument count or unexpected line ending after 'x'"),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, message: str) -> None:
    assert rejection(text) == f"plugin/{text.split()[0]}: {message}"


@pytest.mark.parametrize(
    "text",
    [
        "chaos a b",
        "debug",
        "erratic {\n drop 2\n delay 3 10ms\n truncate\n large\n}",
        "nsid a b",
        "metadata a b",
        "multisocket",
        "quic {\n max_streams 5\n}",
        "timeouts {\n read 5\n write 1h\n}",
        "trace zipkin localhost:9411 {\n every 5\n client_server\n}",
        "dnstap tcp://127.0.0.1:6000 full {\n identity a\n}",
        'on startup echo "a b"',
        "tsig {\n secret a. aGVsbG8=\n require all\n}",
        "dnssec {\n cache_capacity 5\n}",
    ],
)
def test_what_is_taken(text: str) -> None:
    assert rejection(text) == ""


def test_the_classes_and_the_format_of_log() -> None:
    found = settings('log a b "{type} {common}" {\n class denial error\n}')
    assert isinstance(found, LogSettings)
    assert [(rule.scope, rule.classes) for rule in found.rules] == [
        ("a.", frozenset({"denial", "error"})),
        ("b.", frozenset({"denial", "error"})),
    ]
    assert found.rules[0].format.startswith("{type} {remote}:{port}")


def test_interfaces_stand_for_their_addresses() -> None:
    machine = Machine({"eth0": ("10.0.0.1/24", "fe80::1/64")})
    (server,) = load(". {\n bind eth0 {\n  except fe80::1\n }\n}\n", machine=machine).servers
    assert server.plugins[0].settings == BindSettings(("10.0.0.1",))
    rejected = load(". {\n bind eth1\n}\n", machine=machine).rejection
    assert rejected
    assert rejected.text == 'plugin/bind: not a valid IP address or interface name: "eth1"'
    # The interfaces of a Pod are not known.
    assert [d.code for d in load(". {\n bind eth1\n}\n").diagnostics if d.span][:1] == ["unknown-interface"]
