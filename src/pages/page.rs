//! One HTML page that holds all it shows: no script, no font, no picture from elsewhere. It reads
//! well offline, on paper, in light and in dark.

use std::fmt::Write;

/// A cell of a table.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    kind: CellKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CellKind {
    Text,
    Number,
    Name,
}

impl Cell {
    pub(crate) fn text(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            kind: CellKind::Text,
        }
    }

    /// One that may be long, and is broken where there is no room: the name of a file.
    pub(crate) fn name(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            kind: CellKind::Name,
        }
    }

    /// One that is set to the right.
    pub(crate) fn number(text: String) -> Self {
        Self {
            text,
            kind: CellKind::Number,
        }
    }

    pub(crate) fn is_number(&self) -> bool {
        self.kind == CellKind::Number
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

/// A page under construction.
pub(crate) struct Page {
    html: String,
}

/// Rows of a table that are shown at once.
const LONG: usize = 40;

/// What a browser may do with a page: show it. Nothing is fetched, no script runs.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// How every page looks.
const STYLE: &str = include_str!("page.css");

/// Text as HTML shows it.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Control characters, and marks that would turn the order of what is read round.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => escaped.push('\u{fffd}'),
            c if c.is_control() && c != '\n' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

impl Page {
    /// A page of this title; `brand` stands above it.
    pub(crate) fn new(brand: &str, title: &str) -> Self {
        let html = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
             <title>hashgate: {0}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
             <header><p class=\"brand\">{1}</p><h1>{0}</h1></header>\n<main>\n",
            escape(title),
            escape(brand)
        );
        Self { html }
    }

    /// A line that must not be overlooked.
    pub(crate) fn warning(&mut self, text: &str) {
        let _ = writeln!(self.html, "<p class=\"busy\">{}</p>", escape(text));
    }

    /// Names and values under a heading.
    pub(crate) fn facts(&mut self, heading: &str, facts: &[(&str, &str)]) {
        let _ = writeln!(self.html, "<section><h2>{}</h2>\n<dl>", escape(heading));
        for (name, value) in facts {
            let _ = writeln!(
                self.html,
                "<div><dt>{}</dt><dd>{}</dd></div>",
                escape(name),
                escape(value)
            );
        }
        self.html.push_str("</dl></section>\n");
    }

    /// The command that does it again.
    pub(crate) fn again(&mut self, command: &str) {
        let command = escape(command);
        let _ = writeln!(self.html, "<p>To have it again:</p>\n<pre>{command}</pre>");
    }

    pub(crate) fn lead(&mut self, text: &str) {
        let _ = writeln!(self.html, "<p class=\"lead\">{}</p>", escape(text));
    }

    /// Charts under a heading; nothing where there are none.
    pub(crate) fn charts(&mut self, heading: &str, charts: &[String]) {
        if charts.is_empty() {
            return;
        }
        let charts = charts.concat();
        let heading = escape(heading);
        let _ = writeln!(
            self.html,
            "<section><h2>{heading}</h2>\n<div class=\"charts\">\n{charts}</div></section>"
        );
    }

    pub(crate) fn table(&mut self, heading: &str, header: &[String], rows: &[Vec<Cell>]) {
        // A long table scrolls in a box of its own, so that what follows it is found.
        let long = if rows.len() > LONG { " long" } else { "" };
        let _ = write!(
            self.html,
            "<section><h2>{}</h2>\n<div class=\"wide{long}\"><table>\n<thead><tr>",
            escape(heading)
        );
        let class = |cell: Option<&Cell>| match cell {
            Some(cell) => match cell.kind {
                CellKind::Number => " class=\"n\"",
                CellKind::Name => " class=\"name\"",
                CellKind::Text => "",
            },
            None => "",
        };
        for (at, name) in header.iter().enumerate() {
            let class = class(rows.first().and_then(|row| row.get(at)));
            let _ = write!(self.html, "<th{class}>{}</th>", escape(name));
        }
        self.html.push_str("</tr></thead>\n<tbody>\n");
        for row in rows {
            self.html.push_str("<tr>");
            for cell in row {
                let text = escape(&cell.text);
                let _ = write!(self.html, "<td{}>{text}</td>", class(Some(cell)));
            }
            self.html.push_str("</tr>\n");
        }
        self.html.push_str("</tbody></table></div></section>\n");
    }

    /// A paragraph of its own.
    pub(crate) fn note(&mut self, text: &str) {
        let _ = writeln!(self.html, "<p class=\"note\">{}</p>", escape(text));
    }

    /// What matters most, as large numbers: name, number, and what to know of it.
    pub(crate) fn figures(&mut self, figures: &[(String, String, String)]) {
        self.html.push_str("<div class=\"figures\">\n");
        for (name, number, about) in figures {
            let _ = writeln!(
                self.html,
                "<div><p>{}</p><strong>{}</strong><small>{}</small></div>",
                escape(name),
                escape(number),
                escape(about)
            );
        }
        self.html.push_str("</div>\n");
    }

    /// Pictures with their names, each a whole JPEG file, kept in the page itself.
    pub(crate) fn pictures(&mut self, heading: &str, pictures: &[(String, &[u8])]) {
        if pictures.is_empty() {
            return;
        }
        let heading = escape(heading);
        let _ = writeln!(
            self.html,
            "<section><h2>{heading}</h2>\n<div class=\"pictures\">"
        );
        for (name, jpeg) in pictures {
            let name = escape(name);
            let _ = writeln!(
                self.html,
                "<figure><img alt=\"{name}\" src=\"data:image/jpeg;base64,{}\"><figcaption>{name}</figcaption></figure>",
                base64(jpeg)
            );
        }
        self.html.push_str("</div></section>\n");
    }

    pub(crate) fn finish(self) -> String {
        format!("{}</main>\n</body>\n</html>\n", self.html)
    }
}

/// Bytes as text: RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let whole =
            (three.iter().chain([&0; 2]).take(3)).fold(0u32, |n, &byte| n << 8 | u32::from(byte));
        for place in 0..4 {
            let digit = (whole >> (18 - 6 * place) & 63) as usize;
            text.push(match place <= three.len() {
                true => char::from(DIGITS[digit]),
                false => '=',
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn nothing_of_a_text_is_taken_for_the_page() {
        assert_eq!(
            escape("<a href=\"x\">&'\u{1b}[1m"),
            "&lt;a href=&quot;x&quot;&gt;&amp;&#39;\u{fffd}[1m"
        );
        assert_eq!(escape("a\u{202e}gpj.exe"), "a\u{fffd}gpj.exe");
    }
}
