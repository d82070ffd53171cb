"""The acl plugin: allow, block, filter or drop by client address and query type."""

from __future__ import annotations

import ipaddress

from kcompile.evaluate.dns.chain import Context, Handler
from kcompile.evaluate.dns.queries import NOERROR, REFUSED, Message, Question, Reply
from kcompile.frontend.corefile.plugins.acl import AclSettings, Action, Policy, Rule
from kcompile.ir.dns_types import type_number
from kcompile.ir.domain_names import longest_match


class Acl:
    name = "acl"

    def __init__(self, settings: AclSettings) -> None:
        self.rules = settings.rules

    def serve(self, question: Question, context: Context, proceed: Handler) -> Reply:
        for rule in self.rules:
            if not longest_match(rule.zones, question.name.lower()):
                continue
            action = _action(rule, question, context.client.address)
            if action == "allow":
                break
            if action == "block":
                context.answered_by(self.name, f"blocks {question.type} for {context.client.address}: REFUSED")
                return Reply(NOERROR, Message(question, REFUSED))
            if action == "filter":
                context.answered_by(self.name, f"filters {question.type} for {context.client.address}: no records")
                return Reply(NOERROR, Message(question))
            if action == "drop":
                context.answered_by(self.name, f"drops the query of {context.client.address}: no response")
                return Reply(NOERROR)
        return proceed(question, context)


def _action(rule: Rule, question: Question, client: str) -> Action | None:
    address = ipaddress.ip_address(client.partition("%")[0])
    number = type_number(question.type)
    return next((policy.action for policy in rule.policies if _matches(policy, number, address)), None)


def _matches(policy: Policy, number: int | None, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if policy.types and number not in policy.types:
        return False
    return not policy.networks or any(address in network for network in policy.networks)
