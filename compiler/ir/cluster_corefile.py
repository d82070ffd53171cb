"""The Corefile that the CoreDNS of a cluster runs with: that of the `coredns` ConfigMap, else kubeadm's."""

from __future__ import annotations

from collections.abc import Mapping

from kcompile.frontend.corefile.configuration import Configuration
from kcompile.frontend.corefile.files import Files
from kcompile.frontend.corefile.load import load_corefile
from kcompile.frontend.corefile.plugins.kubernetes import KubernetesSettings
from kcompile.frontend.embedded import embedded_source
from kcompile.frontend.source import Source
from kcompile.ir.domain_names import absolute
from kcompile.model.cluster import Cluster
from kcompile.model.namespace import ConfigMap

CONFIG_MAP = ("kube-system", "coredns")
CONFIG_MAP_KEY = "Corefile"
DEFAULT_DOMAIN = "cluster.local"

KUBEADM_COREFILE = """\
.:53 {{
    errors
    health {{
       lameduck 5s
    }}
    ready
    kubernetes {domain} in-addr.arpa ip6.arpa {{
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }}
    prometheus :9153
    forward . /etc/resolv.conf {{
       max_concurrent 1000
    }}
    cache 30 {{
       disable success {domain}
       disable denial {domain}
    }}
    loop
    reload
    loadbalance
}}
"""
"""What kubeadm 1.33 and later write."""


def cluster_domain(cluster: Cluster) -> str:
    """The cluster's DNS domain, from kubeadm's or the kubelet's configuration."""
    kubeadm, kubelet = cluster.cluster_configuration, cluster.kubelet
    given = (kubeadm.dns_domain if kubeadm else "") or (kubelet.cluster_domain if kubelet else "")
    return given.rstrip(".") or DEFAULT_DOMAIN


def coredns_config_map(cluster: Cluster) -> ConfigMap | None:
    """The ConfigMap that CoreDNS mounts, if it is in the input and holds a Corefile."""
    found = (one for one in cluster.config_maps if one.meta.key == CONFIG_MAP and CONFIG_MAP_KEY in one.data)
    return next(found, None)


def corefile_source(cluster: Cluster) -> tuple[Source, Files]:
    """The Corefile of the cluster, and the files that it sees: the other keys of its ConfigMap."""
    config_map = coredns_config_map(cluster)
    if config_map is None:
        text = KUBEADM_COREFILE.format(domain=cluster_domain(cluster))
        return Source("Corefile (kubeadm's default)", text.encode()), Files(mounted={})
    mounted = {key: value.encode() for key, value in config_map.data.items()}
    return embedded_source(config_map, CONFIG_MAP_KEY), Files(mounted=mounted)


def load_cluster_corefile(cluster: Cluster, environment: Mapping[str, str] | None = None) -> Configuration:
    """What the CoreDNS of this cluster is set up to do."""
    source, files = corefile_source(cluster)
    return load_corefile(source, environment or {}, files, in_cluster=True)


def kubernetes_settings(configuration: Configuration, domain: str) -> KubernetesSettings:
    """How the Corefile serves the cluster; as kubeadm would have it, if it does not."""
    for server in configuration.servers:
        plugin = server.plugin("kubernetes")
        if plugin is not None and isinstance(plugin.settings, KubernetesSettings):
            return plugin.settings
    zones = (absolute(domain), "in-addr.arpa.", "ip6.arpa.")
    return KubernetesSettings(zones, zones[0], pods="insecure", fallthrough=zones[1:], ttl=30)
