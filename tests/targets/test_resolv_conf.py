"""Each Pod's resolv.conf: the kubelet's rules, held by a table of combinations, and what the table cannot show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kcompile
from kcompile.ir.pod_dns import ResolvConf, parse_host_resolv_conf
from kcompile.targets.resolv_conf import resolv_conf, resolv_confs
from tests.targets.resolv_conf_cases import GOLDEN, cases, table


def test_the_table_of_combinations_holds() -> None:
    assert table() == GOLDEN.read_text(), "run `python -m tests.targets.resolv_conf_cases`, then read the difference"


def test_the_table_is_large_and_its_titles_differ() -> None:
    titles = [case.title for case in cases()]
    assert len(titles) == len(set(titles)) >= 40


def test_a_warning_stands_at_the_pods_own_lines() -> None:
    manifest = """\
apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  containers: [{name: c, image: i}]
  dnsConfig:
    nameservers: [8.8.8.8, 8.8.4.4, 1.1.1.1]
"""
    (warning,) = resolv_confs(kcompile.loads(manifest, "pod.yaml").model)[1]
    assert warning.span is not None
    assert (warning.span.source.name, warning.span.line) in (("pod.yaml", 6), ("pod.yaml", 7))
    assert "left out: 1.1.1.1" in warning.message


def test_every_pod_of_a_workload_has_its_file() -> None:
    manifest = """\
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: c, image: i}]}
"""
    files, warnings = resolv_confs(kcompile.loads(manifest).model)
    assert sorted(files) == [("shop", "db-0"), ("shop", "db-1")]
    assert files["shop", "db-0"].startswith(b"search shop.svc.cluster.local svc.cluster.local cluster.local\n")
    assert warnings == ()


@pytest.mark.parametrize(
    ("name", "candidates"),
    [
        ("web", ("web.a.b", "web.b", "web")),
        ("web.default", ("web.default.a.b", "web.default.b", "web.default")),
        ("one.two.three", ("one.two.three", "one.two.three.a.b", "one.two.three.b")),
        ("web.", ("web",)),
    ],
)
def test_names_are_tried_as_ndots_says(name: str, candidates: tuple[str, ...]) -> None:
    assert ResolvConf(searches=("a.b", "b"), options=("edns0", "ndots:2")).candidates(name) == candidates


@pytest.mark.parametrize(("options", "ndots"), [((), 1), (("ndots:5",), 5), (("ndots:99",), 15), (("ndots:x",), 1)])
def test_ndots_is_one_unless_given_and_fifteen_at_most(options: tuple[str, ...], ndots: int) -> None:
    assert ResolvConf(options=options).ndots == ndots


@given(st.text())
def test_any_file_of_a_node_can_be_read(text: str) -> None:
    config = parse_host_resolv_conf(text)
    assert parse_host_resolv_conf(resolv_conf(config).decode()) == config
