"""`kcompile corefile check|fmt|show`."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kcompile.cli.corefile import command

COREFILE = ".:1053 {\n  whoami\n  {$EXTRA}\n}\n"
CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: coredns
  namespace: kube-system
data:
  more.conf: |
    cache 30
  Corefile: |
    .:53 {
        kubernetes cluster.local
        import more.conf
        forwrad . /etc/resolv.conf
    }
"""


def run(*arguments: str | Path, given: str | bytes = "") -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments], input=given, standalone_mode=False)


@pytest.fixture
def corefile(tmp_path: Path) -> Path:
    path = tmp_path / "Corefile"
    path.write_text(COREFILE)
    return path


def verdict(*arguments: str | Path, given: str | bytes = "") -> dict[str, object]:
    result = run("check", *arguments, "--json", given=given)
    assert result.stdout.count("\n") == 1
    data = json.loads(result.stdout)
    assert isinstance(data, dict)
    assert result.return_value == (0 if data["accepted"] else 1)
    return data


def test_check_says_yes(corefile: Path) -> None:
    result = run("check", corefile, "--env", "EXTRA=log")
    assert (result.return_value, result.stdout) == (0, f"{corefile}: CoreDNS 1.13.1 takes this Corefile\n")
    data = verdict(corefile, "--env", "EXTRA=log")
    assert {key: data[key] for key in ("accepted", "error", "line", "file")} == {
        "accepted": True, "error": None, "line": None, "file": None,
    }  # fmt: skip


def test_check_says_no_with_the_words_of_coredns(corefile: Path) -> None:
    data = verdict(corefile, "--env", "EXTRA=nope")
    assert data["error"] == f"{corefile}:3 - Error during parsing: Unknown directive 'nope'"
    assert (data["line"], data["file"]) == (3, str(corefile))


def test_check_names_every_error_and_marks_it(corefile: Path) -> None:
    corefile.write_text(".:1053 {\n    whoami x\n    cache 0\n}\n")
    result = run("check", corefile)
    assert result.return_value == 1
    assert f"{corefile}:2:12: error[arguments]: whoami: Wrong argument count" in result.stderr
    assert "     3 |     cache 0\n" in result.stderr
    assert "2 errors" in result.stderr


def test_only_the_given_variables_count(corefile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXTRA", "log")
    assert verdict(corefile)["error"] == f"{corefile}:3 - Error during parsing: Unknown directive ''"
    assert run("check", corefile, "--env", "EXTRA").exception is not None


def test_files_are_found_beside_the_corefile(corefile: Path) -> None:
    corefile.write_text(". {\n import part\n forward . servers\n}\n")
    (corefile.parent / "part").write_text("log\n")
    (corefile.parent / "servers").write_text("nameserver 10.0.0.1\n")
    assert verdict(corefile)["accepted"]


def test_standard_input(tmp_path: Path) -> None:
    assert verdict("-", given=".:1053 {\n whoami\n}\n")["accepted"]
    assert verdict("-", given=CONFIG_MAP)["file"] == "<stdin>"


def test_a_config_map_is_looked_into(tmp_path: Path) -> None:
    path = tmp_path / "coredns.yaml"
    path.write_text(CONFIG_MAP)
    data = verdict(path)
    assert data["error"] == "Corefile:4 - Error during parsing: Unknown directive 'forwrad'"
    assert (data["line"], data["file"]) == (13, str(path))
    path.write_text(CONFIG_MAP.replace("forwrad", "forward"))
    # In a Pod the API server is found, and the other keys are files.
    assert verdict(path)["accepted"]
    shown = run("show", path).stdout
    assert "cache 30" in shown


def test_a_manifest_without_a_corefile_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.yaml"
    path.write_text(CONFIG_MAP.replace("  Corefile:", "  Other:"))
    assert "no ConfigMap with a key `Corefile`" in str(run("check", path).exception)
    path.write_text(f"{CONFIG_MAP}---\n{CONFIG_MAP.replace('name: coredns', 'name: second')}")
    assert "several: kube-system/coredns, kube-system/second" in str(run("check", path).exception)


def test_outside_of_a_cluster_kubernetes_needs_an_address(corefile: Path) -> None:
    corefile.write_text(". {\n kubernetes cluster.local\n}\n")
    assert not verdict(corefile)["accepted"]
    assert verdict(corefile, "--in-cluster")["accepted"]


def test_addresses_of_the_machine_can_be_named(corefile: Path) -> None:
    corefile.write_text(". {\n bind eth0 10.0.0.9\n}\n")
    assert not verdict(corefile)["accepted"]
    assert verdict(corefile, "--local-address", "eth0=10.0.0.5/24", "--local-address", "10.0.0.9/24")["accepted"]
    assert run("check", corefile, "--local-address", "eth0").exception is not None


def test_devices_and_pipes_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    started = time.monotonic()
    for path in ("/dev/zero", tmp_path / "pipe"):
        assert run("check", path).exception is not None
    assert time.monotonic() - started < 10


def test_fmt_prints_or_writes_or_checks(corefile: Path) -> None:
    pretty = ".:1053 {\n    whoami\n    {$EXTRA}\n}\n"
    assert run("fmt", corefile).stdout == pretty
    assert run("fmt", corefile, "--check").return_value == 1
    assert corefile.read_text() == COREFILE
    assert run("fmt", "--write", corefile).return_value == 0
    assert corefile.read_text() == pretty
    assert run("fmt", corefile, "--check").return_value == 0
    assert run("fmt", "-", given=COREFILE).stdout == pretty
    assert run("fmt", "-w", "-", given=COREFILE).exception is not None


def test_show_prints_the_plugins_as_they_run(corefile: Path) -> None:
    corefile.write_text('. a:54 {\n  whoami\n  bind 127.0.0.1\n  cache 5 {\n    success 1\n  }\n  log . "a b"\n}\n')
    result = run("show", corefile)
    assert result.stdout.splitlines() == [
        f". a:54  ({corefile}:1)",
        "    serves  dns://.:53, dns://a.:54",
        "    on      127.0.0.1",
        "    set up beside the queries:",
        "      -  bind 127.0.0.1",
        "    a query passes:",
        '      1  log . "a b"',
        "      2  cache 5",
        "             success 1",
        "      3  whoami",
    ]
    (server,) = json.loads(run("show", corefile, "--json").stdout)["servers"]
    assert server["keys"] == ["dns://.:53", "dns://a.:54"]
    assert [(p["name"], p["passes"]) for p in server["plugins"]] == [
        ("bind", False), ("log", True), ("cache", True), ("whoami", True),
    ]  # fmt: skip
    assert server["plugins"][2]["lines"] == [["success", "1"]]


def test_control_characters_do_not_reach_the_terminal(corefile: Path) -> None:
    corefile.write_text('. {\n log "\x1b[31m"\n foo\x1b[0m\n}\n')
    assert "\x1b[31m" not in run("show", corefile).stdout
    assert "foo\x1b[0m" not in run("check", corefile).stderr
