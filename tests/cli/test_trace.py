"""`kcompile trace` as its users call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import kcompile
from tests.evaluate.test_places import MANIFESTS

RULES = Path(__file__).parents[1] / "data" / "rules"


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trace") / "web.yaml"
    path.write_text(MANIFESTS)
    return path


def test_a_tree_for_the_terminal(manifests: Path) -> None:
    done = kcompile("trace", manifests, "--from", "pod:default/client", "--to", "service:default/web:http")
    assert done.status == 0
    assert "10.244.1.7 to 10.96.0.10:80 tcp, iptables mode of 1.37" in done.stdout
    assert "1/2  to 10.244.0.5:8080" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("mode", ["iptables", "nftables", "ipvs", "userspace"])
def test_json_in_every_mode(manifests: Path, mode: str) -> None:
    done = kcompile(
        "trace", manifests, "--from", "pod:default/client", "--to", "10.96.0.10:80", "--json", "--mode", mode
    )
    assert done.status == 0
    (line,) = done.stdout.splitlines()
    data = json.loads(line)
    assert {outcome["verdict"] for outcome in data["outcomes"]} == {"dnat"}
    assert data["hops"]


def test_one_answer_for_each_node_that_a_packet_may_come_to(manifests: Path) -> None:
    done = kcompile("trace", manifests, "--from", "198.51.100.7", "--to", "10.96.0.10:80", "--json")
    assert [json.loads(line)["node"] for line in done.stdout.splitlines()] == ["node-a", "node-b"]


def test_packets_as_json_lines(manifests: Path, tmp_path: Path) -> None:
    packets = tmp_path / "packets.jsonl"
    packets.write_text(
        '{"from": "pod:default/client", "to": "10.96.0.10:80", "proto": "tcp"}\n\n'
        '{"from": "10.244.0.5", "to": "10.96.0.10:80"}\n{"from": "nowhere", "to": "10.96.0.10:80"}\n'
        '{"to": "10.96.0.10:80"}\n'
    )
    done = kcompile("trace", manifests, "--packets", packets, "--json")
    first, hairpin, wrong, missing = map(json.loads, done.stdout.splitlines())
    assert done.status == 1
    assert {outcome["to"]: outcome["masquerade"] for outcome in first["outcomes"]} == {
        "10.244.0.5:8080": False,
        "10.244.1.6:8080": False,
    }
    assert {outcome["to"]: outcome["masquerade"] for outcome in hairpin["outcomes"]}["10.244.0.5:8080"] is True
    assert "line 4" in wrong["error"]
    assert missing["error"] == "line 5: no `from`"


def test_packets_from_standard_input(manifests: Path) -> None:
    done = kcompile("trace", manifests, "--packets", "-", stdin=b'{"from": "10.244.0.5", "to": "10.96.0.10:80"}\n')
    assert done.status == 0
    assert len(json.loads(done.stdout)["outcomes"]) == 2


def test_a_dump_without_manifests() -> None:
    arguments = ["--local-address", "192.168.1.11/24", "--from", "10.9.3.4", "--to", "192.168.1.11:443", "--json"]
    done = kcompile("trace", "--rules", RULES / "firewall.nft", *arguments)
    assert done.status == 0
    assert [outcome["verdict"] for outcome in json.loads(done.stdout)["outcomes"]] == ["accept"]


def test_what_a_dump_holds_that_is_not_understood_is_told(tmp_path: Path) -> None:
    rules = tmp_path / "iptables.txt"
    rules.write_text("*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m bpf --bytecode x -j DROP\nCOMMIT\nhello\n")
    done = kcompile("trace", "--rules", rules, "--from", "10.0.0.1", "--to", "10.0.0.2:80", "--json")
    assert f"{rules}:3: FORWARD: not understood: -m bpf --bytecode x" in done.stderr
    assert f"{rules}:5: not understood: hello" in done.stderr
    (outcome,) = json.loads(done.stdout)["outcomes"]
    assert outcome["verdict"] == "unknown"
    assert "bpf" in outcome["reason"]


def test_the_exit_status_says_whether_a_packet_can_arrive(manifests: Path) -> None:
    refused = kcompile("trace", manifests, "--from", "pod:default/client", "--to", "service:default/one")
    assert refused.status == 1
    assert "refused" in refused.stdout


@pytest.mark.parametrize("picture", ["mermaid", "dot", "svg"])
def test_pictures(manifests: Path, picture: str) -> None:
    done = kcompile("trace", manifests, "--from", "10.244.0.5", "--to", "10.96.0.10:80", "--format", picture)
    assert done.status == 0
    assert "10.244.1.6:8080" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--from", "node", "--to", "10.96.0.10:80"], 2, "name a PATH"),
        (["WEB", "--from", "node"], 2, "--from and --to are needed"),
        (["WEB", "--from", "pod:default/cleint", "--to", "10.96.0.10:80"], 1, "did you mean `client`"),
        (["WEB", "--from", "node", "--to", "10.96.0.10:80"], 1, "name one of node-a, node-b"),
        (["WEB", "--from", "10.244.0.5", "--to", "10.96.0.10"], 1, "name a port"),
        (["--rules", "WEB", "--from", "10.244.0.5", "--to", "10.96.0.10:80"], 1, "neither iptables-save, nft"),
        (["--rules", "/nowhere", "--from", "10.244.0.5", "--to", "10.96.0.10:80"], 2, "does not exist"),
    ],
)
def test_mistakes_are_told(manifests: Path, arguments: list[str], status: int, message: str) -> None:
    done = kcompile("trace", *(str(manifests) if argument == "WEB" else argument for argument in arguments))
    assert done.status == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr
