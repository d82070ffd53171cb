"""The private folder that `-o` fills before any old file is replaced."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from kcompile.diagnostics import KcompileError


class NotWritten(KcompileError):
    """The output folder could not be written."""


def stage(staging: Path, path: PurePosixPath, text: bytes) -> PurePosixPath:
    """Write one file of the folder."""
    # Names have passed the grammar of DNS names, which has no "/" and no name that begins with a dot.
    if any(part in ("", ".", "..") for part in path.parts) or path.is_absolute():
        raise NotWritten(f"{path} is not a path inside the output folder")
    target = staging / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(text)
    target.chmod(0o644)
    return path
