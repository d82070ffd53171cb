"""`kcompile dig`: what a name resolves to in this cluster, and how."""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

import click

from kcompile.cli.options import load_cluster
from kcompile.cli.report import report
from kcompile.diagnostics import Errors, KcompileError

if TYPE_CHECKING:
    from kcompile.api import CompiledCluster
    from kcompile.evaluate.dns.queries import Answer, Client
    from kcompile.evaluate.dns.resolver import Resolver
    from kcompile.evaluate.dns.zone_data import ZoneData
    from kcompile.frontend.corefile.configuration import Configuration
    from kcompile.ir.pod_dns import ResolvConf
    from kcompile.model import Pod

T = TypeVar("T")
FILE = click.Path(exists=True, dir_okay=False, allow_dash=True)


class NoQueries(KcompileError):
    """The file of queries cannot be read."""


class NoSuchPod(KcompileError):
    """The cluster has no Pod of that name."""


def _address(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        try:
            ipaddress.ip_address(value)
        except ValueError:
            raise click.BadParameter(f"{value!r} is not an IP address") from None
    return values


def _pairs(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for value in values:
        key, equals, text = value.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"{value!r} is not {parameter.metavar}")
        pairs[key] = text
    return pairs


@click.command(short_help="what a name resolves to, and how", no_args_is_help=True)
@click.argument("path")
@click.argument("name", required=False)
@click.argument("rtype", metavar="[TYPE]", required=False, default="A")
@click.option("-f", "more", multiple=True, metavar="PATH", help="Another file or folder of manifests.")
@click.option("--from", "source", metavar="NAMESPACE/POD", help="Ask as this Pod would, with its search list.")
@click.option("--corefile", metavar="FILE", type=FILE, help="Take this Corefile instead of the cluster's own.")
@click.option("--queries", metavar="FILE", type=FILE, help='Queries as JSON lines {"name", "type", "port", "client"}.')
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON, one line for each query.")
@click.option(
    "--server-address",
    "server_addresses",
    multiple=True,
    metavar="IP",
    callback=_address,
    help="An address of the DNS server itself; may be repeated. By default the endpoints of kube-dns; with --corefile "
    "none.",
)
@click.option("--port", type=click.IntRange(1, 65535), help="The port to ask; by default 53, else the first served.")
@click.option(
    "--upstream",
    "upstreams",
    multiple=True,
    metavar="ADDRESS=ZONEFILE",
    callback=_pairs,
    help="Answer what is forwarded to ADDRESS from a zone file; may be repeated.",
)
@click.option("--env", multiple=True, metavar="NAME=VALUE", callback=_pairs, help="A variable of the Corefile.")
@click.option("--host-resolv-conf", metavar="FILE", type=FILE, help="The nodes' own resolv.conf, for --from.")
def command(
    path: str,
    name: str | None,
    rtype: str,
    more: tuple[str, ...],
    source: str | None,
    corefile: str | None,
    queries: str | None,
    as_json: bool,
    server_addresses: tuple[str, ...],
    port: int | None,
    upstreams: dict[str, str],
    env: dict[str, str],
    host_resolv_conf: str | None,
) -> int:
    """Answer a DNS query as CoreDNS would with these manifests and this Corefile.

    The Corefile is that of the coredns ConfigMap in the manifests, else kubeadm's. NAME stands as it is; with --from it
    goes through the Pod's search list. Exit status 1 says that the name has no such records.

    \b
    kcompile dig manifests/ web.default.svc.cluster.local
    kcompile dig manifests/ web --from default/client
    kcompile dig manifests/ db.default.svc.cluster.local SRV --corefile Corefile
    kcompile dig manifests/ --queries queries.jsonl --json
    """
    from kcompile.evaluate.dns.queries import Client
    from kcompile.ir.dns_types import type_name, type_number

    if (name is None) == (queries is None):
        raise click.UsageError("give a NAME, or --queries FILE")
    number = type_number(rtype)
    if number is None:
        raise click.BadParameter(f"{rtype!r} is not a type of DNS records", param_hint="TYPE")
    cluster = load_cluster((path, *more))
    resolver = _resolver(cluster, corefile, env, server_addresses or None, upstreams, host_resolv_conf)
    client = Client(port=port or resolver.client.port)
    config: ResolvConf | None = None
    if source is not None:
        pod, config = _pod(cluster, source, host_resolv_conf)
        client = client._replace(address=pod.status.pod_ip if pod.status else client.address)
    if queries is not None:
        for question, rdtype, asker in _queries(queries, client):
            _print(_asked(resolver, config, question, rdtype, asker, trace=not as_json), as_json, config, source)
        return 0
    assert name is not None
    answers = _asked(resolver, config, name, type_name(number), client, trace=not as_json)
    _print(answers, as_json, config, source)
    last = answers[-1]
    return 0 if last.answer or last.forwarded_to else 1


def _asked(
    resolver: Resolver, config: ResolvConf | None, name: str, rtype: str, client: Client, *, trace: bool
) -> tuple[Answer, ...]:
    """The answers to the names that were tried, the deciding one last."""
    from kcompile.evaluate.dns.search import search

    if config is None:
        return (resolver.query(name, rtype, client, trace=trace),)
    return search(resolver, config, name, rtype, client, trace=trace)


def _print(answers: tuple[Answer, ...], as_json: bool, config: ResolvConf | None, source: str | None) -> None:
    from kcompile.cli.dig_text import answer_json, answer_text

    if as_json:
        click.echo(json.dumps(answer_json(answers[-1])))
        return
    for line in answer_text(answers, config, source):
        click.echo(line)


def _resolver(
    cluster: CompiledCluster,
    corefile: str | None,
    environment: Mapping[str, str],
    server_addresses: tuple[str, ...] | None,
    upstreams: Mapping[str, str],
    host_resolv_conf: str | None,
) -> Resolver:
    from kcompile.evaluate.dns.cluster_server import cluster_resolver, own_addresses
    from kcompile.ir.cluster_corefile import load_cluster_corefile
    from kcompile.ir.pod_dns import parse_host_resolv_conf

    if corefile is None:
        configuration = load_cluster_corefile(cluster.model, environment)
        server_addresses = own_addresses(cluster.model) if server_addresses is None else server_addresses
    else:
        configuration = _read(corefile, environment)
    if configuration.rejection is not None:
        raise Errors(configuration.diagnostics)
    report(configuration.diagnostics)
    host_search = parse_host_resolv_conf(_text(host_resolv_conf)).searches if host_resolv_conf else ()
    return cluster_resolver(
        cluster.model,
        cluster.given,
        configuration,
        server_addresses=server_addresses,
        upstreams={address: _upstream(zone) for address, zone in upstreams.items()},
        host_search=host_search,
    )


def _read(corefile: str, environment: Mapping[str, str]) -> Configuration:
    from kcompile.frontend.corefile.files import Files
    from kcompile.frontend.corefile.load import load_corefile
    from kcompile.frontend.source import Source

    folder = os.path.dirname(corefile) or "."
    data = _text(corefile).encode()
    return load_corefile(Source(corefile, data), environment, Files(folder), in_cluster=True)


def _upstream(file: str) -> ZoneData:
    from kcompile.evaluate.dns.zone_data import ZoneError, read_zone

    try:
        return read_zone(_text(file), ".", file)
    except ZoneError as error:
        raise click.BadParameter(str(error), param_hint="--upstream") from None


def _text(file: str) -> str:
    try:
        with click.open_file(file, "rb") as stream:
            content: bytes = stream.read()
    except OSError as error:
        raise click.BadParameter(f"{file}: {error.strerror}") from None
    return content.decode("utf-8", "replace")


def _pod(cluster: CompiledCluster, source: str, host_resolv_conf: str | None) -> tuple[Pod, ResolvConf]:
    from kcompile.ir.pod_dns import ResolvConf, parse_host_resolv_conf, pod_dns
    from kcompile.model import KubeletConfiguration

    namespace, _, name = source.removeprefix("pod:").rpartition("/")
    key = (namespace or "default", name)
    pod = next((pod for pod in cluster.model.pods if pod.meta.key == key), None)
    if pod is None:
        raise NoSuchPod(f"the cluster has no Pod {'/'.join(key)}")
    host = parse_host_resolv_conf(_text(host_resolv_conf)) if host_resolv_conf else ResolvConf()
    config, cut = pod_dns(pod, cluster.model.kubelet or KubeletConfiguration(), host)
    report(cut)
    return pod, config


def _queries(file: str, client: Client) -> Iterator[tuple[str, str, Client]]:
    """Name, type and asker of each line. Raises NoQueries."""
    from kcompile.ir.dns_types import type_name, type_number

    for number, line in enumerate(_text(file).splitlines(), 1):
        if not line.strip():
            continue
        try:
            query = json.loads(line)
            rtype = type_number(_given(query, "type", str, "A"))
            if rtype is None:
                raise ValueError(f"{query['type']!r} is not a type of DNS records")
            address = _given(query, "client", str, client.address)
            ipaddress.ip_address(address.partition("%")[0])
            asker = client._replace(address=address, port=_given(query, "port", int, client.port))
            name = _given(query, "name", str, None)
        except (ValueError, RecursionError) as error:
            raise NoQueries(f"{file}:{number}: {error}") from None
        yield name, type_name(rtype), asker


def _given(query: object, key: str, kind: type[T], default: T | None) -> T:
    if not isinstance(query, dict):
        raise ValueError("a query is an object with a name and a type")
    value = query.get(key, default)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{key!r} is missing or of the wrong type")
    return value
