"""What a CoreDNS with this Corefile and this cluster would answer, and on which way."""
