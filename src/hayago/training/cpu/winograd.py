"""Minimal filtering: convolutions on CPUs as three linear maps around small matrix products.

A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks" (2015): a tile of m x m outputs of an r x r
convolution needs only t x t multiplications for each pair of channels, t = m + r - 1, instead of m*m * r*r:

    y = A' [ (G g G') * (B' d B) ] A        d: t x t inputs, g: r x r kernel, y: m x m outputs, *: point by point

Tiles of 4 x 4 cover the 19 x 19 board 5 by 5; a 3 x 3 kernel then costs 3.6 times fewer multiplications, a 5 x 5
kernel 5.6 times. Summed over the input channels, the products at each of the t*t places are one matrix product, at
nearly the full speed of the BLAS. The gradients come from the same maps, transposed.

Words: a *field* is (images, N*N points, channels), channels last; *coefficients* are its transformed tiles,
(t*t, images * tiles, channels); a *line* is a row of the board, N * channels numbers. What the kernels multiply by,
channel by channel, comes repeated for a whole line. They work on flat float32 arrays, take channels in bunches of
`LANES` (channel counts are multiples of it), trust their arguments and release the GIL.
"""

from collections.abc import Callable
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from hayago.jit import kernel

Array = NDArray[Any]
Matrix = NDArray[np.float64]

LANES = 16
TILE = 4  # m
# Where the polynomials are evaluated, beside infinity: small numbers keep the rounding small.
POINTS = (0, 1, -1, 2, -2, Fraction(1, 2), Fraction(-1, 2))


def cook_toom(outputs: int, taps: int) -> tuple[Matrix, Matrix, Matrix]:
    """The matrices A' (m, t), G (t, r) and B' (t, t) of the filter F(m, r), t = m + r - 1.

    Toom and Cook multiply two polynomials by way of their values at t points; a filter is that product transposed. A
    and G are the values at the points of m and of r coefficients, B' the coefficients of Lagrange's polynomials,
    whose denominators sit in G.
    """
    points = [Fraction(point) for point in POINTS[: outputs + taps - 2]]

    def values(count: int) -> list[list[Fraction]]:
        infinity = [Fraction(k == count - 1) for k in range(count)]
        return [*([point**k for k in range(count)] for point in points), infinity]

    kernels, numerators = values(taps), []
    for k, point in enumerate(points):
        others = points[:k] + points[k + 1 :]
        denominator = prod(point - other for other in others)
        kernels[k] = [value / denominator for value in kernels[k]]
        numerators.append([*_with_roots(others), Fraction(0)])
    numerators.append(_with_roots(points))
    a, g, b = (np.array(matrix, dtype=np.float64) for matrix in (values(outputs), kernels, numerators))
    return a.T, g, b


def _with_roots(roots: list[Fraction]) -> list[Fraction]:
    """The coefficients, lowest first, of the polynomial with these roots."""
    polynomial = [Fraction(1)]
    for root in roots:
        shifted, same = [Fraction(0), *polynomial], [*polynomial, Fraction(0)]
        polynomial = [a - root * b for a, b in zip(shifted, same, strict=True)]
    return polynomial


