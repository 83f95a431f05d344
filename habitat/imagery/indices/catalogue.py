"""One function per spectral index; its argument names are the bands it needs."""

from __future__ import annotations

import numpy as np

from habitat.imagery.indices.registry import Pixels, index, normalized_difference, not_negative, positive

_CRIST = "Crist 1985, Remote Sens. Environ. 17:301-306, reflectance factor data of Landsat TM"


@index(
    bounds=(-1, 1),
    long_name="Normalised difference vegetation index (NDVI)",
    reference="Rouse et al. 1974, NASA SP-351",
    formula="(nir - red) / (nir + red)",
)
def ndvi(nir: Pixels, red: Pixels) -> Pixels:
    """Normalised difference vegetation index: high over green leaves; saturates over dense forest."""
    return normalized_difference(nir, red)


@index(
    bounds=(-1, 2),
    long_name="Two-band enhanced vegetation index (EVI2)",
    reference="Jiang et al. 2008, Remote Sens. Environ. 112:3833-3845",
    formula="2.5 * (nir - red) / (nir + 2.4 * red + 1)",
)
def evi2(nir: Pixels, red: Pixels) -> Pixels:
    """Two-band enhanced vegetation index: saturates later than NDVI; wants reflectance 0-1, no DN."""
    return 2.5 * (nir - red) / positive(nir + 2.4 * red + 1)


@index(
    bounds=(0, 0.7615941559557649),
    long_name="Kernel normalised difference vegetation index (kNDVI)",
    reference="Camps-Valls et al. 2021, Sci. Adv. 7:eabc7447",
    formula="tanh(((nir - red) / (nir + red)) ** 2)",
)
def kndvi(nir: Pixels, red: Pixels) -> Pixels:
    """Kernel NDVI: tanh(NDVI²), which is the RBF kernel with sigma = (nir + red) / 2."""
    return np.tanh(normalized_difference(nir, red) ** 2)


@index(
    bounds=(-1, 1),
    long_name="Normalised difference moisture index (NDMI)",
    reference="Wilson & Sader 2002, Remote Sens. Environ. 80:385-396",
    formula="(nir - swir1) / (nir + swir1)",
)
def ndmi(nir: Pixels, swir1: Pixels) -> Pixels:
    """Normalised difference moisture index: falls as a canopy dries or opens."""
    return normalized_difference(nir, swir1)


@index(
    bounds=(-1, 1),
    long_name="Normalised burn ratio (NBR)",
    reference="García & Caselles 1991, Geocarto Int. 6:31-37; Key & Benson 2006, RMRS-GTR-164-CD",
    formula="(nir - swir2) / (nir + swir2)",
)
def nbr(nir: Pixels, swir2: Pixels) -> Pixels:
    """Normalised burn ratio: high over leaves, low over char; `nir` is Sentinel-2 B08, not B8A."""
    return normalized_difference(nir, swir2)


@index(
    bounds=(-1, 1),
    long_name="Normalised burn ratio 2 (NBR2)",
    reference="USGS, Landsat Normalized Burn Ratio 2",
    formula="(swir1 - swir2) / (swir1 + swir2)",
)
def nbr2(swir1: Pixels, swir2: Pixels) -> Pixels:
    """Normalised burn ratio 2: the slope between the two SWIR bands, low over char and dry soil."""
    return normalized_difference(swir1, swir2)


@index(
    scale=1e-3,
    long_name="Mid-infrared burn index (MIRBI)",
    reference="Trigg & Flasse 2001, Int. J. Remote Sens. 22:2641-2647",
    formula="10 * swir2 - 9.8 * swir1 + 2",
)
def mirbi(swir1: Pixels, swir2: Pixels) -> Pixels:
    """Mid-infrared burn index: rises over fresh burns in grass and shrub; wants reflectance 0-1."""
    return 10 * swir2 - 9.8 * swir1 + 2


@index(
    scale=1e-3,
    long_name="Char soil index (CSI)",
    reference="Smith et al. 2005, Remote Sens. Environ. 97:92-115",
    formula="nir / swir2",
)
def csi(nir: Pixels, swir2: Pixels) -> Pixels:
    """Char soil index: near or below 1 over char and bare soil, several over leaves; it has no upper bound."""
    return nir / positive(swir2)


