"""Changed copies of pictures, made by another program than hashgate: Pillow, with other scalers, coders, fonts, places,
texts and colours than the harness has. `hashgate derive --copies-from DIR` makes rows of scores from them.

  benches/robustness/copies --corpus DIR --to DIR [--manifest FILE] [--each N] [--seed N]

Each picture gets the same number of changes, chosen and drawn by the seed and the SHA-256 of its file. So the same
pictures and the same versions of Pillow give the same copies. Pictures of the test split get theirs too: what chooses a
limit is decided where limits are derived. `copies.tsv` in the folder says what each file is. No copy is to be committed.
"""

import argparse
import hashlib
import io
import random
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

LONGEST = 1024
WORDS = (
    "nobody told me about this / when the meeting could have been an email / still waiting / day 14 of asking / "
    "look at him go / this aged well / me, an intellectual / source: trust me / part 2 tomorrow / shared 4,210 times"
).split(" / ")


def colour(draw):
    return tuple(draw.randrange(256) for _ in range(3))


def font(height):
    return ImageFont.load_default(size=max(height, 8))


def crop(image, left, top, right, bottom):
    width, height = image.size
    box = (width * left, height * top, width * (1 - right), height * (1 - bottom))
    return image.crop(tuple(round(edge) for edge in box))


def crop_anywhere(image, draw, share):
    across, down = draw.random() * share, draw.random() * share
    return crop(image, across, down, share - across, share - down)


def turned(image, draw, degrees):
    return image.rotate(degrees, resample=Image.Resampling.BICUBIC, expand=draw.random() < 0.5, fillcolor=colour(draw))


