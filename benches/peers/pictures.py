"""What Pillow and hashgate make of the same pictures: does each read the file, and is it the same picture?

Every file below a folder is opened by Pillow and hashed by `pdqhash` (Meta's PDQ in a Python wheel), as stored and as
displayed. `hashgate hash` hashes it too. Where the two are more than 10 bits apart, at a quality of 50 or better,
`hashgate scan` says whether another form that it asks about (turned, over black, by the file's profile, a further frame)
is within 10 bits. What is left are differences, and so is every file that only one of both reads. Of a flat drawing many
bits of a hash hang on how sums are rounded: where `hashgate` gives Pillow's own pixels the hash that it gives the file,
the picture is the same, and the difference is one of `rounding`.

Differences that are known stand in a list, each with its reason. One that is not listed, or a listed one that is no more,
makes the exit code 1.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy
import pdqhash
from PIL import Image, ImageOps

NEAR = 10
MIN_QUALITY = 50
FORMS = "displayed,over_black,alpha_ignored,colour_managed,frames"


def rgb(image):
    """The pixels as programs take them that hash: three bytes, alpha dropped, 16 bits brought to 8."""
    if image.mode.startswith("I;16") or image.mode == "I":
        upper = numpy.asarray(image).astype(numpy.int64) >> 8
        image = Image.fromarray(upper.clip(0, 255).astype(numpy.uint8))
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("RGB")


def over_white(image):
    if image.mode not in ("RGBA", "LA", "PA", "La", "RGBa") and "transparency" not in image.info:
        return None
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, image).convert("RGB")


def forms(image):
    """What programs hash, and what is shown."""
    all_of_them = [rgb(image), rgb(ImageOps.exif_transpose(image)), over_white(image)]
    return [form for form in all_of_them if form is not None]


def hashed(image):
    vector, quality = pdqhash.compute(numpy.asarray(image))
    return numpy.packbits(vector).tobytes().hex(), int(quality)


def by_pillow(path):
    """The format, and the forms with their hashes and qualities; no format where Pillow does not read it, and why."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                image.load()
                return image.format, [(form, *hashed(form)) for form in forms(image)]
    except Exception as error:  # Pillow raises many kinds
        return None, f"{type(error).__name__}: {error}"


def distance(one, other):
    return (int(one, 16) ^ int(other, 16)).bit_count()


class Hashgate:
    def __init__(self, program):
        self.program = program

    def lines(self, *arguments):
        ran = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True, check=False)
        if ran.returncode not in (0, 1, 2):
            sys.exit(f"pictures: hashgate ended with {ran.returncode}: {ran.stderr[-500:]}")
        return [json.loads(line) for line in ran.stdout.splitlines()]

    def hashes(self, folder):
        return {line["path"]: line for line in self.lines("hash", "--format", "jsonl", folder)}

    def hash_of(self, image):
        """The hash of these pixels."""
        with tempfile.NamedTemporaryFile(suffix=".ppm") as file:
            image.save(file, "PPM")
            file.flush()
            return self.lines("hash", "--format", "jsonl", file.name)[0]["signals"]["pdq"]

    def is_met(self, path, wanted):
        """Whether any form of the file is within NEAR bits of a hash."""
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
            file.write(f"hash\n{wanted}\n")
            file.flush()
            lines = self.lines(
                "scan", path, "--list", file.name, "--threshold", NEAR, "--min-quality", 0,
                "--variants", FORMS, "--mode", "exact", "--format", "jsonl", "--verified-action", "off",
            )  # fmt: skip
        return any(line.get("matches") for line in lines)


def compare(hashgate, folder):
    """The differences: path below the folder, what, in which words. And how many files are alike."""
    ours = hashgate.hashes(folder)
    differences, alike, plain, neither = [], 0, 0, 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        kind, theirs = by_pillow(path)
        line = ours.get(str(path))
        if line is None:
            sys.exit(f"pictures: hashgate says nothing of {path}")
        is_read = line["outcome"] == "hashed" or "pdq" in line["signals"]
        if kind is None and not is_read:
            neither += 1
        elif kind is None:
            differences.append((name, "hashgate_only", theirs))
        elif not is_read:
            differences.append((name, "pillow_only", f"{kind}: {line['outcome']}: {line.get('error', '')}"))
        elif max(quality for _, _, quality in theirs) < MIN_QUALITY:
            plain += 1
        else:
            good = [(form, wanted) for form, wanted, quality in theirs if quality >= MIN_QUALITY]
            stored = min(distance(line["signals"]["pdq"], wanted) for _, wanted in good)
            if stored <= NEAR or any(hashgate.is_met(path, wanted) for _, wanted in good):
                alike += 1
            elif any(hashgate.is_met(path, hashgate.hash_of(form)) for form, _ in good):
                differences.append((name, "rounding", f"{kind}: {stored} bits"))
            else:
                differences.append((name, "differs", f"{kind}: {stored} bits"))
    return differences, alike, plain, neither


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hashgate", default="target/release/hashgate", help="the program")
    parser.add_argument("--listed", type=Path, help="differences that are known: file, what, reason")
    arguments = parser.parse_args()
    listed = {}
    if arguments.listed:
        with arguments.listed.open(newline="") as file:
            listed = {(row["file"], row["what"]): row["reason"] for row in csv.DictReader(file, delimiter="\t")}
    differences, alike, plain, neither = compare(Hashgate(arguments.hashgate), arguments.folder)
    new = [one for one in differences if one[:2] not in listed]
    gone = listed.keys() - {one[:2] for one in differences}
    for name, what, words in new:
        print(f"{name}\t{what}\t{words}")
    for name, what in sorted(gone):
        print(f"{name}\t{what}\tis listed, and is no difference any more")
    print(
        f"{alike} alike, {plain} too plain to tell, {neither} that neither reads, "
        f"{len(differences)} differences, {len(new)} of them not listed",
        file=sys.stderr,
    )
    sys.exit(1 if new or gone else 0)


if __name__ == "__main__":
    main()
