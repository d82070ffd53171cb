"""The files that a Corefile names: read with a limit, regular files only, never outside what the caller allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Files:
    """Where a Corefile's files are looked up.

    `folder` is what relative names start from. With `mounted` the Corefile comes from a ConfigMap: those are the other
    keys of the ConfigMap, nothing is read from this machine, and a file that only the Pod has is not an error.
    """

    folder: str = "."
    mounted: Mapping[str, bytes] | None = field(default=None, repr=False)
