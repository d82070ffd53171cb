"""Place Pods on Nodes: spread them over the Nodes that their nodeSelector admits. Nothing else is weighed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from kcompile.diagnostics import Diagnostic
from kcompile.model import Cluster, Node, Pod
from kcompile.passes.allocator import hash_number
from kcompile.passes.problems import Problems


class Scheduler:
    """Knows which Nodes admit which nodeSelector, and works each one out once."""

    __slots__ = ("_admitting", "nodes")

    def __init__(self, nodes: tuple[Node, ...]) -> None:
        self.nodes = nodes
        self._admitting: dict[tuple[tuple[str, str], ...], tuple[str, ...]] = {}

    def admitting(self, node_selector: Mapping[str, str]) -> tuple[str, ...]:
        """The names of the Nodes that have all of the selector's labels."""
        key = tuple(sorted(node_selector.items()))
        names = self._admitting.get(key)
        if names is None:
            names = tuple(n.name for n in self.nodes if all(n.meta.labels.get(k) == v for k, v in key))
            self._admitting[key] = names
        return names

    def spread(self, node_selector: Mapping[str, str], key: str, count: int) -> Iterator[str]:
        """`count` Nodes in turn, from the one that the hash of `key` names; none if no Node is admitted."""
        names = self.admitting(node_selector)
        if not names:
            return
        start = hash_number(key)
        for index in range(count):
            yield names[(start + index) % len(names)]


def schedule_pods(cluster: Cluster) -> tuple[Cluster, tuple[Diagnostic, ...]]:
    """Name the Node of every Pod that has neither a Node nor a status. Workloads have placed theirs already."""
    if not any(map(_unplaced, cluster.pods)):
        return cluster, ()
    scheduler = Scheduler(cluster.nodes)
    pods: list[Pod] = []
    found: list[Diagnostic] = []
    for pod in cluster.pods:
        if _unplaced(pod):
            name = next(scheduler.spread(pod.spec.node_selector, f"Pod/{pod.meta}", 1), "")
            if name:
                pod = replace(pod, spec=replace(pod.spec, node_name=name))
            else:
                check = Problems(pod.origin)
                unschedulable(check, ("spec", "nodeSelector"))
                found += check.found
        pods.append(pod)
    return replace(cluster, pods=tuple(pods)), tuple(found)


def _unplaced(pod: Pod) -> bool:
    return not pod.spec.node_name and pod.status is None and not pod.workload


def unschedulable(check: Problems, path: tuple[str | int, ...]) -> None:
    check.warning("unschedulable", path, "no Node has these labels: Pods stay pending")
