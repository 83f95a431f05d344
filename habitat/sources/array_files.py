"""Named arrays in a file that holds nothing else: no objects, no code, and the key of what they were made from."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_KEY = "key"


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], key: str) -> None:
    """Write arrays of numbers into a file; equal arrays give equal bytes.

    Parameters
    ----------
    path : Path
        File to write, ending in ``.npz``.
    arrays : mapping of str to array
        Of numbers.
    key : str
        Digest of what they were made from; `read_arrays` asks for it.
    """
    named: dict[str, Any] = {_KEY: np.array(key)} | dict(arrays)
    np.savez_compressed(path, **named)


def read_arrays(path: Path, key: str) -> dict[str, NDArray[Any]] | None:
    """Read the arrays of a file; None if it is damaged, or was made from something else.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "state.npz")
    ...     write_arrays(path, {"dc": np.arange(3.0)}, "made of this")
    ...     read_arrays(path, "made of this"), read_arrays(path, "made of that")
    ({'dc': array([0., 1., 2.])}, None)
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None
    return arrays if str(arrays.pop(_KEY, "")) == key else None
