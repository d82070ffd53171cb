"""Make the Pods of Deployments, ReplicaSets, StatefulSets, DaemonSets and Jobs, unless the input brings them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from kcompile.diagnostics import Diagnostic
from kcompile.model import Cluster, Meta, Pod, PodSpec, Workload
from kcompile.passes.generated_names import GeneratedNames, name_suffix
from kcompile.passes.order import by_name
from kcompile.passes.problems import Problems
from kcompile.passes.scheduling import Scheduler, unschedulable
from kcompile.passes.syntax import LABEL, SUBDOMAIN, is_dns_label, is_subdomain

MAX_PODS = 150_000
"""The largest cluster that Kubernetes is tested for."""

POD_TEMPLATE_HASH = "pod-template-hash"
REVISION_HASH = "controller-revision-hash"
JOB_NAME = "batch.kubernetes.io/job-name"

WorkloadKey = tuple[str, str, str]
"""Namespace, kind and name."""


def make_pods(cluster: Cluster) -> tuple[Cluster, tuple[Diagnostic, ...]]:
    """Add the Pods of every workload of which the input has none. They have a Node, but no status yet."""
    if not cluster.workloads:
        return cluster, ()
    made = _already_made(cluster)
    workloads = [w for w in cluster.workloads if (w.meta.namespace, w.kind, w.meta.name) not in made]
    maker = _Maker(Scheduler(cluster.nodes), GeneratedNames(cluster.pods))
    counts = [maker.count(workload) for workload in workloads]
    if sum(counts) > MAX_PODS:
        return cluster, tuple(_too_many(workloads, counts))
    pods: list[Pod] = []
    found: list[Diagnostic] = []
    for workload, count in zip(workloads, counts, strict=True):
        check = Problems(workload.origin)
        pods += maker.pods(workload, count, check)
        found += check.found
    return (replace(cluster, pods=by_name((*cluster.pods, *pods))) if pods else cluster), tuple(found)


def _too_many(workloads: list[Workload], counts: list[int]) -> Iterator[Diagnostic]:
    """An error for each workload that goes over the limit."""
    total = 0
    for workload, count in zip(workloads, counts, strict=True):
        if total + count <= MAX_PODS:
            total += count
            continue
        check = Problems(workload.origin)
        text = f"{count} Pods, {total + count} in all, are more than the {MAX_PODS} of the largest cluster"
        check.error("too-many", ("spec", "parallelism" if workload.kind == "Job" else "replicas"), text)
        yield from check.found


def _already_made(cluster: Cluster) -> set[WorkloadKey]:
    """The workloads whose Pods, or ReplicaSets, the input brings, as a dump of a live cluster does.

    A Pod tells by its owner, or, when a dump has been cleaned of owners, by the labels that controllers write.
    """
    made: set[WorkloadKey] = set()
    for pod in cluster.pods:
        namespace = pod.meta.namespace
        for kind, name in pod.meta.owners or _owner_by_label(pod.meta):
            made.add((namespace, kind, name))
            if kind == "ReplicaSet":
                made.add((namespace, "Deployment", name.rpartition("-")[0]))
    for workload in cluster.workloads:
        if workload.kind == "ReplicaSet":
            owners = workload.meta.owners
            if not owners and POD_TEMPLATE_HASH in workload.meta.labels:
                owners = (("Deployment", workload.meta.name.rpartition("-")[0]),)
            made.update((workload.meta.namespace, kind, name) for kind, name in owners)
    return made


def _owner_by_label(meta: Meta) -> Iterator[tuple[str, str]]:
    base = meta.name.rpartition("-")[0]
    if base.endswith("-" + meta.labels.get(POD_TEMPLATE_HASH, "/")):
        yield "ReplicaSet", base
    if REVISION_HASH in meta.labels:
        yield "DaemonSet", base
        yield "StatefulSet", base
    if JOB_NAME in meta.labels:
        yield "Job", meta.labels[JOB_NAME]


class _Maker(NamedTuple):
    scheduler: Scheduler
    names: GeneratedNames

    def count(self, workload: Workload) -> int:
        """How many Pods a workload has when it has all of them."""
        if workload.kind == "DaemonSet":
            spec = workload.template_spec
            return 1 if spec.node_name else len(self.scheduler.admitting(spec.node_selector))
        count = 1 if workload.replicas is None else workload.replicas
        if workload.kind == "Job" and workload.completions is not None:
            return min(count, workload.completions)
        return count

    def pods(self, workload: Workload, count: int, check: Problems) -> Iterator[Pod]:
        spec = workload.template_spec
        key = f"{workload.kind}/{workload.meta}"
        if spec.node_name:
            nodes = [spec.node_name] * count
        elif workload.kind == "DaemonSet":
            nodes = list(self.scheduler.admitting(spec.node_selector))
        else:
            nodes = list(self.scheduler.spread(spec.node_selector, key, count)) or [""] * count
        if count and not any(nodes):
            unschedulable(check, ("spec", "template", "spec", "nodeSelector"))
        # Pods of one workload on one Node have one spec.
        specs = {node: replace(spec, node_name=node) for node in set(nodes)}
        yield from _MAKERS[workload.kind](self, workload, [specs[node] for node in nodes], check)

    def name(self, workload: Workload, prefix: str, key: str) -> str:
        return self.names.unique(workload.meta.namespace, prefix, f"{workload.kind}/{workload.meta}/{key}")


def _deployment(maker: _Maker, workload: Workload, specs: list[PodSpec], check: Problems) -> Iterator[Pod]:
    template_hash = _revision(workload)
    replica_set = f"{workload.meta.name}-{template_hash}"
    if specs and not is_subdomain(replica_set):
        check.error("bad-name", ("metadata", "name"), f"{replica_set}, its ReplicaSet, is not {SUBDOMAIN}")
        return
    labels = _labels(workload, {POD_TEMPLATE_HASH: template_hash})
    for index, spec in enumerate(specs):
        name = maker.name(workload, f"{replica_set}-", str(index))
        yield _pod(workload, name, spec, labels, ("ReplicaSet", replica_set))


def _replica_set(maker: _Maker, workload: Workload, specs: list[PodSpec], check: Problems) -> Iterator[Pod]:
    labels = _labels(workload, {})
    for index, spec in enumerate(specs):
        name = maker.name(workload, f"{workload.meta.name}-", str(index))
        yield _pod(workload, name, spec, labels)


def _stateful_set(maker: _Maker, workload: Workload, specs: list[PodSpec], check: Problems) -> Iterator[Pod]:
    last = f"{workload.meta.name}-{workload.first_ordinal + len(specs) - 1}"
    if specs and not is_dns_label(last):
        check.error("bad-name", ("metadata", "name"), f"{last}, the hostname of a Pod, is not {LABEL}")
        return
    for ordinal, spec in enumerate(specs, workload.first_ordinal):
        name = f"{workload.meta.name}-{ordinal}"
        if not maker.names.claim(workload.meta.namespace, name):
            check.error("duplicate-name", ("metadata", "name"), f"its Pod {name} exists, and is not its own")
            continue
        labels = _labels(
            workload,
            {
                REVISION_HASH: _revision(workload),
                "statefulset.kubernetes.io/pod-name": name,
                "apps.kubernetes.io/pod-index": str(ordinal),
            },
        )
        named = replace(spec, hostname=name, subdomain=workload.service_name or spec.subdomain)
        yield _pod(workload, name, named, labels)


def _daemon_set(maker: _Maker, workload: Workload, specs: list[PodSpec], check: Problems) -> Iterator[Pod]:
    labels = _labels(workload, {REVISION_HASH: _revision(workload)})
    for spec in specs:
        name = maker.name(workload, f"{workload.meta.name}-", spec.node_name)
        yield _pod(workload, name, spec, labels)


def _job(maker: _Maker, workload: Workload, specs: list[PodSpec], check: Problems) -> Iterator[Pod]:
    if specs and not is_dns_label(workload.meta.name):
        check.error("bad-name", ("metadata", "name"), f"{workload.meta.name}, a label of its Pods, is not {LABEL}")
        return
    labels = _labels(workload, {JOB_NAME: workload.meta.name, "job-name": workload.meta.name})
    for index, spec in enumerate(specs):
        name = maker.name(workload, f"{workload.meta.name}-", str(index))
        yield _pod(workload, name, spec, labels)


_MAKERS: Mapping[str, Callable[[_Maker, Workload, list[PodSpec], Problems], Iterator[Pod]]] = MappingProxyType(
    {
        "Deployment": _deployment,
        "ReplicaSet": _replica_set,
        "StatefulSet": _stateful_set,
        "DaemonSet": _daemon_set,
        "Job": _job,
    }
)


def _revision(workload: Workload) -> str:
    """What stands for the hash of the template. It is that of the name: so a new image moves nothing."""
    return name_suffix(f"{workload.kind}/{workload.meta}", 10)


def _labels(workload: Workload, added: dict[str, str]) -> Mapping[str, str]:
    return MappingProxyType({**workload.template_meta.labels, **added})


def _pod(
    workload: Workload, name: str, spec: PodSpec, labels: Mapping[str, str], owner: tuple[str, str] | None = None
) -> Pod:
    meta = Meta(
        name,
        workload.meta.namespace,
        labels,
        workload.template_meta.annotations,
        owners=(owner or (workload.kind, workload.meta.name),),
    )
    return Pod(meta, workload.origin, spec, workload=f"{workload.kind}/{workload.meta.name}")
