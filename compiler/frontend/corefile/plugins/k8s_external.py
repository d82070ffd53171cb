"""k8s_external: names of Services under an outside zone, answered with their external addresses."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.corefile.configuration import Settings


@dataclass(frozen=True, slots=True)
class K8sExternalSettings(Settings):
    """`apex` is the label of the zone's own name server and SOA contact."""

    zones: tuple[str, ...]
    apex: str
    ttl: int
    headless: bool
    fallthrough: tuple[str, ...]
