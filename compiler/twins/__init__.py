"""The plain-Python twins of `kcompile.native`: the reference that the tests hold the compiled modules to."""
