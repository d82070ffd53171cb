"""What `kcompile corefile` is given: a Corefile, or a manifest with the ConfigMap that holds one."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from kcompile.diagnostics import Errors, KcompileError, raise_errors
from kcompile.frontend.corefile.files import Files
from kcompile.frontend.corefile.tokens import MAX_BYTES
from kcompile.frontend.inputs import SUFFIXES, read_sources
from kcompile.frontend.source import Source
from kcompile.model.namespace import ConfigMap

KEY = "Corefile"
# No key of a server block can look like this: nothing may end with a colon.
_MANIFEST = re.compile(rb'^\s*"?(?:apiVersion|kind)"?:\s', re.MULTILINE)


class NoCorefile(KcompileError):
    """The input holds no Corefile, or several."""


@dataclass(frozen=True, slots=True)
class CorefileInput:
    """The text, the files that it can name, and whether it comes out of a cluster."""

    source: Source
    files: Files
    is_manifest: bool = False


def read_corefile(file: str) -> CorefileInput:
    """Read a file, `-` being standard input. Raises `Errors` and `NoCorefile`."""
    sources, unread = read_sources([file])
    if unread:
        raise Errors(unread)
    source = sources[0]
    if len(source.data) > MAX_BYTES:
        raise NoCorefile(f"{file}: more than {MAX_BYTES >> 20} MiB")
    if file.endswith(SUFFIXES) or _MANIFEST.search(source.data):
        return _from_manifest(source)
    return CorefileInput(source, Files(os.path.dirname(file) or "."))


def _from_manifest(source: Source) -> CorefileInput:
    from kcompile.frontend.embedded import embedded_source
    from kcompile.frontend.manifests import read_manifests

    read = read_manifests((source,))
    raise_errors(read.diagnostics)
    found = [one for one in read.objects if isinstance(one, ConfigMap) and KEY in one.data]
    if len(found) != 1:
        several = ", ".join(str(one.meta) for one in found[:5])
        raise NoCorefile(f"{source.name}: " + (f"several: {several}" if found else f"no ConfigMap with a key `{KEY}`"))
    mounted = {key: text.encode() for key, text in found[0].data.items()}
    return CorefileInput(embedded_source(found[0], KEY), Files(mounted=mounted), is_manifest=True)
