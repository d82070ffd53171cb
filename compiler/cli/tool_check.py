"""`--check`: hold a node's rules against the real tools of this machine."""

from __future__ import annotations

from kcompile.api import CompiledNode
from kcompile.check import check_files
from kcompile.cli.report import note, report
from kcompile.diagnostics import raise_errors


def check_node(node: CompiledNode) -> None:
    """Hold a node's files against the real tools. Raises `Errors` with what they refuse."""
    found = check_files(dict(node.render_files()))
    raise_errors(found)
    report(found)
    unchecked = sum(diagnostic.code == "not-checked" for diagnostic in found)
    note(
        f"the tools of this machine accept the rules of {node.plan.node}" + (", as far as checked" if unchecked else "")
    )
