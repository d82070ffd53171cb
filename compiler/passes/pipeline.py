"""What the control plane does to the objects, in one visible order."""

from __future__ import annotations

from collections.abc import Callable

from kcompile.diagnostics import Diagnostic, has_errors
from kcompile.model import Cluster
from kcompile.passes.allocate_cluster_ips import allocate_cluster_ips
from kcompile.passes.allocate_load_balancer_ips import allocate_load_balancer_ips
from kcompile.passes.allocate_node_ports import allocate_node_ports
from kcompile.passes.allocate_pod_ips import allocate_pod_ips
from kcompile.passes.defaults import complete_configuration, default_objects
from kcompile.passes.endpoints import make_endpoint_slices
from kcompile.passes.ip_families import complete_ip_families
from kcompile.passes.mirror_endpoints import mirror_endpoints
from kcompile.passes.order import sort_objects
from kcompile.passes.pod_ranges import assign_pod_cidrs
from kcompile.passes.scheduling import schedule_pods
from kcompile.passes.surroundings import complete_namespaces, complete_nodes
from kcompile.passes.validation import validate
from kcompile.passes.workloads import make_pods

Pass = Callable[[Cluster], tuple[Cluster, tuple[Diagnostic, ...]]]

CHECKS: tuple[Pass, ...] = (sort_objects, default_objects, validate)
"""What an input goes through before anything relies on its values."""

COMPLETIONS: tuple[Pass, ...] = (
    complete_namespaces,
    complete_nodes,
    complete_ip_families,
    allocate_cluster_ips,
    allocate_node_ports,
    allocate_load_balancer_ips,
    assign_pod_cidrs,
    make_pods,
    schedule_pods,
    allocate_pod_ips,
    mirror_endpoints,
    make_endpoint_slices,
    complete_configuration,
)
"""What the API server's allocators and the controllers add."""


def complete(cluster: Cluster) -> tuple[Cluster, tuple[Diagnostic, ...]]:
    """The cluster as its control plane would have it, and what is wrong with it.

    Objects that lack nothing stay the same objects, and completing a completed cluster changes nothing. With an error
    among the diagnostics the cluster is of no use; if validation finds one, nothing is completed.
    """
    cluster, found = _run(CHECKS, cluster)
    if has_errors(found):
        return cluster, found
    cluster, more = _run(COMPLETIONS, cluster)
    return cluster, found + more


def _run(passes: tuple[Pass, ...], cluster: Cluster) -> tuple[Cluster, tuple[Diagnostic, ...]]:
    found: tuple[Diagnostic, ...] = ()
    for run in passes:
        cluster, more = run(cluster)
        found += more
    return cluster, found
