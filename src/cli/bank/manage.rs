//! `bank create`, `list`, `show`, `set`, `delete`.

use crate::bank::{
    Action, BankName, ContentState, Policy, Provenance, Quarantine, Setting, Share, Verified,
};
#[cfg(feature = "service")]
use crate::cli::remote::{self, ServerArgs};
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

    #[cfg(feature = "service")]
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// How to write the list
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    #[cfg(feature = "service")]
    #[command(flatten)]
    server: ServerArgs,
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

    #[cfg(feature = "service")]
    #[command(flatten)]
    server: ServerArgs,
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

    #[cfg(feature = "service")]
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// Name of the bank
    name: BankName,

    /// Delete it although it has entries
    #[arg(long)]
    with_entries: bool,

    #[cfg(feature = "service")]
    #[command(flatten)]
    server: ServerArgs,
}

/// What reminds of the step that a change still needs.
pub(crate) const PUBLISH_HINT: &str =
    "Matching goes on as before until you publish: hashgate publish";

pub(crate) fn create(args: &CreateArgs, home: &Home) -> anyhow::Result<Exit> {
    let mut out = output::stdout();
    #[cfg(feature = "service")]
    if let Some(node) = args.server.asked()? {
        let action = std::iter::once(Setting::Action(args.action));
        let settings: Vec<Setting> = action.chain(args.policy.settings()).collect();
        let bank = remote::create(&node, &args.name, &settings)?;
        writeln!(
            out,
            "created bank {}: {}",
            bank.bank,
            describe(&bank.policy)
        )?;
        out.flush()?;
        return Ok(Exit::Clean);
    }
    let mut policy = Policy::new(args.action);
    for setting in args.policy.settings() {
        policy.set(setting);
    }
    let bank = banks::create(home, &args.name, policy)?;
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
    #[cfg(feature = "service")]
    let records = match args.server.asked()? {
        Some(node) => remote::list(&node)?,
        None => banks::list(home)?,
    };
    #[cfg(not(feature = "service"))]
    let records = banks::list(home)?;
    for record in records {
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
    let mut out = output::stdout();
    #[cfg(feature = "service")]
    if let Some(node) = args.server.asked()? {
        let (record, entries) = remote::show(&node, &args.name, args.entries)?;
        show_bank(&record, false, args.format, &mut out)?;
        for entry in entries {
            let paused = (record.policy).paused_until(entry.content_id, clock::now());
            show_entry(&entry, paused, args.format, &mut out)?;
        }
        out.flush()?;
        return Ok(Exit::Clean);
    }
    let view = BankView::open(home, &args.name)?;
    show_bank(
        &view.record(),
        view.is_in_policy_file(),
        args.format,
        &mut out,
    )?;
    for item in view.entries().take(args.entries) {
        let item = item?;
        let paused = view.paused_until(item.id);
        show_entry(&item.into(), paused, args.format, &mut out)?;
    }
    out.flush()?;
    Ok(Exit::Clean)
}

fn show_bank(
    record: &BankRecord,
    is_in_policy_file: bool,
    format: Format,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    if format == Format::Jsonl {
        serde_json::to_writer(&mut *out, record)?;
        writeln!(out)?;
        return Ok(());
    }
    writeln!(out, "{}: {}", record.bank, describe(&record.policy))?;
    if is_in_policy_file {
        writeln!(
            out,
            "config.toml says more: hashgate policy show {}",
            record.bank
        )?;
    }
    writeln!(out, "{} ({})", entries(record), signals(record))?;
    let pdq = record.signals.get(&SignalType::Pdq).copied().unwrap_or(0);
    if let Some(text) = calibrated(record.calibrated.unwrap_or(0), pdq) {
        writeln!(out, "{text}")?;
    }
    Ok(())
}

fn show_entry(
    item: &EntryRecord,
    paused: Option<u64>,
    format: Format,
    out: &mut impl Write,
) -> io::Result<()> {
    if format == Format::Jsonl {
        return output::json_line(out, item);
    }
    let from = |from: &Provenance| {
        let record = from.record.as_deref();
        let record = record.map_or_else(String::new, |r| format!(":{r}"));
        format!("{}{record}", from.source)
    };
    writeln!(
        out,
        "\n#{} from {}",
        item.content_id,
        from(&item.provenance)
    )?;
    for later in &item.later_provenance {
        writeln!(out, "  and from {}", from(later))?;
    }
    for (place, signal) in item.signals.iter().enumerate() {
        let form = item.forms.as_ref().and_then(|forms| *forms.get(place)?);
        let form = form.map(|form| form.to_string());
        let reach = item.reaches.as_ref().and_then(|all| *all.get(place)?);
        let reach = reach.map(|reach| format!("reach {reach}"));
        let more: Vec<String> = form.into_iter().chain(reach).collect();
        match more.is_empty() {
            true => writeln!(out, "  {signal}")?,
            false => writeln!(out, "  {signal}  {}", more.join(", "))?,
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
    let mut out = output::stdout();
    #[cfg(feature = "service")]
    if let Some(node) = args.server.asked()? {
        let bank = remote::set(&node, &args.name, &settings)?;
        writeln!(out, "bank {}: {}", bank.bank, describe(&bank.policy))?;
        out.flush()?;
        return Ok(Exit::Clean);
    }
    let change = banks::set_policy(home, &args.name, &settings)?;
    let policy = describe(&change.bank.policy);
    match change.is_changed {
        true => writeln!(out, "bank {}: {policy}\n{PUBLISH_HINT}", args.name)?,
        false => writeln!(out, "bank {} is that already: {policy}", args.name)?,
    }
    out.flush()?;
    Ok(Exit::Clean)
}

pub(crate) fn delete(args: &DeleteArgs, home: &Home) -> anyhow::Result<Exit> {
    let mut out = output::stdout();
    #[cfg(feature = "service")]
    if let Some(node) = args.server.asked()? {
        let deleted = remote::delete(&node, &args.name, args.with_entries)?;
        writeln!(out, "deleted bank {} with {deleted} entries", args.name)?;
        out.flush()?;
        return Ok(Exit::Clean);
    }
    let deleted = match banks::delete(home, &args.name, args.with_entries) {
        Err(error @ BankError::HasEntries { .. }) => {
            bail!("{error}: say --with-entries to delete them too")
        }
        deleted => deleted?,
    };
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
