"""Each Pod's /etc/resolv.conf, as the container runtime writes it."""

from __future__ import annotations

from collections.abc import Mapping

from kcompile.diagnostics import Diagnostic
from kcompile.ir.pod_dns import ResolvConf, parse_host_resolv_conf, pods_dns
from kcompile.model.cluster import Cluster


def resolv_conf(config: ResolvConf) -> bytes:
    """The text of the file. containerd and CRI-O write the search list first, then nameservers, then options."""
    lines = [f"search {' '.join(config.searches)}"] if config.searches else []
    lines += [f"nameserver {address}" for address in config.nameservers]
    if config.options:
        lines.append(f"options {' '.join(config.options)}")
    return "".join(f"{line}\n" for line in lines).encode()


def resolv_confs(
    cluster: Cluster, host_resolv_conf: bytes | None = None
) -> tuple[Mapping[tuple[str, str], bytes], tuple[Diagnostic, ...]]:
    """The resolv.conf of every Pod of a completed cluster by (namespace, name), and a warning for each cut.

    `host_resolv_conf` is the content of the nodes' own file, None if it is not known.
    """
    host = None if host_resolv_conf is None else parse_host_resolv_conf(host_resolv_conf.decode("utf-8", "replace"))
    configs, found = pods_dns(cluster, host)
    return {key: resolv_conf(config) for key, config in configs.items()}, found
