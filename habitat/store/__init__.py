"""The products' home on disk: versions are built out of sight, verified, and put in place at once."""

from habitat.store.cog import CogWriter, WrittenRaster
from habitat.store.provenance import Input, Record, area_digest, changes, record_key, software_versions
from habitat.store.published import Published
from habitat.store.staging import Stage
from habitat.store.store import Store, estimated_bytes
from habitat.store.styles import qml_style
from habitat.store.verification import verify
from habitat.store.windows import WindowReader

__all__ = [
    "CogWriter",
    "Input",
    "Published",
    "Record",
    "Stage",
    "Store",
    "WindowReader",
    "WrittenRaster",
    "area_digest",
    "changes",
    "estimated_bytes",
    "qml_style",
    "record_key",
    "software_versions",
    "verify",
]
