"""From a plan to text, one file for each target."""
