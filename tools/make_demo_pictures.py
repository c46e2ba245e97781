#!/usr/bin/env python3
"""Makes the pictures of the demo: examples/pictures/{known,uploads} and expected.tsv.

  pip install pillow==13.0.0 pdqhash==0.2.8 numpy
  python3 tools/make_demo_pictures.py                    copies, from the originals in known/
  python3 tools/make_demo_pictures.py --originals DIR    the originals too, from the test data's photos

The same versions of Pillow and of the codecs in its wheel give the same bytes. Every copy is
checked against its original with an independent PDQ implementation: a copy that the demo promises
to flag lies within 31 bits at quality 50 or more, an innocent picture more than 60 bits from all.
"""

import argparse
import io
import sys
from pathlib import Path

import numpy
import pdqhash
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

HERE = Path(__file__).resolve().parent.parent / "examples" / "pictures"
KNOWN, UPLOADS = HERE / "known", HERE / "uploads"
LONGEST_SIDE = 640
THRESHOLD, MIN_QUALITY, INNOCENT = 31, 50, 60

# Name in known/ or uploads/: file in the test data's photos/.
ORIGINALS = {
    "butterfly.png": "dev_0405_drawing_openclipart-png.jpg",
    "cat.jpg": "dev_0461_photo_imageio.jpg",
    "christmas-tree.png": "dev_0404_drawing_openclipart-png.jpg",
    "coffee.jpg": "dev_0458_photo_python3-skimage.jpg",
    "pineapple.png": "dev_0383_drawing_openclipart-png.jpg",
    "rocket.jpg": "dev_0454_photo_python3-skimage.jpg",
}
INNOCENTS = {
    "brick-wall.jpg": "dev_0457_photo_python3-skimage.jpg",
    "grass.jpg": "dev_0453_photo_python3-skimage.jpg",
    "padlock.png": "dev_0400_drawing_openclipart-png.jpg",
    "star-field.jpg": "dev_0452_photo_python3-skimage.jpg",
    "steam-train.png": "dev_0376_drawing_openclipart-png.jpg",
}


def scaled(picture, factor):
    size = tuple(round(side * factor) for side in picture.size)
    return picture.resize(size, Image.Resampling.LANCZOS)


def caption(picture):
    picture = picture.copy()
    font = ImageFont.load_default(size=20)
    draw = ImageDraw.Draw(picture)
    draw.text((10, picture.height - 32), "look at this!", "white", font, stroke_width=2, stroke_fill="black")
    return picture


# Name in uploads/: (original, change, how it is saved).
COPIES = {
    "butterfly-half-size.png": ("butterfly.png", lambda p: scaled(p, 0.5), ("PNG", {"optimize": True})),
    "butterfly-more-contrast.webp": (
        "butterfly.png",
        lambda p: ImageEnhance.Contrast(p).enhance(1.25),
        ("WEBP", {"quality": 75, "method": 6}),
    ),
    "cat-as-webp.webp": ("cat.jpg", lambda p: p, ("WEBP", {"quality": 70, "method": 6})),
    "cat-named-jpg-but-png.jpg": ("cat.jpg", lambda p: scaled(p, 0.6), ("PNG", {"optimize": True})),
    "cat-with-caption.jpg": ("cat.jpg", caption, ("JPEG", {"quality": 85})),
    "christmas-tree-as-bmp.bmp": ("christmas-tree.png", lambda p: scaled(p, 0.25), ("BMP", {})),
    "christmas-tree-upside-down.jpg": (
        "christmas-tree.png",
        lambda p: p.transpose(Image.Transpose.ROTATE_180),
        ("JPEG", {"quality": 80}),
    ),
    "coffee-greyscale.jpg": ("coffee.jpg", ImageOps.grayscale, ("JPEG", {"quality": 80})),
    "coffee-half-size.jpg": ("coffee.jpg", lambda p: scaled(p, 0.5), ("JPEG", {"quality": 88})),
    "coffee-jpeg-quality-50.jpg": ("coffee.jpg", lambda p: p, ("JPEG", {"quality": 50})),
    "pineapple-as-gif.gif": (
        "pineapple.png",
        lambda p: p.quantize(64, dither=Image.Dither.NONE),
        ("GIF", {"optimize": True}),
    ),
    "pineapple-on-its-side.jpg": (
        "pineapple.png",
        lambda p: p.transpose(Image.Transpose.ROTATE_90),
        ("JPEG", {"quality": 80}),
    ),
    "rocket-brighter.jpg": ("rocket.jpg", lambda p: ImageEnhance.Brightness(p).enhance(1.2), ("JPEG", {"quality": 80})),
    "rocket-mirrored.jpg": ("rocket.jpg", ImageOps.mirror, ("JPEG", {"quality": 80})),
}
CUT_SHORT = "butterfly-cut-short.png"
NO_PICTURE = "not-a-picture.jpg"


