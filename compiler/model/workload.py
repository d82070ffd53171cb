"""Deployment, ReplicaSet, StatefulSet, DaemonSet (apps/v1) and Job (batch/v1): what Pods are made from."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.source import NOWHERE, Origin
from kcompile.model.meta import Meta
from kcompile.model.pod import PodSpec


@dataclass(frozen=True, slots=True)
class Workload:
    """`replicas` is spec.replicas, or spec.parallelism of a Job; None when not given.

    `template_meta` has the labels and annotations of the Pod template. `service_name` and `first_ordinal` are those
    of a StatefulSet, `completions` those of a Job.
    """

    kind: str
    meta: Meta
    template_meta: Meta
    template_spec: PodSpec
    origin: Origin = NOWHERE
    replicas: int | None = None
    completions: int | None = None
    service_name: str = ""
    first_ordinal: int = 0
