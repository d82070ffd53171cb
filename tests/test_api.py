"""The library: what DESIGN's users write."""

from __future__ import annotations

from pathlib import Path

import pytest

import kcompile
from kcompile.api import NoSuchNode
from kcompile.targets.registry import WrongFormat

ROOT = Path(__file__).parents[1]
SHOP = ROOT / "examples" / "shop"
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n"


def test_a_node_emits_the_format_that_is_asked_for() -> None:
    cluster = kcompile.load([SHOP])
    node = cluster.node("worker-1", mode="nftables")
    assert "table ip kube-proxy {" in node.emit("nft")
    assert node.emit("nft", family=4).count("table ip6") == 0
    assert set(node.files()) == {"nftables.nft", "nftables.commands", "sysctl.conf"}


def test_the_mode_is_that_of_the_configuration() -> None:
    configured = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: ipvs\n"
    assert kcompile.loads(SERVICE).mode == "iptables"
    assert kcompile.loads(f"{SERVICE}---\n{configured}").mode == "ipvs"


def test_without_a_node_there_is_one() -> None:
    assert kcompile.loads(SERVICE).node_names == ("node-1",)
    assert kcompile.loads("").node().plan.node == "node-1"


def test_a_node_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(NoSuchNode, match="no node `x`; it has worker-1"):
        kcompile.load([SHOP]).node("x")


def test_a_format_that_the_mode_does_not_have_is_an_error() -> None:
    with pytest.raises(WrongFormat, match="mode iptables has no format nft"):
        kcompile.load([SHOP]).node(mode="iptables").emit("nft")


def test_errors_holds_all_of_them() -> None:
    with pytest.raises(kcompile.Errors) as found:
        kcompile.loads(SERVICE.replace("80", "x") + "---\n" + SERVICE.replace("port:", "prt:"), name="a.yaml")
    assert [str(d.span) for d in found.value.diagnostics] == ["a.yaml:4:23", "a.yaml:9:17", "a.yaml:9:16"]
    assert "a.yaml:4:23: error[wrong-type]: spec.ports[0].port: " in str(found.value)


def test_warnings_come_with_the_cluster() -> None:
    nowhere = "spec: {containers: [{}], nodeSelector: {disk: ssd}}"
    cluster = kcompile.loads(f"apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\n{nowhere}\n")
    assert [(warning.severity.value, warning.code) for warning in cluster.warnings] == [("warning", "unschedulable")]


def test_what_plays_no_part_is_counted() -> None:
    other = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: x}\n"
    knative = "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: x}\nspec: {anything: 1}\n"
    settings = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: b}\n"
    cluster = kcompile.loads("---\n".join([SERVICE, other, knative, settings]))
    assert dict(cluster.model.skipped) == {"ConfigMap": 1, "Ingress": 1, "Service": 1}


def test_a_ruleset_is_read_and_asked_where_a_packet_goes() -> None:
    node = kcompile.load([SHOP]).node()
    rules = kcompile.read_ruleset(node.emit("iptables-save"))
    found = rules.trace(kcompile.Packet("10.244.1.200", "10.104.175.38", 80))
    assert sorted(str(outcome.probability) for outcome in found.outcomes) == ["1/3", "1/3", "1/3"]


def test_a_cluster_answers_names() -> None:
    answer = kcompile.load([SHOP]).dns().query("web.shop.svc.cluster.local", "A")
    assert [record.data for record in answer.answer] == ["10.104.175.38"]


def test_what_the_library_gives_shows_itself_in_a_line() -> None:
    cluster = kcompile.load([SHOP])
    node = cluster.node(mode="nftables")
    assert repr(cluster) == "<CompiledCluster: 1 nodes, 3 Services, 3 EndpointSlices>"
    assert repr(node) == "<CompiledNode worker-1: nftables mode of 1.37>"
    assert repr(kcompile.read_ruleset(node.emit("nft"))).startswith("<Ruleset: 2 tables, ")
