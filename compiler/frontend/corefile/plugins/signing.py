"""Plugins that sign and authenticate: dnssec, sign, tsig."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser, SetupError
from kcompile.frontend.corefile.files import FileError
from kcompile.frontend.corefile.numbers import TYPES
from kcompile.frontend.corefile.tokens import decode
from kcompile.frontend.corefile.values import quote
from kcompile.frontend.corefile.zones import origins
from kcompile.ir.domain_names import folded, is_subdomain

_ZONE_KEY, _SECURE_ENTRY_POINT = 256, 1
_PUBLIC_KEY = re.compile(
    r"^(\S+)\s+(?:[0-9]+[smhdwSMHDW]?\s+)?(?:IN\s+)?(?:[0-9]+\s+)?DNSKEY\s+([0-9]+)\s", re.I | re.M
)


@dataclass(frozen=True, slots=True)
class SigningSettings(Settings):
    zones: tuple[str, ...]


def setup_dnssec(dispenser: Dispenser, context: Context) -> SigningSettings:
    """`dnssec [ZONES...] { key file KEY...  cache_capacity N }`"""
    zones: tuple[str, ...] = ()
    owners: list[str] = []
    for _ in dispenser.occurrences(once=True):
        zones = origins(dispenser.remaining(), context.keys)
        for name in dispenser.properties():
            if name == "key":
                kind = dispenser.argument()
                if kind == "file":
                    owners += [_key_file(dispenser, context, key)[0] for key in dispenser.arguments()]
                elif kind == "aws_secretsmanager":
                    dispenser.arguments()
            elif name == "cache_capacity":
                dispenser.number(dispenser.argument())
            else:
                raise dispenser.unknown_property(("key", "cache_capacity"))
    for owner in owners:
        if owner and not any(is_subdomain(owner, zone) for zone in zones):
            raise dispenser.plain(f"key {owner} can not sign any of the zones", "key")
    return SigningSettings(zones)


def setup_sign(dispenser: Dispenser, context: Context) -> SigningSettings:
    """`sign FILE [ZONES...] { key file KEY...  directory FOLDER }`"""
    zones: list[str] = []
    for _ in dispenser.occurrences():
        file = context.path(dispenser.argument())
        if "\ufffd" in file:
            raise dispenser.plain(f"dbfile {quote(file)} contains invalid characters")
        zones += origins(dispenser.remaining(), context.keys)
        for name in dispenser.properties():
            if name == "key":
                kind = dispenser.argument()
                if kind == "directory":
                    raise dispenser.plain("directory: not implemented")
                if kind == "file":
                    for key in dispenser.arguments():
                        _, flags = _key_file(dispenser, context, key)
                        wanted = _ZONE_KEY | _SECURE_ENTRY_POINT
                        if flags & wanted != wanted:
                            message = f"DNSKEY in {quote(_base(context, key) + '.key')} is not a CSK/KSK"
                            raise dispenser.plain(message, "key")
            elif name == "directory":
                if len(dispenser.remaining()) != 1:
                    raise dispenser.plain('can only be one argument after "directory"', "arguments")
            else:
                raise dispenser.unknown_property(("key", "directory"))
    return SigningSettings(tuple(zones))


def _base(context: Context, name: str) -> str:
    """`Kexample.org.+013+45330`, without `.key` or `.private`."""
    return context.path(name.removesuffix(".private") if name.endswith(".private") else name.removesuffix(".key"))


def _key_file(dispenser: Dispenser, context: Context, name: str) -> tuple[str, int]:
    """The owner and the flags of a key; empty and all set where the files are not known here."""
    contents: list[bytes | None] = []
    for path in (f"{_base(context, name)}.key", f"{_base(context, name)}.private"):
        try:
            contents.append(context.files.read(path))
        except FileError as failure:
            raise dispenser.plain(f"open {path}: {failure.reason}", "file") from None
    if contents[0] is None:
        return "", 0xFFFF
    match = _PUBLIC_KEY.search(decode(contents[0]))
    if match is None:
        raise dispenser.plain("no public key found", "key")
    if contents[1] is not None and b"Private-key-format: v1." not in contents[1]:
        raise dispenser.plain("dns: bad private key", "key")
    return folded(match[1]), int(match[2])


def setup_tsig(dispenser: Dispenser, context: Context) -> SigningSettings:
    """`tsig [ZONES...] { secret NAME KEY  secrets FILE  require TYPE... }`: any error is told as one of arguments."""
    try:
        return _tsig(dispenser, context)
    except SetupError as error:
        hint = error.problem.message
        raise dispenser.argument_error("" if hint.startswith("Wrong argument count") else hint) from None


def _tsig(dispenser: Dispenser, context: Context) -> SigningSettings:
    zones: tuple[str, ...] = ()
    secrets: set[str] = set()
    for _ in dispenser.occurrences(once=True):
        zones = origins(dispenser.remaining(), context.keys)
        for name in dispenser.properties():
            words = dispenser.remaining()
            if name == "secret":
                if len(words) != 2:
                    raise dispenser.argument_error()
                _add_secrets(dispenser, secrets, [folded(words[0])])
            elif name == "secrets":
                if len(words) != 1:
                    raise dispenser.argument_error()
                _add_secrets(dispenser, secrets, _secrets_file(dispenser, context, words[0]))
            elif name == "require":
                if not words:
                    raise dispenser.argument_error()
                unknown = [word for word in words if word not in TYPES]
                if unknown and words[0] not in ("all", "none"):
                    raise dispenser.error(f"unknown query type '{unknown[0]}'")
            else:
                raise dispenser.unknown_property(("secret", "secrets", "require"))
    return SigningSettings(zones)


def _add_secrets(dispenser: Dispenser, secrets: set[str], names: list[str]) -> None:
    for name in names:
        if name in secrets:
            raise dispenser.plain(f"key {quote(name)} redefined", "repeated")
        secrets.add(name)


def _secrets_file(dispenser: Dispenser, context: Context, name: str) -> list[str]:
    """The names of the keys in a file of BIND's form: `key "name" { algorithm ...; secret "..."; };`."""
    try:
        content = context.files.read(name)
    except FileError as failure:
        raise dispenser.plain(f"open {name}: {failure.reason}", "file") from None
    names: list[str] = []
    inside = has_secret = False
    for line in decode(content or b"").split("\n"):
        words = line.split()
        if not words:
            continue
        if not inside:
            key = words[1].strip('"{') if words[0] == "key" and len(words) > 1 else ""
            if not key:
                raise dispenser.plain(f"unexpected token {quote(words[0])}")
            _add_secrets(dispenser, set(names), [folded(key)])
            names.append(folded(key))
            inside, has_secret = True, False
        elif words[0] == "secret":
            if len(words) < 2 or not words[1].strip('";'):
                raise dispenser.plain(f"expected secret key {quote(line)}")
            has_secret = True
        elif words[0] in ("}", "};"):
            if not has_secret:
                raise dispenser.plain(f"expected secret for key {quote(names[-1])}")
            inside = False
        elif words[0] != "algorithm":
            raise dispenser.plain(f"unexpected token {quote(words[0])}")
    if inside and not has_secret:
        raise dispenser.plain(f"expected secret for key {quote(names[-1])}")
    return names
