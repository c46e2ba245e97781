//! The page of what is doubtful in banks.

use super::chart::{Bars, bars};
use super::number::thousands;
use super::page::{Cell, Page};

/// Rows of the table of one kind of findings.
const ROWS: usize = 200;

/// What the page shows.
pub(crate) struct Doubts {
    /// Entries that were looked at.
    pub(crate) entries: u64,
    /// The kinds that were found.
    pub(crate) kinds: Vec<Kind>,
    /// Entries by their PDQ quality, in steps of ten; the last is 100 alone.
    pub(crate) qualities: Vec<u64>,
    /// PDQ hashes whose quality is not known.
    pub(crate) unknown_quality: u64,
    /// PDQ hashes by their distance to the nearest other one, in steps of four bits; the last is all
    /// that lies beyond the threshold.
    pub(crate) nearest: Vec<u64>,
}

/// The findings of one kind.
pub(crate) struct Kind {
    /// What is doubtful, in words.
    pub(crate) name: String,
    /// How many there are; more than are listed, where they are many.
    pub(crate) count: u64,
    pub(crate) findings: Vec<Finding>,
}

/// One finding.
pub(crate) struct Finding {
    pub(crate) bank: String,
    pub(crate) entry: String,
    /// The hash that it is about, shortened; empty where it is about none.
    pub(crate) hash: String,
    /// With what: another entry, or how many.
    pub(crate) detail: String,
}

/// The page.
pub(crate) fn page(doubts: &Doubts) -> String {
    let mut page = Page::new("hashgate hashset lint", "What is doubtful in the banks");
    page.lead(&format!(
        "{} entries that match were looked at. A finding is a reason to look, not a fault.",
        thousands(doubts.entries)
    ));
    page.charts("At a glance", &charts(doubts));
    if doubts.unknown_quality > 0 {
        page.note(&format!(
            "The quality of {} hashes is not known: their lists do not say it.",
            thousands(doubts.unknown_quality)
        ));
    }
    if doubts.kinds.is_empty() {
        page.note("Nothing doubtful was found.");
    }
    let header = ["bank", "entry", "hash", "with"].map(str::to_owned);
    for kind in &doubts.kinds {
        let rows: Vec<Vec<Cell>> = (kind.findings.iter().take(ROWS))
            .map(|finding| {
                vec![
                    Cell::text(&finding.bank),
                    Cell::number(finding.entry.clone()),
                    Cell::text(&finding.hash),
                    Cell::text(&finding.detail),
                ]
            })
            .collect();
        let heading = format!("{} ({})", kind.name, thousands(kind.count));
        page.table(&heading, &header, &rows);
        let more = kind.count.saturating_sub(rows.len() as u64);
        if more > 0 {
            page.note(&format!(
                "{} more are not shown; --format json has more.",
                thousands(more)
            ));
        }
    }
    page.finish()
}

fn charts(doubts: &Doubts) -> Vec<String> {
    let findings = (doubts.kinds.iter()).map(|kind| (kind.name.clone(), kind.count as f64));
    let last = doubts.qualities.len().saturating_sub(1);
    let qualities = doubts.qualities.iter().enumerate().map(|(step, &count)| {
        let name = match step == last {
            true => format!("quality {}", 10 * step),
            false => format!("quality {}–{}", 10 * step, 10 * step + 9),
        };
        (name, count as f64)
    });
    let last = doubts.nearest.len().saturating_sub(1);
    let nearest = doubts.nearest.iter().enumerate().map(|(step, &count)| {
        let name = match step == last {
            true => "none within the threshold".to_owned(),
            false => format!("{}–{} bits", 4 * step, 4 * step + 3),
        };
        (name, count as f64)
    });
    [
        ("Findings", findings.collect()),
        ("PDQ quality of the entries", qualities.collect()),
        ("Distance to the nearest other entry", nearest.collect()),
    ]
    .into_iter()
    .filter(|(_, rows): &(_, Vec<(String, f64)>)| rows.iter().any(|row| row.1 > 0.0))
    .map(|(title, rows)| {
        bars(&Bars {
            title: title.to_owned(),
            rows,
            show: |count| thousands(count as u64),
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_listed_counted_and_escaped() {
        let finding = |number: usize| Finding {
            bank: "<b>".to_owned(),
            entry: number.to_string(),
            hash: "f8f8f0ce".to_owned(),
            detail: "as in \"#1\"".to_owned(),
        };
        let html = page(&Doubts {
            entries: 1234,
            kinds: vec![Kind {
                name: "many & <i>".to_owned(),
                count: 1_205,
                findings: (0..205).map(finding).collect(),
            }],
            qualities: vec![0; 11],
            unknown_quality: 3,
            nearest: {
                let mut nearest = vec![0; 17];
                nearest[16] = 1;
                nearest
            },
        });
        assert_eq!(html.matches("<td>&lt;b&gt;</td>").count(), 200);
        assert!(html.contains("1,005 more are not shown"));
        assert!(html.contains("<h2>many &amp; &lt;i&gt; (1,205)</h2>"));
        assert_eq!(html.matches("<svg").count(), 2, "no chart of no quality");
        assert!(!html.contains("<b>") && !html.contains("<i>"));
    }
}
