//! A page for people: what the scan came to, without any picture.

mod words;

use crate::bank::Bank;
use crate::gate::{Gate, Outcome};
use crate::index::Index;
use crate::pages::chart::{Bars, bars};
use crate::pages::name::escaped;
use crate::pages::number::{thousands, three_digits};
use crate::pages::page::{Cell, Page};
use crate::scan::{FileRecord, Sink, Summary};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Files that a list of the page names; the rest are counted.
const LISTED: usize = 10_000;
/// Characters of a reason that are shown.
const LONGEST_REASON: usize = 300;

/// What a scan was asked, for its page.
#[derive(Debug, Clone)]
pub struct Asked {
    banks: Vec<Bank>,
    hashes: Vec<(String, u64)>,
    variants: String,
    mode: String,
}

impl Asked {
    /// What this gate asks of each file.
    #[must_use]
    pub fn of(gate: &Gate) -> Self {
        let index = gate.index();
        let held = index.signal_types();
        Self {
            banks: index.banks().to_vec(),
            hashes: (held.iter())
                .map(|held| (held.signal_type.to_string(), held.hashes))
                .collect(),
            variants: gate.options().variants.to_string(),
            mode: gate.options().mode.to_string(),
        }
    }
}

/// Writes one HTML page at the end of the scan: outcomes, matches by bank and reason, what could not
/// be judged and why, how long it took, what was asked.
///
/// It holds all it shows, names files and no picture, and shows hashes by their beginnings. Counts are
/// of all files; lists end after 10,000 of them and say how many more there are, so that memory is
/// bounded too.
pub struct HtmlSink<W: Write> {
    out: W,
    asked: Asked,
    banks: BTreeMap<String, OfBank>,
    unjudged: List,
    /// Matches that verdicts counted and did not list.
    left_out: u64,
}

/// Rows of a list that is cut.
#[derive(Default)]
struct List {
    rows: Vec<Vec<Cell>>,
    count: u64,
}

impl List {
    /// Counts one more, and keeps it while there is room.
    fn add(&mut self, row: impl FnOnce() -> Vec<Cell>) {
        self.count += 1;
        if self.rows.len() < LISTED {
            self.rows.push(row());
        }
    }
}

/// What matched one bank.
#[derive(Default)]
struct OfBank {
    /// Files by reason and form, with the least distance among them.
    groups: BTreeMap<(String, String), (u64, u16)>,
    files: List,
}

impl<W: Write> HtmlSink<W> {
    /// Writes to `out`, at the end and all at once.
    pub const fn new(out: W, asked: Asked) -> Self {
        Self {
            out,
            asked,
            banks: BTreeMap::new(),
            unjudged: List {
                rows: Vec::new(),
                count: 0,
            },
            left_out: 0,
        }
    }

    fn page(&self, summary: &Summary) -> String {
        let mut page = Page::new("hashgate scan", "What the scan found");
        if summary.interrupted {
            page.warning(
                "The scan was stopped: there were more files to see. What follows is of those that were seen.",
            );
        }
        page.lead(&lead(summary));
        page.figures(&figures(summary));
        page.charts("At a glance", &self.charts(summary));
        let (header, rows) = outcome_rows(summary);
        page.table("What became of the files", &header, &rows);
        notes(&mut page, summary);
        self.matches(&mut page);
        self.unjudged(&mut page, summary);
        self.asked(&mut page, summary);
        page.finish()
    }

