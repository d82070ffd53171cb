"""`kcompile show dns` as its users call it."""

from __future__ import annotations

from pathlib import Path

from tests.cli.command import kcompile

SERVICE = """\
# A comment, so that the object does not start on the first line.
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.96.0.80, ports: [{name: http, port: 80}]}
"""


def test_each_record_has_its_object_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(SERVICE)
    done = kcompile("show", "dns", "web.yaml", cwd=tmp_path)
    rows = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert rows[0] == "NAME TYPE DATA OBJECT WHERE"
    assert "web.default.svc.cluster.local. A 10.96.0.80 Service default/web web.yaml:2" in rows
    assert "80.0.96.10.in-addr.arpa. PTR web.default.svc.cluster.local. Service default/web web.yaml:2" in rows
    assert done.status == 0, done.stderr
