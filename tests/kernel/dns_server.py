"""unbound in a network namespace of its own, serving zone files: asked over loopback, one JSON line per answer.

Run as `unshare -Urnm python -m tests.kernel.dns_server FOLDER < queries`; FOLDER has a zone file per zone, named
ORIGIN.zone, and queries are lines of `NAME TYPE`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rdatatype

ADDRESS, PORT = "127.0.0.1", 5300
START_SECONDS = 20

SERVER = """\
server:
    interface: {address}@{port}
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: ""
    use-syslog: no
    logfile: "{folder}/unbound.log"
    module-config: "iterator"
    unblock-lan-zones: yes
    access-control: 127.0.0.0/8 allow
remote-control:
    control-enable: no
"""
ZONE = """\
auth-zone:
    name: "{origin}"
    zonefile: "{file}"
    for-downstream: yes
    for-upstream: no
    fallback-enabled: no
"""


def main(folder: Path) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    zones = "".join(ZONE.format(origin=file.stem, file=file) for file in sorted(folder.glob("*.zone")))
    config = folder / "unbound.conf"
    config.write_text(SERVER.format(address=ADDRESS, port=PORT, folder=folder) + zones)
    subprocess.run(["unbound-checkconf", str(config)], check=True, stdout=subprocess.DEVNULL)
    server = subprocess.Popen(["unbound", "-d", "-c", str(config)])
    try:
        wait_for(server)
        for line in sys.stdin:
            name, rtype = line.split()
            print(json.dumps(ask(name, rtype)), flush=True)
    finally:
        server.terminate()
        server.wait()


def wait_for(server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            ask(".", "NS", timeout=0.2)
            return
        except (dns.exception.Timeout, OSError):
            time.sleep(0.02)
    raise SystemExit("unbound does not answer")


def ask(name: str, rtype: str, timeout: float = 5) -> dict[str, object]:
    query = dns.message.make_query(name, rtype, use_edns=True, payload=4096)
    query.flags &= ~dns.flags.RD
    answer, _ = dns.query.udp_with_fallback(query, ADDRESS, timeout=timeout, port=PORT)
    records = [
        f"{rrset.name} {rrset.ttl} IN {dns.rdatatype.to_text(rrset.rdtype)} {data}"
        for rrset in answer.answer
        for data in rrset
    ]
    return {
        "rcode": dns.rcode.to_text(answer.rcode()),
        "aa": bool(answer.flags & dns.flags.AA),
        "answer": sorted(records),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
