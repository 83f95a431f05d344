"""What the instruments are: bands, masks and digital numbers of each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from habitat.imagery.sensors.landsat import LANDSAT
from habitat.imagery.sensors.sensor import Sensor
from habitat.imagery.sensors.sentinel1 import SENTINEL1
from habitat.imagery.sensors.sentinel2 import SENTINEL2

SENSORS: Mapping[str, Sensor] = MappingProxyType({sensor.name: sensor for sensor in (SENTINEL2, LANDSAT, SENTINEL1)})
"""Every instrument habitat knows, by name."""

__all__ = ["LANDSAT", "SENSORS", "SENTINEL1", "SENTINEL2", "Sensor"]
