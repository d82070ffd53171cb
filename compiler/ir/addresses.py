"""IP addresses as the evaluator and the readers hold them: a family and a number."""

from __future__ import annotations

import socket

ADDRESS_MAX = {4: (1 << 32) - 1, 6: (1 << 128) - 1}


def address(text: str) -> tuple[int, int]:
    """(family, number) of an IPv4 or IPv6 address; raises ValueError."""
    family, kind = (6, socket.AF_INET6) if ":" in text else (4, socket.AF_INET)
    try:
        return family, int.from_bytes(socket.inet_pton(kind, text), "big")
    except (OSError, ValueError):
        raise ValueError(f"`{text}` is no address") from None


def address_text(family: int, number: int) -> str:
    """The address as the tools print it."""
    if family == 4:
        return socket.inet_ntop(socket.AF_INET, number.to_bytes(4, "big"))
    return socket.inet_ntop(socket.AF_INET6, number.to_bytes(16, "big"))


def endpoint_text(family: int, number: int, port: int) -> str:
    """`10.0.0.1:80` or `[fd00::1]:80`."""
    text = address_text(family, number)
    return f"[{text}]:{port}" if family == 6 else f"{text}:{port}"
