//! `hashgate hashset lint`: what is doubtful in banks, before it stops an innocent upload or lets a
//! known one pass.
//!
//! It looks at every entry that matches in the index in force, and changes nothing. Rows of lists
//! that cannot be read are named by `import --dry-run`.

use super::lint_page;
use crate::bank::{Action, Bank, BankName, ContentId, ContentItem, ContentState};
use crate::cli::{benign, exit::Exit, home::Home, output, progress::Progress};
use crate::hash::{Distance, Signal, SignalType};
use crate::index::{Hit, Index, Limited};
use crate::store::BankStore;
use anyhow::Context;
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Findings of one kind that are listed; the rest are counted.
const LISTED: usize = 1_000;
/// Bits that are set in a PDQ hash, and how far from that a hash of a picture hardly is.
const PDQ_BITS: i32 = 128;
const PDQ_BITS_OFF: i32 = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object a finding, then the summary
    Json,
    /// A page with plots
    Html,
}

#[derive(Debug, Args)]
pub(crate) struct LintArgs {
    /// Only this bank; may be given several times [default: all]
    #[arg(long, value_name = "NAME")]
    bank: Vec<BankName>,

    /// A list of PDQ hashes of harmless pictures: entries that match one are named
    #[arg(long, value_name = "FILE")]
    benign: Vec<PathBuf>,

    /// From how many others within its bank's threshold on an entry is a cluster's
    #[arg(long, value_name = "N", default_value_t = 20)]
    cluster: usize,

    /// How to write it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What is doubtful.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// The same hash stands in several entries of the bank.
    Duplicate,
    /// An entry of an `allow` bank lies within the threshold.
    Conflicting,
    /// A hash of a harmless picture lies within the threshold.
    Benign,
    /// Its PDQ quality is under the bank's minimum: it matches nothing by PDQ.
    LowQuality,
    /// Its bits are those of a flat picture, or a pattern.
    Flat,
    /// Many other entries lie within the threshold: perhaps a template that harmless pictures share.
    Cluster,
    /// It has only signals that cannot be computed here.
    Unmatched,
}

impl Kind {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Duplicate => "the same hash in several entries of the bank",
            Self::Conflicting => "an entry of an allow bank within the threshold",
            Self::Benign => "a hash of a harmless picture within the threshold",
            Self::LowQuality => "quality under the bank's minimum: no match by PDQ",
            Self::Flat => "the bits of a flat picture or a pattern",
            Self::Cluster => "many other entries within the threshold",
            Self::Unmatched => "only signals that cannot be computed here",
        }
    }
}

/// One finding, as `--format json` writes it.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) kind: Kind,
    pub(super) bank: String,
    pub(super) content_id: ContentId,
    /// The hash that it is about, shortened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signal: Option<String>,
    /// With what: another entry, or how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<String>,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    /// Entries that were looked at.
    pub(super) entries: u64,
    /// Findings of each kind.
    pub(super) counts: BTreeMap<Kind, u64>,
    /// Entries by their PDQ quality, in steps of ten; those of unknown quality are not in it.
    pub(super) qualities: [u64; 11],
    pub(super) unknown_quality: u64,
    /// PDQ hashes by their distance to the nearest other one in the banks, in steps of four bits;
    /// the last step is all that lies farther.
    pub(super) nearest: [u64; 17],
    #[serde(skip)]
    pub(super) findings: Vec<Finding>,
}

impl Report {
    fn add(&mut self, finding: Finding) {
        let count = self.counts.entry(finding.kind).or_default();
        *count += 1;
        if *count <= LISTED as u64 {
            self.findings.push(finding);
        }
    }
}

