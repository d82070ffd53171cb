"""`kcompile corefile`: check a Corefile as CoreDNS would, format it, show what it sets up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kcompile.cli.report import report
from kcompile.diagnostics import printable

if TYPE_CHECKING:
    from kcompile.frontend.corefile.configuration import Configuration

F = TypeVar("F", bound=Callable[..., Any])
FILE = click.Path(exists=True, dir_okay=False, allow_dash=True)


@click.group(short_help="check, format or explain a Corefile")
def command() -> None:
    """Read a Corefile as CoreDNS 1.13.1 does, without starting one.

    FILE is a Corefile, or a manifest with the ConfigMap that holds one, such as `kubectl get configmap coredns -n
    kube-system -o yaml` prints it; `-` is standard input.
    """


def _variables(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    for value in values:
        if not value.partition("=")[0] or "=" not in value:
            raise click.BadParameter(f"{value!r} is not NAME=VALUE")
    return dict(value.split("=", 1) for value in values)


def _addresses(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    from kcompile.frontend.corefile.addresses import parse_cidr

    interfaces: dict[str, tuple[str, ...]] = {}
    for value in values:
        interface, _, address = value.rpartition("=")
        if parse_cidr(address) is None:
            raise click.BadParameter(f"{value!r} is not an address with its prefix, such as eth0=192.168.1.11/24")
        interfaces[interface] = (*interfaces.get(interface, ()), address)
    return interfaces


def _surroundings(function: F) -> F:
    """The options that say what is around CoreDNS."""
    for option in (
        click.option(
            "--local-address",
            "interfaces",
            multiple=True,
            metavar="[INTERFACE=]CIDR",
            callback=_addresses,
            help="An address of the machine, such as eth0=192.168.1.11/24; may be repeated. Loopback is known.",
        ),
        click.option(
            "--in-cluster",
            is_flag=True,
            help="CoreDNS runs in a Pod, so `kubernetes` finds the API server. So it is for a ConfigMap.",
        ),
        click.option(
            "--env", "environment", multiple=True, metavar="NAME=VALUE", callback=_variables, help="A variable's value."
        ),
        click.argument("file", type=FILE),
    ):
        function = option(function)
    return function


def _load(
    file: str, environment: dict[str, str], in_cluster: bool, interfaces: dict[str, tuple[str, ...]]
) -> Configuration:
    from kcompile.cli.corefile_input import read_corefile
    from kcompile.frontend.corefile.context import LOOPBACK, Machine
    from kcompile.frontend.corefile.load import load_corefile

    given = read_corefile(file)
    machine = Machine({**LOOPBACK, **interfaces}) if interfaces else None
    return load_corefile(
        given.source, environment, given.files, machine=machine, in_cluster=in_cluster or given.is_manifest
    )


@command.command(short_help="whether CoreDNS would start with it")
@_surroundings
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as one line of JSON.")
def check(
    file: str, environment: dict[str, str], in_cluster: bool, interfaces: dict[str, tuple[str, ...]], as_json: bool
) -> int:
    """Say whether CoreDNS would start with this Corefile: exit status 0 or 1.

    Every error is named, and what is probably not meant. With --json "error" is CoreDNS's own message, the first one
    that it would give, with "file" and "line".
    """
    configuration = _load(file, environment, in_cluster, interfaces)
    rejection = configuration.rejection
    if as_json:
        from kcompile.cli.corefile_text import diagnostic_json

        verdict = {
            "accepted": rejection is None,
            "error": rejection.text if rejection else None,
            "line": rejection.line if rejection else None,
            "file": rejection.file if rejection else None,
            "diagnostics": [diagnostic_json(diagnostic) for diagnostic in configuration.diagnostics],
        }
        click.echo(json.dumps(verdict))
    else:
        report(configuration.diagnostics)
        if rejection is None:
            click.echo(f"{printable(configuration.corefile.source.name)}: CoreDNS 1.13.1 takes this Corefile")
    return 0 if rejection is None else 1


@command.command(short_help="the plugins in the order in which they run")
@_surroundings
@click.option("--json", "as_json", is_flag=True, help="Print the server blocks as one line of JSON.")
def show(
    file: str, environment: dict[str, str], in_cluster: bool, interfaces: dict[str, tuple[str, ...]], as_json: bool
) -> int:
    """Print each server block with its plugins in the order in which they run, imports and variables carried out."""
    from kcompile.cli.corefile_text import listing, listing_json

    configuration = _load(file, environment, in_cluster, interfaces)
    report(configuration.diagnostics)
    if as_json:
        click.echo(json.dumps(listing_json(configuration)))
    else:
        for line in listing(configuration):
            click.echo(printable(line))
    return 0 if configuration.rejection is None else 1


@command.command(short_help="print it in one style")
@click.argument("file", type=FILE)
@click.option("-w", "--write", is_flag=True, help="Write the file itself instead of standard output.")
@click.option("--check", "only_check", is_flag=True, help="Print nothing: exit status 1 if the file would change.")
def fmt(file: str, write: bool, only_check: bool) -> int:
    """Print a Corefile in one style: four blanks for each open brace, comments kept, the meaning unchanged."""
    from kcompile.cli.corefile_input import read_corefile
    from kcompile.frontend.corefile.format import format_corefile

    given = read_corefile(file)
    if write and (given.is_manifest or file == "-"):
        raise click.UsageError("--write takes the file of a Corefile")
    text = format_corefile(given.source).encode()
    has_changed = text != given.source.data
    if only_check:
        return int(has_changed)
    if not write:
        click.echo(text, nl=False)
    elif has_changed:
        Path(file).write_bytes(text)
    return 0
