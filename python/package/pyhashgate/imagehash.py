"""64-bit hashes in the hexadecimal text that the package ``imagehash`` gives, of Pillow's pictures or of arrays.

>>> import numpy
>>> from pyhashgate import imagehash
>>> ramp = numpy.tile(numpy.arange(256, dtype=numpy.uint8), (256, 1))
>>> imagehash.average_hash(numpy.stack([ramp] * 3, axis=-1))
'0f0f0f0f0f0f0f0f'
"""

from __future__ import annotations

from typing import Any

from . import _native

__all__ = ["average_hash", "dhash", "phash"]


def _hashed(image: Any, kind: str) -> str:
    if hasattr(image, "convert") and hasattr(image, "tobytes"):
        picture = image.convert("RGB")
        return _native.image_hash(picture.width, picture.height, picture.tobytes(), kind)
    if getattr(image, "ndim", None) != 3 or image.shape[2] != 3 or str(image.dtype) != "uint8":
        raise TypeError("give a picture of Pillow's, or an array of bytes of the shape (height, width, 3)")
    height, width, _ = image.shape
    return _native.image_hash(width, height, image.tobytes(), kind)


def average_hash(image: Any) -> str:
    """As `imagehash.average_hash`: 16 hexadecimal digits."""
    return _hashed(image, "ahash")


def dhash(image: Any) -> str:
    """As `imagehash.dhash`: 16 hexadecimal digits."""
    return _hashed(image, "dhash")


def phash(image: Any) -> str:
    """As `imagehash.phash`: 16 hexadecimal digits. Where a coefficient is the median itself (a flat picture, one that is
    its own mirror image), a bit may differ: it is rounding there and here."""
    return _hashed(image, "phash")
