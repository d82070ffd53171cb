"""Certificates and keys that a plugin names. Whether they are PEM is checked, not whether they fit together."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser
from kcompile.frontend.corefile.files import FileError

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----\s[^-]+-----END CERTIFICATE-----")
_PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s[^-]+-----END [A-Z ]*PRIVATE KEY-----")


def check_tls_files(dispenser: Dispenser, context: Context, names: Sequence[str]) -> None:
    """`[CA]`, `CERT KEY` or `CERT KEY CA`; raises `SetupError`."""
    if len(names) > 3:
        message = f"maximum of three arguments allowed for TLS config, found {len(names)}"
        raise dispenser.plain(message, "arguments")
    if len(names) >= 2:
        for name, pattern, what in ((names[0], _CERTIFICATE, "certificate"), (names[1], _PRIVATE_KEY, "key")):
            try:
                content = context.files.read(context.path(name))
            except FileError as failure:
                message = f"could not load TLS cert: open {context.path(name)}: {failure.reason}"
                raise dispenser.plain(message, "file") from None
            if content is not None and not pattern.search(content):
                message = f"could not load TLS cert: tls: failed to find any PEM data in {what} input"
                raise dispenser.plain(message, "certificate")
    if len(names) in (1, 3) and names[-1]:
        path = context.path(names[-1])
        try:
            content = context.files.read(path)
        except FileError as failure:
            raise dispenser.plain(f"error reading {path}: open {path}: {failure.reason}", "file") from None
        if content is not None and not _CERTIFICATE.search(content):
            raise dispenser.plain(f"could not read root certs from {path}", "certificate")