def combination(three: Matrix, five: Matrix, add: bool = False) -> Callable[..., None]:
    """An intrinsic (taps, out, o, so, array, a, sa): out[o + i*so] = sum over j of matrix[i, j] * array[a + j*sa],
    for LANES neighbours at once, with the matrix of 3 or of 5 taps; added to what is there if `add`.

    The matrices are part of the code: zeros cost nothing, and a transform along one dimension becomes a straight
    line of vector instructions, which no compiler finds by itself in loops over arrays that might overlap.
    """

    @intrinsic
    def combine(typing: Any, taps: Any, out: Any, o: Any, so: Any, array: Any, a: Any, sa: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> None:
            is_three = builder.icmp_signed("==", args[0], ir.Constant(args[0].type, 3))
            with builder.if_else(is_three) as (then, otherwise):
                for branch, matrix in ((then, three), (otherwise, five)):
                    with branch:
                        _emit(context, builder, signature, args, matrix, add)

        return types.void(taps, out, o, so, array, a, sa), generate

    return combine


def _emit(context: Any, builder: Any, signature: Any, args: Any, matrix: Matrix, add: bool) -> None:
    """The instructions of one matrix."""
    vector = ir.VectorType(ir.FloatType(), LANES)

    def pointer(argument: int, step: int) -> Any:
        data = context.make_array(signature.args[argument])(context, builder, args[argument]).data
        start, stride = args[argument + 1], args[argument + 2]
        offset = builder.add(start, builder.mul(stride, ir.Constant(stride.type, step)))
        return builder.bitcast(builder.gep(data, [offset]), vector.as_pointer())

    inputs = [builder.load(pointer(4, j), align=4) for j in range(matrix.shape[1])]
    for i, row in enumerate(matrix.tolist()):
        target = pointer(1, i)
        total = builder.load(target, align=4) if add else None
        for weight, value in zip(row, inputs, strict=True):
            if weight == -1 and total is not None:
                total = builder.fsub(total, value, flags=("contract",))
            elif weight:
                if weight != 1:
                    value = builder.fmul(value, ir.Constant(vector, [weight] * LANES), flags=("contract",))
                total = value if total is None else builder.fadd(total, value, flags=("contract",))
        builder.store(total, target, align=4)


_A3, G3, _B3 = cook_toom(TILE, 3)
_A5, G5, _B5 = cook_toom(TILE, 5)
_input = combination(_B3, _B5)
_output = combination(_A3, _A5)
_output_transposed = combination(_A3.T, _A5.T)
_input_transposed = combination(_B3.T, _B5.T)
_add_input_transposed = combination(_B3.T, _B5.T, add=True)


@kernel
def field_to_coefficients(
    field: Array,
    first: int,
    images: int,
    size: int,
    channels: int,
    scale: Array,
    shift: Array,
    relu: bool,
    taps: int,
    padded: Array,
    small: Array,
    out: Array,
) -> None:
    """The input transform of `images` boards from number `first` on; with relu, of max(field * scale + shift, 0).

    Keeps true: the margins of `padded`, which stand for the points off the board, stay 0.
    """
    t, tiles, line = TILE + taps - 1, (size + TILE - 1) // TILE, size * channels
    width, margin, count = tiles * TILE + taps - 1, taps // 2, images * tiles * tiles
    for image in range(images):
        for y in range(size):
            source, target = ((first + image) * size + y) * line, ((y + margin) * width + margin) * channels
            row, to = field[source : source + line], padded[target : target + line]
            if relu:
                for c in range(line):
                    to[c] = max(row[c] * scale[c] + shift[c], np.float32(0))
            else:
                for c in range(line):
                    to[c] = row[c]
        for tile in range(tiles * tiles):
            corner = ((tile // tiles) * width + tile % tiles) * TILE * channels
            place = (image * tiles * tiles + tile) * channels
            for c in range(0, channels, LANES):
                for i in range(t):
                    _input(taps, small, i * t * LANES, LANES, padded, corner + i * width * channels + c, channels)
                for j in range(t):
                    to_place = j * count * channels + place + c
                    _input(taps, out, to_place, t * count * channels, small, j * LANES, t * LANES)


@kernel
def coefficients_to_field(
    coefficients: Array,
    first: int,
    images: int,
    size: int,
    channels: int,
    taps: int,
    square: Array,
    small: Array,
    field: Array,
    sums: Array,
) -> None:
    """The output transform; adds to `sums` (2, line) those of the outputs and of their squares over the rows.

    `square` is what the tiles cover, a little more than the board.
    """
    t, tiles, line = TILE + taps - 1, (size + TILE - 1) // TILE, size * channels
    width, count = tiles * TILE, images * tiles * tiles
    total, squares = np.empty(line, np.float32), np.empty(line, np.float32)
    for image in range(images):
        for tile in range(tiles * tiles):
            corner = ((tile // tiles) * width + tile % tiles) * TILE * channels
            place = (image * tiles * tiles + tile) * channels
            for c in range(0, channels, LANES):
                for i in range(t):
                    at_place = i * t * count * channels + place + c
                    _output(taps, small, i * TILE * LANES, LANES, coefficients, at_place, count * channels)
                for j in range(TILE):
                    at_corner = corner + j * channels + c
                    _output(taps, square, at_corner, width * channels, small, j * LANES, TILE * LANES)
        total[:] = 0
        squares[:] = 0
        for y in range(size):
            source, target = y * width * channels, ((first + image) * size + y) * line
            row, to = square[source : source + line], field[target : target + line]
            for c in range(line):
                value = row[c]
                to[c] = value
                total[c] += value
                squares[c] += value * value
        for c in range(line):
            sums[0, c] += total[c]
            sums[1, c] += squares[c]


@kernel
def gradient_to_coefficients(
    gradient: Array,
    field: Array,
    first: int,
    images: int,
    size: int,
    channels: int,
    scale: Array,
    shift: Array,
    weights: Array,
    taps: int,
    square: Array,
    small: Array,
    out: Array,
) -> None:
    """The output transform transposed, of the gradient with respect to a field.

    `gradient` is that of max(field * scale + shift, 0), and after a batch normalisation the field's own is
    weights[0] * gradient where that is above 0, + weights[1] * field + weights[2].
    Keeps true: what `square` holds beyond the board stays 0.
    """
    t, tiles, line = TILE + taps - 1, (size + TILE - 1) // TILE, size * channels
    width, count = tiles * TILE, images * tiles * tiles
    w0, w1, w2 = weights[0], weights[1], weights[2]
    for image in range(images):
        for y in range(size):
            source, target = ((first + image) * size + y) * line, y * width * channels
            g, f, to = gradient[source : source + line], field[source : source + line], square[target : target + line]
            for c in range(line):
                value = f[c]
                passed = g[c] if value * scale[c] + shift[c] > 0 else np.float32(0)
                to[c] = w0[c] * passed + w1[c] * value + w2[c]
        for tile in range(tiles * tiles):
            corner = ((tile // tiles) * width + tile % tiles) * TILE * channels
            place = (image * tiles * tiles + tile) * channels
            for c in range(0, channels, LANES):
                for i in range(TILE):
                    at_corner = corner + i * width * channels + c
                    _output_transposed(taps, small, i * t * LANES, LANES, square, at_corner, channels)
                for j in range(t):
                    to_place = j * count * channels + place + c
                    _output_transposed(taps, out, to_place, t * count * channels, small, j * LANES, t * LANES)


@kernel
def coefficients_to_gradient(
    coefficients: Array,
    first: int,
    images: int,
    size: int,
    channels: int,
    taps: int,
    field: Array,
    scale: Array,
    shift: Array,
    padded: Array,
    small: Array,
    gradient: Array,
    sums: Array,
) -> None:
    """The input transform transposed: the gradient of a convolution's inputs, max(field * scale + shift, 0).

    Adds to `sums` (2, line) the sums, over the boards' rows, of the gradient where those are above 0 and of its
    product with the field: what the normalisation after the field needs.
    """
    t, tiles, line = TILE + taps - 1, (size + TILE - 1) // TILE, size * channels
    width, margin, count = tiles * TILE + taps - 1, taps // 2, images * tiles * tiles
    total, products = np.empty(line, np.float32), np.empty(line, np.float32)
    for image in range(images):
        padded[: width * width * channels] = 0
        for tile in range(tiles * tiles):
            corner = ((tile // tiles) * width + tile % tiles) * TILE * channels
            place = (image * tiles * tiles + tile) * channels
            for c in range(0, channels, LANES):
                for i in range(t):
                    at_place = i * t * count * channels + place + c
                    _input_transposed(taps, small, i * t * LANES, LANES, coefficients, at_place, count * channels)
                for j in range(t):  # tiles of inputs overlap
                    at_corner = corner + j * channels + c
                    _add_input_transposed(taps, padded, at_corner, width * channels, small, j * LANES, t * LANES)
        total[:] = 0
        products[:] = 0
        for y in range(size):
            source, target = ((y + margin) * width + margin) * channels, ((first + image) * size + y) * line
            row, f, to = padded[source : source + line], field[target : target + line], gradient[target : target + line]
            for c in range(line):
                value = row[c]
                to[c] = value
                passed = value if f[c] * scale[c] + shift[c] > 0 else np.float32(0)
                total[c] += passed
                products[c] += passed * f[c]
        for c in range(line):
            sums[0, c] += total[c]
            sums[1, c] += products[c]
