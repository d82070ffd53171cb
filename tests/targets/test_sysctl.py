from __future__ import annotations

import pytest

from kcompile.ir.plan import MODES, Family, Mode, NodePlan
from kcompile.model import KubeProxyConfiguration
from kcompile.model.configuration import IPTablesOptions, IPVSOptions
from kcompile.targets.sysctl import sysctl
from tests.targets.plans import node_plan

ROUTE_LOCALNET = "net.ipv4.conf.all.route_localnet = 1"


def lines(plan: NodePlan, families: tuple[Family, ...] = (4, 6)) -> list[str]:
    return sysctl(plan, families).decode().splitlines()


def test_ipvs_prepares_ip_vs_and_forwarding() -> None:
    assert lines(node_plan("ipvs")) == [
        "net.ipv4.vs.conntrack = 1",
        "# kernels 4.1 to 5.8: net.ipv4.vs.conn_reuse_mode = 0",
        "net.ipv4.vs.expire_nodest_conn = 1",
        "net.ipv4.vs.expire_quiescent_template = 1",
        "net.ipv4.ip_forward = 1",
    ]


def test_strict_arp_answers_for_an_interfaces_own_addresses_only() -> None:
    configuration = KubeProxyConfiguration(ipvs=IPVSOptions(strict_arp=True))
    assert lines(node_plan("ipvs", configuration=configuration))[-2:] == [
        "net.ipv4.conf.all.arp_ignore = 1",
        "net.ipv4.conf.all.arp_announce = 2",
    ]


def test_ipvs_timeouts_show_as_the_command_that_sets_them() -> None:
    options = IPVSOptions(tcp_timeout="15m0s", tcp_fin_timeout="0s", udp_timeout="1.5m")
    configuration = KubeProxyConfiguration(ipvs=options)
    assert lines(node_plan("ipvs", configuration=configuration))[-1] == "# ipvsadm --set 900 0 90"


@pytest.mark.parametrize("cidrs", [("0.0.0.0/0",), ("10.0.0.0/8", "127.0.0.0/8"), ("127.0.0.1/32",), ("127.5.0.0/16",)])
def test_node_ports_on_loopback_need_it_routed(cidrs: tuple[str, ...]) -> None:
    assert lines(node_plan("iptables", node_port_cidrs=cidrs)) == [ROUTE_LOCALNET]


def test_loopback_is_not_routed_where_no_node_port_answers_on_it() -> None:
    off = KubeProxyConfiguration(iptables=IPTablesOptions(localhost_node_ports=False))
    assert lines(node_plan("iptables", configuration=off)) == []
    assert lines(node_plan("iptables", node_port_cidrs=("10.0.0.0/8",))) == []
    assert lines(node_plan("iptables"), families=(6,)) == []


@pytest.mark.parametrize("mode", ["nftables", "userspace"])
def test_other_modes_set_nothing(mode: Mode) -> None:
    assert lines(node_plan(mode)) == []


@pytest.mark.parametrize("mode", MODES)
def test_liberal_connection_tracking_is_set_in_every_mode(mode: Mode) -> None:
    liberal = lines(node_plan(mode, configuration=KubeProxyConfiguration(tcp_be_liberal=True)))
    assert liberal == [*lines(node_plan(mode)), "net.netfilter.nf_conntrack_tcp_be_liberal = 1"]
