from __future__ import annotations

from tests.kernel.uml import load_order

DEPENDENCIES = """\
kernel/net/xt_set.ko: kernel/net/ip_set.ko kernel/net/nfnetlink.ko kernel/net/x_tables.ko
kernel/net/ip_set.ko: kernel/net/nfnetlink.ko
kernel/net/nfnetlink.ko:
kernel/net/x_tables.ko:
"""


def test_a_module_loads_once_and_after_what_it_depends_on() -> None:
    assert list(load_order(["xt_set", "ip_set"], DEPENDENCIES)) == [
        "kernel/net/x_tables.ko",
        "kernel/net/nfnetlink.ko",
        "kernel/net/ip_set.ko",
        "kernel/net/xt_set.ko",
    ]
