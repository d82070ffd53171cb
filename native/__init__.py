"""The hot paths in Cython. Each module here has a plain-Python twin of the same name in `kcompile.twins`.

Callers write `try: from kcompile.native.x import f` / `except ImportError: from kcompile.twins.x import f`, so a
package without compiled extensions works the same, slower. KCOMPILE_PURE=1 chooses the twins.
"""

import os

if os.environ.get("KCOMPILE_PURE"):
    raise ImportError("KCOMPILE_PURE is set")
