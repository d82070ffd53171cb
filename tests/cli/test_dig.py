"""`kcompile dig` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import kcompile

MANIFESTS = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.96.0.80, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: out}
spec: {type: ExternalName, externalName: www.example.com}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {containers: [{name: main, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: own-dns}
spec:
  containers: [{name: main, image: i}]
  dnsPolicy: None
  dnsConfig: {nameservers: [8.8.8.8, 1.1.1.1], searches: [mydomain.local], options: [{name: ndots, value: "2"}]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "manifests.yaml").write_text(MANIFESTS)
    (tmp_path / "outside.zone").write_text("www.example.com. 120 IN A 192.0.2.81\nx.mydomain.local. 5 IN A 192.0.2.7\n")
    return tmp_path


def test_an_answer_is_printed_as_dig_prints_it(folder: Path) -> None:
    done = kcompile("dig", "manifests.yaml", "web.default.svc.cluster.local", cwd=folder)
    assert (done.status, done.stderr) == (0, "")
    assert (
        done.stdout
        == """\
; <<>> kcompile <<>> web.default.svc.cluster.local A
;; ->>HEADER<<- opcode: QUERY, status: NOERROR
;; flags: qr aa rd; QUERY: 1, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 0

;; QUESTION SECTION:
;web.default.svc.cluster.local. \tIN\tA

;; ANSWER SECTION:
web.default.svc.cluster.local. 30\tIN\tA\t10.96.0.80

;; THE WAY:
;; web.default.svc.cluster.local A: NOERROR
;;   server: server block .:53
;;   kubernetes: answers from the cluster, zone cluster.local.

"""
    )


def test_a_pods_search_list_is_walked(folder: Path) -> None:
    done = kcompile("dig", "manifests.yaml", "web", "--from", "default/client", cwd=folder)
    assert done.status == 0
    assert ";; default/client searches default.svc.cluster.local svc.cluster.local cluster.local with ndots 5" in (
        done.stdout
    )
    assert "web.default.svc.cluster.local. 30\tIN\tA\t10.96.0.80" in done.stdout


def test_every_name_that_was_tried_is_told(folder: Path) -> None:
    done = kcompile("dig", "manifests.yaml", "www.example.com", "--from", "client", cwd=folder)
    tried = [line for line in done.stdout.splitlines() if line.startswith(";; www.example.com")]
    assert tried == [
        ";; www.example.com.default.svc.cluster.local A: NXDOMAIN",
        ";; www.example.com.svc.cluster.local A: NXDOMAIN",
        ";; www.example.com.cluster.local A: NXDOMAIN",
        ";; www.example.com A: www.example.com. A is forwarded to /etc/resolv.conf",
    ]
    assert done.status == 0


def test_a_pod_with_a_dns_of_its_own_asks_that(folder: Path) -> None:
    arguments = ("dig", "manifests.yaml", "x", "--from", "default/own-dns")
    done = kcompile(*arguments, "--json", cwd=folder)
    assert json.loads(done.stdout)["forwarded"] == ["8.8.8.8", "1.1.1.1"]
    done = kcompile(*arguments, "--upstream", "8.8.8.8=outside.zone", cwd=folder)
    assert "x.mydomain.local.\t5\tIN\tA\t192.0.2.7" in done.stdout
    assert "resolv.conf: asks 8.8.8.8, which is not the cluster's DNS server" in done.stdout


def test_what_is_forwarded_comes_with_how_to_answer_it(folder: Path) -> None:
    done = kcompile("dig", "manifests.yaml", "www.example.com", cwd=folder)
    assert ";; --upstream /etc/resolv.conf=ZONEFILE gives the answer of a zone file" in done.stdout


def test_an_upstream_answers_for_what_is_forwarded(folder: Path) -> None:
    name = "out.default.svc.cluster.local"
    done = kcompile("dig", "manifests.yaml", name, "--upstream", "/etc/resolv.conf=outside.zone", "--json", cwd=folder)
    assert json.loads(done.stdout) == {
        "name": name,
        "type": "A",
        "rcode": "NOERROR",
        "aa": True,
        "answer": [f"{name}. 30 IN CNAME www.example.com.", "www.example.com. 30 IN A 192.0.2.81"],
        "authority": [],
        "additional": [],
    }


def test_a_name_that_does_not_exist_is_a_no(folder: Path) -> None:
    done = kcompile("dig", "manifests.yaml", "no.default.svc.cluster.local", cwd=folder)
    assert done.status == 1
    assert "status: NXDOMAIN" in done.stdout


def test_queries_are_answered_line_by_line(folder: Path) -> None:
    (folder / "Corefile").write_text(
        "{$ZONE}:1053 {\n    acl {\n        block net 10.0.0.0/8\n    }\n    kubernetes\n}\n.:1054 {\n    whoami\n}\n"
    )
    (folder / "queries.jsonl").write_text(
        '{"name": "web.default.svc.k8s.example", "type": "A"}\n\n'
        '{"name": "web.default.svc.k8s.example", "type": "a", "client": "10.0.0.1"}\n'
        '{"name": "x", "type": "A", "port": 1054}\n'
        '{"name": "a..b", "type": "TYPE65280"}\n'
    )
    arguments = ("--corefile", "Corefile", "--env", "ZONE=k8s.example", "--queries", "queries.jsonl", "--json")
    done = kcompile("dig", "manifests.yaml", *arguments, cwd=folder)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.status == 0
    assert [answer["rcode"] for answer in answers] == ["NOERROR", "REFUSED", "NOERROR", None]
    assert answers[3]["error"] == "'a..b' has an empty label"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ((), 2, "give a NAME, or --queries FILE"),
        (("x", "NOTYPE"), 2, "'NOTYPE' is not a type of DNS records"),
        (("x", "--server-address", "y"), 2, "'y' is not an IP address"),
        (("x", "--upstream", "8.8.8.8"), 2, "'8.8.8.8' is not ADDRESS=ZONEFILE"),
        (("x", "--upstream", "8.8.8.8=bad.zone"), 2, "bad.zone"),
        (("x", "--upstream", "8.8.8.8=none.zone"), 2, "none.zone: No such file or directory"),
        (("x", "--from", "nobody"), 1, "the cluster has no Pod default/nobody"),
        (("x", "--corefile", "bad.corefile"), 1, "bad.corefile:2:5: error"),
        (("--queries", "bad.jsonl", "--json"), 1, "bad.jsonl:2: 'name' is missing or of the wrong type"),
        (("--queries", "worse.jsonl", "--json"), 1, "worse.jsonl:1:"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, arguments: tuple[str, ...], status: int, said: str) -> None:
    (folder / "bad.zone").write_text("x IN A nowhere\n")
    (folder / "bad.corefile").write_text(".:53 {\n    kuberntes\n}\n")
    (folder / "bad.jsonl").write_text('{"name": "x"}\n{"name": 5}\n')
    (folder / "worse.jsonl").write_text("[" * 100_000)
    done = kcompile("dig", "manifests.yaml", *arguments, cwd=folder)
    assert said in done.stderr
    assert done.status == status
    assert "Traceback" not in done.stderr


def test_show_dns_names_the_object_and_its_line(folder: Path) -> None:
    done = kcompile("show", "dns", "manifests.yaml", cwd=folder)
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["web.default.svc.cluster.local.", "A", "10.96.0.80", "Service", "default/web", "manifests.yaml:1"] in rows
    assert [
        "out.default.svc.cluster.local.",
        "CNAME",
        "www.example.com.",
        "Service",
        "default/out",
        "manifests.yaml:6",
    ] in (rows)