    fn charts(&self, summary: &Summary) -> Vec<String> {
        let outcomes =
            (Outcome::ALL.iter()).map(|&outcome| (name(outcome.name()), summary.outcome(outcome)));
        let actions = (summary.actions.iter())
            .filter(|(action, count)| **action != "none" && **count > 0)
            .map(|(action, &count)| (name(action), count));
        let banks = (self.banks.iter()).map(|(bank, of)| (bank.clone(), of.files.count));
        [
            chart("Files by outcome", outcomes),
            chart("Matched files by what is to be done", actions),
            chart("Files by the bank that they match", banks),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn matches(&self, page: &mut Page) {
        if self.banks.is_empty() {
            page.note("No file matches anything that is known.");
            return;
        }
        let header = [
            "bank",
            "why",
            "form of the file",
            "files",
            "nearest, in bits",
        ];
        let groups = self.banks.iter().flat_map(|(bank, of)| {
            of.groups
                .iter()
                .map(move |((reason, form), (files, nearest))| {
                    vec![
                        Cell::text(bank),
                        Cell::text(reason),
                        Cell::text(form),
                        Cell::number(thousands(*files)),
                        Cell::number(nearest.to_string()),
                    ]
                })
        });
        let groups: Vec<Vec<Cell>> = groups.collect();
        page.table(
            "Matches by bank and reason",
            &header.map(str::to_owned),
            &groups,
        );
        page.note(
            "A file counts once for each bank, by its best match there. It can match several banks.",
        );
        if self.left_out > 0 {
            page.note(&format!(
                "Files with very many matches list only their best: at least {} more are not counted here.",
                thousands(self.left_out)
            ));
        }
        let header = ["file", "to do", "why", "form", "bits", "entry", "its hash"];
        for (bank, of) in &self.banks {
            let heading = format!("{bank}: {}", files(of.files.count));
            list(page, &heading, &header, &of.files);
        }
    }

    fn unjudged(&self, page: &mut Page, summary: &Summary) {
        if self.unjudged.count == 0 {
            page.note("Every file could be judged.");
            return;
        }
        let heading = "What could not be judged, and why";
        list(
            page,
            heading,
            &["file", "outcome", "to do", "why"],
            &self.unjudged,
        );
        let partly = self.unjudged.count.saturating_sub(summary.unjudged());
        if partly > 0 {
            page.note(&format!(
                "{} of these were judged by what could be read of them.",
                thousands(partly)
            ));
        }
        page.note("A file that could not be judged is not known to be harmless.");
    }

    fn asked(&self, page: &mut Page, summary: &Summary) {
        let header = [
            "bank",
            "action",
            "pdq threshold",
            "64-bit threshold",
            "least quality",
            "in force",
        ];
        let banks = self.asked.banks.iter().map(|bank| {
            let policy = &bank.policy;
            vec![
                Cell::text(bank.name.as_str()),
                Cell::text(policy.action.name()),
                Cell::number(policy.threshold.to_string()),
                Cell::number(policy.threshold64.to_string()),
                Cell::number(policy.min_quality.to_string()),
                Cell::text(if policy.enabled { "yes" } else { "no" }),
            ]
        });
        let banks: Vec<Vec<Cell>> = banks.collect();
        page.table("Banks that were asked", &header.map(str::to_owned), &banks);
        let hashes: Vec<String> = (self.asked.hashes.iter())
            .map(|(kind, count)| format!("{} {kind}", thousands(*count)))
            .collect();
        let hashes = match hashes.is_empty() {
            true => "none".to_owned(),
            false => hashes.join(", "),
        };
        page.facts(
            "What was asked",
            &[
                ("Index generation", &summary.index_generation.to_string()),
                ("Distinct hashes in it", &hashes),
                ("Variants of each file", &self.asked.variants),
                ("JPEGs hashed", &self.asked.mode),
                ("Time", &format!("{} s", three_digits(summary.seconds))),
                (
                    "Read",
                    &format!("{} MB", three_digits(summary.bytes as f64 / 1e6)),
                ),
                ("hashgate", summary.program_version),
            ],
        );
    }
}

impl<W: Write> Sink for HtmlSink<W> {
    fn record(&mut self, record: &FileRecord) -> io::Result<()> {
        self.left_out += record.matches_left_out;
        let mut seen: Vec<&str> = Vec::new();
        // Nearest first: the first of each bank is its best.
        for one in &record.matches {
            let bank = one.bank.as_str();
            if seen.contains(&bank) {
                continue;
            }
            seen.push(bank);
            let of = self.banks.entry(bank.to_owned()).or_default();
            let (reason, bits) = (words::reason(one), one.distance.0);
            let group = (of.groups)
                .entry((reason.clone(), words::form(one)))
                .or_insert((0, bits));
            *group = (group.0 + 1, group.1.min(bits));
            of.files.add(|| {
                vec![
                    Cell::name(&escaped(&record.path)),
                    Cell::text(record.action),
                    Cell::text(&reason),
                    Cell::text(&words::form_of_one(one)),
                    Cell::number(bits.to_string()),
                    match record.sources.get(&one.content_id) {
                        Some(source) => Cell::name(&escaped(source)),
                        None => Cell::number(format!("#{}", one.content_id)),
                    },
                    Cell::text(&one.entry.short()),
                ]
            });
        }
        if record.error.is_some() || !record.outcome.is_judged() {
            self.unjudged.add(|| {
                let why = record.error.as_deref();
                let why = why.unwrap_or_else(|| words::meaning(record.outcome));
                let why: String = escaped(why).chars().take(LONGEST_REASON).collect();
                vec![
                    Cell::name(&escaped(&record.path)),
                    Cell::text(&name(record.outcome.name())),
                    Cell::text(record.action),
                    Cell::name(&why),
                ]
            });
        }
        Ok(())
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        let page = self.page(summary);
        self.out.write_all(page.as_bytes())?;
        self.out.flush()
    }
}

/// `1 file`, `2,000 files`.
fn files(count: u64) -> String {
    match count {
        1 => "1 file".to_owned(),
        count => format!("{} files", thousands(count)),
    }
}

/// A name of JSON as people read it.
fn name(name: &str) -> String {
    name.replace('_', " ")
}

/// Counts as bars; none where there is nothing to count.
fn chart(title: &str, rows: impl Iterator<Item = (String, u64)>) -> Option<String> {
    let rows: Vec<(String, f64)> = rows.map(|(name, count)| (name, count as f64)).collect();
    rows.iter().any(|row| row.1 > 0.0).then(|| {
        bars(&Bars {
            title: title.to_owned(),
            rows,
            show: |count| thousands(count as u64),
        })
    })
}

/// A list under its heading, and how many more there are.
fn list(page: &mut Page, heading: &str, header: &[&str], list: &List) {
    let header: Vec<String> = header.iter().map(|&name| name.to_owned()).collect();
    page.table(heading, &header, &list.rows);
    let more = list.count.saturating_sub(list.rows.len() as u64);
    if more > 0 {
        page.note(&format!(
            "{} more are not listed; --format jsonl lists all.",
            thousands(more)
        ));
    }
}

fn lead(summary: &Summary) -> String {
    let against = match summary.index_generation {
        Index::UNPUBLISHED => "the lists and pictures that the scan was given".to_owned(),
        generation => format!("generation {generation} of the index"),
    };
    format!(
        "{}, {} MB, were held against {against} in {} s. No picture is shown or kept: this page names files, \
         and hashes by their beginnings.",
        files(summary.files),
        three_digits(summary.bytes as f64 / 1e6),
        three_digits(summary.seconds)
    )
}

fn figures(summary: &Summary) -> Vec<(String, String, String)> {
    let figure = |name: &str, count: u64, about: String| (name.to_owned(), thousands(count), about);
    let actions = ["block", "review", "report", "allow"].into_iter();
    let to_do: Vec<String> = actions
        .filter(|action| summary.action(action) > 0)
        .map(|action| format!("{} {action}", thousands(summary.action(action))))
        .collect();
    let judged = summary.outcome(Outcome::NoMatch);
    let about = match summary.unjudged() {
        0 => "every file was judged",
        _ => "not known to be harmless",
    };
    vec![
        figure("files", summary.files, "seen".to_owned()),
        figure("matched", summary.outcome(Outcome::Match), to_do.join(", ")),
        figure("passed", judged, "judged, and nothing known".to_owned()),
        figure("could not be judged", summary.unjudged(), about.to_owned()),
    ]
}

fn outcome_rows(summary: &Summary) -> (Vec<String>, Vec<Vec<Cell>>) {
    let rows = Outcome::ALL.iter().map(|&outcome| {
        vec![
            Cell::text(&name(outcome.name())),
            Cell::number(thousands(summary.outcome(outcome))),
            Cell::text(words::meaning(outcome)),
        ]
    });
    let header = ["outcome", "files", "what it means"].map(str::to_owned);
    (header.into(), rows.collect())
}

/// What else is to be known.
fn notes(page: &mut Page, summary: &Summary) {
    if summary.quarantined > 0 {
        page.note(&format!(
            "Quarantine: {} would have been blocked and are to be reviewed, since the entries that they match are suspicious.",
            files(summary.quarantined)
        ));
    }
    if let Some(shadow) = &summary.shadow {
        let changes: Vec<String> = (shadow.changes.iter())
            .map(|(change, count)| format!("{} {change}", thousands(*count)))
            .collect();
        page.note(&match changes.is_empty() {
            true => format!(
                "The policy {} would decide the same.",
                escaped(&shadow.file)
            ),
            false => format!(
                "The policy {} would decide {} otherwise: {}.",
                escaped(&shadow.file),
                files(shadow.differs),
                changes.join(", ")
            ),
        });
    }
    let skipped = summary.skipped;
    if skipped.symlinks + skipped.special > 0 {
        page.note(&format!(
            "Passed over: {} symbolic links (--follow-links reads them), {} FIFOs, sockets and devices.",
            thousands(skipped.symlinks),
            thousands(skipped.special)
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_long_list_is_cut_and_says_how_much_is_left_out() {
        let asked = Asked {
            banks: Vec::new(),
            hashes: Vec::new(),
            variants: "none".to_owned(),
            mode: "auto".to_owned(),
        };
        let mut out = Vec::new();
        let mut sink = HtmlSink::new(&mut out, asked);
        let mut summary = Summary::new(7);
        for number in 0..LISTED + 1_234 {
            let path = format!("<{number}>");
            let record = FileRecord::unreachable(Path::new(&path), "gone & lost".into());
            summary.add(&record);
            sink.record(&record).unwrap();
        }
        assert_eq!(sink.unjudged.rows.len(), LISTED);
        sink.finish(&summary).unwrap();
        let page = String::from_utf8(out).unwrap();
        assert_eq!(page.matches("gone &amp; lost").count(), LISTED);
        assert!(page.contains("1,234 more are not listed"));
        assert!(page.contains("<strong>11,234</strong>"));
        assert!(page.contains("&lt;9999&gt;") && !page.contains("&lt;10000&gt;"));
        assert!(!page.contains("Every file could be judged."));
    }

    #[test]
    fn nothing_seen_is_a_whole_page_too() {
        let asked = Asked {
            banks: Vec::new(),
            hashes: vec![("pdq".to_owned(), 1_000)],
            variants: "standard".to_owned(),
            mode: "auto".to_owned(),
        };
        let mut out = Vec::new();
        HtmlSink::new(&mut out, asked)
            .finish(&Summary::new(1))
            .unwrap();
        let page = String::from_utf8(out).unwrap();
        assert!(page.contains("No file matches") && page.contains("Every file could be judged."));
        assert!(page.contains("1,000 pdq"));
        assert!(!page.contains("<svg") && page.ends_with("</html>\n"));
    }
}
