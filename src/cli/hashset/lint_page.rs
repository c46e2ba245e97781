//! What lint found as one HTML page: no script, no font, no picture from elsewhere.

use crate::cli::draw::chart::{Bars, bars};
use crate::cli::draw::page::{STYLE, escape};
use crate::curation::lint::{Finding, LintReport};
use std::fmt::Write;

/// Rows of the table of findings of one kind.
const ROWS: usize = 200;

pub(super) fn page(report: &LintReport) -> String {
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>hashgate: what is doubtful in the banks</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header><p class=\"brand\">hashgate hashset lint</p><h1>What is doubtful in the banks</h1></header>\n<main>\n\
         <p class=\"lead\">{} entries that match were looked at. A finding is a reason to look, not a fault.</p>\n",
        report.entries
    );
    let counts: Vec<(String, f64)> = (report.counts.iter())
        .map(|(kind, &count)| (kind.text().to_owned(), count as f64))
        .collect();
    let qualities = report.qualities.iter().enumerate();
    let qualities: Vec<(String, f64)> = qualities
        .map(|(step, &count)| match step {
            10 => ("quality 100".to_owned(), count as f64),
            _ => (
                format!("quality {}–{}", 10 * step, 10 * step + 9),
                count as f64,
            ),
        })
        .collect();
    let nearest = report.nearest.iter().enumerate();
    let nearest: Vec<(String, f64)> = nearest
        .map(|(step, &count)| match step {
            16 => ("none within the threshold".to_owned(), count as f64),
            _ => (format!("{}–{} bits", 4 * step, 4 * step + 3), count as f64),
        })
        .collect();
    html.push_str("<section><h2>At a glance</h2>\n<div class=\"charts\">\n");
    for (title, rows) in [
        ("Findings", counts),
        ("PDQ quality of the entries", qualities),
        ("Distance to the nearest other entry", nearest),
    ] {
        if rows.iter().any(|(_, count)| *count > 0.0) {
            let title = title.to_owned();
            html.push_str(&bars(&Bars {
                title,
                rows,
                show: |count| format!("{count:.0}"),
            }));
        }
    }
    html.push_str("</div></section>\n");
    if report.unknown_quality > 0 {
        let _ = writeln!(
            html,
            "<p>The quality of {} hashes is not known: their lists do not say it.</p>",
            report.unknown_quality
        );
    }
    for (kind, count) in &report.counts {
        let _ = write!(
            html,
            "<section><h2>{} ({count})</h2>\n<div class=\"wide\"><table>\n<thead><tr>\
             <th>bank</th><th class=\"n\">entry</th><th>hash</th><th>with</th></tr></thead>\n<tbody>\n",
            escape(kind.text())
        );
        let of_kind = |finding: &&Finding| finding.kind == *kind;
        for finding in report.findings.iter().filter(of_kind).take(ROWS) {
            let _ = writeln!(
                html,
                "<tr><td>{}</td><td class=\"n\">{}</td><td>{}</td><td>{}</td></tr>",
                escape(&finding.bank),
                finding.content_id,
                escape(finding.signal.as_deref().unwrap_or_default()),
                escape(finding.detail.as_deref().unwrap_or_default())
            );
        }
        html.push_str("</tbody></table></div>\n");
        if *count > ROWS as u64 {
            let _ = writeln!(html, "<p>The first {ROWS}; --format json has more.</p>");
        }
        html.push_str("</section>\n");
    }
    html.push_str("</main>\n</body>\n</html>\n");
    html
}
