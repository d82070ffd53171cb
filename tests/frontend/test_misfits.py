"""What is said of files that are no manifests, and of kinds that no API server has."""

from __future__ import annotations

import pytest

from kcompile.frontend.manifests import Manifests, read_manifests
from kcompile.frontend.source import Source


def read(text: str, name: str = "a.yaml") -> Manifests:
    return read_manifests([Source(name, text.encode())])


@pytest.mark.parametrize(
    ("version", "kind", "meant"),
    [
        ("v1", "service", "apiVersion: v1 and kind: Service"),
        ("v1", "Servcie", "apiVersion: v1 and kind: Service"),
        ("v1", "Endpoint", "apiVersion: v1 and kind: Endpoints"),
        ("apps/v1", "Service", "apiVersion: v1 and kind: Service"),
        ("v1", "Deployment", "apiVersion: apps/v1 and kind: Deployment"),
        ("extensions/v1beta1", "DaemonSet", "apiVersion: apps/v1 and kind: DaemonSet"),
        ("networking.k8s.io/v1", "EndpointSlice", "apiVersion: discovery.k8s.io/v1 and kind: EndpointSlice"),
    ],
)
def test_a_kind_that_no_api_server_has_is_an_error_and_the_one_that_is_meant_is_named(
    version: str, kind: str, meant: str
) -> None:
    (found,) = read(f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\n").diagnostics
    assert (found.code, found.hint) == ("unknown-kind", f"write {meant}")


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("v1", "ServiceAccount"),
        ("v1", "PodTemplate"),
        ("batch/v1", "CronJob"),
        ("serving.knative.dev/v1", "Service"),
        ("gateway.networking.k8s.io/v1", "Gateway"),
        ("networking.k8s.io/v1", "IPAddress"),
        ("metrics.k8s.io/v1beta1", "NodeMetrics"),
        ("kubescheduler.config.k8s.io/v1", "KubeSchedulerConfiguration"),
        ("kubeadm.k8s.io/v1beta4", "InitConfiguration"),
    ],
)
def test_other_kinds_are_passed_over(version: str, kind: str) -> None:
    found = read(f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\n")
    assert (found.skipped, found.diagnostics) == ({kind: 1}, [])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("svc.yaml", "apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Release.Name }}\n"),
        ("svc.yaml", "{{- if .Values.enabled }}\napiVersion: v1\n{{- end }}\n"),
        ("Chart.yaml", "apiVersion: v2\nname: x\n"),
        ("a/values.yaml", "port: 80\n"),
        ("values-prod.yml", "port: 80\n"),
    ],
)
def test_a_helm_chart_is_known_by_its_files_and_templates(name: str, text: str) -> None:
    (found,) = read(text, name).diagnostics
    assert "helm template" in found.hint


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.yaml", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n"),
        ("x.yaml", "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"),
        ("base/kustomization.yaml", "resources: [a.yaml]\n"),
    ],
)
def test_a_kustomization_is_left_alone_with_a_warning(name: str, text: str) -> None:
    found = read(text, name)
    (warning,) = found.diagnostics
    assert (warning.severity.value, warning.code, found.skipped) == ("warning", "kustomization", {})
