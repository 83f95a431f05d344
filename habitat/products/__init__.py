"""The deliverables, one file each; `PRODUCTS` is the list."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from habitat.products.alerts import ALERTS
from habitat.products.change import CHANGE
from habitat.products.change_history import CHANGE_HISTORY
from habitat.products.composite import COMPOSITE
from habitat.products.fire_risk import FIRE_RISK
from habitat.products.fire_scars import FIRE_SCARS
from habitat.products.fire_weather import FIRE_WEATHER
from habitat.products.forest_change import FOREST_CHANGE
from habitat.products.forest_cover import FOREST_COVER
from habitat.products.forest_type import FOREST_TYPE
from habitat.products.indices import INDICES_PRODUCT
from habitat.products.phenology import PHENOLOGY
from habitat.products.product import Need, Outcome, Params, Product, Workshop
from habitat.products.radar import RADAR
from habitat.products.snow import SNOW_PRODUCT
from habitat.products.zone_statistics import ZONE_STATISTICS

PRODUCTS: Mapping[str, Product] = MappingProxyType(
    {
        product.name: product
        for product in (
            COMPOSITE,
            INDICES_PRODUCT,
            CHANGE,
            CHANGE_HISTORY,
            SNOW_PRODUCT,
            PHENOLOGY,
            RADAR,
            FIRE_WEATHER,
            FIRE_SCARS,
            FIRE_RISK,
            FOREST_COVER,
            FOREST_TYPE,
            FOREST_CHANGE,
            ALERTS,
            ZONE_STATISTICS,
        )
    }
)
"""Every product, by name, in an order in which each stands after what it needs."""

__all__ = ["PRODUCTS", "Need", "Outcome", "Params", "Product", "Workshop"]
