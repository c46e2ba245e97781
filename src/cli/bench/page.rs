//! One HTML page that holds all it shows: no script, no font, no picture from elsewhere. It reads
//! well offline, on paper, in light and in dark.

use super::machine::Machine;
use std::fmt::Write;

/// A cell of a table.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    number: bool,
}

impl Cell {
    pub(super) fn text(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            number: false,
        }
    }

    /// One that is set to the right.
    pub(super) fn number(text: String) -> Self {
        Self { text, number: true }
    }

    pub(super) fn is_number(&self) -> bool {
        self.number
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// A page under construction.
pub(super) struct Page {
    html: String,
    facts: String,
}

/// How every page looks.
pub(in crate::cli) const STYLE: &str = include_str!("page.css");

/// Text as HTML shows it.
pub(in crate::cli) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() && c != '\n' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

impl Page {
    pub(super) fn new(title: &str, machine: &Machine) -> Self {
        let mut html = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>hashgate: {0}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
             <header><p class=\"brand\">hashgate bench</p><h1>{0}</h1></header>\n<main>\n",
            escape(title)
        );
        if machine.is_busy() {
            html.push_str(
                "<p class=\"busy\">The machine was busy: measure again on a quiet one.</p>\n",
            );
        }
        let load = machine.load.map_or("unknown".to_owned(), |l| l.to_string());
        let mut facts = String::from("<section><h2>Measured on</h2>\n<dl>\n");
        for (name, value) in [
            ("When", machine.date.as_str()),
            ("Processor", &machine.processor),
            ("Cores", &machine.cores.to_string()),
            ("Platform", &machine.platform),
            ("Load before", &load),
            ("Kernel", &machine.kernel),
            ("hashgate", &machine.program_version),
        ] {
            let _ = writeln!(
                facts,
                "<div><dt>{name}</dt><dd>{}</dd></div>",
                escape(value)
            );
        }
        let _ = writeln!(
            facts,
            "</dl>\n<p>To have it again:</p>\n<pre>{}</pre></section>",
            escape(&machine.command)
        );
        Self { html, facts }
    }

    pub(super) fn lead(&mut self, text: &str) {
        let _ = writeln!(self.html, "<p class=\"lead\">{}</p>", escape(text));
    }

    /// Charts under a heading; nothing where there are none.
    pub(super) fn charts(&mut self, heading: &str, charts: &[String]) {
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

    pub(super) fn table(&mut self, heading: &str, header: &[String], rows: &[Vec<Cell>]) {
        let _ = write!(
            self.html,
            "<section><h2>{}</h2>\n<div class=\"wide\"><table>\n<thead><tr>",
            escape(heading)
        );
        let class = |cell: Option<&Cell>| match cell {
            Some(cell) if cell.number => " class=\"n\"",
            _ => "",
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

    pub(super) fn finish(self) -> String {
        format!("{}{}</main>\n</body>\n</html>\n", self.html, self.facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_taken_for_the_page() {
        assert_eq!(
            escape("<a href=\"x\">&'\u{1b}[1m"),
            "&lt;a href=&quot;x&quot;&gt;&amp;&#39;\u{fffd}[1m"
        );
    }
}
