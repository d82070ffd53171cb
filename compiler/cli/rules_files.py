"""Dumps that the command line names."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from kcompile.cli.report import note
from kcompile.diagnostics import KcompileError
from kcompile.ir.ruleset import Ruleset
from kcompile.readers import IPFamily, UnknownLanguage, read_ruleset

MOST_NOTES = 10
"""Of parts that are not understood, as many are named."""


class NoDump(KcompileError):
    """A file that is no dump of rules, or cannot be read."""


def read_dumps(names: Sequence[str]) -> Ruleset:
    """All dumps together. What is not understood is named on standard error."""
    rules = Ruleset()
    for name in names:
        # Where no address shows it, the file's name may tell which iptables wrote the text.
        family: IPFamily | None = "ip6" if "ip6tables" in Path(name).name else None
        try:
            text = sys.stdin.read() if name == "-" else Path(name).read_text("utf-8", "replace")
            rules += read_ruleset(text, name, family)
        except (UnknownLanguage, OSError) as failure:
            raise NoDump(f"{name}: {failure}") from None
    unknown = [f"{line.source}:{line.line}: not understood: {line.text}" for line in rules.unknown]
    unknown += [
        f"{table.source}:{rule.line}: {chain.name}: not understood: {part.text}"
        for table, chain, rule, part in rules.unknown_items()
    ]
    for text in unknown[:MOST_NOTES]:
        note(text)
    if len(unknown) > MOST_NOTES:
        note(f"and {len(unknown) - MOST_NOTES} more parts that are not understood")
    return rules
