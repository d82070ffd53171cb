"""`kcompile show dns`: every record of the cluster, with the object and the line that it comes from."""

from __future__ import annotations

from collections.abc import Iterator

from kcompile.api import CompiledCluster
from kcompile.cli.show_objects import aligned
from kcompile.frontend.source import NOWHERE, Origin
from kcompile.ir.cluster_corefile import cluster_domain, kubernetes_settings, load_cluster_corefile
from kcompile.ir.dns_objects import dns_objects
from kcompile.ir.record_table import forward_records, reverse_records
from kcompile.ir.records import ClusterRecords


def dns_table(cluster: CompiledCluster) -> Iterator[str]:
    """The records below the cluster's domain, then those of its addresses, as the cluster's Corefile serves them."""
    settings = kubernetes_settings(load_cluster_corefile(cluster.model), cluster_domain(cluster.model))
    records = ClusterRecords(settings, dns_objects(cluster.model, cluster.given))
    rows = [("NAME", "TYPE", "DATA", "OBJECT", "WHERE")]
    for entry in (*forward_records(records, settings.primary_zone), *reverse_records(records)):
        record = entry.record
        rows.append((record.name, record.type, record.data, entry.source, _place(entry.origin)))
    return aligned(rows)


def _place(origin: Origin) -> str:
    if origin is NOWHERE:
        return "-"
    span = origin.span
    return f"{span.source.name}:{span.line}"
