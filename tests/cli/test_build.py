"""`kcompile build`: what goes where, and with which exit status."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import kcompile

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "examples" / "shop"
GOLDEN = ROOT / "golden"
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n"


def test_the_main_job_prints_rules_and_nothing_else() -> None:
    done = kcompile(SHOP)
    assert (done.status, done.stderr) == (0, "")
    assert done.stdout.startswith("*filter\n")
    assert done.stdout.endswith("COMMIT\n")
    assert '"shop/web:http"' in done.stdout


def test_build_is_the_default_command() -> None:
    assert kcompile("build", SHOP).stdout == kcompile(SHOP).stdout


def test_a_folder_named_like_a_command_is_written_with_a_dot(tmp_path: Path) -> None:
    (tmp_path / "show").mkdir()
    (tmp_path / "show" / "a.yaml").write_text(SERVICE)
    assert kcompile("./show", cwd=tmp_path).status == 0


def test_standard_input_gives_what_the_file_gives(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SERVICE)
    assert kcompile("-", stdin=SERVICE.encode()).stdout == kcompile(tmp_path / "a.yaml").stdout


def test_json_gives_what_yaml_gives() -> None:
    text = json.dumps(
        {
            "kind": "List",
            "apiVersion": "v1",
            "items": [
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {"name": "web"},
                    "spec": {"ports": [{"port": 80}]},
                }
            ],
        },
        indent=4,
        sort_keys=True,
    )
    assert kcompile("-", stdin=text.encode()).stdout == kcompile("-", stdin=SERVICE.encode()).stdout


def test_output_does_not_depend_on_the_order_of_the_input(tmp_path: Path) -> None:
    documents = [text for path in sorted(SHOP.glob("*.yaml")) for text in path.read_text().split("\n---\n")]
    expected = kcompile(SHOP, "--format", "objects").stdout
    rules = kcompile(SHOP).stdout
    for seed in range(3):
        random.Random(seed).shuffle(documents)
        files = []
        for number, text in enumerate(documents):
            files.append(tmp_path / f"{seed}-{number}.yaml")
            files[-1].write_text(text)
        assert kcompile(*files, "--format", "objects").stdout == expected
        assert kcompile(*files).stdout == rules


def test_completed_objects_compile_to_the_same_bytes() -> None:
    objects = kcompile(SHOP, "--format", "objects").stdout
    assert kcompile("-", "--format", "objects", stdin=objects.encode()).stdout == objects
    assert kcompile("-", stdin=objects.encode()).stdout == kcompile(SHOP).stdout


@pytest.mark.parametrize(
    ("arguments", "first_line"),
    [
        ((), "*filter"),
        (("--family", "6"), "*filter"),
        (("--mode", "nftables"), "add table ip kube-proxy"),
        (("--mode", "userspace"), "*filter"),
        (("--format", "nft-commands"), None),
        (("--format", "iptables-restore"), "*filter"),
        (("--format", "ir"), "{"),
        (("--format", "objects"), "apiVersion: v1"),
    ],
)
def test_each_format_is_printed(arguments: tuple[str, ...], first_line: str | None) -> None:
    done = kcompile(SHOP, *arguments)
    assert done.status == 0
    assert done.stdout
    assert first_line is None or done.stdout.splitlines()[0] == first_line


def test_a_format_of_one_mode_needs_no_mode() -> None:
    assert kcompile(SHOP, "--format", "ipvsadm").stdout == kcompile(SHOP, "--mode", "ipvs").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--no-such-option", "x"),
        ("build",),
        (str(SHOP), "--mode", "ebpf"),
        (str(SHOP), "--format", "pdf"),
        (str(SHOP), "--format", "nft", "--mode", "ipvs"),
        (str(SHOP), "--local-address", "here"),
        (str(SHOP), "-o", "x", "--format", "ir"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_how_it_goes(arguments: tuple[str, ...]) -> None:
    done = kcompile(*arguments)
    assert done.status == 2
    assert "Usage: " in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("no-such-folder",), "no-such-folder: error[unreadable]: No such file or directory"),
        ((str(SHOP), "--node", "nowhere"), "error: the cluster has no node `nowhere`; it has worker-1"),
        (("/dev/null/x",), "/dev/null/x: error[unreadable]: Not a directory"),
        (("/dev/zero",), "/dev/zero: error[not-a-file]: neither a file nor a folder"),
    ],
)
def test_wrong_input_ends_with_1_and_names_it(arguments: tuple[str, ...], message: str) -> None:
    done = kcompile(*arguments)
    assert (done.status, done.stdout) == (1, "")
    assert done.stderr.splitlines()[0] == message


def test_the_node_must_be_named_only_where_its_rules_differ() -> None:
    assert kcompile(GOLDEN / "deployment" / "input").status == 0
    two = GOLDEN / "deployment" / "input" / "manifests.yaml"
    local = two.read_text().replace(
        "  selector:\n    app: nginx\n  ports:", "  internalTrafficPolicy: Local\n  selector:\n    app: nginx\n  ports:"
    )
    done = kcompile("-", stdin=local.encode())
    assert done.status == 1
    assert "the rules of worker-1 and worker-2 differ; name a node with --node" in done.stderr
    assert kcompile("-", "--node", "worker-1", stdin=local.encode()).status == 0


def test_a_diagnostic_marks_the_place_and_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports:\n  - port: 70000\n    targetport: 80\n"
    )
    done = kcompile(file)
    assert done.status == 1
    assert done.stderr == (
        f"{file}:8:5: error[unknown-field]: spec.ports[0].targetport: unknown field `targetport`\n"
        "     8 |     targetport: 80\n"
        "       |     ^^^^^^^^^^\n"
        "  hint: did you mean `targetPort`?\n"
    )
    file.write_text(file.read_text().replace("targetport", "targetPort"))
    done = kcompile(file)
    assert f"{file}:7:11: error[port-range]: spec.ports[0].port: " in done.stderr
    assert "     7 |   - port: 70000\n       |           ^^^^^\n" in done.stderr


def test_control_characters_of_the_input_do_not_reach_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text('apiVersion: v1\nkind: Service\nmetadata: {name: "a\\e[31m"}\nspec: {ports: [{port: 80}]}\n')
    done = kcompile(file)
    assert done.status == 1
    assert "\x1b" not in done.stderr


def test_everything_is_written_into_a_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert kcompile(SHOP, "-o", out).status == 0
    assert (out / "nodes" / "worker-1" / "iptables.rules").read_text() == kcompile(SHOP).stdout
    assert (out / "nodes" / "worker-1" / "ip6tables.restore").is_file()
    assert (out / "objects.yaml").read_text() == kcompile(SHOP, "--format", "objects").stdout
    assert not list(out.glob(".kcompile-*"))


def test_another_mode_leaves_no_rules_of_the_first(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "out" / "nodes" / "worker-1").mkdir(parents=True)
    (out / "nodes" / "worker-1" / "notes.txt").write_text("mine")
    assert kcompile(SHOP, "-o", out).status == 0
    assert kcompile(SHOP, "-o", out, "--mode", "nftables").status == 0
    assert sorted(path.name for path in (out / "nodes" / "worker-1").iterdir()) == [
        "nftables.commands",
        "nftables.nft",
        "notes.txt",
        "sysctl.conf",
    ]


def test_wrong_input_leaves_the_old_files(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert kcompile(SHOP, "-o", out).status == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert kcompile("-", "-o", out, stdin=SERVICE.replace("80", "99999").encode()).status == 1
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_an_output_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    done = kcompile(SHOP, "-o", file / "out")
    assert done.status == 1
    assert str(file) in done.stderr
    assert "Traceback" not in done.stderr


def test_without_extensions_the_output_is_the_same() -> None:
    assert kcompile(SHOP, KCOMPILE_PURE="1").stdout == kcompile(SHOP).stdout


def test_shell_completion_offers_commands_and_options() -> None:
    words = kcompile(_KCOMPILE_COMPLETE="bash_complete", COMP_WORDS="kcompile tr", COMP_CWORD="1")
    assert "trace" in words.stdout or shutil.which("bash") is None


@pytest.mark.parametrize(
    ("arguments", "first_line"),
    [
        (("--format", "corefile"), ".:53 {"),
        (("--format", "coredns-configmap"), "apiVersion: v1"),
        (("--format", "zone"), "$ORIGIN cluster.local."),
        (("--format", "zone", "--zone", "104.10.in-addr.arpa"), "$ORIGIN 104.10.in-addr.arpa."),
        (
            ("--format", "resolv.conf", "--pod", "shop/db-0"),
            "search shop.svc.cluster.local svc.cluster.local cluster.local",
        ),
    ],
)
def test_each_format_of_dns_is_printed(arguments: tuple[str, ...], first_line: str) -> None:
    done = kcompile(SHOP, *arguments)
    assert (done.status, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == first_line


def test_custom_dns_is_written_into_the_corefile_and_the_report_says_how_it_takes_effect() -> None:
    done = kcompile(
        SHOP, "--format", "corefile", "--dns-upstream", "8.8.8.8,1.1.1.1", "--stub-domain", "example.org=10.0.0.53"
    )
    assert "    forward . 8.8.8.8 1.1.1.1 {\n" in done.stdout
    assert "example.org:53 {\n" in done.stdout
    assert "reload" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--format", "corefile", "--dns-upstream", "dns.example"), 2, "--dns-upstream"),
        (("--format", "corefile", "--stub-domain", "example.org"), 2, "is not DOMAIN=ADDRESS"),
        (("--format", "zone", "--zone", "nowhere"), 1, "there is no zone nowhere; there are cluster.local."),
        (("--format", "resolv.conf"), 1, "name a Pod with --pod"),
        (("--format", "resolv.conf", "--pod", "shop/x"), 1, "there is no Pod shop/x; there are shop/"),
    ],
)
def test_what_does_not_exist_in_dns_is_named(arguments: tuple[str, ...], status: int, message: str) -> None:
    done = kcompile(SHOP, *arguments)
    assert (done.status, done.stdout) == (status, "")
    assert message in done.stderr


@pytest.mark.parametrize(("redirection", "why"), [("> /dev/full", "No space left on device"), (">&-", "is closed")])
def test_a_standard_output_that_takes_nothing_is_an_error(redirection: str, why: str) -> None:
    command = f'exec "{sys.executable}" -m kcompile.cli.main "$0" {redirection}'
    done = subprocess.run(["sh", "-c", command, SHOP], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert re.fullmatch(rf"error: standard output:? {why}\n", done.stderr)


def test_a_closed_standard_error_does_not_turn_diagnostics_into_rules(tmp_path: Path) -> None:
    command = f'exec "{sys.executable}" -m kcompile.cli.main "$0" 2>&-'
    done = subprocess.run(["sh", "-c", command, tmp_path / "nothing"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")


def test_a_check_that_no_tool_could_make_is_not_called_accepted(tmp_path: Path) -> None:
    done = kcompile(SHOP, "--check", PATH=str(tmp_path))
    assert done.status == 0
    assert "no rules of worker-1 were checked" in done.stderr
    assert "accept" not in done.stderr
