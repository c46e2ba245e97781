//! `bank create`, `list`, `show`, `set`, `delete`.

use crate::bank::{
    Action, BankName, ContentItem, ContentState, Policy, Provenance, Quarantine, Setting, Share,
    Verified,
};
use crate::cli::{exit::Exit, home::Home, output};
use crate::clock;
use crate::curation::banks::{self, BankError, BankRecord, BankView, EntryRecord};
use crate::hash::{Quality, SignalType, Threshold};
use anyhow::bail;
use clap::{Args, ValueEnum};
use comfy_table::{Table, presets};
use std::io::{self, Write};

/// How a description is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object a line
    Jsonl,
}

/// What can be said about a bank's policy.
#[derive(Debug, Args)]
struct PolicyArgs {
    /// Largest PDQ distance that matches, in bits (inclusive), 0-63
    #[arg(long, value_name = "BITS", value_parser = up_to(Policy::MAX_PDQ_THRESHOLD))]
    threshold: Option<u16>,

    /// Largest distance of a 64-bit hash that matches, in bits (inclusive), 0-16
    #[arg(long, value_name = "BITS", value_parser = up_to(Policy::MAX_HASH64_THRESHOLD))]
    threshold64: Option<u16>,

    /// Least PDQ quality, of a file and of an entry, that may match, 0-100
    #[arg(long, value_name = "0-100")]
    min_quality: Option<Quality>,

    /// Whether the bank takes part in matching
    #[arg(long, value_name = "true|false", action = clap::ArgAction::Set)]
    enabled: Option<bool>,

    /// What a verified match does (beyond the threshold, by other evidence): off, block, review,
    /// report, or default (review, or what the bank's other matches do if that is milder)
    #[arg(long, value_name = "ACTION")]
    verified_action: Option<Verified>,

    /// How many sources must agree that an entry is what it is said to be; 0 asks nobody
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=i64::from(Setting::MAX_SOURCES)))]
    min_sources: Option<u32>,

    /// For how many of the uploads the bank is in force, in per cent: chosen by their content, and
    /// the same ones each time
    #[arg(long, value_name = "PERCENT")]
    share: Option<Share>,

    /// Review instead of block once an entry has matched more than N distinct uploads within S
    /// seconds (N/S), or off
    #[arg(long, value_name = "N/S|off", value_parser = quarantine)]
    quarantine: Option<QuarantineArg>,
}

/// What `--quarantine` says; an option in an option would be taken for one that may be left out.
#[derive(Debug, Clone, Copy)]
struct QuarantineArg(Option<Quarantine>);

fn quarantine(text: &str) -> Result<QuarantineArg, String> {
    if text == "off" {
        return Ok(QuarantineArg(None));
    }
    let read = || {
        let (uploads, seconds) = text.split_once('/')?;
        Some(Quarantine {
            uploads: uploads.parse().ok()?,
            seconds: seconds.parse().ok()?,
        })
    };
    let found = Some(read().ok_or("give uploads/seconds, as 100/3600, or off")?);
    let checked = Setting::Quarantine(found).check();
    checked.map_err(|error| error.to_string())?;
    Ok(QuarantineArg(found))
}

/// Reads a threshold of a bank, which may be no wider than this.
fn up_to(widest: Threshold) -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(..=i64::from(widest.0))
}

