"""From the dumps of real tools to rulesets, one file for each language."""
