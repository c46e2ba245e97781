"""Helpers for those who come from other packages, beside these where they are installed."""

from __future__ import annotations

import doctest
import io
import pickle
import random
from types import ModuleType

import pytest
from conftest import KNOWN, Home

import pyhashgate

numpy = pytest.importorskip("numpy")


def test_the_examples_in_the_documentation_hold(home: Home, known: list[bytes]) -> None:
    from pyhashgate import imagehash, pdqhash

    given = {"index_folder": home.index, "known_picture": known[0]}
    for module in [pyhashgate, pdqhash, imagehash]:
        done = doctest.testmod(module, extraglobs=given)
        assert done.attempted > 0 and done.failed == 0, module.__name__


def test_pdq_of_pixels_is_that_of_the_file() -> None:
    image = pytest.importorskip("PIL.Image")
    from pyhashgate import pdqhash

    for path in KNOWN:
        picture = image.open(path)
        if picture.mode != "RGB":
            continue
        pixels = numpy.asarray(picture)
        vector, quality = pdqhash.compute(pixels)
        of_file, quality_of_file = pdqhash.from_bytes(path.read_bytes())
        assert numpy.count_nonzero(vector != of_file) <= 2, path
        assert abs(quality - quality_of_file) <= 1
        assert len(pdqhash.to_hex(vector)) == 64
    with pytest.raises(ValueError):
        pdqhash.compute(numpy.zeros((4, 4, 4), dtype=numpy.uint8))
    with pytest.raises(TypeError):
        pdqhash.compute(numpy.zeros((4, 4, 3)))


def test_pdq_of_small_pictures_equals_the_package_pdqhash() -> None:
    peer = pytest.importorskip("pdqhash")
    image = pytest.importorskip("PIL.Image")
    from pyhashgate import pdqhash

    for path in KNOWN:
        picture = image.open(path).convert("RGB")
        picture.thumbnail((500, 500))
        pixels = numpy.asarray(picture)
        ours, quality = pdqhash.compute(pixels)
        theirs, their_quality = peer.compute(pixels)
        assert numpy.count_nonzero(ours != theirs) <= 4, path
        assert abs(quality - their_quality) <= 2, path


def test_hashes_equal_the_package_imagehash() -> None:
    peer = pytest.importorskip("imagehash")
    image = pytest.importorskip("PIL.Image")
    from pyhashgate import imagehash

    for path in KNOWN:
        picture = image.open(path)
        assert imagehash.average_hash(picture) == str(peer.average_hash(picture)), path
        assert imagehash.dhash(picture) == str(peer.dhash(picture)), path
        assert imagehash.phash(picture) == str(peer.phash(picture)), path


@pytest.fixture
def tx() -> ModuleType:
    pytest.importorskip("threatexchange")
    from pyhashgate import threatexchange

    return threatexchange


def near(value: bytes, bits: int, dice: random.Random) -> bytes:
    flipped = int.from_bytes(value, "big")
    for bit in dice.sample(range(256), bits):
        flipped ^= 1 << bit
    return flipped.to_bytes(32, "big")


def test_the_index_for_threatexchange_finds_what_its_own_finds(tx: ModuleType) -> None:
    pytest.importorskip("faiss")
    from threatexchange.signal_type.pdq.pdq_index import PDQIndex

    dice = random.Random(7)
    values = [dice.randbytes(32) for _ in range(3000)]
    entries = [(value.hex(), number) for number, value in enumerate(values)]
    ours, theirs = tx.PdqIndex.build(entries[:1000]), PDQIndex.build(entries)
    assert ours.query(values[5].hex())[0].metadata == 5
    ours.add_all(entries[1000:2999])
    ours.add(*entries[2999])
    assert len(ours) == 3000
    for asked in range(300):
        query = near(values[asked * 10], dice.randrange(0, 40), dice).hex()
        def told(index: object) -> list[tuple[int, int]]:
            return sorted((match.similarity_info.distance, match.metadata) for match in index.query(query))  # type: ignore[attr-defined]

        assert told(ours) == told(theirs)
    kept = io.BytesIO()
    ours.serialize(kept)
    kept.seek(0)
    again = tx.PdqIndex.deserialize(kept)
    assert [match.metadata for match in again.query(values[2999].hex())] == [2999]
    with pytest.raises(ValueError, match="invalid PDQ hash"):
        ours.add_all([(values[0].hex(), 1), ("zz", 2)])
    assert len(ours) == 3000, "all or nothing"
    damaged = pickle.dumps(ours).replace(values[0], b"")
    with pytest.raises(Exception):
        pickle.loads(damaged)


def test_the_signal_type_for_threatexchange(tx: ModuleType, known: list[bytes]) -> None:
    signal = tx.PdqSignal
    hashed = signal.hash_from_bytes(known[0])
    assert hashed == (pyhashgate.hash(known[0]).pdq or b"").hex()
    assert signal.validate_signal_str(hashed) == hashed
    assert signal.hash_from_bytes(b"no picture") == ""
    assert signal.get_name() == "pdq" and tx.HashgatePdqSignal.get_name() == "hashgate_pdq"
    assert signal.get_index_cls() is tx.PdqIndex
    assert signal.compare_hash(hashed, hashed).match
