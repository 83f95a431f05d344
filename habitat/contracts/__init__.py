"""What flows between the rooms: grids, areas, periods, scenes, ledgers and the errors a user can mend."""

from habitat.contracts.area import Area, Zone
from habitat.contracts.estimate import Estimate
from habitat.contracts.grid import Grid
from habitat.contracts.layer import Layer, check_same_grid, name_layer
from habitat.contracts.ledger import Ledger, Observation
from habitat.contracts.period import Period
from habitat.contracts.scene import Asset, Scene

__all__ = [
    "Area",
    "Asset",
    "Estimate",
    "Grid",
    "Layer",
    "Ledger",
    "Observation",
    "Period",
    "Scene",
    "Zone",
    "check_same_grid",
    "name_layer",
]
