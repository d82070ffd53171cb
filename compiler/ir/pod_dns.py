"""A Pod's resolver settings, as the kubelet makes them from policy, dnsConfig and the node's own file.

The source of the rules is the kubelet's DNS configurer; the limits are those of the API (KEP-2595 for 32 search domains
and 2048 characters).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kcompile.diagnostics import Diagnostic, Severity, warning
from kcompile.frontend.locate import problem
from kcompile.ir.domain_names import canonical_address
from kcompile.model.cluster import Cluster
from kcompile.model.configuration import KubeletConfiguration
from kcompile.model.pod import DNSConfig, Pod

MAX_NAMESERVERS = 3
MAX_SEARCHES = 32
MAX_SEARCH_DOMAIN = 253
MAX_SEARCH_LINE = 2048

CLUSTER_OPTIONS = ("ndots:5",)
"""Five dots, so that a name such as _port._protocol.service.namespace.svc is looked up through the search list."""

DEFAULT_NDOTS = 1
RESOLVER_NDOTS_LIMIT = 15


@dataclass(frozen=True, slots=True)
class ResolvConf:
    """What a resolv.conf says. `options` are as written, such as "ndots:5" or "edns0"."""

    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def ndots(self) -> int:
        """From how many dots on a name is tried as it stands first (resolv.conf(5)); at most 15."""
        for option in self.options:
            name, _, value = option.partition(":")
            if name == "ndots" and value.isdecimal():
                return min(int(value[:4]), RESOLVER_NDOTS_LIMIT)
        return DEFAULT_NDOTS

    def candidates(self, name: str) -> tuple[str, ...]:
        """The names that a resolver tries for `name`, in its order, without the final dot.

        A name with a final dot is tried as it stands only; one with fewer dots than ndots is tried as it stands last.
        """
        if name.endswith("."):
            return (name[:-1] or ".",)
        searched = tuple(f"{name}.{domain}" for domain in self.searches if domain != ".")
        as_it_stands = (name,)
        ordered = as_it_stands + searched if name.count(".") >= self.ndots else searched + as_it_stands
        return tuple(dict.fromkeys(ordered))


def parse_host_resolv_conf(text: str) -> ResolvConf:
    """A node's own resolv.conf, as the kubelet reads it.

    Nameservers add up, the last `search` wins, options are merged by name. Only `#` starts a comment, and only at the
    start of a line; `domain` and `sortlist` are not looked at.
    """
    nameservers: list[str] = []
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    for line in text.splitlines():
        words = line.split()
        match words:
            case [first, *_] if first.startswith("#"):
                continue
            case ["nameserver", address, *_]:
                nameservers.append(address)
            case ["search", *domains]:
                searches = tuple(domain.removesuffix(".") for domain in domains if domain != ".")
            case ["options", *more]:
                options = _merged(options, more)
    return ResolvConf(tuple(nameservers), searches, options)


def pod_dns(pod: Pod, kubelet: KubeletConfiguration, host: ResolvConf) -> tuple[ResolvConf, tuple[Diagnostic, ...]]:
    """What the kubelet gives the Pod, and a warning for each thing that a limit cuts off."""
    base, found = _base(pod, kubelet, host)
    if pod.spec.dns_config is not None:
        base = _appended(base, pod.spec.dns_config)
    return _within_limits(pod, base, found)


def takes_node_settings(pod: Pod, kubelet: KubeletConfiguration) -> bool:
    """Whether a Pod resolves names as its node does: policy Default, or ClusterFirst on the host's network."""
    spec = pod.spec
    if spec.dns_policy == "None":
        return False
    cluster = spec.dns_policy == "ClusterFirstWithHostNet" or (
        spec.dns_policy in ("", "ClusterFirst") and not spec.host_network
    )
    return not cluster or not kubelet.cluster_dns


def _base(pod: Pod, kubelet: KubeletConfiguration, host: ResolvConf) -> tuple[ResolvConf, list[Diagnostic]]:
    if pod.spec.dns_policy == "None":
        return ResolvConf(), []
    if not takes_node_settings(pod, kubelet):
        domain = kubelet.cluster_domain
        own = (f"{pod.meta.namespace}.svc.{domain}", f"svc.{domain}", domain) if domain else ()
        servers = tuple(canonical_address(address) or address for address in kubelet.cluster_dns)
        return ResolvConf(servers, _unique((*own, *host.searches)), CLUSTER_OPTIONS), []
    found = []
    if pod.spec.dns_policy != "Default" and not pod.spec.host_network:
        text = "the kubelet has no clusterDNS: the Pod gets the node's resolver settings"
        found.append(_cut(pod, "missing-cluster-dns", ("spec", "dnsPolicy"), text))
    if kubelet.resolv_conf == "":
        # Without a file of the node the kubelet points Pods nowhere: to themselves.
        return ResolvConf((_own_loopback(pod),), (".",)), found
    return host, found


