"""Chain names as kube-proxy hashes them, in plain Python: the reference for `kcompile.native.chain_names`."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

MAX_LENGTH = 52
"""The base32 of 32 bytes has 52 characters that carry any of them."""


def digest(text: bytes, length: int = 16) -> bytes:
    """The first `length` characters of the base32 of the SHA-256 of `text`. Raises ValueError above `MAX_LENGTH`."""
    if not 0 <= length <= MAX_LENGTH:
        raise ValueError(f"length {length} is not between 0 and {MAX_LENGTH}")
    return base64.b32encode(hashlib.sha256(text).digest())[:length]


def digests(texts: Iterable[bytes], length: int = 16) -> list[bytes]:
    """`digest` of each text."""
    return [digest(text, length) for text in texts]
