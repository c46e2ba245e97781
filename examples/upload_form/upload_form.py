#!/usr/bin/env python3
"""An upload form that asks `hashgate serve` about each file before it is stored. Standard library alone.

    hashgate serve --index home/index &
    python3 examples/upload_form/upload_form.py --node http://127.0.0.1:8710 --folder kept

What may pass is stored in `kept/shared`, where everybody sees it. What a person must look at, or what could not be
judged, goes to `kept/held`, which is never served. What is known is in memory alone, and forgotten. Where the node
does not answer, the uploader is asked to come back, and nothing is kept.

A node that asks for a key gets the one in the environment variable HASHGATE_KEY.
"""

import argparse
import email.parser
import email.policy
import html
import http.client
import json
import os
import re
import secrets
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).parent
TEXTS = json.loads((HERE / "texts.json").read_text(encoding="utf-8"))
PAGE = (HERE / "page.html").read_text(encoding="utf-8")
STYLE = (HERE / "style.css").read_bytes()
# As `hashgate report text` prints it; with `--country CC` it names that country's places.
STOPPED = {lang: (HERE / f"stopped.{lang}.txt").read_text(encoding="utf-8") for lang in TEXTS}

MOST = 20 << 20  # bytes of one file
FORM = 1 << 16  # bytes of what is around it
SHOWN = 12  # pictures on the first page
STATUS = {"shared": 201, "held": 202, "stopped": 403, "later": 503, "too_large": 413, "no_file": 400}
# What browsers show as a picture, by the first bytes: never what the uploader says.
KINDS = [
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
]


def ask(node, key, number, picture):
    """What to do with a picture: `shared`, `held`, `stopped` or `later`."""
    headers = {"Content-Type": "application/octet-stream", "X-Request-Id": number}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    connection = http.client.HTTPConnection(node.hostname, node.port, timeout=30)
    try:
        connection.request("POST", "/v1/check", picture, headers)
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return "later"
    finally:
        connection.close()
    action = answer.headers.get("Hashgate-Action")
    if answer.status == 200:
        # Whatever is not in this list is for a person.
        return {"none": "shared", "report": "shared", "allow": "shared", "block": "stopped"}.get(action, "held")
    # 422: it could not be judged, and will not be the next time either.
    return "held" if answer.status == 422 else "later"


def store(folder, number, picture):
    """Writes a file, closed to other users, and gives it its name once it is whole."""
    part = folder / f".{number}"
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(picture)
    part.rename(folder / number)


def paragraphs(text):
    """A plain text as HTML: lines that begin with `- ` as a list, addresses as links."""
    out = ""
    for block in text.strip().split("\n\n"):
        words, items = [], []
        for line in block.split("\n"):
            if not line.startswith("- "):
                if items:
                    out += f"<p>{' '.join(words)}</p>\n<ul>{''.join(items)}</ul>\n"
                    words, items = [], []
                words.append(html.escape(line))
                continue
            name, _, address = line[2:].partition(": ")
            address = html.escape(address)
            items.append(f'<li><bdi>{html.escape(name)}</bdi>: <a href="{address}"><bdi>{address}</bdi></a></li>')
        out += f"<p>{' '.join(words)}</p>\n"
        if items:
            out += f"<ul>{''.join(items)}</ul>\n"
    return out


def page(lang, answer, heading, main):
    other = "en" if lang == "ur" else "ur"
    texts = TEXTS[lang]
    values = {
        "lang": lang,
        "dir": texts["dir"],
        "other": other,
        "other_name": TEXTS[other]["name"],
        "title": html.escape(texts["title"]),
        "answer": answer,
        "heading": html.escape(heading),
        "main": main,
    }
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], PAGE).encode()


def first_page(lang, shared):
    texts = TEXTS[lang]
    main = (
        f"<p>{html.escape(texts['explained'])}</p>\n"
        f'<form method="post" action="/upload?lang={lang}" enctype="multipart/form-data">\n'
        f'<label for="picture">{html.escape(texts["picture"])}</label>\n'
        f'<input type="file" id="picture" name="picture" required>\n'
        f'<div><button id="send">{html.escape(texts["send"])}</button></div>\n'
        f"</form>\n"
    )
    if shared:
        images = "".join(f'<img src="/shared/{name}" alt="">' for name in shared)
        main += f'<h2>{html.escape(texts["all"])}</h2>\n<div class="all">{images}</div>\n'
    return page(lang, "form", texts["title"], main)


