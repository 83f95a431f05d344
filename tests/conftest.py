"""What all tests share: where the shared reference data lie, and a tiny made-up area."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Two processes that compile different variants of one kernel at once may mix them up in numba's cache, which has no
# lock: each worker keeps a cache of its own. This must be said before numba is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    kept = Path(__file__).parents[1] / ".pytest_cache" / "kernels" / os.environ["PYTEST_XDIST_WORKER"]
    os.environ["NUMBA_CACHE_DIR"] = str(kept)

# Compiled kernels are slow at their first call only, and a run must be the same each time.
settings.register_profile("habitat", deadline=None, derandomize=True)
settings.load_profile("habitat")

# Doctests are looked for in every module, and two modules must not both be called conftest.
collect_ignore_glob = ["conftest.py", "*/conftest.py"]

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Root of the shared reference data and imagery; the test is skipped where it is not at hand."""
    root = Path(os.environ.get("HABITAT_SHARED", REPOSITORY.parent / "shared"))
    if not (root / "imagery").is_dir():
        pytest.skip("the shared reference data are not at hand; set HABITAT_SHARED to their folder")
    return root.resolve()


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the checkout."""
    return REPOSITORY