impl PolicyArgs {
    /// What is set.
    fn settings(&self) -> Vec<Setting> {
        [
            self.threshold
                .map(|bits| Setting::Threshold(Threshold(bits))),
            self.threshold64
                .map(|bits| Setting::Threshold64(Threshold(bits))),
            self.min_quality.map(Setting::MinQuality),
            self.enabled.map(Setting::Enabled),
            self.verified_action.map(Setting::VerifiedAction),
            self.min_sources.map(Setting::MinSources),
            self.share.map(Setting::Share),
            self.quarantine.map(|one| Setting::Quarantine(one.0)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Name of the new bank: A-Z a-z 0-9 . _ -
    name: BankName,

    /// What a match does: block, review, report, allow
    #[arg(long, default_value = "review")]
    action: Action,

    #[command(flatten)]
    policy: PolicyArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// How to write the list
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Name of the bank
    name: BankName,

    /// How many entries to show
    #[arg(long, value_name = "N", default_value_t = 10)]
    entries: usize,

    /// How to write them; jsonl gives the bank and then an object for each entry
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// Name of the bank
    name: BankName,

    /// What a match does: block, review, report, allow
    #[arg(long)]
    action: Option<Action>,

    #[command(flatten)]
    policy: PolicyArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// Name of the bank
    name: BankName,

    /// Delete it although it has entries
    #[arg(long)]
    with_entries: bool,
}

/// What reminds of the step that a change still needs.
pub(crate) const PUBLISH_HINT: &str =
    "Matching goes on as before until you publish: hashgate publish";

pub(crate) fn create(args: &CreateArgs, home: &Home) -> anyhow::Result<Exit> {
    let mut policy = Policy::new(args.action);
    for setting in args.policy.settings() {
        policy.set(setting);
    }
    let bank = banks::create(home, &args.name, policy)?;
    let mut out = output::stdout();
    writeln!(
        out,
        "created bank {}: {}",
        bank.name,
        describe(&bank.policy)
    )?;
    out.flush()?;
    Ok(Exit::Clean)
}

pub(crate) fn list(args: &ListArgs, home: &Home) -> anyhow::Result<Exit> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "bank", "action", "pdq", "64-bit", "quality", "enabled", "entries", "signals",
    ]);
    let mut out = output::stdout();
    for record in banks::list(home)? {
        if args.format == Format::Jsonl {
            serde_json::to_writer(&mut out, &record)?;
            writeln!(out)?;
            continue;
        }
        let policy = &record.policy;
        table.add_row([
            record.bank.to_string(),
            policy.action.to_string(),
            format!("≤ {}", policy.threshold),
            format!("≤ {}", policy.threshold64),
            format!("≥ {}", policy.min_quality),
            if policy.enabled { "yes" } else { "no" }.to_owned(),
            entries(&record),
            signals(&record),
        ]);
    }
    if args.format == Format::Text {
        if table.row_count() == 0 {
            writeln!(
                out,
                "no banks yet: make one with hashgate bank create NAME --action block"
            )?;
        } else {
            writeln!(out, "{}", table.trim_fmt())?;
        }
    }
    out.flush()?;
    Ok(Exit::Clean)
}

pub(crate) fn show(args: &ShowArgs, home: &Home) -> anyhow::Result<Exit> {
    let view = BankView::open(home, &args.name)?;
    let mut out = output::stdout();
    match args.format {
        Format::Jsonl => {
            serde_json::to_writer(&mut out, &view.record())?;
            writeln!(out)?;
        }
        Format::Text => show_bank(&view, &mut out)?,
    }
    for item in view.entries().take(args.entries) {
        let item = item?;
        match args.format {
            Format::Jsonl => output::json_line(&mut out, &EntryRecord::from(item))?,
            Format::Text => show_entry(&item, view.paused_until(item.id), &mut out)?,
        }
    }
    out.flush()?;
    Ok(Exit::Clean)
}

fn show_bank(view: &BankView, out: &mut impl Write) -> io::Result<()> {
    let (bank, record) = (view.bank(), view.record());
    writeln!(out, "{}: {}", bank.name, describe(&bank.policy))?;
    if view.is_in_policy_file() {
        writeln!(
            out,
            "config.toml says more: hashgate policy show {}",
            bank.name
        )?;
    }
    writeln!(out, "{} ({})", entries(&record), signals(&record))?;
    let pdq = record.signals.get(&SignalType::Pdq).copied().unwrap_or(0);
    match calibrated(record.calibrated.unwrap_or(0), pdq) {
        Some(text) => writeln!(out, "{text}"),
        None => Ok(()),
    }
}