def answer_page(lang, answer, number):
    texts = TEXTS[lang]
    if answer == "stopped":
        heading, _, rest = STOPPED[lang].partition("\n")
        main = paragraphs(rest)
    else:
        heading = texts[answer]
        main = f"<p>{html.escape(texts[answer + '_why'])}</p>\n" if answer != "shared" else ""
    if answer == "shared":
        main += f'<p><img src="/shared/{number}" alt=""></p>\n'
    if answer in ("held", "stopped"):
        main += f"<p>{html.escape(texts['number'])} <code>{number}</code></p>\n"
    main += f'<p><a href="/?lang={lang}">{html.escape(texts["again"])}</a></p>\n'
    return page(lang, answer, heading, main)


def language(path, headers):
    """What the address asks for, else the first language of the browser's that there is, else English."""
    asked = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query).get("lang", [])
    accepted = [word.strip()[:2].lower() for word in headers.get("Accept-Language", "").split(",")]
    return next((lang for lang in asked + accepted if lang in TEXTS), "en")


def the_file(kind, body):
    """The bytes of the form's one file; None where it has none, or several."""
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    files = [part for part in form.iter_parts() if part.get_filename()] if form.is_multipart() else []
    return files[0].get_payload(decode=True) if len(files) == 1 else None


class Form(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30  # seconds without a byte

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        lang = language(self.path, self.headers)
        folder = self.server.folder / "shared"
        if path == "/":
            newest = sorted(folder.glob("[0-9a-f]*"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
            self.send(200, "text/html; charset=utf-8", first_page(lang, [file.name for file in newest[:SHOWN]]))
        elif path == "/style.css":
            self.send(200, "text/css", STYLE)
        elif re.fullmatch("/shared/[0-9a-f]{32}", path) and (file := folder / path[8:]).is_file():
            picture = file.read_bytes()
            kinds = (kind for begins, kind in KINDS if begins.match(picture))
            self.send(200, next(kinds, "application/octet-stream"), picture)
        else:
            self.send(404, "text/plain", b"there is nothing here\n")

    def do_POST(self):
        lang = language(self.path, self.headers)
        if urllib.parse.urlsplit(self.path).path != "/upload":
            self.close_connection = True
            return self.send(404, "text/plain", b"there is nothing here\n")
        number = secrets.token_hex(16)
        answer = self.judge(number)
        self.send(STATUS[answer], "text/html; charset=utf-8", answer_page(lang, answer, number))

    def judge(self, number):
        """What became of the upload. Nothing of it is on a disk before the node has answered."""
        length = self.headers.get("Content-Length", "")
        # A body that is not read must not be taken for the next request.
        self.close_connection = True
        if not re.fullmatch("[0-9]{1,12}", length):
            return "no_file"
        if int(length) > MOST + FORM:
            self.pass_over(int(length))
            return "too_large"
        picture = the_file(self.headers.get("Content-Type", ""), self.rfile.read(int(length)))
        if not picture:
            return "no_file"
        if len(picture) > MOST:
            return "too_large"
        answer = ask(self.server.node, self.server.key, number, picture)
        if answer in ("shared", "held"):
            store(self.server.folder / answer, number, picture)
        return answer

    def pass_over(self, length):
        """Reads a body and forgets it: who is cut off while sending sees no answer. Not without end."""
        left = min(length, 8 * MOST)
        while left > 0 and (read := self.rfile.read(min(left, 1 << 16))):
            left -= len(read)

    def send(self, status, kind, body):
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'",
            "X-Content-Type-Options": "nosniff",
        }
        if kind == "application/octet-stream":
            headers["Content-Disposition"] = "attachment"
        if status == 503:
            headers["Retry-After"] = "60"
        if self.close_connection:
            headers["Connection"] = "close"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Who uploads what is not written down."""


def main():
    parser = argparse.ArgumentParser(description="An upload form that asks hashgate about each file.")
    parser.add_argument("--node", default="http://127.0.0.1:8710", help="where `hashgate serve` listens [%(default)s]")
    parser.add_argument("--folder", type=Path, required=True, help="where pictures are kept")
    parser.add_argument("--listen", default="127.0.0.1:8080", help="address and port of this form [%(default)s]")
    arguments = parser.parse_args()
    host, _, port = arguments.listen.rpartition(":")
    server = ThreadingHTTPServer((host, int(port)), Form)
    server.node = urllib.parse.urlsplit(arguments.node)
    server.key = os.environ.get("HASHGATE_KEY")
    server.folder = arguments.folder
    for kept in ("shared", "held"):
        (arguments.folder / kept).mkdir(mode=0o700, parents=True, exist_ok=True)
    print(f"listening at http://{host}:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
