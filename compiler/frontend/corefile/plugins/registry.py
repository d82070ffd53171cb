"""Which function sets a plugin up, and which checks it when the server starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser, SetupError
from kcompile.frontend.corefile.plugins import (
    acl,
    autopath,
    backends,
    bind,
    cache,
    dns64,
    endpoints,
    errors,
    file,
    forward,
    geoip,
    grpc,
    header,
    hosts,
    k8s_external,
    kubernetes,
    loadbalance,
    log,
    observing,
    rewrite,
    signing,
    switches,
    template,
    transfers,
    transport,
    view,
)

Setup = Callable[[Dispenser, Context], Settings]
"""Reads all that a block has for one plugin; raises `SetupError`."""

Startup = Callable[[Any, Context], "SetupError | None"]
"""What is wrong with a plugin's own settings once the whole block is set up."""

SETUPS: Mapping[str, Setup] = {
    "root": switches.setup_root,
    "metadata": switches.setup_metadata,
    "geoip": geoip.setup,
    "cancel": switches.setup_cancel,
    "tls": transport.setup_tls,
    "quic": transport.setup_quic,
    "timeouts": transport.setup_timeouts,
    "multisocket": switches.setup_multisocket,
    "reload": switches.setup_reload,
    "nsid": switches.setup_nsid,
    "bufsize": switches.setup_bufsize,
    "bind": bind.setup,
    "debug": switches.setup_debug,
    "trace": observing.setup_trace,
    "ready": endpoints.setup_ready,
    "health": endpoints.setup_health,
    "pprof": endpoints.setup_pprof,
    "prometheus": endpoints.setup_prometheus,
    "errors": errors.setup,
    "log": log.setup,
    "dnstap": observing.setup_dnstap,
    "local": switches.setup_anything,
    "dns64": dns64.setup,
    "acl": acl.setup,
    "any": switches.setup_anything,
    "chaos": switches.setup_chaos,
    "loadbalance": loadbalance.setup,
    "tsig": signing.setup_tsig,
    "cache": cache.setup,
    "rewrite": rewrite.setup,
    "header": header.setup,
    "dnssec": signing.setup_dnssec,
    "autopath": autopath.setup,
    "minimal": switches.setup_bare,
    "template": template.setup,
    "transfer": transfers.setup_transfer,
    "hosts": hosts.setup,
    "route53": backends.setup_route53,
    "azure": backends.setup_azure,
    "clouddns": backends.setup_clouddns,
    "k8s_external": k8s_external.setup,
    "kubernetes": kubernetes.setup,
    "file": file.setup,
    "auto": transfers.setup_auto,
    "secondary": transfers.setup_secondary,
    "etcd": backends.setup_etcd,
    "loop": switches.setup_loop,
    "forward": forward.setup,
    "grpc": grpc.setup,
    "erratic": switches.setup_erratic,
    "whoami": switches.setup_bare,
    "on": observing.setup_on,
    "sign": signing.setup_sign,
    "view": view.setup,
    "nomad": backends.setup_nomad,
}

STARTUPS: Mapping[str, Startup] = {
    "ready": endpoints.startup,
    "health": endpoints.startup,
    "pprof": endpoints.startup,
    "prometheus": endpoints.startup,
    "loadbalance": loadbalance.startup,
    "autopath": autopath.startup,
    "k8s_external": k8s_external.startup,
}
