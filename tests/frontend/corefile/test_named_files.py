"""What plugins find in the files that they name: resolv.conf, weights, zones, certificates."""

from __future__ import annotations

from pathlib import Path

import pytest

from kcompile.frontend.corefile.files import Files
from kcompile.frontend.corefile.load import load_corefile
from kcompile.frontend.corefile.master_file import master_file_problem
from kcompile.frontend.corefile.resolv_conf import ResolvConf, read_resolv_conf
from kcompile.frontend.corefile.weight_file import weight_file_problem
from kcompile.frontend.source import Source


def test_resolv_conf() -> None:
    content = (
        b"# a\nnameserver 10.0.0.1\nsearch a b\nnameserver fe80::1%eth0 x\ndomain c\noptions ndots:5\nnameserver\n"
    )
    assert read_resolv_conf(content) == ResolvConf(("10.0.0.1", "fe80::1%eth0"), ("c",))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", ""),
        ("# a\nw1.example.org\n192.0.2.1 3\n2001:db8::1 255\n", ""),
        ("192.0.2.1 3\n", "missing domain name in weight file w"),
        ("a\n192.0.2 3\n", 'wrong IP address:"192.0.2" in weight file w'),
        ("a\n192.0.2.1 0\n", 'wrong weight value:"0" in weight file w'),
        ("a\n192.0.2.1 256\n", 'wrong weight value:"256" in weight file w'),
        ("192.0.2.1\n", 'wrong domain name:"192.0.2.1" in weight file w. (Maybe a missing weight value?)'),
        ("a b c\n", 'could not parse weight line:"a b c" in weight file w'),
    ],
)
def test_weight_files(content: str, problem: str) -> None:
    assert weight_file_problem(content.encode(), "w") == problem


SOA = "@ 60 IN SOA ns.a. h.a. 1 60 60 60 60\n"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (f"{SOA}b 60 IN A 10.0.0.1\n", ""),
        ("b 60 IN A 10.0.0.1\n", 'file "db" has no SOA record for origin a.'),
        (f"{SOA}b 60 IN A 10.0.0\n", 'failed to parse file "db" for origin a. with error '),
        ("$INCLUDE /etc/passwd\n", ""),
        (f"{SOA}@ 60 IN NSEC3PARAM 1 0 5 AB\n", "NSEC3 zone is not supported, dropping RR: a. for zone: a."),
    ],
)
def test_zone_files(content: str, problem: str) -> None:
    found = master_file_problem(content.encode(), "a.", "db")
    assert found.startswith(problem)
    assert bool(found) == bool(problem)


CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
KEY = b"-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("cert key", ""),
        ("cert key cert", ""),
        ("key cert", "could not load TLS cert: tls: failed to find any PEM data in certificate input"),
        ("cert key key", "could not read root certs from key"),
        ("cert none", "could not load TLS cert: open none: no such file or directory"),
    ],
)
def test_certificates(names: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "cert").write_bytes(CERTIFICATE)
    (tmp_path / "key").write_bytes(KEY)
    source = Source("Corefile", f"tls://a {{\n tls {names}\n}}\n".encode())
    found = load_corefile(source, {}, Files(str(tmp_path))).rejection
    assert (found.text if found else "") == (f"plugin/tls: {message}" if message else "")
