"""The offset check: right where it speaks, silent where pixels cannot tell, and never wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitat.contracts.errors import OffsetDisagreement
from habitat.imagery.offset_check import OffsetEvidence, check_offset, offset_evidence

NAMES = {"B02": "blue", "B03": "green", "B04": "red", "B08": "nir", "B8A": "nir_narrow", "B11": "swir1", "B12": "swir2"}


def scene(targets, *, offset, seed=0):
    """A 90 x 90 scene of horizontal stripes, one a target: (SCL class, {band: mean reflectance})."""
    rng = np.random.default_rng(seed)
    scl = np.zeros((90, 90), np.uint8)
    bands = {band: np.zeros((90, 90)) for _, means in targets for band in means}
    for stripe, (code, means) in zip(np.array_split(np.arange(90), len(targets)), targets, strict=True):
        scl[stripe] = code
        for band, mean in means.items():
            bands[band][stripe] = rng.normal(mean, 0.15 * mean, (stripe.size, 90))
    return {band: shifted(values * 10_000, offset) for band, values in bands.items()}, scl


def shifted(dn, offset):
    return np.where(dn != 0, np.clip(np.rint(dn) + offset, 1, 65535), 0).astype(np.uint16)


FOREST = (4, {"blue": 0.03, "red": 0.03, "nir": 0.3, "swir2": 0.08})
WATER = (6, {"blue": 0.05, "red": 0.03, "nir": 0.02, "swir2": 0.01})
DESERT = (5, {"blue": 0.16, "red": 0.34, "nir": 0.39, "swir2": 0.45})
SNOW = (11, {"blue": 0.8, "red": 0.8, "nir": 0.7, "swir2": 0.25})
DRY_GRASS = (5, {"blue": 0.07, "red": 0.14, "nir": 0.25, "swir2": 0.24})


@pytest.mark.parametrize(
    ("targets", "without", "with_it"),
    [
        ([FOREST], "absent", "present"),
        ([FOREST, SNOW], "absent", "present"),
        ([WATER, DESERT], "absent", "present"),
        ([DESERT], "undecided", "undecided"),
        ([SNOW], "undecided", "undecided"),
        # Dark enough to rule the offset out, but with it in nothing says that the grass was so dark.
        ([DRY_GRASS], "absent", "undecided"),
    ],
)
def test_made_up_scenes(targets, without, with_it):
    assert offset_evidence(*scene(targets, offset=0)).verdict == without
    assert offset_evidence(*scene(targets, offset=1000)).verdict == with_it


@settings(max_examples=40, deadline=None)
@given(
    code=st.sampled_from([4, 5, 6, 7, 11]),
    means=st.fixed_dictionaries({band: st.floats(0.005, 0.8) for band in ("blue", "red", "nir", "swir2")}),
    offset=st.sampled_from([0, 1000]),
    seed=st.integers(0, 100),
)
def test_never_absent_with_the_offset_in(code, means, offset, seed):
    verdict = offset_evidence(*scene([(code, means)], offset=offset, seed=seed)).verdict
    if offset:
        assert verdict != "absent"
    elif code not in (4, 6):
        assert verdict != "present"


def test_evidence_says_what_it_saw():
    evidence = offset_evidence({"red": np.full((50, 50), 150, np.uint16)}, np.full((50, 50), 4, np.uint8))
    assert (evidence.verdict, evidence.band, evidence.percentile_dn, evidence.pixels) == ("absent", "red", 150.0, 2500)
    # DN 150 less the offset of 1000, in ten-thousandths
    assert "DN 150 or less in red" in evidence.text
    assert "reflectance -0.085" in evidence.text


def test_few_clear_pixels_decide_nothing():
    scl = np.full((50, 50), 9, np.uint8)
    scl[:19, :50] = 4
    evidence = offset_evidence({"red": np.full((50, 50), 150, np.uint16)}, scl)
    assert (evidence.verdict, evidence.percentile_dn, evidence.pixels) == ("undecided", None, 0)
    scl[:20] = 4
    assert offset_evidence({"red": np.full((50, 50), 150, np.uint16)}, scl).verdict == "absent"
    assert offset_evidence({}, scl).verdict == "undecided"


def test_values_mixed_with_no_data_are_left_out():
    # Half the scene is empty; the three columns beside the gap hold values pulled towards zero.
    dn, scl = scene([FOREST], offset=1000)
    for band in dn.values():
        band[:, :45] = 0
        band[:, 45:48] = 300
    assert offset_evidence(dn, scl).verdict == "present"


def test_cloud_shadow_and_cloud_are_not_asked():
    dn, scl = scene([FOREST], offset=1000)
    scl[:30] = 3
    scl[30:45] = 9
    for band in dn.values():
        band[:45] = 200
    assert offset_evidence(dn, scl).verdict == "present"


def test_a_sliver_of_odd_vegetation_among_snow_does_not_count():
    # 1350 of 8100 pixels "vegetation" at reflectance 0.11, snow elsewhere, no offset: looks like forest with it.
    dn, scl = scene([(11, {"red": 0.8})] * 5 + [(4, {"red": 0.16})], offset=0)
    evidence = offset_evidence(dn, scl)
    assert 900 <= evidence.percentile_dn <= 1300
    assert evidence.verdict == "undecided"


def test_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r"'red' has shape \(4, 4\), the scene classification \(2, 2\)"):
        offset_evidence({"red": np.ones((4, 4), np.uint16)}, np.ones((2, 2), np.uint8))


def test_disagreement_stops_and_agreement_does_not():
    absent = OffsetEvidence("absent", "red", 150.0, 2500, "the darkest 1 % lie at DN 150")
    check_offset("S2B_52TFN_20250503", absent, metadata_present=False)
    with pytest.raises(
        OffsetDisagreement, match=r"S2B_52TFN_20250503.*offset is present.*pixels say absent.*DN 150.*Leave"
    ):
        check_offset("S2B_52TFN_20250503", absent, metadata_present=True)
    present = OffsetEvidence("present", "red", 1150.0, 2500, "such targets are dark")
    check_offset("a", present, metadata_present=True)
    with pytest.raises(OffsetDisagreement, match="offset is absent"):
        check_offset("a", present, metadata_present=False)
    for said in (True, False):
        check_offset("a", OffsetEvidence("undecided", "", None, 0, ""), metadata_present=said)


def real_scenes(shared, folder):
    rasterio = pytest.importorskip("rasterio")
    root = shared / "imagery" / folder
    if not root.is_dir():
        pytest.skip("no real scenes here")
    for path in sorted(root.glob("*/*/SCL.tif")):
        with rasterio.open(path) as file:
            scl = file.read(1)
        dn = {}
        for stem, name in NAMES.items():
            if (band := path.parent / f"{stem}.tif").exists():
                with rasterio.open(band) as file:
                    values = file.read(1)
                step = values.shape[0] // scl.shape[0]
                dn[name] = values[::step, ::step]
        yield path.parent.name, dn, scl


@pytest.mark.parametrize(
    ("folder", "as_stored", "other_way"),
    [
        ("s2-l2a-33twm-slovenia", "absent", "present"),
        ("s2-l2a-01wcr-chukotka", "undecided", "absent"),
        ("s2-l2a-29rkh-mini", "undecided", "undecided"),
    ],
)
def test_real_scenes_both_ways(folder, as_stored, other_way, shared):
    # The other way round is the same scene with 1000 added, or taken away where it is in.
    change = -1000 if "chukotka" in folder else 1000
    seen = 0
    for name, dn, scl in real_scenes(shared, folder):
        assert offset_evidence(dn, scl).verdict == as_stored, name
        turned = {band: shifted(values.astype(int), change) for band, values in dn.items()}
        assert offset_evidence(turned, scl).verdict == other_way, name
        seen += 1
    assert seen
