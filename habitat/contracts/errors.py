"""One class per thing a user can mend; each text says what was found, what was wanted, what to try."""

from __future__ import annotations


class HabitatError(Exception):
    """Anything habitat refuses to do, with a text for people and an exit code for programs."""

    exit_code = 5
    """Process exit code: 2 usage or config, 3 input, 4 partial, 5 failed, 75 locked."""


class ConfigError(HabitatError):
    """A configuration file, option or name is wrong; nothing was started."""

    exit_code = 2


class InputError(HabitatError):
    """The world outside gave nothing usable; nothing was published."""

    exit_code = 3


class NoScenes(InputError):
    """A search found nothing to work with; the text says which filter removed how many."""


class CatalogueError(InputError):
    """A catalogue cannot be read, loops, or answers with something that is not STAC."""


class UnsafeReference(InputError):
    """A link, asset or identifier points somewhere it must not."""


class AllMasked(InputError):
    """Every pixel of every scene was masked and the policy refuses an empty product."""


class AreaOutsideData(InputError):
    """The scenes found do not touch the area."""


class OffsetDisagreement(InputError):
    """Metadata and pixels disagree about the Sentinel-2 reflectance offset."""


class MixedRadiometry(InputError):
    """Scenes with different reflectance offsets would enter one composite."""


class TooMuchMissing(InputError):
    """More of the expected observations could not be read than the policy allows."""


class ReadFailure(InputError):
    """One asset could not be read; `reason` is the word the ledger keeps."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason

    def __reduce__(self) -> tuple[type[ReadFailure], tuple[str, str]]:
        """Travel between processes whole: an exception is rebuilt from its texts, and this one has two."""
        return type(self), (self.reason, str(self))


class GridMismatch(HabitatError):
    """Two rasters that must lie on one grid do not."""


class LedgerImbalance(HabitatError):
    """Expected observations and their outcomes do not add up."""


class PublishError(HabitatError):
    """A product could not be written or did not read back as written; the old one still stands."""


class NotInStore(HabitatError):
    """A product that was asked for has not been built."""

    exit_code = 3


class Locked(HabitatError):
    """Another run holds the lock of this area and product."""

    exit_code = 75


class NotPossible(HabitatError):
    """What is at hand does not allow a product (no bands for any index, no earlier month); a gap, not a failure."""

    exit_code = 0