pub(crate) fn run(args: &LintArgs, home: &Home) -> anyhow::Result<Exit> {
    let store = BankStore::open_read_only(&home.store())?;
    let banks = store.banks()?;
    for name in &args.bank {
        store.bank(name)?;
    }
    let index = Index::open(&home.index())
        .context("entries are held against the published index: run hashgate publish first")?;
    if index.stats().store_revision != store.revision() {
        output::warn(
            "hashgate: warning: the index is older than the store: publish first to have all looked at",
        );
    }
    let is_asked = |bank: &&Bank| args.bank.is_empty() || args.bank.contains(&bank.name);
    let progress = Progress::of_work("looking at entries");
    let mut report = Report::default();
    for bank in banks.iter().filter(is_asked) {
        let mut seen: HashMap<Signal, ContentId> = HashMap::new();
        for item in store.items(bank.id) {
            let item = item?;
            if item.state != ContentState::Active {
                continue;
            }
            report.entries += 1;
            if report.entries % 1_000 == 0 {
                progress.say(format!("looking at entries: {}", report.entries));
            }
            look_at(
                &item,
                bank,
                &banks,
                &index,
                args.cluster,
                &mut seen,
                &mut report,
            );
        }
    }
    for list in &args.benign {
        ask_about(list, &banks, &index, &args.bank, &mut report)?;
    }
    drop(progress);
    let mut out = output::file_or_stdout(args.output.as_deref())?;
    match args.format {
        Format::Text => text(&report, &mut out)?,
        Format::Json => {
            for finding in &report.findings {
                serde_json::to_writer(&mut out, finding)?;
                writeln!(out)?;
            }
            writeln!(out, "{}", serde_json::json!({ "summary": report }))?;
        }
        Format::Html => out.write_all(lint_page::page(&report).as_bytes())?,
    }
    out.flush()?;
    Ok(Exit::Clean)
}

fn look_at(
    item: &ContentItem,
    bank: &Bank,
    banks: &[Bank],
    index: &Index,
    cluster: usize,
    seen: &mut HashMap<Signal, ContentId>,
    report: &mut Report,
) {
    let finding = |kind, signal: Option<&Signal>, detail: Option<String>| Finding {
        kind,
        bank: bank.name.to_string(),
        content_id: item.id,
        signal: signal.map(Signal::short),
        detail,
    };
    if item.signals.is_empty() {
        report.add(finding(Kind::Unmatched, None, None));
    }
    for entry in &item.signals {
        let signal = &entry.signal;
        match seen.get(signal) {
            Some(first) => {
                let detail = Some(format!("as in #{first}"));
                report.add(finding(Kind::Duplicate, Some(signal), detail));
            }
            None => {
                seen.insert(*signal, item.id);
            }
        }
        if signal.signal_type() != SignalType::Pdq {
            continue;
        }
        match entry.quality {
            Some(quality) => {
                if let Some(step) = report.qualities.get_mut(usize::from(quality.get()) / 10) {
                    *step += 1;
                }
                if quality < bank.policy.min_quality {
                    let detail = Some(format!("quality {quality}"));
                    report.add(finding(Kind::LowQuality, Some(signal), detail));
                }
            }
            None => report.unknown_quality += 1,
        }
        if let Some(detail) = flatness(signal) {
            report.add(finding(Kind::Flat, Some(signal), Some(detail)));
        }
        let radius = Distance(bank.policy.threshold_for(SignalType::Pdq).0);
        let near = index.search_limited(signal, radius, cluster + 64);
        let others = near.hits.iter().filter(|hit| hit.content != item.id);
        let nearest = others.clone().map(|hit| hit.distance.0).min();
        let step = nearest.map_or(16, |bits| usize::from(bits) / 4).min(16);
        if let Some(step) = report.nearest.get_mut(step) {
            *step += 1;
        }
        let mut contents: Vec<ContentId> = others.clone().map(|hit| hit.content).collect();
        contents.sort_unstable();
        contents.dedup();
        if contents.len() >= cluster {
            let more = if near.complete { "" } else { " or more" };
            let detail = Some(format!("{}{more} others", contents.len()));
            report.add(finding(Kind::Cluster, Some(signal), detail));
        }
        if bank.policy.action != Action::Allow
            && let Some((other, hit)) = allowed(&near, signal, radius, banks, index)
            && hit.content != item.id
        {
            let detail = Some(format!(
                "#{} of {}, {} bits away",
                hit.content, other.name, hit.distance
            ));
            report.add(finding(Kind::Conflicting, Some(signal), detail));
        }
    }
}

