"""The operations of towers.py in JAX. Maps are [N, height, width, channels], texts [N, length, channels].

Convolutions are matrix products of shifted copies: on processors XLA runs their gradients much
faster than those of its own convolutions.
"""

import jax
import jax.numpy as jnp


class Jax:
    channel, space, text_axis = 3, (1, 2), 1

    sqrt, relu = staticmethod(jnp.sqrt), staticmethod(jax.nn.relu)

    @staticmethod
    def mean(x, axes):
        return x.mean(axes, keepdims=True)

    @staticmethod
    def sum(x, axes):
        return x.sum(axes, keepdims=True)

    @staticmethod
    def max(x, axes):
        return x.max(axes, keepdims=True)

    @staticmethod
    def at_least(x, least):
        return jnp.maximum(x, least)

    @staticmethod
    def concat(parts):
        return jnp.concatenate(parts, axis=1)

    @staticmethod
    def join(maps):
        return jnp.concatenate(maps, axis=3)

    @staticmethod
    def flat(x):
        return x.reshape(len(x), -1)

    @staticmethod
    def softmax(x):
        return jax.nn.softmax(x, axis=-1)

    @staticmethod
    def linear(x, part):
        weight, bias = (jnp.asarray(part[name], jnp.float32) for name in ("weight", "bias"))
        return x @ weight + bias

    pointwise = linear

    @staticmethod
    def conv(x, part, side, stride, pad):
        """Kernels `side` wide, a multiple of the stride."""
        x = jnp.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        count, height, width, channels = x.shape
        rows, columns, times = height // stride, width // stride, side // stride
        x = x.reshape(count, rows, stride, columns, stride, channels).transpose(0, 1, 3, 2, 4, 5)
        x = x.reshape(count, rows, columns, -1)
        last_row, last_column = rows - times + 1, columns - times + 1
        shifted = [x[:, i : i + last_row, j : j + last_column] for i in range(times) for j in range(times)]
        return Jax.linear(jnp.concatenate(shifted, axis=-1), part)

    @staticmethod
    def depthwise(x, kernel):
        """3x3, zeros around."""
        height, width = x.shape[1:3]
        wide = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        return sum(
            wide[:, i : i + height, j : j + width] * kernel[3 * i + j] for i in range(3) for j in range(3)
        )

    @staticmethod
    def shrunk(x, times):
        count, height, width, channels = x.shape
        x = x.reshape(count, height // times, times, width // times, times, channels)
        return x.mean((2, 4))

    @staticmethod
    def grid(x):
        """All of a map as one row: rows, columns, channels."""
        return x.reshape(len(x), -1)

    @staticmethod
    def map_constant(values):
        return values[None, :, :, None]

    @staticmethod
    def channel_constant(values):
        return jnp.array(values, jnp.float32)

    @staticmethod
    def text_mask(mask):
        return mask[:, :, None]

    @staticmethod
    def lookup(table, ids):
        return table[ids]

    @staticmethod
    def conv_text(x, part, reach):
        length, side = x.shape[1], reach // 2
        wide = jnp.pad(x, ((0, 0), (side, side), (0, 0)))
        return Jax.linear(jnp.concatenate([wide[:, i : i + length] for i in range(reach)], axis=-1), part)
