"""The intermediate representation: the plan for a node, and the DNS records of a cluster."""