def _own_loopback(pod: Pod) -> str:
    return "::1" if pod.status and ":" in pod.status.pod_ip else "127.0.0.1"


def _appended(base: ResolvConf, config: DNSConfig) -> ResolvConf:
    options = (name if not value else f"{name}:{value}" for name, value in config.options)
    return ResolvConf(
        _unique((*base.nameservers, *config.nameservers)),
        _unique((*base.searches, *config.searches)),
        _merged(base.options, options),
    )


def _merged(options: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    """Options by name, each in the place of its first occurrence and with its last value."""
    by_name: dict[str, str] = {}
    for option in (*options, *more):
        by_name[option.partition(":")[0]] = option
    return tuple(by_name.values())


def _unique(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))


def _within_limits(pod: Pod, config: ResolvConf, found: list[Diagnostic]) -> tuple[ResolvConf, tuple[Diagnostic, ...]]:
    servers = config.nameservers[:MAX_NAMESERVERS]
    if dropped := config.nameservers[MAX_NAMESERVERS:]:
        text = f"a resolver takes {MAX_NAMESERVERS} nameservers; left out: {', '.join(dropped)}"
        found.append(_cut(pod, "too-many-nameservers", _SPEC, text))
    searches = config.searches[:MAX_SEARCHES]
    if dropped := config.searches[MAX_SEARCHES:]:
        text = f"a resolv.conf takes {MAX_SEARCHES} search domains; left out: {', '.join(dropped)}"
        found.append(_cut(pod, "too-many-search-domains", _SPEC, text))
    fitting = tuple(domain for domain in searches if len(domain) <= MAX_SEARCH_DOMAIN)
    for domain in searches:
        if len(domain) > MAX_SEARCH_DOMAIN:
            text = f"a search domain has at most {MAX_SEARCH_DOMAIN} characters; left out: {domain[:40]}..."
            found.append(_cut(pod, "search-domain-too-long", _SPEC, text))
    kept = _short_enough(fitting)
    if dropped := fitting[len(kept) :]:
        text = f"the search line has at most {MAX_SEARCH_LINE} characters; left out: {', '.join(dropped)}"
        found.append(_cut(pod, "search-line-too-long", _SPEC, text))
    return ResolvConf(servers, kept, config.options), tuple(found)


def _short_enough(searches: tuple[str, ...]) -> tuple[str, ...]:
    while len(" ".join(searches)) > MAX_SEARCH_LINE:
        searches = searches[:-1]
    return searches


_SPEC = ("spec", "dnsConfig")


def _cut(pod: Pod, code: str, path: tuple[str, ...], text: str) -> Diagnostic:
    return problem(pod.origin, code, path, f"Pod {pod.meta}: {text}", severity=Severity.WARNING)


def pods_dns(
    cluster: Cluster, host: ResolvConf | None
) -> tuple[Mapping[tuple[str, str], ResolvConf], tuple[Diagnostic, ...]]:
    """The resolver settings of every Pod of a completed cluster, by (namespace, name).

    `host` is the node's own file; None where it is not known, which is a warning if a Pod depends on it.
    """
    kubelet = cluster.kubelet or KubeletConfiguration()
    made: dict[tuple[str, str], ResolvConf] = {}
    found: list[Diagnostic] = []
    for pod in cluster.pods:
        made[pod.meta.key], more = pod_dns(pod, kubelet, host or ResolvConf())
        found += more
    depending = [pod for pod in cluster.pods if takes_node_settings(pod, kubelet)]
    if host is None and depending and kubelet.resolv_conf != "":
        others = f" and {len(depending) - 1} more" if len(depending) > 1 else ""
        text = f"Pod {depending[0].meta}{others}: the node's own resolver settings apply, and are not known"
        hint = f"give the node's {kubelet.resolv_conf or '/etc/resolv.conf'} as --host-resolv-conf FILE"
        found.append(warning("host-resolv-conf", text, depending[0].origin.span, hint))
    return made, tuple(found)
