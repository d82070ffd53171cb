"""What `kcompile.native.memory` asks of the system, where it was not compiled: nothing."""

from __future__ import annotations


def prefer_huge_pages() -> None:
    """Take what objects are made in from huge pages, from now on."""


def keep_freed_memory() -> None:
    """Give no memory back to the system."""
