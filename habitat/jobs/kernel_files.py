"""Files of compiled kernels: every variant gets one of its own, so that runs started together do not mix them up."""

from __future__ import annotations

import secrets
from typing import Any

from numba.core import caching


def keep_variants_apart() -> None:
    """Let numba draw the names of the files it keeps compiled kernels in, instead of counting them.

    For each kernel numba writes an index, which tells the file of every variant (types of the arguments), and then
    the file. Nothing is locked: two processes that compile two variants at the same moment both count to the same
    name, and from then on one variant runs the machine code of the other. A process that dies between index and file
    leaves the index pointing at code of an older source. A name that was never given before holds nothing else: the
    worst that is left is an entry lost from the index, and that variant is compiled once more.

    Kernels may have been defined before this is called, but not yet run. A numba that names its files otherwise is
    left alone.
    """
    file: Any = getattr(caching, "IndexDataCacheFile", None)
    counted = getattr(file, "_data_name", None)
    if counted is None:
        return

    def drawn(self: Any, _: int) -> Any:
        return counted(self, secrets.randbits(63))

    file._data_name = drawn
