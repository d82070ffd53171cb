"""The forward plugin. What the outside answers is known only from the zone files that stand for upstream servers."""

from __future__ import annotations

from collections.abc import Mapping

from kcompile.evaluate.dns.chain import Context, Handler, Unknown
from kcompile.evaluate.dns.queries import NOERROR, Message, Question, Reply
from kcompile.evaluate.dns.upstream import upstream_answer
from kcompile.evaluate.dns.zone_data import ZoneData
from kcompile.frontend.corefile.plugins.forward import Forward as Settings
from kcompile.frontend.corefile.plugins.forward import ForwardSettings, Upstream
from kcompile.ir.dns_types import rcode_name
from kcompile.ir.domain_names import is_subdomain, longest_match


class Forward:
    """`upstreams` maps HOST:PORT, or a file such as /etc/resolv.conf, to what the servers there answer from."""

    name = "forward"

    def __init__(self, settings: ForwardSettings, upstreams: Mapping[str, ZoneData]) -> None:
        self.forwards = settings.forwards
        self.upstreams = upstreams

    def serve(self, question: Question, context: Context, proceed: Handler) -> Reply:
        name = question.name.lower()
        for forward in self.forwards:
            if not _takes(forward, name):
                continue
            message = self._ask(forward, question, context)
            # The next forward need not take the name: then what comes after it does.
            further = forward is not self.forwards[-1]
            if further and message.rcode in map(rcode_name, forward.next_rcodes):
                context.say(self.name, f"the answer is {message.rcode}: goes on to the next forward")
                continue
            return Reply(NOERROR, message)
        return proceed(question, context)

    def _ask(self, forward: Settings, question: Question, context: Context) -> Message:
        names = tuple(dict.fromkeys(_name(upstream) for upstream in forward.upstreams))
        context.answered_by(self.name, f"forwards to {', '.join(names)}")
        known = [zone for upstream in forward.upstreams if (zone := self._zone(upstream)) is not None]
        if not known:
            raise Unknown(f"{question.name} {question.type} is forwarded to {', '.join(names)}", names)
        message = upstream_answer(known[0], question)
        for zone in known[1:]:
            if message.rcode not in map(rcode_name, forward.failover_rcodes):
                break
            message = upstream_answer(zone, question)
        return message

    def _zone(self, upstream: Upstream) -> ZoneData | None:
        host, _, port = upstream.address.rpartition(":")
        keys = [upstream.address, host.strip("[]") if port in ("53", "853") else "", upstream.source or ""]
        return next((self.upstreams[key] for key in keys if key in self.upstreams), None)


def _takes(forward: Settings, name: str) -> bool:
    if not is_subdomain(forward.zone, name):
        return False
    return name == forward.zone or not longest_match(forward.excepted, name)


def _name(upstream: Upstream) -> str:
    return upstream.source or (f"tls://{upstream.address}" if upstream.transport == "tls" else upstream.address)
