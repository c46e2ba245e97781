"""PDQ hashes of pixels as arrays, in the shape that callers of the package ``pdqhash`` know. Needs numpy.

>>> import numpy
>>> from pyhashgate import pdqhash
>>> ramp = numpy.tile(numpy.arange(256, dtype=numpy.uint8), (256, 1))
>>> vector, quality = pdqhash.compute(numpy.stack([ramp] * 3, axis=-1))
>>> vector.shape, vector.dtype
((256,), dtype('uint8'))
"""

from __future__ import annotations

import numpy
import numpy.typing

from . import _native

__all__ = ["compute", "from_bytes", "to_hex"]

_Pixels = numpy.typing.NDArray[numpy.uint8]


def compute(image: _Pixels) -> tuple[_Pixels, int]:
    """The 256 bits of a picture's PDQ hash, each 0 or 1, and its quality, 0 to 100.

    The picture is an array of bytes of the shape (height, width, 3), red, green, blue, or (height, width) of grey. All its
    pixels count: unlike pdqhash, a large picture is not made smaller before, so of one that is larger than 512 pixels the two may
    differ by some bits.
    """
    pixels = numpy.ascontiguousarray(image)
    if pixels.dtype != numpy.uint8:
        raise TypeError(f"pixels are uint8, and not {pixels.dtype}: convert them")
    if pixels.ndim == 2:
        pixels = numpy.stack([pixels] * 3, axis=-1)
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f"an array of the shape (height, width, 3) or (height, width), and not {image.shape}")
    height, width, _ = pixels.shape
    value, quality = _native.hash_pixels(width, height, pixels.tobytes())
    return numpy.unpackbits(numpy.frombuffer(value, dtype=numpy.uint8)), quality


def to_hex(vector: _Pixels) -> str:
    """The 64 hexadecimal digits of 256 bits, as lists of hashes have them."""
    return numpy.packbits(vector).tobytes().hex()


def from_bytes(data: bytes) -> tuple[_Pixels, int]:
    """As `compute`, of the bytes of a file. Raises `NotJudgedError` where that is no picture."""
    hashes = _native.hash(data)
    value = hashes.pdq or b""
    return numpy.unpackbits(numpy.frombuffer(value, dtype=numpy.uint8)), hashes.quality or 0
