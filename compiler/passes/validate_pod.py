"""Validate Pods and the workloads that make them, as far as addresses, names and DNS go."""

from __future__ import annotations

from kcompile.diagnostics import Diagnostic
from kcompile.frontend.source import Path
from kcompile.model import DNSConfig, Pod, PodSpec, PodStatus, Workload
from kcompile.passes.addresses import parse_address
from kcompile.passes.problems import Problems
from kcompile.passes.syntax import (
    LABEL,
    PORT_NAME,
    SUBDOMAIN,
    is_dns_label,
    is_port_name,
    is_search_domain,
    is_word,
    shown,
)
from kcompile.passes.validate_meta import Proven, check_annotations, check_labels, check_meta
from kcompile.passes.validate_service import PROTOCOLS

DNS_POLICIES = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
WORKLOAD_KINDS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job")
PHASES = ("Pending", "Running", "Succeeded", "Failed", "Unknown")
MAX_INT32 = 2**31 - 1
MAX_NAMESERVERS = 3
MAX_SEARCHES = 32
MAX_SEARCH_CHARACTERS = 2048


def validate_pod(pod: Pod, proven: Proven) -> list[Diagnostic]:
    """What is wrong with a Pod that has its defaults."""
    check = Problems(pod.origin)
    check_meta(check, pod.meta, proven)
    _check_spec(check, ("spec",), pod.spec, proven)
    if pod.status is not None:
        _check_status(check, pod.status)
    return check.found


def validate_workload(workload: Workload, proven: Proven) -> list[Diagnostic]:
    """What is wrong with a workload, its Pod template included."""
    check = Problems(workload.origin)
    check_meta(check, workload.meta, proven)
    if workload.kind not in WORKLOAD_KINDS:
        check.not_one_of(("kind",), workload.kind, WORKLOAD_KINDS)
    counts: tuple[tuple[Path, int | None], ...] = (
        (("spec", "parallelism" if workload.kind == "Job" else "replicas"), workload.replicas),
        (("spec", "completions"), workload.completions),
        (("spec", "ordinals", "start"), workload.first_ordinal),
    )
    for path, number in counts:
        if number is not None and not 0 <= number <= MAX_INT32:
            check.error("bad-value", path, f"{shown(number)} is not a number from 0 to {MAX_INT32}")
    if workload.service_name and not is_dns_label(workload.service_name):
        check.error("bad-name", ("spec", "serviceName"), f"{shown(workload.service_name)} is not {LABEL}")
    template: Path = ("spec", "template")
    check_labels(check, workload.template_meta.labels, (*template, "metadata", "labels"), proven)
    check_annotations(check, workload.template_meta.annotations, (*template, "metadata", "annotations"), proven)
    _check_spec(check, (*template, "spec"), workload.template_spec, proven)
    return check.found


def _check_spec(check: Problems, path: Path, spec: PodSpec, proven: Proven) -> None:
    if spec.node_name and not proven.subdomain(spec.node_name):
        check.error("bad-name", (*path, "nodeName"), f"{shown(spec.node_name)} is not {SUBDOMAIN}")
    if spec.node_selector:
        check_labels(check, spec.node_selector, (*path, "nodeSelector"), proven)
    if spec.hostname and not is_dns_label(spec.hostname):
        check.error("bad-name", (*path, "hostname"), f"{shown(spec.hostname)} is not {LABEL}")
    if spec.subdomain and not is_dns_label(spec.subdomain):
        check.error("bad-name", (*path, "subdomain"), f"{shown(spec.subdomain)} is not {LABEL}")
    for port in spec.ports:
        if not 0 < port.container_port < 65536:
            text = f"containerPort {shown(port.container_port)} is not a port (1-65535)"
            check.error("port-range", (*path, "containers"), text)
        if port.name and not is_port_name(port.name):
            check.error("bad-name", (*path, "containers"), f"a port's name, {shown(port.name)}, is not {PORT_NAME}")
        if port.protocol not in PROTOCOLS:
            check.not_one_of((*path, "containers"), port.protocol, PROTOCOLS)
    if spec.dns_policy not in DNS_POLICIES:
        check.not_one_of((*path, "dnsPolicy"), spec.dns_policy, DNS_POLICIES)
    elif spec.dns_policy == "None" and not (spec.dns_config and spec.dns_config.nameservers):
        text = "needs a nameserver when dnsPolicy is None"
        check.error("missing-field", (*path, "dnsConfig", "nameservers"), text)
    if spec.dns_config is not None:
        _check_dns_config(check, (*path, "dnsConfig"), spec.dns_config)


def _check_dns_config(check: Problems, path: Path, config: DNSConfig) -> None:
    if len(config.nameservers) > MAX_NAMESERVERS:
        check.error("too-many", (*path, "nameservers"), f"holds at most {MAX_NAMESERVERS}")
    for index, text in enumerate(config.nameservers):
        if parse_address(text) is None:
            check.not_an_address((*path, "nameservers", index), text)
    if len(config.searches) > MAX_SEARCHES:
        check.error("too-many", (*path, "searches"), f"holds at most {MAX_SEARCHES}")
    elif len(" ".join(config.searches)) > MAX_SEARCH_CHARACTERS:
        check.error("too-long", (*path, "searches"), f"has more than {MAX_SEARCH_CHARACTERS} characters in all")
    for index, text in enumerate(config.searches):
        if not is_search_domain(text):
            check.error("bad-name", (*path, "searches", index), f"{shown(text)} is not a DNS name")
    for index, (name, value) in enumerate(config.options):
        if not is_word(name):
            check.error("bad-value", (*path, "options", index, "name"), f"{shown(name)} is not an option's name")
        if value and not is_word(value):
            check.error("bad-value", (*path, "options", index, "value"), f"{shown(value)} is not an option's value")


def _check_status(check: Problems, status: PodStatus) -> None:
    if status.phase and status.phase not in PHASES:
        check.not_one_of(("status", "phase"), status.phase, PHASES)
    if status.pod_ip and parse_address(status.pod_ip) is None:
        check.not_an_address(("status", "podIP"), status.pod_ip)
    for index, text in enumerate(status.pod_ips):
        if parse_address(text) is None:
            check.not_an_address(("status", "podIPs", index, "ip"), text)
    if status.pod_ip and status.pod_ips and status.pod_ip != status.pod_ips[0]:
        check.error("bad-value", ("status", "podIPs"), f"must start with the podIP, {shown(status.pod_ip)}")
