"""`kcompile build --check`: what the real tools say, and what is said where they are missing."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

import kcompile
from kcompile.api import CompiledNode
from kcompile.check import check_files, check_iptables, check_nftables, worker
from kcompile.check.sandbox import Answer
from kcompile.diagnostics import Severity
from kcompile.ir.plan import MODES, KubeVersion, Mode
from tests.kernel import rig
from tests.targets.recorded import CASES, plan

needs_tools = pytest.mark.kernel

NFTABLES_VERSIONS: tuple[KubeVersion, ...] = ("1.34", "1.37")


def require_binding() -> None:
    rig.require()
    if not Path(worker.BINDING).exists():
        pytest.skip("no Python binding of libnftables: install the Debian package python3-nftables")


def files(node: CompiledNode) -> dict[str, bytes]:
    return dict(node.render_files())


@needs_tools
@pytest.mark.parametrize(("case", "mode"), [*itertools.product(CASES[:4], MODES)])
def test_tools_accept_what_is_compiled(case: str, mode: Mode) -> None:
    require_binding()
    rig.require("ipset", "iptables-restore")
    found = check_files(files(CompiledNode(plan(case, mode, "1.37"))))
    assert [str(diagnostic) for diagnostic in found if diagnostic.severity is Severity.ERROR] == []


@needs_tools
def test_nft_names_every_line_that_it_refuses() -> None:
    require_binding()
    text = b"add table ip t\nadd chain ip t c\nadd rule ip t c foo\n\nadd rule ip t c bar\n"
    found = check_nftables(text)
    assert {diagnostic.code for diagnostic in found} == {"refused-by-tool"}
    assert sorted(diagnostic.span.line for diagnostic in found if diagnostic.span) == [3, 5]


@needs_tools
def test_nft_looks_up_what_rules_name() -> None:
    require_binding()
    (found,) = check_nftables(b"add table ip t\nadd chain ip t c\nadd rule ip t c jump nowhere\n")
    assert str(found.span) == "nftables.nft:3:22"
    assert "No such file or directory" in found.message


@needs_tools
def test_comments_that_kube_proxy_1_34_writes_too_long_are_refused() -> None:
    require_binding()
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s" * 63, "namespace": "default"},
        "spec": {"clusterIP": "10.96.0.10", "ports": [{"name": "p" * 63, "port": 80}]},
    }
    cluster = kcompile.loads(json.dumps(service))
    old, new = (check_files(files(cluster.node(mode="nftables", kube_version=v))) for v in NFTABLES_VERSIONS)
    assert {diagnostic.code for diagnostic in old} == {"refused-by-tool"}
    assert new == ()


@needs_tools
@pytest.mark.parametrize("family", [4, 6])
def test_iptables_restore_names_the_line_that_it_refuses(family: int) -> None:
    rig.require("iptables-restore")
    text = b"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dport 80000 -j ACCEPT\nCOMMIT\n"
    (found,) = check_iptables(text, family)
    assert found.severity is Severity.ERROR
    assert str(found.span).endswith("tables.rules:3:1")
    assert found.message.endswith("invalid port/service `80000' specified")


def test_files_without_a_tool_are_left_alone() -> None:
    assert check_files({"sysctl.conf": b"net.ipv4.ip_forward = 1\n", "ipvsadm.rules": b""}) == ()


def test_a_machine_without_namespaces_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (found,) = check_nftables(b"add table ip t\n")
    assert (found.severity, found.code) == (Severity.WARNING, "not-checked")
    assert found.message.startswith("nftables.nft was not checked: ")
    assert found.hint == "install util-linux"


def test_a_missing_tool_is_missing() -> None:
    assert worker.answer(["no-such-tool"], "") == {"status": "missing", "message": "no-such-tool is not installed"}


def test_a_missing_binding_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(worker, "BINDING", str(tmp_path / "nftables.py"))
    answer = worker.answer(["libnftables"], "add table ip t\n")
    assert answer["status"] == "missing"
    assert "binding of libnftables is not installed" in answer["message"]


@pytest.mark.parametrize(
    ("answer", "message", "hint"),
    [
        (
            Answer("missing", "the Python binding of libnftables is not installed"),
            "nftables.nft was not checked: the Python binding of libnftables is not installed",
            "on Debian: apt-get install python3-nftables",
        ),
        (
            Answer(
                "refused", "Warning: Extension ipvs revision 0 not supported, missing kernel module?\nline 3 failed"
            ),
            "nftables.nft was not checked: Warning: Extension ipvs revision 0 not supported, missing kernel module?",
            "run it on a kernel that has what the rules match on, such as ip_vs",
        ),
    ],
)
def test_a_check_that_could_not_be_made_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, message: str, hint: str
) -> None:
    monkeypatch.setattr("kcompile.check.run_isolated", lambda steps: [answer for _ in steps])
    (found,) = check_nftables(b"add table ip t\n")
    assert (found.severity, found.code, found.message, found.hint) == (Severity.WARNING, "not-checked", message, hint)
