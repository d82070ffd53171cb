"""kubernetes: names of Services and Pods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.label_selector import LabelSelector

PodMode = Literal["disabled", "insecure", "verified"]


@dataclass(frozen=True, slots=True)
class KubernetesSettings(Settings):
    """Zones are absolute and in lower case. Empty `namespaces` expose all; empty `fallthrough` means none.

    `primary_zone` is the first zone that is no reverse zone: PTR records point into it.
    """

    zones: tuple[str, ...]
    primary_zone: str
    namespaces: frozenset[str] = frozenset()
    labels: LabelSelector | None = None
    namespace_labels: LabelSelector | None = None
    pods: PodMode = "disabled"
    endpoint_pod_names: bool = False
    fallthrough: tuple[str, ...] = ()
    ttl: int = 5
    ignore_empty_service: bool = False
    noendpoints: bool = False
    multicluster_zones: tuple[str, ...] = ()
    endpoint: str = ""
