"""Change instruments: how scenes of optical satellites, or of radar, become the series that are monitored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from habitat.contracts import Area, Scene
from habitat.contracts.span import Span
from habitat.imagery.bandpass import as_oli
from habitat.products.building.change_params import ForestChangeParams
from habitat.products.building.change_series import ChangeSeries, optical_bands, optical_series
from habitat.products.building.radar_series import one_orbit, radar_polarisations, radar_series
from habitat.sources.catalogues.providers import Provider
from habitat.sources.scenes.mixing import Mixing, measured_mixing, refuse_mixing
from habitat.sources.scenes.preflight import Checked, check_offsets_agree, check_scenes
from habitat.sources.scenes.radar_rasters import RadarRasters, check_radar
from habitat.sources.scenes.rasters import Rasters


@dataclass(frozen=True)
class Instrument:
    """What differs between optical satellites and radar."""

    unit: str
    """Unit of the index."""
    rasters: Callable[[Provider], Rasters]
    """Opens files."""
    check: Callable[[Sequence[Scene], Rasters, int], Checked]
    """(scenes, rasters, workers) -> what can be read of them, brought to one series."""
    series: Callable[[Checked, Span, Area, Rasters], ChangeSeries]
    """Opens the series of a span of days."""
    choose: Callable[[Sequence[Scene], date], tuple[list[Scene], list[tuple[str, str]]]]
    """(scenes, day monitoring begins) -> those that can be compared, and the others with the reason."""
    gaps: Callable[[Checked], tuple[tuple[str, str], ...]]
    """What the record is to say of the scenes."""
    mixing: Callable[[Checked, Sequence[Scene], Area, Rasters], Mixing]
    """(checked, scenes as the catalogue has them, area, rasters) -> what was measured between sensors.

    Raises
    ------
    MixingRefused
        If more is left between them than the settings allow.
    """


def instrument_for(params: ForestChangeParams) -> Instrument:
    """Return the instrument that settings name."""
    return _radar(params) if params.radar else _optical(params)


def _optical(params: ForestChangeParams) -> Instrument:
    bands = optical_bands(params.index)

    def check(scenes: Sequence[Scene], rasters: Rasters, workers: int) -> Checked:
        brought = [as_oli(scene) for scene in scenes] if params.bandpass == "oli" else list(scenes)
        return check_scenes(brought, rasters, bands, workers=workers, without_mask=params.without_mask)

    def series(checked: Checked, span: Span, area: Area, rasters: Rasters) -> ChangeSeries:
        return optical_series(checked, span, area, rasters, index=params.index, grow_m=params.grow_m)

    def gaps(checked: Checked) -> tuple[tuple[str, str], ...]:
        note, mask = check_offsets_agree(checked, "harmonise"), checked.mask_gap()
        return (*((("one radiometry", note),) if note else ()), *((mask,) if mask else ()))

    def mixing(checked: Checked, plain: Sequence[Scene], area: Area, rasters: Rasters) -> Mixing:
        if params.max_mixing_residual is None or len({scene.sensor for scene in checked.scenes}) < 2:
            return Mixing()
        found = measured_mixing(checked, area, rasters, bands, plain=plain, grow_m=params.grow_m)
        refuse_mixing(found, params.max_mixing_residual)
        return found

    return Instrument("1", Rasters, check, series, _every, gaps, mixing)


def _every(scenes: Sequence[Scene], since: date) -> tuple[list[Scene], list[tuple[str, str]]]:
    return list(scenes), []


def _radar(params: ForestChangeParams) -> Instrument:
    polarisations = radar_polarisations(params.index)

    def check(scenes: Sequence[Scene], rasters: Rasters, workers: int) -> Checked:
        assert isinstance(rasters, RadarRasters), "opened by this instrument"
        return check_radar(scenes, rasters, polarisations, need_all=True, workers=workers)

    def series(checked: Checked, span: Span, area: Area, rasters: Rasters) -> ChangeSeries:
        assert isinstance(rasters, RadarRasters), "opened by this instrument"
        return radar_series(checked, span, area, rasters, index=params.index, season=params.radar_season)

    return Instrument("dB", RadarRasters, check, series, one_orbit, _no_gaps, _no_mixing)


def _no_gaps(checked: Checked) -> tuple[tuple[str, str], ...]:
    return ()


def _no_mixing(checked: Checked, plain: Sequence[Scene], area: Area, rasters: Rasters) -> Mixing:
    return Mixing()
