"""What the control plane would do to the objects, one pass a file, in one visible order."""
