"""Pods made from workloads, and their Nodes."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from kcompile.model import Cluster, Pod
from kcompile.passes.pipeline import complete
from tests.passes.objects import completed, errors, meta, node, pod, warnings, workload

NODES = (node("a", disk="ssd"), node("b", disk="ssd"), node("c"))


def pods(*workloads: Any, given: tuple[Pod, ...] = (), nodes: Any = NODES) -> dict[str, Pod]:
    cluster = completed(Cluster(workloads=workloads, pods=given, nodes=nodes))
    return {p.meta.name: p for p in cluster.pods}


@pytest.mark.parametrize(
    ("given", "pattern", "count"),
    [
        (
            workload("Deployment", replicas=3),
            r"web-[bcdfghjklmnpqrstvwxz2456789]{10}-[bcdfghjklmnpqrstvwxz2456789]{5}",
            3,
        ),
        (workload("Deployment"), r"web-.{10}-.{5}", 1),
        (workload("Deployment", replicas=0), r"", 0),
        (workload("ReplicaSet", replicas=2), r"web-.{5}", 2),
        (workload("StatefulSet", replicas=3), r"web-[012]", 3),
        (workload("StatefulSet", replicas=2, first_ordinal=5), r"web-[56]", 2),
        (workload("DaemonSet"), r"web-.{5}", 3),
        (workload("DaemonSet", node_selector={"disk": "ssd"}), r"web-.{5}", 2),
        (workload("Job"), r"web-.{5}", 1),
        (workload("Job", replicas=3), r"web-.{5}", 3),
        (workload("Job", replicas=3, completions=2), r"web-.{5}", 2),
    ],
)
def test_a_workload_makes_its_pods(given: Any, pattern: str, count: int) -> None:
    found = pods(given)
    assert len(found) == count
    assert all(re.fullmatch(pattern, name) for name in found)
    assert all(p.meta.labels["app"] == "web" for p in found.values())
    assert all(p.status and p.status.ready and p.status.pod_ips for p in found.values())
    assert all(p.workload == f"{given.kind}/web" for p in found.values())


def test_a_stateful_pod_has_a_hostname_and_the_subdomain_of_its_service() -> None:
    found = pods(workload("StatefulSet", "db", replicas=2, service_name="peers"))
    assert {(p.spec.hostname, p.spec.subdomain) for p in found.values()} == {("db-0", "peers"), ("db-1", "peers")}


def test_a_daemon_has_a_pod_on_every_node_that_admits_it() -> None:
    found = pods(workload("DaemonSet", node_selector={"disk": "ssd"}))
    assert sorted(p.spec.node_name for p in found.values()) == ["a", "b"]


def test_replicas_are_spread_over_the_nodes_that_admit_them() -> None:
    found = pods(workload("Deployment", replicas=6))
    assert sorted(p.spec.node_name for p in found.values()) == ["a", "a", "b", "b", "c", "c"]
    chosen = pods(workload("Deployment", replicas=6, node_selector={"disk": "ssd"}))
    assert {p.spec.node_name for p in chosen.values()} == {"a", "b"}


def test_a_template_that_names_its_node_stays_there() -> None:
    assert {p.spec.node_name for p in pods(workload("Deployment", replicas=3, node_name="c")).values()} == {"c"}


def test_when_no_node_admits_them_pods_stay_pending() -> None:
    cluster, diagnostics = complete(Cluster(workloads=(workload("Deployment", node_selector={"gpu": "yes"}),)))
    assert warnings(diagnostics) == ["unschedulable spec.template.spec.nodeSelector"]
    assert [p.status.phase for p in cluster.pods if p.status] == ["Pending"]


def placed(*workloads: Any) -> dict[str, str]:
    return {name: p.spec.node_name for name, p in pods(*workloads).items()}


def test_another_workload_changes_neither_names_nor_nodes() -> None:
    web, api = workload("Deployment", replicas=5), workload("Deployment", "api", replicas=5)
    assert placed(web).items() <= placed(web, api).items()


def test_another_replica_changes_no_other() -> None:
    assert placed(workload("Deployment", replicas=3)).items() <= placed(workload("Deployment", replicas=4)).items()


REPLICA_SET = ("ReplicaSet", "web-7d4b9c6f5")


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("Deployment", pod("web-7d4b9c6f5-x1", ip="10.0.0.1", owners=(REPLICA_SET,))),
        ("Deployment", pod("web-7d4b9c6f5-x1", {"pod-template-hash": "7d4b9c6f5"}, ip="10.0.0.1")),
        ("StatefulSet", pod("web-0", ip="10.0.0.1", owners=(("StatefulSet", "web"),))),
        ("StatefulSet", pod("web-0", {"controller-revision-hash": "web-1"}, ip="10.0.0.1")),
        ("DaemonSet", pod("web-x1", ip="10.0.0.1", owners=(("DaemonSet", "web"),))),
        ("DaemonSet", pod("web-x1", {"controller-revision-hash": "1"}, ip="10.0.0.1")),
        ("Job", pod("web-x1", ip="10.0.0.1", owners=(("Job", "web"),))),
        ("Job", pod("web-x1", {"batch.kubernetes.io/job-name": "web"}, ip="10.0.0.1")),
    ],
)
def test_a_workload_whose_pods_are_there_makes_none(kind: str, given: Pod) -> None:
    assert list(pods(workload(kind, replicas=3), given=(given,))) == [given.meta.name]


def test_a_dump_of_everything_gets_no_pods_twice() -> None:
    deployment = workload("Deployment", replicas=2)
    old = workload("ReplicaSet", "web-111", replicas=0, owners=(("Deployment", "web"),))
    new = workload("ReplicaSet", "web-222", replicas=2, owners=(("Deployment", "web"),))
    given = tuple(pod(f"web-222-{n}", ip=f"10.0.0.{n}", owners=(("ReplicaSet", "web-222"),)) for n in (1, 2))
    assert list(pods(deployment, old, new, given=given)) == ["web-222-1", "web-222-2"]


def test_replica_sets_make_the_pods_of_their_deployment() -> None:
    deployment = workload("Deployment", replicas=2)
    current = workload("ReplicaSet", "web-222", replicas=2, owners=(("Deployment", "web"),))
    cleaned = workload("ReplicaSet", "web-222", replicas=2, labels={"pod-template-hash": "222"})
    for replica_set in (current, cleaned):
        assert all(re.fullmatch("web-222-.{5}", name) for name in pods(deployment, replica_set))


@pytest.mark.parametrize(
    "given",
    [
        pod("web-debug", {"app": "web"}),
        pod("web-7d4b9c6f5-x1", ip="10.0.0.1", namespace="other", owners=(REPLICA_SET,)),
        pod("web-7d4b9c6f5-x1", ip="10.0.0.1", owners=(("ReplicaSet", "web-api-7d4b9c6f5"),)),
    ],
)
def test_a_pod_of_somebody_else_does_not_count(given: Pod) -> None:
    assert len(pods(workload("Deployment", replicas=2), given=(given,))) == 3


def test_a_name_that_is_taken_is_not_made_again() -> None:
    (name,) = pods(workload("ReplicaSet"))
    assert len(pods(workload("ReplicaSet"), given=(pod(name),))) == 2


def test_more_pods_than_a_cluster_holds_are_an_error_at_once() -> None:
    many = complete(Cluster(workloads=(workload("Deployment", replicas=10**9), workload("Job", replicas=10**9))))[1]
    assert errors(many) == ["too-many spec.replicas", "too-many spec.parallelism"]


def test_the_limit_is_that_of_all_workloads_together() -> None:
    three = tuple(workload("Deployment", f"w{n}", replicas=75_000) for n in range(3))
    diagnostics = complete(Cluster(workloads=three, nodes=(node("a", "10.0.0.0/8"),)))[1]
    assert errors(diagnostics) == ["too-many spec.replicas"]


@pytest.mark.parametrize(("kind", "length"), [("StatefulSet", 62), ("Job", 64), ("Deployment", 243)])
def test_a_name_too_long_for_its_pods_is_an_error(kind: str, length: int) -> None:
    long = replace(workload(kind, "w" * length), template_meta=meta(""))
    short = replace(workload(kind, "w" * (length - 1)), template_meta=meta(""))
    assert errors(complete(Cluster(workloads=(long,)))[1]) == ["bad-name metadata.name"]
    assert errors(complete(Cluster(workloads=(short,)))[1]) == []


def test_a_stateful_set_does_not_take_over_a_pod_of_the_same_name() -> None:
    cluster = Cluster(workloads=(workload("StatefulSet"),), pods=(pod("web-0"),))
    assert errors(complete(cluster)[1]) == ["duplicate-name metadata.name"]


def test_a_bare_pod_is_placed_by_its_name() -> None:
    alone = pods(given=(pod("p"),))["p"].spec.node_name
    assert alone in {"a", "b", "c"}
    assert pods(workload("Deployment", replicas=5), given=(pod("p"), pod("q")))["p"].spec.node_name == alone
