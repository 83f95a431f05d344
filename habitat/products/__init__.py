"""The deliverables, one file each; `PRODUCTS` is the list."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from habitat.products.change import CHANGE
from habitat.products.composite import COMPOSITE
from habitat.products.fire_risk import FIRE_RISK
from habitat.products.fire_scars import FIRE_SCARS
from habitat.products.fire_weather import FIRE_WEATHER
from habitat.products.forest_cover import FOREST_COVER
from habitat.products.forest_type import FOREST_TYPE
from habitat.products.indices import INDICES_PRODUCT
from habitat.products.product import Need, Outcome, Params, Product, Workshop
from habitat.products.zone_statistics import ZONE_STATISTICS

PRODUCTS: Mapping[str, Product] = MappingProxyType(
    {
        product.name: product
        for product in (
            COMPOSITE,
            INDICES_PRODUCT,
            CHANGE,
            FIRE_WEATHER,
            FIRE_SCARS,
            FIRE_RISK,
            FOREST_COVER,
            FOREST_TYPE,
            ZONE_STATISTICS,
        )
    }
)
"""Every product, by name, in an order in which each stands after what it needs."""

__all__ = ["PRODUCTS", "Need", "Outcome", "Params", "Product", "Workshop"]
