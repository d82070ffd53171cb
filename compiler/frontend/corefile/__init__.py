"""The front end for Corefiles: what CoreDNS 1.13.1 makes of one, and what it would say against it."""
