"""Master files, read for the file plugin and as stand-ins for servers outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from kcompile.evaluate.dns.cluster_server import cluster_resolver
from kcompile.evaluate.dns.queries import Question
from kcompile.evaluate.dns.upstream import upstream_answer
from kcompile.evaluate.dns.zone_data import ZoneError, read_record, read_zone
from kcompile.frontend.corefile.files import Files
from kcompile.frontend.corefile.load import load_corefile
from kcompile.frontend.source import Source
from kcompile.model import Cluster
from tests.evaluate.dns.asking import said, server

ZONE = """\
$ORIGIN example.org.
$TTL 300
@ 3600 IN SOA ns admin 1 7200 3600 1209600 600
@ IN NS ns
ns IN A 192.0.2.2
*.wild 60 IN A 192.0.2.6
a.b.ent IN TXT "x;y" "z"
Mixed IN CNAME WWW
www IN A 192.0.2.4
*.alias IN CNAME www
"""


def test_names_are_found_in_lower_case_and_each_record_keeps_its_ttl() -> None:
    zone = read_zone(ZONE, "example.org.", "zone")
    assert str(zone.find("mixed.example.org.", "CNAME")[0]) == "mixed.example.org. 300 IN CNAME WWW.example.org."
    assert zone.find("example.org.", "SOA")[0].ttl == 3600
    assert zone.find("a.b.ent.example.org.", "TXT")[0].data == '"x;y" "z"'
    assert zone.inner == {
        "example.org.",
        "wild.example.org.",
        "ent.example.org.",
        "b.ent.example.org.",
        "alias.example.org.",
    }


@pytest.mark.parametrize(
    "text",
    [
        "$GENERATE 1-4000000000 $ A 192.0.2.1\n",
        "$GENERATE 1-60000 $ A 192.0.2.1\n",
        "$INCLUDE /etc/passwd\n",
        "x IN A not-an-address\n",
        "x IN NOSUCHTYPE y\n",
        "x 5 IN TXT (\n",
        "\x00\xff\n",
        "a" * 300 + " 5 IN A 192.0.2.1\n",
    ],
)
def test_what_cannot_be_read_is_an_error(text: str) -> None:
    with pytest.raises(ZoneError):
        read_zone(text, "example.org.", "zone")


def test_a_single_record_has_a_default_ttl() -> None:
    assert str(read_record("A.example. IN MX 10 mail")) == "A.example. 3600 IN MX 10 mail."


@pytest.mark.parametrize(
    ("name", "rtype", "rcode", "records", "denied_by"),
    [
        ("x.wild.example.org.", "A", "NOERROR", ["x.wild.example.org. 60 IN A 192.0.2.6"], ""),
        ("X.y.Wild.example.org.", "A", "NOERROR", ["X.y.Wild.example.org. 60 IN A 192.0.2.6"], ""),
        ("wild.example.org.", "A", "NOERROR", [], "example.org."),
        ("b.ent.example.org.", "A", "NOERROR", [], "example.org."),
        ("no.ent.example.org.", "A", "NXDOMAIN", [], "example.org."),
        ("example.net.", "A", "NXDOMAIN", [], "."),
        (
            "mixed.example.org.",
            "A",
            "NOERROR",
            ["mixed.example.org. 300 IN CNAME WWW.example.org.", "WWW.example.org. 300 IN A 192.0.2.4"],
            "",
        ),
        ("mixed.example.org.", "AAAA", "NOERROR", ["mixed.example.org. 300 IN CNAME WWW.example.org."], "example.org."),
    ],
)
def test_a_server_outside_answers_from_its_records(
    name: str, rtype: str, rcode: str, records: list[str], denied_by: str
) -> None:
    message = upstream_answer(read_zone(ZONE, ".", "zone"), Question(name, rtype))
    assert message.rcode == rcode
    assert [str(record) for record in message.answer] == records
    assert [record.name for record in message.authority] == ([denied_by] if denied_by else [])


def test_a_loop_of_aliases_ends() -> None:
    zone = read_zone("a.x. 5 IN CNAME b.x.\nb.x. 5 IN CNAME a.x.\n", ".", "zone")
    assert upstream_answer(zone, Question("a.x.", "A")).rcode in ("NOERROR", "NXDOMAIN")


FILE = "example.org {\n    file /etc/coredns/db\n}\n. {\n    forward . 192.0.2.53\n}\n"


def answer_of_file(name: str, rtype: str = "A", zone: str = ZONE) -> tuple[str | None, tuple[str, ...]]:
    return said(server(FILE, files={"db": zone}).query(name, rtype))


def test_the_file_plugin_follows_a_wildcard_alias() -> None:
    assert answer_of_file("q.alias.example.org") == ("NOERROR", ("300 CNAME www.example.org.", "300 A 192.0.2.4"))


def test_an_alias_to_a_failing_name_fails() -> None:
    zone = ZONE + "out IN CNAME x.nowhere.test.\n"
    there = server("example.org {\n    file /etc/coredns/db\n}\nnowhere.test {\n    errors\n}\n", files={"db": zone})
    assert said(there.query("out.example.org")) == ("SERVFAIL", ("300 CNAME x.nowhere.test.",))


def test_aliases_that_lead_round_through_wildcards_end() -> None:
    zone = ZONE + "*.round IN CNAME x.y.round\n"
    rcode, records = answer_of_file("a.round.example.org", zone=zone)
    assert rcode in ("NOERROR", "SERVFAIL")
    assert len(records) < 50


def test_a_missing_file_fails(tmp_path: Path) -> None:
    source = Source(str(tmp_path / "Corefile"), b"example.org {\n    file db\n}\n")
    configuration = load_corefile(source, {}, Files(str(tmp_path)))
    assert cluster_resolver(Cluster(), configuration=configuration).query("www.example.org").rcode == "SERVFAIL"


def test_a_file_that_only_the_pod_has_is_not_guessed() -> None:
    answer = server(FILE).query("www.example.org")
    assert answer.error == "zone example.org. is not evaluated: /etc/coredns/db is not known here"
    answer = server(". {\n    hosts /etc/others\n}\n").query("www.example.org")
    assert answer.error == "www.example.org. A depends on /etc/others, which is not known here"


def test_a_file_that_is_not_understood_is_not_guessed() -> None:
    answer = server(FILE, files={"db": ZONE + "$INCLUDE other\n"}).query("host1.example.org")
    assert answer.rcode is None
    assert answer.error == "zone example.org. is not evaluated: /etc/coredns/db: it includes other files"


def test_what_a_line_generates_is_served() -> None:
    assert answer_of_file("host2.example.org", zone=ZONE + "$GENERATE 1-2 host$ A 192.0.2.$\n") == (
        "NOERROR",
        ("3600 A 192.0.2.2",),
    )


OWN_NAMES = """\
example.org. 60 IN SOA NS.Example.org. Admin.Example.org. 1 2 3 4 5
example.org. 60 IN NS ns.example.org.
ns.example.org. 60 IN A 192.0.2.1
_x._tcp.other.org. 60 IN SRV 0 0 1 Host.Other.org.
_X._tcp.Third.org. 60 IN SRV 0 0 1 Host.Other.org.
Alias.other.org. 60 IN CNAME Host.Other.org.
Host.other.org. 60 IN A 192.0.2.2
Host.other.org. 70 IN A 192.0.2.2
"""


@pytest.mark.parametrize(
    ("name", "rtype", "rcode", "answer", "authority"),
    [
        # The SOA counts whatever its name is; name servers below the zone's own name are a delegation.
        (".", "SOA", "NOERROR", "example.org. 60 IN SOA ns.example.org. admin.example.org. 1 2 3 4 5", ""),
        ("ns.example.org.", "A", "NOERROR", "", "example.org. 60 IN NS ns.example.org."),
        ("none.other.org.", "A", "NXDOMAIN", "", "example.org. 60 IN SOA ns.example.org. admin.example.org. 1 2 3 4 5"),
        # Names of SRV records keep their case, what aliases point to does not.
        ("_x._tcp.third.org.", "SRV", "NOERROR", "_X._tcp.Third.org. 60 IN SRV 0 0 1 Host.Other.org.", ""),
        ("alias.other.org.", "CNAME", "NOERROR", "alias.other.org. 60 IN CNAME host.other.org.", ""),
        # The same address twice is there once.
        ("host.other.org.", "A", "NOERROR", "host.other.org. 60 IN A 192.0.2.2", ""),
    ],
)
def test_a_file_for_all_names(name: str, rtype: str, rcode: str, answer: str, authority: str) -> None:
    found = server(". {\n    file /etc/coredns/db\n}\n", files={"db": OWN_NAMES}).query(name, rtype)
    assert found.rcode == rcode
    assert [str(record) for record in found.answer] == ([answer] if answer else [])
    assert [str(record) for record in found.authority] == ([authority] if authority else [])


FALLING = """\
example.org {
    file /etc/coredns/db {
        fallthrough
    }
    forward . 192.0.2.53
}
"""


def test_file_falls_through_where_it_says_so() -> None:
    there = server(FALLING, files={"db": ZONE}, upstream="new.example.org. 5 IN A 192.0.2.98\n")
    assert said(there.query("new.example.org")) == ("NOERROR", ("5 A 192.0.2.98",))
