"""The hosts plugin: names from a hosts file and from lines in the Corefile."""

from __future__ import annotations

from kcompile.evaluate.dns.chain import Context, Handler, Unknown
from kcompile.evaluate.dns.queries import NOERROR, SERVFAIL, Message, Question, Reply
from kcompile.frontend.corefile.plugins.hosts import HostsSettings
from kcompile.ir.domain_names import absolute, address_of_reverse_name, canonical_address, longest_match
from kcompile.ir.records import Record

ETC_HOSTS = "/etc/hosts"

KUBELET_HOSTS = """\
127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback
fe00::0 ip6-localnet
fe00::0 ip6-mcastprefix
fe00::1 ip6-allnodes
fe00::2 ip6-allrouters
"""
"""The /etc/hosts that the kubelet gives every Pod (besides the Pod's own name). This machine's file plays no part."""


class Hosts:
    name = "hosts"

    def __init__(self, settings: HostsSettings) -> None:
        self.zones = settings.zones
        self.ttl = settings.ttl
        self.fallthrough = settings.fallthrough
        self._names: dict[tuple[str, str], list[str]] = {}
        self._addresses: dict[str, list[str]] = {}
        self._unknown = settings.path if settings.content is None and settings.path != ETC_HOSTS else ""
        text = KUBELET_HOSTS if settings.path == ETC_HOSTS else (settings.content or b"").decode("utf-8", "replace")
        for line in (*text.splitlines(), *settings.inline):
            self._read(line, settings.auto_reverse)

    def _read(self, line: str, auto_reverse: bool) -> None:
        words = line.partition("#")[0].split()
        if len(words) < 2:
            return
        address = canonical_address(words[0].partition("%")[0])
        if not address:
            return
        for word in words[1:]:
            name = absolute(word).lower()
            if longest_match(self.zones, name):
                self._names.setdefault((name, "AAAA" if ":" in address else "A"), []).append(address)
                if auto_reverse:
                    self._addresses.setdefault(address, []).append(name)

    def serve(self, question: Question, context: Context, proceed: Handler) -> Reply:
        name = question.name.lower()
        if self._unknown and (question.type == "PTR" or longest_match(self.zones, name)):
            context.answered_by(self.name)
            raise Unknown(f"{question.name} {question.type} depends on {self._unknown}, which is not known here")
        if question.type == "PTR":
            names = self._addresses.get(address_of_reverse_name(name), [])
            if not names:
                return proceed(question, context)
            return self._answer(question, context, [Record(name, self.ttl, "PTR", target) for target in names])
        if not longest_match(self.zones, name):
            return proceed(question, context)
        addresses = self._names.get((name, question.type), [])
        if not addresses and (name, "A") not in self._names and (name, "AAAA") not in self._names:
            if longest_match(self.fallthrough, name):
                context.say(self.name, f"{question.name} is not in the hosts file, falls through")
                return proceed(question, context)
            # Without a SOA there is nothing to deny the name with.
            context.answered_by(self.name, f"{question.name} is not in the hosts file, and no fallthrough: SERVFAIL")
            return Reply(SERVFAIL)
        return self._answer(question, context, [Record(name, self.ttl, question.type, text) for text in addresses])

    def _answer(self, question: Question, context: Context, records: list[Record]) -> Reply:
        context.answered_by(self.name, "answers from the hosts file")
        return Reply(NOERROR, Message(question, authoritative=True, answer=tuple(records)))
