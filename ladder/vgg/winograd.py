"""3×3 convolutions by Winograd's minimal filtering, for VGG16 in float32 on a CPU.

Winograd's F(m×m, 3×3) (Lavin and Gray 2015, arXiv 1509.09308) computes m×m outputs at a time, in a basis in
which convolution is multiplication number by number: (m + 2)² multiplications instead of 9 m². The sums over
channels become matrix products, which XLA computes at the speed of the processor; the changes of basis are a
few additions, which it fuses. oneDNN, TensorFlow's library for convolutions, has no such algorithm on x86.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ladder.training.runtime import keras, tf

ops = keras.ops
Tensor = keras.KerasTensor
FEWEST = 3  # channels that go in; with so few there is no matrix product to speak of
WORTH_COMPILING = (
    5_000_000  # pixels of all images together, measured with `python -m benchmarks vgg_winograd`
)


class Transforms(NamedTuple):
    """The changes of basis for tiles of m outputs on a side: y = output @ (kernel @ w · input @ x)."""

    input: np.ndarray  # [m + 2, m + 2]
    kernel: np.ndarray  # [m + 2, 3]
    output: np.ndarray  # [m, m + 2]


TRANSFORMS = {
    2: Transforms(
        input=np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]]),
        kernel=np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]]) / 2,
        output=np.array([[1, 1, 1, 0], [0, 1, -1, -1]]),
    ),
    4: Transforms(
        input=np.array(
            [
                [4, 0, -5, 0, 1, 0],
                [0, -4, -4, 1, 1, 0],
                [0, 4, -4, -1, 1, 0],
                [0, -2, -1, 2, 1, 0],
                [0, 2, -1, -2, 1, 0],
                [0, 4, 0, -5, 0, 1],
            ]
        ),
        kernel=np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24,
        output=np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]),
    ),
}


def tile_side(height: int, width: int) -> int:
    """The m with fewer multiplications; where it does not divide an image, its last tiles are part empty."""
    return min(TRANSFORMS, key=lambda m: -(-height // m) * -(-width // m) * (m + 2) ** 2)


def winograd_convolution(x: Tensor, kernel: Tensor) -> Tensor:
    """The convolution, padding "same", of x [n, height, width, in] and kernel [3, 3, in, out].

    Its gradient is written out: what follows by itself, from slices with a stride, XLA computes slowly.
    """
    height, width, channels, filters = *x.shape[1:3], *kernel.shape[2:]
    m = tile_side(height, width)
    transforms, side, down, across = TRANSFORMS[m], m + 2, -(-height // m), -(-width // m)

    @ops.custom_gradient
    def convolution(x: Tensor, kernel: Tensor) -> tuple[Tensor, object]:
        # The first axis numbers rows of the tiles' new basis, the lists number its columns.
        rows = ops.stack(_combine(transforms.input, _overlapping(x, 1, down, m)))
        columns = _combine(transforms.input, _overlapping(rows, 3, across, m))
        tiles = [ops.reshape(column, (side, -1, channels)) for column in columns]
        rows = ops.stack(_combine(transforms.kernel, [kernel[row] for row in range(3)]))
        kernels = _combine(transforms.kernel, [rows[:, column] for column in range(3)])
        products = [
            _as_tiles(ops.matmul(tile, of_tile)) for tile, of_tile in zip(tiles, kernels, strict=True)
        ]
        rows = _interleave(_combine(transforms.output, products), 3, width)
        y = _interleave(_combine(transforms.output, ops.unstack(rows)), 1, height)

        def gradient(upstream: Tensor) -> tuple[Tensor, Tensor]:
            rows = ops.stack(_combine(transforms.output.T, _side_by_side(upstream, 1, down, m)))
            columns = _combine(transforms.output.T, _side_by_side(rows, 3, across, m))
            products = [ops.reshape(column, (side, -1, filters)) for column in columns]
            of_kernels = [
                ops.matmul(_turned(tile), product) for tile, product in zip(tiles, products, strict=True)
            ]
            rows = ops.stack(_combine(transforms.kernel.T, of_kernels), axis=1)
            of_kernel = ops.stack(_combine(transforms.kernel.T, ops.unstack(rows)))
            of_tiles = [
                _as_tiles(ops.matmul(product, _turned(of_tile)))
                for product, of_tile in zip(products, kernels, strict=True)
            ]
            rows = _add_overlapping(_combine(transforms.input.T, of_tiles), 3, width)
            return _add_overlapping(_combine(transforms.input.T, ops.unstack(rows)), 1, height), of_kernel

        return y, gradient

    def _as_tiles(x: Tensor) -> Tensor:
        return ops.reshape(x, (side, -1, down, across, x.shape[-1]))

    return convolution(x, kernel)


class WinogradConv2D(keras.layers.Conv2D):
    """A `Conv2D` of 3×3, stride 1 and padding "same": same variables and, to rounding, same output."""

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        return winograd_convolution(inputs, kernel)


class HalvingPool(keras.layers.MaxPooling2D):
    """A `MaxPooling2D` of 2×2 whose gradient XLA computes quickly on a CPU."""

    def call(self, inputs: Tensor) -> Tensor:
        down, across, channels = inputs.shape[1] // 2, inputs.shape[2] // 2, inputs.shape[3]
        whole = inputs[:, : 2 * down, : 2 * across]
        return ops.max(ops.reshape(whole, (-1, down, 2, across, 2, channels)), axis=(2, 4))


def worth_compiling(model: keras.Model, images: int) -> bool:
    """Whether `accelerated` saves more time on so many images than XLA takes to compile it, some seconds."""
    _, height, width, _ = model.input_shape
    return images * height * width >= WORTH_COMPILING


def accelerated(model: keras.Model, images: int) -> keras.Model:
    """The same model, faster for so many images in float32 on a CPU: by Winograd, compiled by XLA.

    Where that is not faster (in bfloat16, on a GPU, for few images) it is `model` itself; else it has weights
    of its own. Save the other one: this one's layers are known here alone.
    """
    replaced: list[keras.Layer] = []

    def replace(layer: keras.Layer) -> keras.Layer:
        kind = type(layer)
        if layer.compute_dtype == "float32":
            if kind is keras.layers.Conv2D and layer.kernel_size == (3, 3) and layer.input.shape[-1] > FEWEST:
                kind = WinogradConv2D
                replaced.append(layer)
            if kind is keras.layers.MaxPooling2D:
                kind = HalvingPool
        return kind.from_config(layer.get_config())

    if tf.config.list_physical_devices("GPU") or not worth_compiling(model, images):
        return model
    faster = keras.models.clone_model(model, clone_function=replace, recursive=True)
    if not replaced:
        return model
    faster.set_weights(model.get_weights())
    faster.jit_compile = True
    return faster


def _combine(matrix: np.ndarray, planes: Sequence[Tensor]) -> list[Any]:
    """matrix [rows, columns] times so many planes: a plane per row. Zeros cost nothing."""
    return [
        sum(plane if factor == 1 else float(factor) * plane for factor, plane in terms if factor)
        for terms in (zip(row, planes, strict=True) for row in matrix)
    ]


def _turned(matrices: Tensor) -> Tensor:
    return ops.transpose(matrices, (0, 2, 1))


def _slice(x: Tensor, axis: int, which: slice) -> Tensor:
    return x[(slice(None),) * axis + (which,)]


def _padded(x: Tensor, axis: int, before: int, after: int) -> Tensor:
    return ops.pad(x, [(before, after) if number == axis else (0, 0) for number in range(len(x.shape))])


def _overlapping(x: Tensor, axis: int, tiles: int, m: int) -> list[Tensor]:
    """Of each of `tiles` along an axis the 1st, 2nd … pixel that its outputs depend on, zero outside."""
    x = _padded(x, axis, 1, m * tiles + 1 - x.shape[axis])
    return [_slice(x, axis, slice(first, first + m * tiles, m)) for first in range(m + 2)]


def _side_by_side(x: Tensor, axis: int, tiles: int, m: int) -> list[Tensor]:
    """Of each of `tiles` along an axis the 1st … m-th pixel; zero outside."""
    x = _padded(x, axis, 0, m * tiles - x.shape[axis])
    return [_slice(x, axis, slice(first, None, m)) for first in range(m)]


def _interleave(planes: Sequence[Tensor], axis: int, size: int) -> Tensor:
    """The inverse of `_side_by_side`, for an axis of `size`."""
    shape = [-1 if length is None else length for length in planes[0].shape]
    shape[axis] *= len(planes)
    return _slice(ops.reshape(ops.stack(planes, axis + 1), shape), axis, slice(size))


def _add_overlapping(planes: Sequence[Tensor], axis: int, size: int) -> Tensor:
    """The transpose of `_overlapping`: what belongs to the same pixel is added."""
    first, *inner, last_inner, last = planes
    before = _padded(_slice(last, axis, slice(None, -1)), axis, 1, 0)
    after = _padded(_slice(first, axis, slice(1, None)), axis, 0, 1)
    return _interleave([inner[0] + before, *inner[1:], last_inner + after], axis, size)
