"""`-o` writes the same bytes with any number of processes, and leaves none behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import kcompile
from kcompile.cli import processes
from kcompile.cli.processes import in_processes, process_count
from tests.cli.command import kcompile as command

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="there is one process only on other systems")

NODE_COUNT = 24


def manifests() -> str:
    """Nodes in three zones; Services under each policy, with hints, source ranges and affinity."""
    documents = [
        f"""apiVersion: v1
kind: Node
metadata: {{name: node-{i}, labels: {{topology.kubernetes.io/zone: {"abc"[i % 3]}}}}}
spec: {{podCIDR: 10.244.{i}.0/24}}
status: {{addresses: [{{type: InternalIP, address: 192.168.1.{i + 1}}}]}}
"""
        for i in range(NODE_COUNT)
    ]
    for i, more in enumerate(
        (
            "internalTrafficPolicy: Local",
            "type: NodePort, externalTrafficPolicy: Local",
            "type: LoadBalancer, loadBalancerSourceRanges: [192.168.1.0/29], externalIPs: [203.0.113.7]",
            "sessionAffinity: ClientIP",
            "type: ClusterIP",
            "trafficDistribution: PreferClose",
        )
    ):
        hint = 'hints: {forZones: [{name: "%s"}]}, ' if "trafficDistribution" in more else ""
        endpoints = ", ".join(
            f"{{addresses: [10.244.{node}.{i + 2}], {hint % 'abc'[node % 3] if hint else ''}nodeName: node-{node}}}"
            for node in range(0, NODE_COUNT, i + 1)
        )
        documents.append(
            f"""apiVersion: v1
kind: Service
metadata: {{name: service-{i}}}
spec: {{{more}, ports: [{{name: web, port: 80}}, {{name: dns, port: 53, protocol: UDP}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: service-{i}-x, labels: {{kubernetes.io/service-name: service-{i}}}}}
addressType: IPv4
ports: [{{name: web, port: 8080}}, {{name: dns, port: 5353, protocol: UDP}}]
endpoints: [{endpoints}]
"""
        )
    return "---\n".join(documents)


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@linux_only
@pytest.mark.parametrize("mode", ["iptables", "ipvs", "nftables", "userspace"])
def test_the_bytes_do_not_depend_on_the_number_of_processes(mode: str, tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(manifests())
    written = []
    for jobs in (1, 2, 5):
        done = command("cluster.yaml", "--mode", mode, "-o", f"out-{jobs}", "--jobs", jobs, cwd=tmp_path)
        assert done.status == 0, done.stderr
        written.append((files_in(tmp_path / f"out-{jobs}"), done.stderr))
    assert written[0] == written[1] == written[2]
    # And each node is what it is by itself, with nothing shared.
    cluster = kcompile.load([tmp_path / "cluster.yaml"])
    for name in cluster.node_names:
        for file, text in cluster.node(name, mode=mode).files().items():  # type: ignore[arg-type]
            assert written[0][0][f"nodes/{name}/{file}"].decode() == text


@linux_only
@pytest.mark.parametrize("version", ["1.30", "1.34"])
def test_older_releases_share_as_much(version: str, tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(manifests())
    done = command("cluster.yaml", "--kube-version", version, "-o", "out", "--jobs", 2, cwd=tmp_path)
    assert done.status == 0, done.stderr
    cluster = kcompile.load([tmp_path / "cluster.yaml"])
    for name in cluster.node_names:
        for file, text in cluster.node(name, kube_version=version).files().items():  # type: ignore[arg-type]
            assert (tmp_path / "out" / "nodes" / name / file).read_text() == text


@linux_only
def test_an_interrupt_leaves_the_old_files_whole_and_no_process(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(manifests())
    arguments = ("cluster.yaml", "--jobs", "2", "-o", "out")
    assert command(*arguments, cwd=tmp_path).status == 0
    before = files_in(tmp_path / "out")
    # Slow enough to be caught: each file takes a moment.
    script = (
        "import sys, time\n"
        "from kcompile.cli import main, output\n"
        "stage = output.stage\n"
        "output.stage = lambda *given: (time.sleep(0.2), stage(*given))[1]\n"
        f"sys.argv = ['kcompile', *{arguments!r}, '--mode', 'nftables']\n"
        "main.main()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, start_new_session=True)
    deadline = time.monotonic() + 20
    while not list((tmp_path / "out").glob(".kcompile-*/nodes/node-2")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=20) == 130
    assert files_in(tmp_path / "out") == before
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


@linux_only
def test_what_a_process_does_not_do_is_left_to_the_caller(tmp_path: Path) -> None:
    def work(number: int) -> bool:
        if number == 6:
            raise RuntimeError("never seen")
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        (tmp_path / str(number)).touch()
        return number % 2 == 0

    advanced: list[None] = []
    done = in_processes(work, range(10), 3, lambda: advanced.append(None))
    # The shares are 0 3 6 9, 1 4 7 and 2 5 8.
    assert done == {0: True, 1: False, 4: True, 7: False, 2: True, 5: False, 8: True}
    assert len(advanced) == len(done)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(map(str, done))


@linux_only
def test_an_error_in_the_caller_ends_the_processes() -> None:
    def advance() -> None:
        raise KeyboardInterrupt

    def work(number: int) -> bool:
        time.sleep(60 * number)
        return True

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        in_processes(work, range(4), 4, advance)
    assert time.monotonic() - start < 30
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_there_are_processes_for_many_things_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes.os, "sched_getaffinity", lambda _: set(range(4)), raising=False)
    monkeypatch.setattr(processes.sys, "platform", "linux")
    counts = [process_count(things, None) for things in (1, 15, 16, 31, 32, 1000)]
    assert counts == [1, 1, 2, 3, 4, 4]
    assert [process_count(3, jobs) for jobs in (1, 2, 9)] == [1, 2, 3]
    monkeypatch.setattr(processes.sys, "platform", "darwin")
    assert process_count(1000, 8) == 1
