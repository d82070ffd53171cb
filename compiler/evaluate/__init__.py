"""Following packets through rulesets, and names through a Corefile."""
