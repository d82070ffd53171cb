"""bind: the addresses that a server block listens on."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.corefile.addresses import parse_ip
from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser
from kcompile.frontend.corefile.values import quote


@dataclass(frozen=True, slots=True)
class BindSettings(Settings):
    """Interfaces are replaced by their addresses, and what `except` names is left out."""

    addresses: tuple[str, ...]


def setup(dispenser: Dispenser, context: Context) -> BindSettings:
    addresses: list[str] = []
    for _ in dispenser.occurrences():
        given, excluded = dispenser.remaining(), []
        if not given:
            raise dispenser.plain("at least one address or interface name is expected", "arguments")
        for option in dispenser.properties():
            if option != "except":
                raise dispenser.plain(f"invalid option {quote(option)}", "unknown-property")
            excluded = dispenser.remaining()
            if not excluded:
                message = "at least one address or interface must be given to except subdirective"
                raise dispenser.plain(message, "arguments")
        wanted = _addresses(dispenser, context, given)
        without = _addresses(dispenser, context, excluded)
        addresses += [address for address in wanted if address not in without]
    return BindSettings(tuple(addresses))


def _addresses(dispenser: Dispenser, context: Context, names: list[str]) -> list[str]:
    """The addresses of interfaces, and addresses as they are."""
    addresses: list[str] = []
    for name in names:
        if name in context.machine.interfaces:
            addresses += [text.partition("/")[0] for text in context.machine.interfaces[name]]
        elif parse_ip(name) is not None:
            addresses.append(name)
        elif context.machine.is_known:
            message = f"not a valid IP address or interface name: {quote(name)}"
            hint = "" if ":" in name or name[:1].isdigit() else f"name it with --local-address {name}=IP/PREFIX"
            raise dispenser.plain(message, hint=hint)
        else:
            dispenser.warn("unknown-interface", f"whether the Pod has an interface `{name}` is not known here")
    return addresses
