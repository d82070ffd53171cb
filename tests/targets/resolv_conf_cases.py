"""Combinations of policy, dnsConfig, the node's file and limits, and what comes of them.

`python -m tests.targets.resolv_conf_cases` writes tests/data/resolv_confs.txt anew; read the difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kcompile.frontend.source import NOWHERE
from kcompile.model import Cluster, DNSConfig, KubeletConfiguration, Meta, Pod, PodSpec
from kcompile.targets.resolv_conf import resolv_confs

GOLDEN = Path(__file__).parents[1] / "data" / "resolv_confs.txt"

KUBELET = KubeletConfiguration(
    cluster_dns=("10.96.0.10",), cluster_domain="cluster.local", resolv_conf="/etc/resolv.conf"
)

POLICIES = (
    ("Default", False),
    ("ClusterFirst", False),
    ("ClusterFirst", True),
    ("ClusterFirstWithHostNet", False),
    ("ClusterFirstWithHostNet", True),
    ("None", False),
)

CONFIGS = {
    "no dnsConfig": None,
    "servers": DNSConfig(nameservers=("8.8.8.8", "1.1.1.1")),
    "all of it": DNSConfig(
        nameservers=("8.8.8.8", "10.96.0.10"),
        searches=("mydomain.local", "cluster.local", "corp.example"),
        options=(("ndots", "2"), ("edns0", None), ("timeout", "")),
    ),
    "too much": DNSConfig(
        nameservers=("8.8.8.8", "1.1.1.1", "9.9.9.9", "2620:fe::fe"),
        searches=tuple(f"s{number}.example" for number in range(32)),
        options=(("ndots", "1"), ("ndots", "3")),
    ),
}

HOSTS = {
    "plain": "search corp.example\nnameserver 192.0.2.1\nnameserver 192.0.2.2\noptions timeout:1 rotate\n",
    "crowded": (
        "# written by hand\n  # indented\ndomain ignored.example\nsearch old.example\n"
        "nameserver 192.0.2.1\nnameserver 192.0.2.2 trailing words\nnameserver\nnameserver 2001:db8::1\n"
        "nameserver 192.0.2.4\nsearch new.example. . cluster.local.\n"
        "options timeout:1 rotate\noptions timeout:2 ndots:4\n; a semicolon is no comment\nsortlist 10.0.0.0\n"
    ),
}


class Case(NamedTuple):
    title: str
    spec: PodSpec
    host: str | None
    kubelet: KubeletConfiguration = KUBELET


def cases() -> Iterator[Case]:
    for policy, host_network in POLICIES:
        for config_name, config in CONFIGS.items():
            if policy == "None" and config is None:
                # The API server refuses it.
                continue
            for host_name, host in HOSTS.items():
                network = ", host network" if host_network else ""
                title = f"{policy}{network}, {config_name}, {host_name} node"
                yield Case(title, PodSpec(dns_policy=policy, host_network=host_network, dns_config=config), host)
    yield from special_cases()


def special_cases() -> Iterator[Case]:
    cluster_first, default = PodSpec(dns_policy="ClusterFirst"), PodSpec(dns_policy="Default")
    plain = HOSTS["plain"]
    yield Case("ClusterFirst, node's file not known", cluster_first, None)
    yield Case("Default, node's file not known", default, None)
    yield Case("Default, node's file empty", default, "")
    without_dns = KubeletConfiguration(cluster_domain="cluster.local", resolv_conf="/etc/resolv.conf")
    yield Case("ClusterFirst, kubelet without clusterDNS", cluster_first, plain, without_dns)
    yield Case("ClusterFirst on the host network, kubelet without clusterDNS", host_network(), plain, without_dns)
    two = KubeletConfiguration(cluster_dns=("10.96.0.10", "fd00:0::A"), cluster_domain="k8s.example")
    yield Case("ClusterFirst, two cluster servers and another domain", cluster_first, plain, two)
    no_domain = KubeletConfiguration(cluster_dns=("10.96.0.10",))
    yield Case("ClusterFirst, kubelet without a domain", cluster_first, plain, no_domain)
    no_file = KubeletConfiguration(cluster_dns=("10.96.0.10",), cluster_domain="cluster.local", resolv_conf="")
    yield Case("Default, kubelet with an empty resolvConf", default, None, no_file)
    yield Case("ClusterFirst, kubelet with an empty resolvConf", cluster_first, None, no_file)
    yield searching("33 search domains", *(f"d{number}" for number in range(33)))
    yield searching("32 search domains", *(f"d{number}" for number in range(32)))
    yield searching("a search domain of 254 characters", "a." * 127, "kept.example")
    yield searching("a search domain of 253 characters", ("a." * 127)[:253], "kept.example")
    long = [f"{'x' * 60}.{number:02}.{'y' * 60}.example" for number in range(15)]
    yield searching("a search line of 2049 characters", *long, "z" * 54)
    yield searching("a search line of 2048 characters", *long, "z" * 53)
    yield searching("a search line that loses two domains", *long, "z" * 60, "last.example")


def host_network() -> PodSpec:
    return PodSpec(dns_policy="ClusterFirst", host_network=True)


def searching(title: str, *domains: str) -> Case:
    config = DNSConfig(nameservers=("8.8.8.8",), searches=domains)
    return Case(f"None, {title}", PodSpec(dns_policy="None", dns_config=config), None)


def rendered(case: Case) -> str:
    """The file, and a line for each warning."""
    pod = Pod(Meta("pod", "ns"), NOWHERE, case.spec)
    host = None if case.host is None else case.host.encode()
    files, warnings = resolv_confs(Cluster(pods=(pod,), kubelet=case.kubelet), host)
    told = "".join(f"! {warning.code}: {warning.message}\n" for warning in warnings)
    return files["ns", "pod"].decode() + told


def table() -> str:
    return "\n".join(f"== {case.title}\n{rendered(case)}" for case in cases())


if __name__ == "__main__":
    GOLDEN.write_text(table())
