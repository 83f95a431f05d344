"""Errors: each has an exit code for programs, a text for people, and survives the way between processes."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from habitat.contracts import errors
from habitat.contracts.errors import HabitatError, InputError, ReadFailure

CLASSES = [value for _, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, HabitatError)]


def made(kind: type[HabitatError]) -> HabitatError:
    return kind("corrupt", "B04.tif is no GeoTIFF; fetch it again") if kind is ReadFailure else kind("found, wanted")


@pytest.mark.parametrize("kind", CLASSES)
def test_exit_codes_are_those_documented_and_every_class_is_explained(kind):
    assert kind.exit_code in ((0,) if kind is errors.NotPossible else (2, 3, 4, 5, 75))
    assert kind.__doc__
    assert kind.exit_code == (3 if issubclass(kind, InputError) else kind.exit_code)


def test_exit_codes_by_hand():
    found = {kind.__name__: kind.exit_code for kind in CLASSES}
    assert found["ConfigError"] == 2
    assert found["NoScenes"] == found["ReadFailure"] == found["NotInStore"] == 3
    assert found["PublishError"] == found["LedgerImbalance"] == found["GridMismatch"] == 5
    assert found["Locked"] == 75


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("travel", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])
def test_errors_survive_pickling_and_copying(kind, travel):
    before = made(kind)
    after = travel(before)
    assert type(after) is kind
    assert str(after) == str(before)
    assert vars(after) == vars(before)


def test_a_subclass_and_its_reason_survive_too():
    class Stubborn(ReadFailure):
        """A kind of its own."""

    assert Stubborn("failed", "x").__reduce__() == (Stubborn, ("failed", "x"))
    assert pickle.loads(pickle.dumps(ReadFailure("missing", "B04.tif is gone"))).reason == "missing"
