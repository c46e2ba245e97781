#!/usr/bin/env python3
"""Draws what a command prints on a terminal, as an SVG picture.

  python3 tools/terminal_picture.py docs/pictures/scan.svg --title 'what the reader sees typed' -- COMMAND …

The command runs in a terminal of its own (so it prints its colours), and what it prints is drawn as it is. Lines are
cut at --columns, and at most --lines of them are drawn, with the last ones kept. Nothing is made up: to
renew the picture, run the command again.
"""

import argparse
import fcntl
import html
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

# A character's width and a line's height, in pixels, at the size of the letters.
SIZE, WIDTH, HEIGHT = 13, 7.83, 18
MARGIN, BAR = 16, 30
FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
GROUND, TEXT, FAINT = "#1b1f27", "#d7dce5", "#8b93a3"
COLOURS = {"31": "#ff6b6b", "32": "#7bd88f", "33": "#ffd166", "35": "#c792ea", "36": "#78dce8", "90": FAINT}
ESCAPE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])")


def output_of(command, columns):
    """What a command prints on a terminal of so many columns; its progress, on standard error, is dropped."""
    main, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=child, stderr=subprocess.DEVNULL)
    os.close(child)
    parts = []
    while True:
        try:
            part = os.read(main, 65536)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    if process.wait() not in (0, 1):
        sys.exit(f"the command ended with {process.returncode}")
    return b"".join(parts).decode("utf-8", "replace").replace("\r", "")


def spans(line):
    """A line as pieces of one look each: text, colour, whether it is bold."""
    colour, bold, at, found = TEXT, False, 0, []
    for escape in ESCAPE.finditer(line):
        if escape.start() > at:
            found.append((line[at : escape.start()], colour, bold))
        at = escape.end()
        for code in escape[1].split(";") if escape[2] == "m" else []:
            if code in ("", "0"):
                colour, bold = TEXT, False
            elif code == "1":
                bold = True
            else:
                colour = COLOURS.get(code, colour)
    if at < len(line):
        found.append((line[at:], colour, bold))
    return found


def cut(pieces, columns):
    """The pieces as far as they fit into so many columns."""
    left, found = columns, []
    for text, colour, bold in pieces:
        if len(text) > left:
            text = text[: max(left - 1, 0)] + "…"
        found.append((text, colour, bold))
        left -= len(text)
        if left <= 0:
            break
    return found


def drawn(lines, title, columns):
    """The picture."""
    width = round(2 * MARGIN + columns * WIDTH)
    height = BAR + 2 * MARGIN + len(lines) * HEIGHT
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        f' role="img" aria-label="{html.escape(title)}">',
        f'<rect width="{width}" height="{height}" rx="8" fill="{GROUND}"/>',
        f'<g fill="{FAINT}"><circle cx="20" cy="17" r="5"/><circle cx="38" cy="17" r="5"/><circle cx="56" cy="17" r="5"/></g>',
        f'<g font-family="{FONT}" font-size="{SIZE}" xml:space="preserve">',
    ]
    for number, pieces in enumerate(lines):
        y = BAR + MARGIN + number * HEIGHT + SIZE
        column = 0
        for text, colour, bold in pieces:
            weight = ' font-weight="bold"' if bold else ""
            shown = text.strip()
            if shown:
                # Each piece stands at its own column, and has its own length, whatever font a viewer has. Viewers
                # drop blanks at its ends and all but one inside: the ends are left out, the others are no-break.
                at = column + len(text) - len(text.lstrip())
                kept = html.escape(shown).replace(" ", "\u00a0")
                out.append(
                    f'<text x="{MARGIN + at * WIDTH:.1f}" y="{y}" textLength="{len(shown) * WIDTH:.1f}"'
                    f' lengthAdjust="spacingAndGlyphs" fill="{colour}"{weight}>{kept}</text>'
                )
            column += len(text)
    return "\n".join([*out, "</g>", "</svg>", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--title", help="what is shown as typed; without it, the command")
    parser.add_argument("--columns", type=int, default=108)
    parser.add_argument("--lines", type=int, default=30)
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    title = args.title or " ".join(args.command)
    printed = output_of(args.command, args.columns).rstrip("\n").split("\n")
    lines = [[("$ ", COLOURS["32"], True), (title, TEXT, True)]]
    lines += [cut(spans(line), args.columns) for line in printed]
    if len(lines) > args.lines:
        # The summary stands at the end: what is left out is told in the middle.
        head, tail = args.lines - 5, 4
        told = [(f"… {len(lines) - head - tail} more lines", FAINT, False)]
        lines = [*lines[:head], told, *lines[-tail:]]
    args.picture.write_text(drawn(lines, title, args.columns), encoding="utf-8")
    print(f"{args.picture}: {len(lines)} lines, {args.picture.stat().st_size} bytes")


if __name__ == "__main__":
    main()
