"""Alert rasters: what the rasters of the alerts hold and how they are shown."""

from __future__ import annotations

from habitat.change.alerts.agents import AGENT_CLASSES
from habitat.change.alerts.status import NODATA, STATUS_CLASSES
from habitat.contracts.raster_spec import BandSpec, RasterSpec

STATUS = RasterSpec(
    "status",
    "Status of change",
    (BandSpec("status", "where a change stands, as in DIST-ALERT"),),
    "uint8",
    NODATA,
    overview="mode",
    classes=STATUS_CLASSES,
    description="Every pixel, those of patches too small to be listed as well; no data where nothing is monitored.",
)
AGENT = RasterSpec(
    "agent",
    "Likely agent of change",
    (BandSpec("agent", "what probably made it"),),
    "uint8",
    NODATA,
    overview="mode",
    classes=AGENT_CLASSES,
    description="Of the whole patch a pixel belongs to.",
)
CONFIDENCE = RasterSpec(
    "confidence",
    "Confidence in the agent",
    (BandSpec("confidence", "probability of the agent", "%"),),
    "uint8",
    NODATA,
    "confidence",
    description="Percent, if the weights of the evidence are right; 0 where there is no agent.",
)
NUMBER = RasterSpec(
    "number",
    "Number of the alert",
    (BandSpec("number", "row of the alert in memory.json and column number of the outlines"),),
    "uint32",
    0,
    overview="mode",
    description="Which alert a pixel belongs to; also of finished ones that are no longer listed.",
)
ALERT_SPECS = (STATUS, AGENT, CONFIDENCE, NUMBER)
"""All of them."""