fn show_entry(item: &ContentItem, paused: Option<u64>, out: &mut impl Write) -> io::Result<()> {
    let from = |from: &Provenance| {
        let record = from.record.as_deref();
        let record = record.map_or_else(String::new, |r| format!(":{r}"));
        format!("{}{record}", from.source)
    };
    writeln!(out, "\n#{} from {}", item.id, from(&item.provenance))?;
    for later in &item.later {
        writeln!(out, "  and from {}", from(later))?;
    }
    for entry in &item.signals {
        let form = entry.form.map(|form| form.to_string());
        let reach = entry.reach.map(|reach| format!("reach {reach}"));
        let more: Vec<String> = form.into_iter().chain(reach).collect();
        match more.is_empty() {
            true => writeln!(out, "  {}", entry.signal)?,
            false => writeln!(out, "  {}  {}", entry.signal, more.join(", "))?,
        }
    }
    if let Some(until) = paused {
        writeln!(out, "  matches nothing until {}", clock::time(until))?;
    }
    for opaque in &item.opaque {
        writeln!(out, "  {}: kept, not matched", opaque.kind)?;
    }
    if item.state != ContentState::Active {
        writeln!(out, "  {}: matches nothing", item.state.name())?;
    }
    if !item.labels.is_empty() {
        writeln!(out, "  labels: {}", item.labels.join(", "))?;
    }
    Ok(())
}

pub(crate) fn set(args: &SetArgs, home: &Home) -> anyhow::Result<Exit> {
    let action = args.action.map(Setting::Action);
    let settings: Vec<Setting> = action.into_iter().chain(args.policy.settings()).collect();
    let change = banks::set_policy(home, &args.name, &settings)?;
    let policy = describe(&change.bank.policy);
    let mut out = output::stdout();
    match change.is_changed {
        true => writeln!(out, "bank {}: {policy}\n{PUBLISH_HINT}", args.name)?,
        false => writeln!(out, "bank {} is that already: {policy}", args.name)?,
    }
    out.flush()?;
    Ok(Exit::Clean)
}

pub(crate) fn delete(args: &DeleteArgs, home: &Home) -> anyhow::Result<Exit> {
    let deleted = match banks::delete(home, &args.name, args.with_entries) {
        Err(error @ BankError::HasEntries { .. }) => {
            bail!("{error}: say --with-entries to delete them too")
        }
        deleted => deleted?,
    };
    let mut out = output::stdout();
    writeln!(
        out,
        "deleted bank {} with {deleted} entries\n{PUBLISH_HINT}",
        args.name
    )?;
    out.flush()?;
    Ok(Exit::Clean)
}

fn describe(policy: &Policy) -> String {
    let mut beyond = String::new();
    if policy.min_sources > 0 {
        let sources = output::plural(policy.min_sources.into(), "source");
        beyond.push_str(&format!(", where {sources} or more agree"));
    }
    if policy.share != Share::ALL {
        beyond.push_str(&format!(", for {} % of the uploads", policy.share));
    }
    if let Some(quarantine) = policy.quarantine {
        beyond.push_str(&format!(", quarantined {quarantine}"));
    }
    format!(
        "{} within {} bits of PDQ or {} bits of a 64-bit hash, {}quality {} or better, {}{beyond}",
        policy.action,
        policy.threshold,
        policy.threshold64,
        match policy.verified_action() {
            Some(action) => format!("{action} where verified beyond, "),
            None => String::new(),
        },
        policy.min_quality,
        if policy.enabled {
            "enabled"
        } else {
            "disabled"
        }
    )
}

fn entries(bank: &BankRecord) -> String {
    let noun = if bank.items == 1 { "entry" } else { "entries" };
    let mut text = format!("{} {noun}", bank.items);
    for (count, what) in [(bank.withdrawn, "withdrawn"), (bank.disputed, "disputed")] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    text
}

/// How many of so many PDQ hashes have a reach, where any has.
pub(crate) fn calibrated(calibrated: u64, pdq: u64) -> Option<String> {
    (calibrated > 0).then(|| {
        format!(
            "{calibrated} of {pdq} pdq hashes calibrated, {} without a reach",
            pdq.saturating_sub(calibrated)
        )
    })
}

fn signals(bank: &BankRecord) -> String {
    let opaque = bank.opaque.iter();
    let opaque = opaque.map(|(kind, count)| format!("{count} {kind} not matched"));
    let signals = bank.signals.iter();
    let signals = signals.map(|(kind, count)| format!("{count} {kind}"));
    let list: Vec<String> = signals.chain(opaque).collect();
    match list.is_empty() {
        true => "none".to_owned(),
        false => list.join(", "),
    }
}
