"""Virtual servers as `ipvsadm -L -n` lists them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kcompile.ir.addresses import address, endpoint_text
from kcompile.ir.ruleset import VirtualServer

HEADER = (
    "IP Virtual Server version 1.2.1 (size=4096)",
    "Prot LocalAddress:Port Scheduler Flags",
    "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn",
)
_FORWARD = {"masq": "Masq", "gate": "Route", "ipip": "Tunnel"}


def listing(servers: Sequence[VirtualServer]) -> Iterator[str]:
    """The lines for virtual servers, in their order."""
    yield from HEADER
    for server in servers:
        protocol = "FWM" if server.protocol == "fwmark" else server.protocol.upper()
        place = str(server.mark) if server.protocol == "fwmark" else _place(server.address, server.port)
        words = [f"{protocol:<5}{place} {server.scheduler}"]
        if server.persistence:
            words.append(f"persistent {server.persistence}")
        if flags := [flag for flag in server.flags if flag != "ipv6"]:
            words.append(f"({','.join(flags)})")
        yield " ".join(words)
        for real in server.servers:
            where = _place(real.address, real.port)
            yield f"  -> {where:<28} {_FORWARD[real.forwarding]:<7} {real.weight:<6} {0:<10} {0:<10}"


def _place(text: str, port: int) -> str:
    return endpoint_text(*address(text), port)
