"""The ipvs mode: virtual servers do the balancing, ipsets and a few iptables rules masquerade and filter.

What kube-proxy's ipvs proxier (1.30 to 1.37, the same in all) leaves on a node after a full sync. `ipvs.excludeCIDRs`
does not show: it only protects virtual servers that others made. The ipvs timeouts are kernel state that no save format
holds; they stand in sysctl.conf, as a comment.
"""

from kcompile.targets.ipvs.addresses import ip_batch
from kcompile.targets.ipvs.diagnostics import diagnostics
from kcompile.targets.ipvs.rules import restore, save
from kcompile.targets.ipvs.sets import ipset
from kcompile.targets.ipvs.virtual_servers import ipvsadm

__all__ = ["diagnostics", "ip_batch", "ipset", "ipvsadm", "restore", "save"]
