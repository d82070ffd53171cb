"""Compile Kubernetes manifests into the rules, records and resolv.confs that a cluster would end up with."""
