"""The kinds that play a part: which API groups and versions have them, and the grammar rule that reads each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """`rule` is a start rule of grammar/manifest.lark; `versions` are those of the group that it reads."""

    group: str
    kind: str
    versions: tuple[str, ...]
    rule: str
    namespaced: bool = True


KINDS = {
    (k.group, k.kind): k
    for k in (
        Kind("", "Service", ("v1",), "service"),
        Kind("", "Endpoints", ("v1",), "endpoints"),
        Kind("", "Pod", ("v1",), "pod"),
        Kind("", "Node", ("v1",), "node", namespaced=False),
        Kind("", "Namespace", ("v1",), "namespace", namespaced=False),
        Kind("", "ConfigMap", ("v1",), "config_map"),
        Kind("discovery.k8s.io", "EndpointSlice", ("v1",), "endpoint_slice"),
        Kind("apps", "Deployment", ("v1",), "deployment"),
        Kind("apps", "ReplicaSet", ("v1",), "deployment"),
        Kind("apps", "StatefulSet", ("v1",), "stateful_set"),
        Kind("apps", "DaemonSet", ("v1",), "daemon_set"),
        Kind("batch", "Job", ("v1",), "job"),
        Kind("networking.k8s.io", "ServiceCIDR", ("v1", "v1beta1", "v1alpha1"), "service_cidr", namespaced=False),
        Kind("metallb.io", "IPAddressPool", ("v1beta1",), "address_pool"),
        Kind("kubeproxy.config.k8s.io", "KubeProxyConfiguration", ("v1alpha1",), "kube_proxy"),
        Kind("kubelet.config.k8s.io", "KubeletConfiguration", ("v1beta1",), "kubelet"),
        Kind(
            "kubeadm.k8s.io",
            "ClusterConfiguration",
            ("v1beta4", "v1beta3", "v1beta2"),
            "cluster_configuration",
        ),
    )
}

START_RULES = tuple(sorted({kind.rule for kind in KINDS.values()}))
"""What the grammar's tables are made for; setup.py makes them at build time."""
