"""Across nodes: an endpoint elsewhere meets the rules of its own node too."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from fractions import Fraction

import click
import pytest

import kcompile
from kcompile.cli.trace_json import journey_json
from kcompile.cli.trace_text import journey_text
from kcompile.evaluate.dns.search import address_lookup
from kcompile.evaluate.hops import deciding, steps
from kcompile.evaluate.journey import Journey, travel
from kcompile.evaluate.pictures import draw
from kcompile.evaluate.places import Places, WrongPlace
from kcompile.evaluate.world import World
from kcompile.ir.plan import Mode
from tests.evaluate.following import arriving, follow, nft
from tests.evaluate.test_places import MANIFESTS


def journey(source: str, target: str, mode: Mode = "iptables", node: str | None = None) -> tuple[Journey, World]:
    world = World(kcompile.loads(MANIFESTS, "web.yaml"), mode, "1.37")
    origin = world.places.find(source)
    (start,) = world.starts(node, origin, world.places.find(target, origin), None)
    return travel(start.node, start.packet, world.places, world.other), world


@pytest.mark.parametrize("mode", ["iptables", "nftables", "ipvs"])
def test_an_endpoint_elsewhere_is_followed_to_its_node(mode: Mode) -> None:
    found, _ = journey("pod:default/client", "service:default/web:http", mode)
    assert [leg.node.name for leg in found.legs] == ["node-b", "node-a"]
    onward = found.legs[1].trace
    assert (onward.packet.source, onward.packet.destination) == ("10.244.1.7", "10.244.0.5")
    assert [outcome.verdict for outcome in onward.outcomes] == ["accept"]
    assert {(o.to, str(o.probability)) for o in found.outcomes} == {
        ("10.244.0.5:8080", "1/2"),
        ("10.244.1.6:8080", "1/2"),
    }


def test_the_next_node_sees_the_rewritten_source() -> None:
    found, _ = journey("198.51.100.7", "192.168.1.11:30080")
    assert found.legs[1].trace.packet.source == "192.168.1.11"
    assert all(outcome.masquerade for outcome in found.outcomes)


def test_a_pod_that_is_called_directly_is_followed_too() -> None:
    found, _ = journey("pod:default/client", "10.244.0.5:8080")
    assert [leg.node.name for leg in found.legs] == ["node-b", "node-a"]


def test_kube_proxy_itself_goes_on_to_the_endpoints_in_the_userspace_mode() -> None:
    found, _ = journey("198.51.100.7", "192.168.1.11:30080", "userspace")
    assert [(o.verdict, o.to, str(o.probability), o.masquerade) for o in found.outcomes] == [
        ("dnat", "10.244.0.5:8080", "1/2", True),
        ("dnat", "10.244.1.6:8080", "1/2", True),
    ]
    assert [leg.node.name for leg in found.legs] == ["node-a", "node-b"]
    assert found.legs[1].trace.packet.source == "192.168.1.11"


def test_a_dns_name_is_looked_up_as_the_pod_would() -> None:
    cluster = kcompile.loads(MANIFESTS, "web.yaml")
    places = Places(cluster.model, address_lookup(cluster.model, cluster.given))
    assert places.find("web.default.svc.cluster.local:80").addresses == ("10.96.0.10",)
    with pytest.raises(WrongPlace, match="does not resolve"):
        places.find("nothing.default.svc.cluster.local:80")


def test_json_names_rules_and_manifest_lines() -> None:
    found, world = journey("pod:default/client", "service:default/web:http")
    data = json.loads(json.dumps(journey_json(found, world.places)))
    assert data["service"] == {"name": "default/web:http", "as": "cluster IP", "file": "web.yaml", "line": 25}
    assert [outcome["probability"] for outcome in data["outcomes"]] == ["1/2", "1/2"]
    assert data["outcomes"][0]["decided_by"]["rule"].endswith("--to-destination 10.244.0.5:8080")
    assert data["outcomes"][0]["file"] == "web.yaml"
    assert {hop["node"] for hop in data["hops"]} == {"node-a", "node-b"}
    shared = [hop for hop in data["hops"] if hop["node"] == "node-b" and hop["way"] == []]
    assert shared[0]["outcomes"] == [0, 1]


def test_the_tree_has_every_way_and_the_line_that_decides() -> None:
    found, world = journey("pod:default/client", "service:default/web:http")
    text = click.unstyle("\n".join(journey_text(found, world.places, "iptables mode")))
    assert "cluster IP of Service default/web:http (web.yaml:25)" in text
    assert "├─ 1/2" in text
    assert "└─ 1/2" in text
    assert "on node-a, after to 10.244.0.5:8080" in text
    assert text.count("decided by line") == 2
    assert text.count("KUBE-POSTROUTING: return") == text.count("on node-") == 2
    assert text.count("more rules as above") == 1


def test_the_tree_keeps_to_a_width_and_still_has_the_deciding_rules_whole() -> None:
    found, world = journey("pod:default/client", "service:default/web:http")
    lines = click.unstyle("\n".join(journey_text(found, world.places, "iptables mode", 100))).splitlines()
    decided = [line for line in lines if "decided by" in line]
    assert all(line.endswith(":8080") for line in decided)
    assert max(len(line) for line in lines if line not in decided) <= 100


@pytest.mark.parametrize("mode", ["iptables", "nftables", "ipvs"])
def test_pictures_are_well_formed(mode: Mode) -> None:
    found, _ = journey("198.51.100.7", "192.168.1.11:30080", mode)
    assert ElementTree.fromstring(draw("svg", [found])).tag.endswith("svg")
    mermaid = draw("mermaid", [found])
    assert mermaid.startswith("flowchart LR\n")
    assert mermaid.count("to 10.244.0.5:8080") >= 1
    dot = draw("dot", [found])
    assert dot.count("{") == dot.count("}") == 1
    assert dot.count(" -> ") == dot.count("label=") - dot.count("fillcolor=")


def test_shares_and_outcomes_of_hops_add_up() -> None:
    trace = follow(
        nft(
            "chain a {\n dnat to 10.244.0.1\n}\nchain b {\n dnat to 10.244.0.2\n}\n"
            "chain n {\n type nat hook prerouting priority dstnat;\n"
            " numgen random mod 4 vmap { 0 : goto a, 1-3 : goto b }\n}\n"
            "chain f {\n type filter hook forward priority 0;\n counter\n}"
        ),
        arriving(),
    )
    found = steps(trace)
    assert [(s.hop.chain, s.share, s.outcomes) for s in found] == [
        ("n", Fraction(1, 4), (0,)),
        ("a", Fraction(1, 4), (0,)),
        ("f", Fraction(1, 4), (0,)),
        ("n", Fraction(3, 4), (1,)),
        ("b", Fraction(3, 4), (1,)),
        ("f", Fraction(3, 4), (1,)),
    ]
    assert [hop.chain for hop in deciding(trace).values()] == ["a", "b"]
