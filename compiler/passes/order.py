"""The one order of objects: by namespace and name, so that nothing depends on the order of the input."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from operator import attrgetter
from typing import TypeVar

from kcompile.diagnostics import Diagnostic
from kcompile.model import Cluster
from kcompile.passes.validate_meta import ApiObject

T = TypeVar("T", bound=ApiObject)

_key = attrgetter("meta.namespace", "meta.name")


def by_name(objects: Iterable[T]) -> tuple[T, ...]:
    return tuple(sorted(objects, key=_key))


def sort_objects(cluster: Cluster) -> tuple[Cluster, tuple[Diagnostic, ...]]:
    """Sort the objects of every kind. Duplicates keep the order of the input; they are an error later."""
    return (
        replace(
            cluster,
            services=by_name(cluster.services),
            endpoint_slices=by_name(cluster.endpoint_slices),
            endpoints=by_name(cluster.endpoints),
            pods=by_name(cluster.pods),
            workloads=tuple(sorted(cluster.workloads, key=lambda w: (*w.meta.key, w.kind))),
            nodes=by_name(cluster.nodes),
            namespaces=by_name(cluster.namespaces),
            config_maps=by_name(cluster.config_maps),
            service_cidrs=by_name(cluster.service_cidrs),
            address_pools=by_name(cluster.address_pools),
        ),
        (),
    )