def save(picture, path, form, options):
    out = io.BytesIO()
    picture.save(out, form, **options)
    path.write_bytes(out.getvalue())


def fetch(photos, name, source, folder):
    picture = Image.open(photos / source).convert("RGB")
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    if name.endswith(".png"):
        # Few colours, so that a drawing stays small.
        save(picture.quantize(64, dither=Image.Dither.NONE), folder / name, "PNG", {"optimize": True})
    else:
        quality = 60 if name in INNOCENTS else 85
        save(picture, folder / name, "JPEG", {"quality": quality})


def pixels(path):
    return numpy.asarray(Image.open(path).convert("RGB"))


def distances(path, known):
    """For each known picture, the least distance of the eight turns of this one; and its quality."""
    bits, quality = pdqhash.compute_dihedral(pixels(path))
    return {name: int(min((b != k).sum() for b in bits)) for name, k in known.items()}, int(quality)


def check():
    known = {}
    for name in ORIGINALS:
        known[name], quality = pdqhash.compute(pixels(KNOWN / name))
        assert quality >= MIN_QUALITY, f"{name}: quality {quality}"
    for name, (original, _, _) in COPIES.items():
        found, quality = distances(UPLOADS / name, known)
        nearest = min(found, key=found.get)
        print(f"{name:34} {found[nearest]:3} bits from {nearest}, quality {quality}")
        assert nearest == original and found[nearest] <= THRESHOLD and quality >= MIN_QUALITY, name
        others = [d for other, d in found.items() if other != original]
        assert min(others) > INNOCENT, f"{name}: {found}"
    for name in INNOCENTS:
        found, quality = distances(UPLOADS / name, known)
        print(f"{name:34} {min(found.values()):3} bits from the nearest, quality {quality}")
        assert min(found.values()) > INNOCENT and quality >= MIN_QUALITY, name


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--originals", type=Path, metavar="DIR", help="the test data's photos folder")
    photos = arguments.parse_args().originals
    KNOWN.mkdir(parents=True, exist_ok=True)
    UPLOADS.mkdir(parents=True, exist_ok=True)
    if photos:
        for name, source in ORIGINALS.items():
            fetch(photos, name, source, KNOWN)
        for name, source in INNOCENTS.items():
            fetch(photos, name, source, UPLOADS)
    for name, (original, change, (form, options)) in COPIES.items():
        picture = Image.open(KNOWN / original).convert("RGB")
        save(change(picture), UPLOADS / name, form, options)
    whole = (KNOWN / "butterfly.png").read_bytes()
    (UPLOADS / CUT_SHORT).write_bytes(whole[: len(whole) * 2 // 5])
    (UPLOADS / NO_PICTURE).write_text("A line of text in a file that calls itself a picture.\n")

    rows = [(name, "match", original) for name, (original, _, _) in COPIES.items()]
    rows += [(name, "no_match", "-") for name in INNOCENTS]
    rows += [(CUT_SHORT, "not_judged", "-"), (NO_PICTURE, "not_judged", "-")]
    lines = ["upload\texpected\toriginal"] + ["\t".join(row) for row in sorted(rows)]
    (HERE / "expected.tsv").write_text("\n".join(lines) + "\n")
    check()
    files = [path for path in HERE.rglob("*") if path.is_file()]
    print(f"{len(files)} files, {sum(path.stat().st_size for path in files)} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
