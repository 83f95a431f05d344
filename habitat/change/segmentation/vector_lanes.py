"""Vectors of eight numbers in compiled code: a row is worked at once, where a loop would be unrolled one by one."""

from __future__ import annotations

import operator
from importlib import import_module
from typing import Any

from numba import types
from numba.core.errors import TypingError
from numba.core.typing import templates
from numba.extending import intrinsic, lower_builtin, models, register_model

# What has no types of its own.
ir: Any = import_module("llvmlite.ir")
_signature: Any = templates.signature
_infer_global: Any = templates.infer_global
_lower_builtin: Any = lower_builtin

LANES = 8
"""Bands worked side by side: six of reflectance, one of temperature, one for the width of a vector register."""
_BYTES = 8
_DOUBLES = ir.VectorType(ir.DoubleType(), LANES)
_COUNTS = ir.IntType(64)


class _VectorType(types.Type):
    """Eight numbers in a register."""


_make: Any = _VectorType
_VECTOR = _make(name="EightDoubles")


@register_model(_VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        begin: Any = super().__init__
        begin(manager, kind, _DOUBLES)


def _lower_operator(function: Any, instruction: str) -> None:
    """Let an operator of Python work on vectors."""

    class Operator(templates.ConcreteTemplate):
        cases = [_signature(_VECTOR, _VECTOR, _VECTOR)]  # noqa: RUF012

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return getattr(builder, instruction)(*args)

    _infer_global(function)(Operator)
    _lower_builtin(function, _VECTOR, _VECTOR)(lower)


for _function, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _lower_operator(_function, _instruction)


def _rows_of_eight(array: Any) -> None:
    """Refuse, while compiling, what does not hold its rows one behind the other."""
    if not isinstance(array, types.Array) or (array.dtype, array.ndim, array.layout) != (types.float64, 2, "C"):
        raise TypingError(f"{array} does not hold rows of {LANES} numbers; wanted a contiguous float64 matrix.")


def _place(context: Any, builder: Any, kinds: Any, values: Any) -> Any:
    """Return the address of a row of eight in a contiguous array."""
    array = context.make_array(kinds[0])(context, builder, value=values[0])
    count = builder.mul(values[1], ir.Constant(_COUNTS, LANES))
    return builder.bitcast(builder.gep(array.data, [count]), _DOUBLES.as_pointer())


def _call(builder: Any, name: str, args: Any) -> Any:
    """Call a function of LLVM on vectors."""
    kind = ir.FunctionType(_DOUBLES, [_DOUBLES] * len(args))
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    return builder.call(function, args)


def _all(number: float) -> Any:
    return ir.Constant(_DOUBLES, [number] * LANES)


def _row(typing: Any, array: Any, place: Any) -> Any:
    """Return a row of eight of a contiguous array."""
    _rows_of_eight(array)

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load(_place(context, builder, sig.args, args), align=_BYTES)

    return _VECTOR(array, types.intp), build


def _put(typing: Any, array: Any, place: Any, vector: Any) -> Any:
    """Write a row of eight of a contiguous array."""
    _rows_of_eight(array)

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store(args[2], _place(context, builder, sig.args, args), align=_BYTES)
        return context.get_dummy_value()

    return types.void(array, types.intp, _VECTOR), build


def _same(typing: Any, number: Any) -> Any:
    """Return a number eight times."""

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        one = builder.insert_element(ir.Constant(_DOUBLES, ir.Undefined), args[0], ir.Constant(ir.IntType(32), 0))
        return builder.shuffle_vector(
            one, ir.Constant(_DOUBLES, ir.Undefined), ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        )

    return _VECTOR(types.float64), build


def _fused(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a * b + c, rounded once."""

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _call(builder, f"llvm.fma.v{LANES}f64", args)

    return _VECTOR(_VECTOR, _VECTOR, _VECTOR), build


def _root(typing: Any, a: Any) -> Any:
    """Return square roots."""

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _call(builder, f"llvm.sqrt.v{LANES}f64", args)

    return _VECTOR(_VECTOR), build


def _larger(typing: Any, a: Any, b: Any) -> Any:
    """Return the larger of each two."""

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", *args), *args)

    return _VECTOR(_VECTOR, _VECTOR), build


def _smaller(typing: Any, a: Any, b: Any) -> Any:
    """Return the smaller of each two."""

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered("<", *args), *args)

    return _VECTOR(_VECTOR, _VECTOR), build


def _beyond(typing: Any, a: Any, b: Any) -> Any:
    """Return 1 where a > b, else 0."""

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", *args), _all(1.0), _all(0.0))

    return _VECTOR(_VECTOR, _VECTOR), build


def _any_moves(typing: Any, a: Any) -> Any:
    """Tell whether any number is not 0."""

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        bits = builder.bitcast(builder.fcmp_unordered("!=", args[0], _all(0.0)), ir.IntType(LANES))
        return builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(LANES), 0))

    return types.boolean(_VECTOR), build


# Names without types: what numba makes of them is called with one argument less than they are written with.
row: Any = intrinsic(_row)
put: Any = intrinsic(_put)
same: Any = intrinsic(_same)
fused: Any = intrinsic(_fused)
root: Any = intrinsic(_root)
larger: Any = intrinsic(_larger)
smaller: Any = intrinsic(_smaller)
beyond: Any = intrinsic(_beyond)
any_moves: Any = intrinsic(_any_moves)
