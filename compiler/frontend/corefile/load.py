"""From the text of a Corefile to what the server is set up to do."""

from __future__ import annotations

from collections.abc import Mapping

from kcompile.frontend.corefile.configuration import Configuration
from kcompile.frontend.corefile.files import Files
from kcompile.frontend.source import Source


def load_corefile(
    source: Source, environment: Mapping[str, str], files: Files, *, in_cluster: bool = False
) -> Configuration:
    """Read, check and set up a Corefile as CoreDNS 1.13.1 would; never raises for what the text says.

    `environment` holds the variables for `{$NAME}`. With `in_cluster` CoreDNS is taken to run in a Pod, so that
    `kubernetes` without `endpoint` finds the API server.
    """
    raise NotImplementedError