@index(
    scale=1e-3,
    long_name="Burned area index for Sentinel-2 (BAIS2)",
    reference="Filipponi 2018, Proceedings 2:364",
    formula="(1 - sqrt(rededge2 * rededge3 * nir_narrow / red)) "
    "* ((swir2 - nir_narrow) / sqrt(swir2 + nir_narrow) + 1)",
)
def bais2(red: Pixels, rededge2: Pixels, rededge3: Pixels, nir_narrow: Pixels, swir2: Pixels) -> Pixels:
    """Burned area index for Sentinel-2: rises over burns; wants the red edge, so Landsat has none."""
    edge = rededge2 * rededge3 * nir_narrow / positive(red)
    return (1 - np.sqrt(not_negative(edge))) * ((swir2 - nir_narrow) / np.sqrt(positive(swir2 + nir_narrow)) + 1)


@index(
    bounds=(-1, 1),
    long_name="Normalised difference snow index (NDSI)",
    reference="Dozier 1989, Remote Sens. Environ. 28:9-22; Hall et al. 1995, Remote Sens. Environ. 54:127-140",
    formula="(green - swir1) / (green + swir1)",
)
def ndsi(green: Pixels, swir1: Pixels) -> Pixels:
    """Normalised difference snow index: snow above 0.4 where NIR is above 0.11; same formula as MNDWI."""
    return normalized_difference(green, swir1)


@index(
    bounds=(-1, 1),
    long_name="Normalised difference water index of McFeeters (NDWI)",
    reference="McFeeters 1996, Int. J. Remote Sens. 17:1425-1432",
    formula="(green - nir) / (green + nir)",
)
def ndwi(green: Pixels, nir: Pixels) -> Pixels:
    """Normalised difference water index of McFeeters: open water above 0. Gao's NDWI of canopies is `ndmi`."""
    return normalized_difference(green, nir)


@index(
    bounds=(-1, 1),
    long_name="Modified normalised difference water index (MNDWI)",
    reference="Xu 2006, Int. J. Remote Sens. 27:3025-3033",
    formula="(green - swir1) / (green + swir1)",
)
def mndwi(green: Pixels, swir1: Pixels) -> Pixels:
    """Water index with SWIR1 (Xu): open water above 0, also beside buildings; so is snow."""
    return normalized_difference(green, swir1)


# Tasselled cap: Crist's coefficients for reflectance factor (ground-level) data of TM are the ones made for
# surface reflectance; those of Huang 2002 and Baig 2014 are for top-of-atmosphere reflectance. Made for TM,
# applied to the same six bands of ETM+, OLI and MSI: good for change within a sensor, biased between sensors.


@index(
    long_name="Tasselled cap brightness (TM reflectance factor coefficients)",
    reference=_CRIST,
    formula="0.2043 * blue + 0.4158 * green + 0.5524 * red + 0.5741 * nir + 0.3124 * swir1 + 0.2303 * swir2",
)
def tcb(blue: Pixels, green: Pixels, red: Pixels, nir: Pixels, swir1: Pixels, swir2: Pixels) -> Pixels:
    """Tasselled cap brightness: albedo of soil, snow and dry grass."""
    return 0.2043 * blue + 0.4158 * green + 0.5524 * red + 0.5741 * nir + 0.3124 * swir1 + 0.2303 * swir2


@index(
    long_name="Tasselled cap greenness (TM reflectance factor coefficients)",
    reference=_CRIST,
    formula="-0.1603 * blue - 0.2819 * green - 0.4934 * red + 0.7940 * nir - 0.0002 * swir1 - 0.1446 * swir2",
)
def tcg(blue: Pixels, green: Pixels, red: Pixels, nir: Pixels, swir1: Pixels, swir2: Pixels) -> Pixels:
    """Tasselled cap greenness: contrast of near infrared against the visible."""
    return -0.1603 * blue - 0.2819 * green - 0.4934 * red + 0.7940 * nir - 0.0002 * swir1 - 0.1446 * swir2


@index(
    long_name="Tasselled cap wetness (TM reflectance factor coefficients)",
    reference=_CRIST,
    formula="0.0315 * blue + 0.2021 * green + 0.3102 * red + 0.1594 * nir - 0.6806 * swir1 - 0.6109 * swir2",
)
def tcw(blue: Pixels, green: Pixels, red: Pixels, nir: Pixels, swir1: Pixels, swir2: Pixels) -> Pixels:
    """Tasselled cap wetness: falls as canopies open, dry out or burn."""
    return 0.0315 * blue + 0.2021 * green + 0.3102 * red + 0.1594 * nir - 0.6806 * swir1 - 0.6109 * swir2
