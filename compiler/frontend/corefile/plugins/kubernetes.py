"""kubernetes: names of Services and Pods."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser, did_you_mean
from kcompile.frontend.corefile.files import FileError
from kcompile.frontend.corefile.label_selector import LabelSelector, SelectorProblem, parse_label_selector
from kcompile.frontend.corefile.values import SECOND, ValueProblem, parse_duration, quote
from kcompile.frontend.corefile.zones import origins
from kcompile.ir.domain_names import is_below_reverse_zone

PodMode = Literal["disabled", "insecure", "verified"]


@dataclass(frozen=True, slots=True)
class KubernetesSettings(Settings):
    """Zones are absolute and in lower case. Empty `namespaces` expose all; empty `fallthrough` means none.

    `primary_zone` is the first zone that is no reverse zone: PTR records point into it.
    """

    zones: tuple[str, ...]
    primary_zone: str
    namespaces: frozenset[str] = frozenset()
    labels: LabelSelector | None = None
    namespace_labels: LabelSelector | None = None
    pods: PodMode = "disabled"
    endpoint_pod_names: bool = False
    fallthrough: tuple[str, ...] = ()
    ttl: int = 5
    ignore_empty_service: bool = False
    noendpoints: bool = False
    multicluster_zones: tuple[str, ...] = ()
    endpoint: str = ""
    tls: tuple[str, ...] = ()
    kubeconfig: tuple[str, ...] = ()
    startup_timeout_seconds: float = 5.0


_MAX_TTL = 3600
_GONE = {
    "upstream": "removed in 1.7.0: CoreDNS looks external names up through itself",
    "transfer": "removed in 1.8.0: use the transfer plugin",
    "resyncperiod": "removed in 1.8.0: it had no effect any more",
    "federation": "removed in 1.7.0 together with Kubernetes federation v1",
    "apiserver_qps": "it came with CoreDNS 1.14.0",
    "apiserver_burst": "it came with CoreDNS 1.14.0",
    "apiserver_max_inflight": "it came with CoreDNS 1.14.0",
}
"""Options that CoreDNS 1.13.1 does not have, with what became of them."""


def setup(dispenser: Dispenser, context: Context) -> KubernetesSettings:
    settings = KubernetesSettings((), "")
    for _ in dispenser.occurrences(once=True):
        zones = origins(dispenser.remaining(), context.keys)
        primary = next((zone for zone in zones if not is_below_reverse_zone(zone)), None)
        if primary is None:
            raise dispenser.plain("non-reverse zone name must be used", "zone")
        settings = KubernetesSettings(zones, primary)
        for name in dispenser.properties():
            if name not in _OPTIONS:
                hint = _GONE.get(name) or did_you_mean(name, _OPTIONS)
                raise dispenser.error(f"unknown property '{name}'", "unknown-property", hint)
            settings = _OPTIONS[name](dispenser, settings)
        if settings.namespaces and settings.namespace_labels is not None:
            raise dispenser.error("namespaces and namespace_labels cannot both be set")
        for zone in settings.multicluster_zones:
            if zone not in zones:
                raise dispenser.error(f"is not authoritative for the multicluster zone {zone}", "zone")
    _check_connection(dispenser, context, settings)
    return settings


def _endpoint_pod_names(dispenser: Dispenser, settings: KubernetesSettings) -> KubernetesSettings:
    if dispenser.remaining():
        raise dispenser.argument_error()
    return replace(settings, endpoint_pod_names=True)


def _pods(dispenser: Dispenser, settings: KubernetesSettings) -> KubernetesSettings:
    text = dispenser.one_argument()
    modes: tuple[PodMode, ...] = get_args(PodMode)
    for mode in modes:
        if mode == text:
            return replace(settings, pods=mode)
    message = f"wrong value for pods: {text},  must be one of: disabled, verified, insecure"
    raise dispenser.plain(message, hint=did_you_mean(text, modes))


def _namespaces(dispenser: Dispenser, settings: KubernetesSettings) -> KubernetesSettings:
    return replace(settings, namespaces=settings.namespaces | set(dispenser.arguments()))


def _endpoint(dispenser: Dispenser, settings: KubernetesSettings) -> KubernetesSettings:
    words = dispenser.arguments()
    if len(words) > 1:
        message = f"Multiple endpoints have been deprecated, only the first specified endpoint '{words[0]}' is used"
        dispenser.warn("deprecated", message)
    return replace(settings, endpoint=words[0])


def _tls(dispenser: Dispenser, settings: KubernetesSettings) -> KubernetesSettings:
    words = dispenser.remaining()
    if len(words) != 3:
        raise dispenser.argument_error("write the files of the certificate, of its key and of the authority")
    return replace(settings, tls=tuple(words))


def _labels(dispenser: Dispenser, settings: KubernetesSettings) -> KubernetesSettings:
    return replace(settings, labels=_selector(dispenser, "label selector"))


def _namespace_labels(dispenser: Dispenser, settings: KubernetesSettings) -> KubernetesSettings:
    return replace(settings, namespace_labels=_selector(dispenser, "namespace_label selector"))


def _selector(dispenser: Dispenser, what: str) -> LabelSelector:
    text = " ".join(dispenser.arguments())
    try:
        return parse_label_selector(text)
    except SelectorProblem as problem:
        hint = "write `key notin (value)`" if "!=" in text else ""
        message = f"unable to parse {what} value: '{text}': {problem}"
        raise dispenser.plain(message, "label-selector", hint) from None


def _fallthrough(dispenser: Dispenser, settings: KubernetesSettings) -> KubernetesSettings:
    return replace(settings, fallthrough=dispenser.fallthrough())


def _ttl(dispenser: Dispenser, settings: KubernetesSettings) -> KubernetesSettings:
    ttl = dispenser.number(dispenser.arguments()[0])
    if not 0 <= ttl <= _MAX_TTL:
        raise dispenser.error(f"ttl must be in range [0, {_MAX_TTL}]: {ttl}")
    return replace(settings, ttl=ttl)


def _noendpoints(dispenser: Dispenser, settings: KubernetesSettings) -> KubernetesSettings:
    if dispenser.remaining():
        raise dispenser.argument_error()
    return replace(settings, noendpoints=True)


def _ignore(dispenser: Dispenser, settings: KubernetesSettings) -> KubernetesSettings:
    words = dispenser.remaining()
    if not words:
        return settings
    if words[0] != "empty_service":
        raise dispenser.plain(f"unable to parse ignore value: '{words[0]}'", hint="only `empty_service` is possible")
    return replace(settings, ignore_empty_service=True)


def _kubeconfig(dispenser: Dispenser, settings: KubernetesSettings) -> KubernetesSettings:
    words = dispenser.remaining()
    if not 1 <= len(words) <= 2:
        raise dispenser.argument_error()
    return replace(settings, kubeconfig=tuple(words))


def _multicluster(dispenser: Dispenser, settings: KubernetesSettings) -> KubernetesSettings:
    return replace(settings, multicluster_zones=origins(dispenser.remaining(), ()))


def _startup_timeout(dispenser: Dispenser, settings: KubernetesSettings) -> KubernetesSettings:
    text = dispenser.arguments()[0]
    try:
        return replace(settings, startup_timeout_seconds=parse_duration(text) / SECOND)
    except ValueProblem as problem:
        raise dispenser.plain(f"failed to parse startup_timeout: {text}, {problem}") from None


_OPTIONS: Mapping[str, Callable[[Dispenser, KubernetesSettings], KubernetesSettings]] = {
    "endpoint_pod_names": _endpoint_pod_names,
    "pods": _pods,
    "namespaces": _namespaces,
    "endpoint": _endpoint,
    "tls": _tls,
    "labels": _labels,
    "namespace_labels": _namespace_labels,
    "fallthrough": _fallthrough,
    "ttl": _ttl,
    "noendpoints": _noendpoints,
    "ignore": _ignore,
    "kubeconfig": _kubeconfig,
    "multicluster": _multicluster,
    "startup_timeout": _startup_timeout,
}

_SERVICE_VARIABLES = ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")
_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"


def _check_connection(dispenser: Dispenser, context: Context, settings: KubernetesSettings) -> None:
    """What stands in the way of a client for the API server; whether the server answers does not matter."""
    if settings.kubeconfig:
        _check_kubeconfig(dispenser, context, settings.kubeconfig)
    elif settings.endpoint:
        _check_endpoint(dispenser, context, settings)
    elif not context.in_cluster:
        if not all(context.environment.get(name) for name in _SERVICE_VARIABLES):
            message = f"unable to load in-cluster configuration, {' and '.join(_SERVICE_VARIABLES)} must be defined"
            hint = "outside of a Pod it needs `endpoint` or `kubeconfig`; --in-cluster checks it as in a Pod"
            raise dispenser.about_all(message, "in-cluster", hint)
        try:
            context.files.read(_TOKEN)
        except FileError as failure:
            raise dispenser.about_all(f"open {_TOKEN}: {failure.reason}", "in-cluster") from None


def _check_endpoint(dispenser: Dispenser, context: Context, settings: KubernetesSettings) -> None:
    unreadable = []
    for name, what in zip(settings.tls, ("client-cert", "client-key", "certificate-authority"), strict=False):
        try:
            context.files.read(name)
        except FileError as failure:
            unreadable.append(f"unable to read {what} {name} for  due to open {name}: {failure.reason}")
    if unreadable:
        text = unreadable[0] if len(unreadable) == 1 else f"[{', '.join(unreadable)}]"
        raise dispenser.about_all(f"invalid configuration: {text}", "file")
    if not _is_host(settings.endpoint):
        reason = f"host must be a URL or a host:port pair: {quote(settings.endpoint)}"
        message = f"failed to create kubernetes notification controller: {quote(reason)}"
        raise dispenser.about_all(message, "address", "write http://HOST:PORT")


_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?P<host>[^/?#\s]+)[^\s]*")


def _is_host(text: str) -> bool:
    """A URL with scheme and host, or `HOST[:PORT]` without a path."""
    host = match["host"] if (match := _URL.fullmatch(text)) else text.removesuffix("/")
    port = host.rpartition("]")[2].rpartition(":")[2] if ":" in host.rpartition("]")[2] else ""
    return bool(re.fullmatch(r"[^/\s<>\"^`{|}]+", host)) and (not port or port.isdigit())


def _check_kubeconfig(dispenser: Dispenser, context: Context, words: tuple[str, ...]) -> None:
    import yaml

    try:
        content = context.files.read(words[0])
    except FileError as failure:
        raise dispenser.about_all(f"stat {words[0]}: {failure.reason}", "file") from None
    if content is None:
        return
    try:
        config = yaml.safe_load(content)
    except (yaml.YAMLError, ValueError, RecursionError) as failure:
        reason = str(failure).partition("\n")[0]
        raise dispenser.about_all(f"error loading config file {quote(words[0])}: {reason}", "file") from None
    config = config if isinstance(config, dict) else {}
    entries = config.get("contexts")
    names = [entry.get("name") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    chosen = words[1] if len(words) > 1 else config.get("current-context")
    if chosen and chosen not in names:
        message = f"invalid configuration: [context was not found for specified context: {chosen}]"
        raise dispenser.about_all(message, "file")
    if not config.get("clusters"):
        message = "invalid configuration: no configuration has been provided"
        raise dispenser.about_all(message, "file")
