"""Settings of the alerts."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from habitat.products.product import Params


class AlertsParams(Params):
    """Settings of the alerts."""

    aside: ClassVar[frozenset[str]] = frozenset({"hotspots", "roads"})

    min_area_ha: float = Field(0.3, ge=0)
    """Smallest patch listed [ha]; smaller ones stay in the rasters and are counted."""
    least_loss: float = Field(10.0, ge=0, lt=100)
    """Least median loss [percent] of a patch listed; fainter ones stay in the rasters and are counted."""
    within_days: int = Field(30, ge=0, le=730)
    """Touching pixels are one patch if they departed within so many days of each other; what is too small to be listed
    joins a neighbour within three times as many, for edges are seen later."""
    from_stage: Literal["first", "provisional", "confirmed"] = "provisional"
    """From which stage on pixels make patches; a single look is wrong too often to send anyone out."""
    finished_months: int = Field(3, ge=1, le=60)
    """Months a finished alert stays listed, that of its end included."""
    high_loss: float = Field(50.0, gt=0, le=100)
    """Loss [percent] from which a change counts as high (codes 4, 5, 6, 8)."""
    returned_looks: int = Field(2, ge=1, le=50)
    """Looks in a row back at the usual level that end a change."""
    bare: float | None = None
    """Level of the index over ground without plants [its unit]; null: that of the table in the method's page."""
    hotspots: tuple[str, ...] = ()
    """Lists of VIIRS and MODIS hotspots (CSV): evidence for fire."""
    hotspot_m: float = Field(500.0, ge=0, le=10_000)
    """How near [m] the footprint of a hotspot must lie."""
    scar_days: int = Field(240, ge=0, le=730)
    """Most days from a fire scar to the departure it explains."""
    scar_leaf_days: int = Field(60, ge=0, le=365)
    """The same of days between 15 May and 30 September: trees that were green for longer did not die of it."""
    roads: str | None = None
    """A file of roads (lines): fellings lie near them."""
