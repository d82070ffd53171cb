"""What to say of a file that holds no manifest, of a kind that no API server has, and of files that are made into
manifests first: Helm charts and kustomizations."""

from __future__ import annotations

import difflib
import functools
import posixpath
import re

from kcompile.frontend.kinds import KINDS, Kind
from kcompile.frontend.source import Source

KUSTOMIZE_GROUP = "kustomize.config.k8s.io"
KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml")
RENDER_CHART = "a Helm chart has to be rendered first: helm template CHART | kcompile -"

# Groups that the API server itself serves. Anyone may have a kind called Service in a group of their own, as Knative.
_OWN_GROUPS = frozenset({"", "apps", "batch", "extensions", "autoscaling", "policy"})
_IS_OWN_GROUP = re.compile(r"[a-z]+(?:\.config)?\.k8s\.io").fullmatch
_SIMILARITY = 0.85
_LONGEST_NAME = 64


def is_kustomization(source: Source, version: str) -> bool:
    """Whether a map is kustomize's: it says so, or it is in a file of that name (where it need not say so)."""
    if version:
        return version.startswith(f"{KUSTOMIZE_GROUP}/")
    return posixpath.basename(source.name) in KUSTOMIZATION_FILES


def missing_names(source: Source, version: str, kind: str) -> tuple[str, str]:
    """Message and hint for a map that does not say what it is."""
    missing = [f"`{name}`" for name, value in (("apiVersion", version), ("kind", kind)) if not value]
    text = f"missing field{'s' if len(missing) > 1 else ''} {' and '.join(missing)}"
    name = posixpath.basename(source.name)
    is_chart = name == "Chart.yaml" or re.fullmatch(r"values.*\.ya?ml", name)
    return text, RENDER_CHART if is_chart else "not a Kubernetes manifest"


def template_hint(line: str) -> str:
    """A hint for a line that is not YAML, if it shows why."""
    return RENDER_CHART if "{{" in line else ""


@functools.lru_cache(maxsize=256)
def meant(version: str, name: str) -> Kind | None:
    """The kind that is meant by one that the API server does not know: of another group, or almost of that name."""
    group = version.rpartition("/")[0]
    if group not in _OWN_GROUPS and not _IS_OWN_GROUP(group):
        return None
    spelled = name.casefold()[:_LONGEST_NAME]
    by_name = {kind.kind.casefold(): kind for kind in KINDS.values()}
    if spelled in by_name:
        return by_name[spelled]
    in_group = [own for own, kind in by_name.items() if kind.group == group]
    close = difflib.get_close_matches(spelled, in_group, 1, _SIMILARITY)
    return by_name[close[0]] if close else None


def version_of(kind: Kind) -> str:
    """The apiVersion to write for a kind."""
    return f"{kind.group}/{kind.versions[0]}" if kind.group else kind.versions[0]
