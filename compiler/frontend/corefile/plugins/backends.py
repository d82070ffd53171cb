"""Plugins that take their records from elsewhere: azure, clouddns, etcd, nomad, route53.

Only their arguments are checked. What the other side holds, and whether it can be reached, is not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser
from kcompile.frontend.corefile.files import FileError
from kcompile.frontend.corefile.tls_files import check_tls_files
from kcompile.frontend.corefile.values import SECOND, ValueProblem, atoi, parse_duration, quote
from kcompile.frontend.corefile.zones import origins


@dataclass(frozen=True, slots=True)
class BackendSettings(Settings):
    """The zones that the plugin answers for, as written in its arguments."""

    zones: tuple[str, ...]


_AZURE_ENVIRONMENTS = (
    "AZURECHINACLOUD",
    "AZURECLOUD",
    "AZUREGERMANCLOUD",
    "AZUREPUBLICCLOUD",
    "AZURESTACKCLOUD",
    "AZUREUSGOVERNMENT",
    "AZUREUSGOVERNMENTCLOUD",
)


def setup_azure(dispenser: Dispenser, context: Context) -> BackendSettings:
    """`azure RESOURCE_GROUP:ZONE... { ... }`"""
    seen: set[str] = set()
    zones: list[str] = []
    for _ in dispenser.occurrences():
        for text in dispenser.remaining():
            group, _colon, zone = text.partition(":")
            if not group or not zone:
                raise dispenser.error(f"invalid resource group/zone: {quote(text)}")
            if group + zone in seen:
                raise dispenser.error(f"conflicting zone: {quote(text)}")
            seen.add(group + zone)
            zones.append(zone)
        for name in dispenser.properties():
            if name in ("subscription", "tenant", "client", "secret"):
                dispenser.argument()
            elif name == "environment":
                environment = dispenser.argument()
                if environment.upper() not in _AZURE_ENVIRONMENTS:
                    reason = f'autorest/azure: There is no cloud environment matching the name "{environment.upper()}"'
                    raise dispenser.error(f"cannot set azure environment: {quote(reason)}")
            elif name == "fallthrough":
                dispenser.fallthrough()
            elif name == "access":
                access = dispenser.argument()
                if access not in ("public", "private"):
                    raise dispenser.error(f"invalid access value: can be public/private, found: {access}")
            else:
                raise dispenser.error(f"unknown property: {quote(name)}", "unknown-property")
    return BackendSettings(tuple(zones))


def setup_clouddns(dispenser: Dispenser, context: Context) -> BackendSettings:
    """`clouddns ZONE:PROJECT:HOSTED_ZONE... { ... }`"""
    zones: list[str] = []
    for _ in dispenser.occurrences():
        zones += _cloud_zones(dispenser, parts=3)
        for name in dispenser.properties():
            if name == "upstream":
                dispenser.remaining()
            elif name == "credentials":
                _credentials(dispenser, context)
            elif name == "fallthrough":
                dispenser.fallthrough()
            else:
                raise dispenser.error(f"unknown property {quote(name)}", "unknown-property")
    return BackendSettings(tuple(zones))


def setup_route53(dispenser: Dispenser, context: Context) -> BackendSettings:
    """`route53 ZONE:HOSTED_ZONE_ID... { ... }`"""
    zones: list[str] = []
    for _ in dispenser.occurrences():
        zones += _cloud_zones(dispenser, parts=2)
        for name in dispenser.properties():
            if name == "aws_access_key":
                words = dispenser.remaining()
                if len(words) < 2:
                    raise dispenser.error(f"invalid access key: '[{' '.join(words)}]'", "arguments")
                hint = "use the environment or a credentials file"
                dispenser.warn("deprecated", "Save aws_access_key in Corefile has been deprecated", hint)
            elif name == "aws_endpoint":
                dispenser.argument()
            elif name == "credentials":
                dispenser.argument()
                dispenser.next_argument()
            elif name == "upstream":
                dispenser.remaining()
            elif name == "fallthrough":
                dispenser.fallthrough()
            elif name == "refresh":
                _refresh(dispenser)
            else:
                raise dispenser.error(f"unknown property {quote(name)}", "unknown-property")
    return BackendSettings(tuple(zones))


def _cloud_zones(dispenser: Dispenser, parts: int) -> list[str]:
    seen: set[str] = set()
    for text in dispenser.remaining():
        fields = text.split(":", parts - 1)
        if len(fields) != parts or not all(fields):
            raise dispenser.error(f"invalid zone {quote(text)}")
        if text in seen:
            raise dispenser.error(f"conflict zone {quote(text)}")
        seen.add(text)
    return [text.partition(":")[0] for text in seen]


def _credentials(dispenser: Dispenser, context: Context) -> None:
    name = dispenser.argument()
    try:
        context.files.read(name)
    except FileError as failure:
        raise dispenser.error(
            f"invalid credentials file {quote(name)}: open {name}: {failure.reason}", "file"
        ) from None


def _refresh(dispenser: Dispenser) -> None:
    text = dispenser.argument()
    try:
        atoi(text)
        text += "s"
    except ValueProblem:
        pass
    try:
        duration = parse_duration(text)
    except ValueProblem as problem:
        raise dispenser.error(f"Unable to parse duration: {problem}") from None
    if duration <= 0:
        raise dispenser.error(f"refresh interval must be greater than 0: {quote(text)}")


_ETCD = (
    "stubzones",
    "fallthrough",
    "debug",
    "path",
    "endpoint",
    "upstream",
    "tls",
    "credentials",
    "min-lease-ttl",
    "max-lease-ttl",
)
_MAX_TTL = 4294967295


def setup_etcd(dispenser: Dispenser, context: Context) -> BackendSettings:
    """`etcd [ZONES...] { ... }`; only the first occurrence is read."""
    dispenser.next()
    zones = origins(dispenser.remaining(), context.keys)
    for name in dispenser.properties():
        if name == "fallthrough":
            dispenser.fallthrough()
        elif name == "path":
            dispenser.argument()
        elif name == "endpoint":
            dispenser.arguments()
        elif name == "upstream":
            dispenser.remaining()
        elif name == "tls":
            check_tls_files(dispenser, context, dispenser.remaining())
        elif name == "credentials":
            if len(dispenser.arguments()) != 2:
                raise dispenser.error("credentials requires 2 arguments, username and password", "arguments")
        elif name in ("min-lease-ttl", "max-lease-ttl"):
            _lease_ttl(dispenser, name, dispenser.argument())
        elif name not in _ETCD:
            raise dispenser.unknown_property(_ETCD)
    return BackendSettings(zones)


def _lease_ttl(dispenser: Dispenser, name: str, text: str) -> None:
    text = text.strip()
    if re.fullmatch("[0-9]{1,19}", text):
        text += "s"
    try:
        seconds = parse_duration(text) / SECOND if text else 0.0
    except ValueProblem:
        problem = "invalid TTL format, use format like '30', '30s', '5m', '1h', or '2h30m'"
        raise dispenser.error(f"invalid {name} value: {problem}") from None
    if seconds < 0:
        raise dispenser.error(f"invalid {name} value: TTL must be non-negative")
    if seconds > _MAX_TTL:
        raise dispenser.error(f"invalid {name} value: TTL too large, maximum is {_MAX_TTL} seconds")


def setup_nomad(dispenser: Dispenser, context: Context) -> BackendSettings:
    """`nomad [ZONE] { address URL...  token TOKEN  ttl SECONDS }`; only the first occurrence is read."""
    dispenser.next()
    zone = (dispenser.remaining() or ["service.nomad"])[0]
    for name in dispenser.properties():
        words = dispenser.remaining()
        if name.lower() == "address":
            if not words:
                raise dispenser.error("at least one address is required", "arguments")
        elif name.lower() == "token":
            if len(words) != 1:
                raise dispenser.error("exactly one token is required", "arguments")
        elif name.lower() == "ttl":
            if len(words) != 1:
                raise dispenser.error("exactly one ttl value is required", "arguments")
            try:
                ttl = atoi(words[0])
            except ValueProblem as problem:
                raise dispenser.error(f"error parsing ttl: {problem}") from None
            if not 0 <= ttl <= 3600:
                raise dispenser.error(f"ttl must be in range [0, 3600]: {ttl}")
        else:
            hint = "it came with CoreDNS 1.13.2" if name.lower() == "filter" else ""
            raise dispenser.error(f"unknown property '{name.lower()}'", "unknown-property", hint)
    return BackendSettings((zone,))