def caption(image, draw, share, above):
    width, height = image.size
    bar = max(round(height * share), 12)
    whole = Image.new("RGB", (width, height + bar), colour(draw))
    whole.paste(image, (0, bar if above else 0))
    at = (width // 20, (0 if above else height) + bar // 4)
    ImageDraw.Draw(whole).text(at, draw.choice(WORDS), font=font(bar // 2), fill=colour(draw))
    return whole


def written_over(image, draw):
    width, height = image.size
    copy = image.copy()
    size = max(height // draw.choice((7, 10, 14)), 10)
    place = (draw.randrange(max(width // 3, 1)), draw.randrange(max(height - size, 1)))
    ImageDraw.Draw(copy).text(
        place, draw.choice(WORDS), font=font(size), fill=colour(draw), stroke_width=max(size // 14, 1),
        stroke_fill=colour(draw),
    )
    return copy


def sticker(image, draw, share):
    width, height = image.size
    side = round(min(width, height) * share)
    x, y = draw.randrange(max(width - side, 1)), draw.randrange(max(height - side, 1))
    copy = image.copy()
    pen = ImageDraw.Draw(copy)
    shape = draw.choice((pen.ellipse, pen.rectangle, lambda box, **how: pen.rounded_rectangle(box, side // 4, **how)))
    shape((x, y, x + side, y + side), fill=colour(draw), outline=colour(draw), width=max(side // 20, 1))
    return copy


def framed(image, draw, share):
    border = max(round(min(image.size) * share), 1)
    return ImageOps.expand(image, border=(border, border // 2, border, border), fill=colour(draw))


def on_a_screen(image, draw):
    width, height = 720, 1280
    screen = Image.new("RGB", (width, height), draw.choice(((18, 18, 20), (250, 250, 250), (232, 238, 244))))
    shown = ImageOps.contain(image, (width - draw.choice((0, 24, 60)), height * 6 // 10))
    top = draw.randrange(140, height - shown.height - 100)
    screen.paste(shown, ((width - shown.width) // 2, top))
    pen = ImageDraw.Draw(screen)
    ink = colour(draw)
    pen.ellipse((24, 60, 88, 124), fill=ink)
    pen.text((104, 72), draw.choice(WORDS)[:24], font=font(32), fill=ink)
    for number in range(4):
        pen.rounded_rectangle((40 + 170 * number, height - 80, 150 + 170 * number, height - 40), 12, outline=ink, width=3)
    return screen


def tilted(image, draw):
    width, height = image.size
    by = 0.05 * draw.choice((-1, 1))
    corners = (0, 0, 0, height, width, height * (1 - abs(by)), width, height * abs(by))
    if by < 0:
        corners = (0, height * abs(by), 0, height * (1 - abs(by)), width, height, width, 0)
    return image.transform(image.size, Image.Transform.QUAD, corners, resample=Image.Resampling.BICUBIC)


def toned(image, draw):
    image = ImageEnhance.Color(image).enhance(draw.choice((0.3, 1.8)))
    image = ImageEnhance.Brightness(image).enhance(draw.choice((0.75, 1.25)))
    return ImageEnhance.Contrast(image).enhance(draw.choice((0.8, 1.3)))


def scaled(image, share, how):
    return image.resize(tuple(max(round(side * share), 1) for side in image.size), how)


CHANGES = {
    "crop_anywhere_8": lambda image, draw: crop_anywhere(image, draw, 0.08),
    "crop_anywhere_15": lambda image, draw: crop_anywhere(image, draw, 0.15),
    "crop_anywhere_25": lambda image, draw: crop_anywhere(image, draw, 0.25),
    "cut_one_side_12": lambda image, draw: ImageOps.mirror(crop(image, 0.12, 0, 0, 0)),
    "turned_3": lambda image, draw: turned(image, draw, 3.3),
    "turned_minus_6": lambda image, draw: turned(image, draw, -6.1),
    "quarter": lambda image, draw: image.transpose(Image.Transpose.ROTATE_90),
    "mirror": lambda image, draw: ImageOps.mirror(image),
    "caption_above_18": lambda image, draw: caption(image, draw, 0.18, True),
    "caption_below_11": lambda image, draw: caption(image, draw, 0.11, False),
    "written_over": written_over,
    "sticker_22": lambda image, draw: sticker(image, draw, 0.22),
    "sticker_33": lambda image, draw: sticker(image, draw, 0.33),
    "framed_6": lambda image, draw: framed(image, draw, 0.06),
    "on_a_screen": on_a_screen,
    "tilted": tilted,
    "toned": toned,
    "lanczos_35": lambda image, draw: scaled(image, 0.35, Image.Resampling.LANCZOS),
    "box_60": lambda image, draw: scaled(image, 0.6, Image.Resampling.BOX),
    "blurred": lambda image, draw: image.filter(ImageFilter.GaussianBlur(min(image.size) / 110)),
    "posterised": lambda image, draw: ImageOps.posterize(image, 3),
    "sticker_and_crop": lambda image, draw: crop_anywhere(sticker(image, draw, 0.2), draw, 0.1),
    "caption_then_mirror": lambda image, draw: ImageOps.mirror(caption(image, draw, 0.14, True)),
    "framed_and_toned": lambda image, draw: toned(framed(image, draw, 0.09), draw),
}


def encoded(image, draw):
    """The bytes, and the end of the name: lossy WebP and subsampled, progressive JPEGs are what the harness has not."""
    out = io.BytesIO()
    kind = draw.choice(("jpg", "jpg", "webp", "png"))
    if kind == "jpg":
        image.save(out, "JPEG", quality=draw.randrange(45, 93), subsampling=draw.choice((0, 1, 2)), progressive=draw.random() < 0.5)
    elif kind == "webp":
        image.save(out, "WEBP", quality=draw.randrange(40, 90), method=2)
    else:
        image.save(out, "PNG")
    return out.getvalue(), kind


def listed(corpus, manifest):
    """The pictures by their names: those of the manifest, or all files."""
    if manifest is None:
        return sorted(path.relative_to(corpus).as_posix() for path in corpus.rglob("*") if path.is_file())
    rows = manifest.read_text().splitlines()
    place = rows[0].split("\t").index("path")
    return [row.split("\t")[place] for row in rows[1:]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True, help="folder of the pictures")
    parser.add_argument("--manifest", type=Path, help="only the pictures that it names")
    parser.add_argument("--to", type=Path, required=True, help="folder for the copies; it must not be there yet")
    parser.add_argument("--each", type=int, default=6, help="copies of each picture")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.to.mkdir(parents=True)
    rows, left_out = ["file\tpicture\tchange"], 0
    for number, name in enumerate(listed(args.corpus, args.manifest)):
        data = (args.corpus / name).read_bytes()
        try:
            with Image.open(io.BytesIO(data)) as opened:
                image = opened.convert("RGB")
        except Exception as error:  # Pillow raises many kinds
            print(f"left out: {name}: {error}", file=sys.stderr)
            left_out += 1
            continue
        image.thumbnail((LONGEST, LONGEST))
        if min(image.size) < 64:
            left_out += 1
            continue
        digest = hashlib.sha256(data).hexdigest()
        choice = random.Random(f"{args.seed} {digest}")
        for change in choice.sample(sorted(CHANGES), min(args.each, len(CHANGES))):
            draw = random.Random(f"{args.seed} {digest} {change}")
            copy, kind = encoded(CHANGES[change](image, draw).convert("RGB"), draw)
            file = f"{number:05}_{change}.{kind}"
            (args.to / file).write_bytes(copy)
            rows.append(f"{file}\t{name}\t{change}")
    (args.to / "copies.tsv").write_text("\n".join(rows) + "\n")
    print(f"{len(rows) - 1} copies; {left_out} files were left out")


if __name__ == "__main__":
    main()
