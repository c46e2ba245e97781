"""A service that does as HMA does: Flask, Pillow, python-threatexchange's PDQ and its index. gunicorn runs it.

It has the two answers that are measured, in HMA's shapes, and nothing that would slow it down: no database, no check of
what is enabled, no fetching. The index is built once, before the workers are made (`--preload`). `LIST` names a file with
one hash a line; the content id is the line's number.
"""

import os
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

from flask import Flask, jsonify, request
from threatexchange.signal_type.pdq.signal import PdqSignal

lines = Path(os.environ["LIST"]).read_text().split()
index = PdqSignal.get_index_cls()((line, number) for number, line in enumerate(lines, 1))
del lines

app = Flask(__name__)


def matches(signal):
    found = index.query(PdqSignal.validate_signal_str(signal))
    banked = [{"bank_content_id": one.metadata, "distance": one.similarity_info.pretty_str()} for one in found]
    return {"LIST": banked} if banked else {}


@app.get("/status")
def status():
    return "I-AM-ALIVE"


@app.post("/h/hash")
def hash_photo():
    return jsonify(pdq=PdqSignal.hash_from_bytes(request.files["photo"].read()))


@app.get("/m/lookup")
def lookup():
    return jsonify(matches(request.args["signal"]))


@app.post("/m/lookup")
def hash_and_lookup():
    """An upload hashed and looked up, in one request."""
    hashed = PdqSignal.hash_from_bytes(request.files["photo"].read())
    return jsonify(pdq=matches(hashed) if hashed else {})
