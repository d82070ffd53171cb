"""geoip: metadata about a client's place, from a database of addresses."""

from __future__ import annotations

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser
from kcompile.frontend.corefile.files import FileError
from kcompile.frontend.corefile.values import quote

_MMDB_MARKER = b"\xab\xcd\xefMaxMind.com"


def setup(dispenser: Dispenser, context: Context) -> Settings:
    """`geoip DATABASE { edns-subnet }`"""
    path = ""
    for _ in dispenser.occurrences():
        database = dispenser.argument()
        if path:
            raise dispenser.error("configuring multiple databases is not supported", "repeated")
        path = database
        if dispenser.remaining():
            raise dispenser.argument_error()
        for name in dispenser.properties():
            if name != "edns-subnet":
                raise dispenser.error(f"unknown property {quote(name)}", "unknown-property")
    try:
        content = context.files.read(path)
    except FileError as failure:
        message = f"failed to open database file: open {path}: {failure.reason}"
        raise dispenser.error(message, "file") from None
    if content is not None and _MMDB_MARKER not in content:
        message = "failed to open database file: error opening database: invalid MaxMind DB file"
        raise dispenser.error(message, "file")
    return Settings()
