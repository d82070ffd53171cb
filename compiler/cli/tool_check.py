"""`--check`: hold a node's rules against the real tools of this machine."""

from __future__ import annotations

from kcompile.api import CompiledNode
from kcompile.check import TOOLS, WITHOUT_DRY_RUN, check_files
from kcompile.cli.report import note, report
from kcompile.diagnostics import raise_errors


def check_node(node: CompiledNode) -> None:
    """Hold a node's files against the real tools. Raises `Errors` with what they refuse."""
    files = dict(node.render_files())
    found = check_files(files)
    raise_errors(found)
    report(found)
    asked = sum(name in TOOLS for name in files)
    unchecked = sum(diagnostic.code == "not-checked" for diagnostic in found)
    note(_verdict(node.plan.node, asked, unchecked))
    silent = " and ".join(name for name in WITHOUT_DRY_RUN if name in files)
    if silent:
        note(f"{silent} cannot be checked: their tools have no dry run")


def _verdict(node: str, asked: int, unchecked: int) -> str:
    if unchecked == asked:
        return f"no rules of {node} were checked"
    accepted = f"the tools of this machine accept the rules of {node}"
    return f"{accepted}, as far as checked" if unchecked else accepted
