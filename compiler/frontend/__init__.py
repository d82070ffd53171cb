"""From text to objects: sources, tokens, and the parsers for manifests and Corefiles."""