/// The nearest entry of an `allow` bank, of which `near` may leave some out.
fn allowed<'a>(
    near: &Limited,
    signal: &Signal,
    radius: Distance,
    banks: &'a [Bank],
    index: &Index,
) -> Option<(&'a Bank, Hit)> {
    let allows: Vec<&Bank> = banks
        .iter()
        .filter(|bank| bank.policy.action == Action::Allow)
        .collect();
    let of = |hit: &Hit| allows.iter().find(|bank| bank.id == hit.bank).copied();
    if near.complete || allows.is_empty() {
        return near.hits.iter().find_map(|hit| Some((of(hit)?, *hit)));
    }
    let mut nearest: Option<Hit> = None;
    index.visit(signal, radius, |hit| {
        if of(&hit).is_some() && nearest.is_none_or(|nearest| hit < nearest) {
            nearest = Some(hit);
        }
    });
    nearest.and_then(|hit| Some((of(&hit)?, hit)))
}

/// What makes a PDQ hash one of a flat picture or of a pattern, if anything does.
fn flatness(signal: &Signal) -> Option<String> {
    let bytes = signal.as_bytes();
    let bits: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
    if (bits as i32 - PDQ_BITS).abs() > PDQ_BITS_OFF {
        return Some(format!("{bits} of 256 bits set"));
    }
    let hash = signal.as_pdq()?;
    let what = match hash.is_all_pattern() {
        true => "nothing but a pattern",
        false => "a pattern",
    };
    hash.is_patterned().then(|| what.to_owned())
}

/// Entries that one harmless hash is told to meet; memory is bounded by it.
const MOST_MET: usize = 1 << 16;

/// Asks about every PDQ hash of a list of harmless pictures.
fn ask_about(
    path: &Path,
    banks: &[Bank],
    index: &Index,
    only: &[BankName],
    report: &mut Report,
) -> anyhow::Result<()> {
    let sample = benign::read(path)?;
    let asked_of: Vec<&Bank> = banks
        .iter()
        .filter(|bank| bank.policy.action != Action::Allow)
        .filter(|bank| only.is_empty() || only.contains(&bank.name))
        .collect();
    let radius = |bank: &Bank| Distance(bank.policy.threshold_for(SignalType::Pdq).0);
    let widest = asked_of.iter().map(|bank| radius(bank)).max();
    let widest = widest.unwrap_or(Distance(0));
    let mut cut = 0_u64;
    for entry in sample {
        let near = index.search_limited(&entry.hash.into(), widest, MOST_MET);
        cut += u64::from(!near.complete);
        for hit in &near.hits {
            let bank = asked_of.iter().find(|bank| bank.id == hit.bank);
            if let Some(bank) = bank.filter(|bank| hit.distance <= radius(bank)) {
                report.add(Finding {
                    kind: Kind::Benign,
                    bank: bank.name.to_string(),
                    content_id: hit.content,
                    signal: Some(hit.signal.short()),
                    detail: Some(format!("{} bits away", hit.distance)),
                });
            }
        }
    }
    if cut > 0 {
        output::warn(format!(
            "{cut} hashes of {} meet more than {MOST_MET} entries each; the farther ones are not counted",
            path.display()
        ));
    }
    Ok(())
}

fn text(report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(
        out,
        "{} looked at",
        output::plural(report.entries, "entry").replace("entrys", "entries")
    )?;
    if report.counts.is_empty() {
        writeln!(out, "nothing doubtful")?;
    }
    for (kind, count) in &report.counts {
        writeln!(out, "\n{count}: {}", kind.text())?;
        let of_kind = report
            .findings
            .iter()
            .filter(|finding| finding.kind == *kind);
        for finding in of_kind.take(10) {
            let signal = finding.signal.as_deref().unwrap_or("no hash");
            let detail = finding.detail.as_deref().unwrap_or_default();
            writeln!(
                out,
                "  {} #{}  {signal}  {detail}",
                finding.bank, finding.content_id
            )?;
        }
        if *count > 10 {
            writeln!(out, "  … --format json lists more")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_hashes_and_patterns_are_told_from_pictures() {
        let told = |hex: &str| flatness(&Signal::from_hex(SignalType::Pdq, hex).unwrap());
        assert!(told(&"00".repeat(32)).unwrap().starts_with("0 of 256"));
        assert!(told(&"0f".repeat(32)).unwrap().starts_with("nothing but"));
        let picture = "9c151c3af838278e3ef57c180e3b5a3dd9f5c3f2e0ddc6a8ae0bb04e0de3cc40";
        let hash = told(picture);
        assert!(hash.is_none() || hash.unwrap().contains("bits set"));
    }
}
