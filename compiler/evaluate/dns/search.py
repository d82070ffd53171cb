"""What the resolver in a Pod does with a name: which server it asks, and which names of its search list it tries."""

from __future__ import annotations

from collections.abc import Callable

from kcompile.evaluate.dns.cluster_server import cluster_resolver
from kcompile.evaluate.dns.queries import Answer, Client, Question, Step, answer_of
from kcompile.evaluate.dns.resolver import Resolver
from kcompile.evaluate.dns.upstream import upstream_answer
from kcompile.ir.domain_names import absolute, canonical_address
from kcompile.ir.pod_dns import ResolvConf, pod_dns
from kcompile.model.cluster import Cluster
from kcompile.model.configuration import KubeletConfiguration
from kcompile.model.pod import Pod


def search(
    resolver: Resolver, config: ResolvConf, name: str, rtype: str, client: Client, *, trace: bool = False
) -> tuple[Answer, ...]:
    """The answers in the order in which the names were tried; the last one ended the search.

    As in glibc, a name without records and a failing one are passed over like one that does not exist. What cannot
    be known ends the search too. The first nameserver is asked, which need not be the cluster's.
    """
    answers: list[Answer] = []
    for candidate in config.candidates(name):
        if _asks_cluster(resolver, config):
            answer = resolver.query(candidate, rtype, client, trace=trace)
        else:
            answer = _from_outside(resolver, config, candidate, rtype)
        answers.append(answer)
        if answer.answer or answer.rcode is None:
            break
    return tuple(answers)


def _asks_cluster(resolver: Resolver, config: ResolvConf) -> bool:
    return bool(config.nameservers) and canonical_address(config.nameservers[0]) in resolver.server.world.addresses


def _from_outside(resolver: Resolver, config: ResolvConf, name: str, rtype: str) -> Answer:
    """The answer of a server that is not CoreDNS, from the zone file that stands for it."""
    if not config.nameservers:
        return Answer(name, rtype, None, error=f"{name} {rtype} is asked of nobody: no nameserver is known")
    server = config.nameservers[0]
    steps = (Step("resolv.conf", f"asks {server}, which is not the cluster's DNS server"),)
    known = resolver.server.world.upstreams
    zone = known.get(server) or known.get(f"[{server}]:53" if ":" in server else f"{server}:53")
    if zone is None:
        error = f"{name} {rtype} is asked of {', '.join(config.nameservers)}"
        return Answer(name, rtype, None, error=error, forwarded_to=config.nameservers, steps=steps)
    message = upstream_answer(zone, Question(absolute(name), rtype))
    return answer_of(name, rtype, message, steps=steps)


def address_lookup(cluster: Cluster, given: Cluster | None = None) -> Callable[[str, Pod | None], tuple[str, ...]]:
    """How names turn into addresses in a completed cluster: `lookup(name, pod)` gives IPv4 before IPv6 addresses.

    Without a Pod the name is asked of CoreDNS as it stands. A name without addresses gives none. The first call may
    raise `Errors`.
    """
    made: list[Resolver] = []

    def lookup(name: str, pod: Pod | None) -> tuple[str, ...]:
        if not made:
            made.append(cluster_resolver(cluster, given))
        resolver = made[0]
        found: list[str] = []
        for rtype in ("A", "AAAA"):
            if pod is None:
                answer = resolver.query(name, rtype)
            else:
                config, _ = pod_dns(pod, cluster.kubelet or KubeletConfiguration(), ResolvConf())
                client = resolver.client._replace(address=pod.status.pod_ip if pod.status else "127.0.0.1")
                answer = search(resolver, config, name, rtype, client)[-1]
            found += (record.data for record in answer.answer if record.type == rtype)
        return tuple(found)

    return lookup
