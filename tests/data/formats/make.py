#!/usr/bin/env python3
"""Makes the files of this folder: `python3 make.py`, with the programs and packages that README.md names.

Each shows a picture of examples/pictures/known, scaled to 256 x 192 pixels, or a part of one.
"""

import pathlib
import struct
import subprocess
import tempfile

import pillow_heif
import pillow_jxl  # noqa: F401  (registers the format)
from PIL import Image

HERE = pathlib.Path(__file__).parent
KNOWN = HERE / "../../../examples/pictures/known"
SIZE = (256, 192)

pillow_heif.register_heif_opener()


def source(name):
    return Image.open(KNOWN / name).convert("RGB").resize(SIZE, Image.Resampling.LANCZOS)


def run(*command):
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)


def ramp():
    """Alpha that falls from left to right."""
    row = bytes(255 - x * 200 // (SIZE[0] - 1) for x in range(SIZE[0]))
    return Image.frombytes("L", SIZE, row * SIZE[1])


def profile(power):
    """An ICC profile of sRGB's primaries whose light is the stored value to this power."""

    def fixed(*values):
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    def xyz(*values):
        return b"XYZ \0\0\0\0" + fixed(*values)

    curve = b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(power * 256), 0)
    parts = {
        b"desc": b"desc\0\0\0\0\0\0\0\x02x\0" + bytes(80),
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": xyz(0.4360, 0.2225, 0.0139),
        b"gXYZ": xyz(0.3851, 0.7169, 0.0971),
        b"bXYZ": xyz(0.1431, 0.0606, 0.7141),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, data = struct.pack(">I", len(parts)), b""
    for name, part in parts.items():
        table += name + struct.pack(">II", 128 + 4 + 12 * len(parts) + len(data), len(part))
        data += part + bytes(-len(part) % 4)
    head = struct.pack(">I4xI", 128 + len(table) + len(data), 0x02100000) + b"mntrRGB XYZ "
    head += bytes(12) + b"acsp" + bytes(28) + fixed(0.9642, 1.0, 0.8249)
    return head.ljust(128, b"\0") + table + data


def main():
    rocket, cat, coffee = source("rocket.jpg"), source("cat.jpg"), source("coffee.jpg")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)

        def png(name, image):
            path = folder / f"{name}.png"
            image.save(path)
            return path

        whole = png("whole", rocket)
        # JPEG XL.
        run("cjxl", whole, HERE / "rocket.jxl", "-q", "80", "-e", "7")
        run("cjxl", whole, HERE / "rocket-container.jxl", "-q", "70", "-e", "7", "--container=1")
        small = png("small", rocket.resize((64, 48)))
        run("cjxl", small, HERE / "rocket-lossless.jxl", "-d", "0", "-e", "7")
        grey = png("grey", rocket.convert("L"))
        run("cjxl", grey, HERE / "rocket-grey.jxl", "-q", "80")
        run("cjxl", grey, HERE / "rocket-linear.jxl", "-q", "93", "-x", "color_space=Gra_D65_Rel_Lin")
        clear = rocket.copy()
        clear.putalpha(ramp())
        run("cjxl", png("clear", clear), HERE / "rocket-alpha.jxl", "-q", "70")
        turned = folder / "turned.jpg"
        exif = Image.Exif()
        exif[0x0112] = 6
        rocket.save(turned, quality=70, exif=exif)
        run("cjxl", turned, HERE / "rocket-turned.jxl", "--lossless_jpeg=1")
        (folder / "icc").write_bytes(profile(4))
        plain = folder / "plain.ppm"
        rocket.resize((128, 96)).save(plain)
        run("cjxl", plain, HERE / "rocket-profile.jxl", "-d", "0", "-m", "1", "-e", "9", "-x", f"icc_pathname={folder / 'icc'}")
        run("cjxl", plain, HERE / "rocket-power.jxl", "-d", "1", "-e", "7", "-x", "color_space=RGB_D65_SRG_Per_g0.25")
        moving = folder / "moving.png"
        frames = [image.resize((128, 96)) for image in (rocket, cat, coffee)]
        frames[0].save(moving, save_all=True, append_images=frames[1:], duration=100)
        run("cjxl", moving, HERE / "moving.jxl", "-q", "75")
        # AV1 and HEVC: the whole picture, its quarters, an alpha plane. The tests put them together.
        run("avifenc", "-y", "420", "--min", "8", "--max", "12", whole, HERE / "rocket.avif")
        run("avifenc", "-y", "444", "-d", "10", "--min", "8", "--max", "12", whole, HERE / "rocket-10.avif")
        run("avifenc", "-y", "422", "-d", "12", "-r", "limited", "--cicp", "1/13/1", "--min", "8", "--max", "12", whole, HERE / "rocket-12.avif")
        run("avifenc", "-l", small, HERE / "rocket-lossless.avif")
        run("avifenc", "-y", "420", "--min", "30", "--max", "40", png("clear", clear), HERE / "rocket-alpha.avif")
        run("avifenc", "-y", "420", "--min", "8", "--max", "12", "-g", "2x2", whole, HERE / "rocket-grid.avif")
        run("avifenc", "-y", "400", "--min", "8", "--max", "12", grey, HERE / "rocket-grey.avif")
        paths = [png(f"frame{i}", frame) for i, frame in enumerate(frames)]
        run("avifenc", "-y", "420", "--min", "18", "--max", "22", *paths, HERE / "moving.avifs")
        run("heif-enc", "-q", "70", whole, "-o", HERE / "rocket.heic")
        run("heif-enc", "-q", "70", "-p", "chroma=444", "--matrix_coefficients=1", "--full_range_flag=0", whole, "-o", HERE / "rocket-444.heic")
        run("heif-enc", "-q", "70", png("clear", clear), "-o", HERE / "rocket-alpha.heic")
        for number in range(4):
            left, top = number % 2 * 128, number // 2 * 96
            part = png(f"part{number}", rocket.crop((left, top, left + 128, top + 96)))
            run("heif-enc", "-q", "70", part, "-o", HERE / f"rocket-{number}.heic")
            run("avifenc", "-y", "420", "--min", "8", "--max", "12", part, HERE / f"rocket-{number}.avif")
        alpha = png("alpha", ramp())
        run("avifenc", "-y", "400", "--min", "20", "--max", "30", alpha, HERE / "alpha.avif")


if __name__ == "__main__":
    main()
