"""Files that a Corefile names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kcompile.frontend.corefile.files import FileError, Files


def reason(files: Files, name: str) -> str:
    with pytest.raises(FileError) as caught:
        files.read(name)
    return caught.value.reason


def test_files_are_read_from_the_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    files = Files(str(tmp_path))
    assert files.read("a") == b"x"
    assert files.read(str(tmp_path / "a")) == b"x"
    assert reason(files, "none") == "no such file or directory"
    assert files.exists("a")
    assert not files.exists("none")


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    files = Files(str(tmp_path))
    assert reason(files, "pipe") == "not a regular file"
    assert reason(files, "/dev/zero") == "not a regular file"
    assert reason(files, ".") == "is a directory"
    assert reason(files, "a\x00b") == "invalid argument"


def test_a_large_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(tmp_path / "large", "wb") as file:
        file.truncate((64 << 20) + 1)
    assert reason(Files(str(tmp_path)), "large") == "more than 64 MiB"


def test_what_every_pod_has_for_itself_is_not_known_here() -> None:
    assert Files().read("/etc/resolv.conf") is None
    assert Files().read("/etc/hosts") is None


def test_of_a_config_map_the_keys_are_known_and_nothing_else() -> None:
    files = Files(mounted={"a": b"x"})
    assert files.read("a") == files.read("/etc/coredns/a") == files.read("x/../a") == b"x"
    assert files.read("none") is None
    assert files.read("/etc/passwd") is None
    assert files.exists("/nowhere")
