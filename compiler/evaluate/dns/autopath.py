"""The autopath plugin: the client's search list is walked on the server's side."""

from __future__ import annotations

from kcompile.evaluate.dns.chain import WITHOUT_MESSAGE, Context, Handler
from kcompile.evaluate.dns.kubernetes import Kubernetes
from kcompile.evaluate.dns.queries import NXDOMAIN, SERVFAIL, Message, Question, Reply
from kcompile.frontend.corefile.plugins.autopath import AutopathSettings
from kcompile.ir.domain_names import below, is_subdomain, longest_match
from kcompile.ir.records import Record


class Autopath:
    """`kubernetes` is the plugin that `@kubernetes` names, or None. `host_search` is the search list of its node."""

    name = "autopath"

    def __init__(
        self, settings: AutopathSettings, kubernetes: Kubernetes | None, host_search: tuple[str, ...] = ()
    ) -> None:
        self.settings = settings
        self.kubernetes = kubernetes
        self.host_search = host_search

    def serve(self, question: Question, context: Context, proceed: Handler) -> Reply:
        name = question.name.lower()
        search = self._search(name, context) if longest_match(self.settings.zones, name) else ()
        if not search or not is_subdomain(search[0], name):
            return proceed(question, context)
        if name == search[0].lower():
            # Nothing is left in front of the search domain; CoreDNS fails on that.
            context.answered_by(self.name, f"{question.name} is the first search domain itself: SERVFAIL")
            return Reply(SERVFAIL, failed=True)
        base = question.name[: len(question.name) - len(search[0]) - 1]
        first: Reply | None = None
        for domain in (*search, "."):
            candidate = below(base, domain)
            context.say(self.name, f"tries {candidate}")
            reply = proceed(question._replace(name=candidate), context)
            if reply.failed:
                return reply
            first = first or reply
            message = reply.message
            if reply.rcode in WITHOUT_MESSAGE or message is None or message.rcode == NXDOMAIN:
                continue
            return reply._replace(message=_with_alias(message, question))
        assert first is not None
        return first

    def _search(self, name: str, context: Context) -> tuple[str, ...]:
        if self.settings.plugin is None:
            return self.settings.search
        plugin = self.kubernetes
        if plugin is None or plugin.settings.pods != "verified":
            return ()
        zone = longest_match(plugin.zones, name)
        pods = plugin.records.objects.pods_by_ip.get(context.client.address, ())
        if not zone or not pods:
            return ()
        return (below(f"{pods[0].namespace}.svc", zone), below("svc", zone), zone, *self.host_search)


def _with_alias(message: Message, question: Question) -> Message:
    """The response with a CNAME from the client's name to the one that was found."""
    other = next((record for record in message.answer if record.name.lower() != question.name.lower()), None)
    answer = message.answer
    if other is not None:
        answer = (Record(question.name, other.ttl, "CNAME", other.name), *answer)
    return message._replace(question=question, answer=answer)
