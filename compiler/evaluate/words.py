"""Packets and outcomes in words."""

from __future__ import annotations

from kcompile.evaluate.packet import Outcome, Packet
from kcompile.ir.addresses import address, endpoint_text


def packet_text(packet: Packet) -> str:
    source = packet.source or "the node"
    to = endpoint_text(*address(packet.destination), packet.port)
    return f"{source} to {to} {packet.protocol}"


def outcome_text(outcome: Outcome) -> str:
    """`to 10.0.0.1:80, source rewritten to 10.0.0.2`."""
    words = {
        "dnat": f"to {outcome.to}",
        "accept": "passes unchanged",
        "reject": "refused",
        "drop": "dropped",
        "unknown": f"unknown, it depends on {outcome.reason}",
    }
    text = words[outcome.verdict]
    return f"{text}, source rewritten to {outcome.source}" if outcome.masquerade else text
