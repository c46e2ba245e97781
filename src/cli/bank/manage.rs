//! `bank create`, `list`, `show`, `set`, `delete`.

use crate::bank::{
    Action, Bank, BankName, ContentState, Policy, Provenance, Quarantine, Setting, Share, Verified,
};
use crate::cli::{config, exit::Exit, home::Home, output};
use crate::hash::{Quality, SignalType, Threshold};
use crate::policy;
use crate::store::{BankCounts, BankStore};
use anyhow::bail;
use clap::{Args, ValueEnum};
use comfy_table::{Table, presets};
use serde::Serialize;
use std::io::Write;

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

    /// What a match beyond the threshold does that further evidence speaks for: off, block, review,
    /// report, or default (review, or what the bank's other matches do where that is milder)
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

    fn apply(&self, policy: &mut Policy) {
        for setting in self.settings() {
            policy.set(setting);
        }
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

/// A bank as `--format jsonl` writes it.
#[derive(Serialize)]
struct BankRecord<'a> {
    bank: &'a BankName,
    #[serde(flatten)]
    policy: &'a Policy,
    items: u64,
    active: u64,
    withdrawn: u64,
    disputed: u64,
    signals: std::collections::BTreeMap<&'static str, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    calibrated: Option<u64>,
    opaque: &'a std::collections::BTreeMap<String, u64>,
}

impl<'a> BankRecord<'a> {
    fn new(bank: &'a Bank, counts: &'a BankCounts) -> Self {
        Self {
            bank: &bank.name,
            policy: &bank.policy,
            items: counts.items,
            active: counts.active,
            withdrawn: counts.withdrawn,
            disputed: counts.disputed,
            opaque: &counts.opaque,
            calibrated: (counts.calibrated > 0).then_some(counts.calibrated),
            signals: counts
                .signals
                .iter()
                .map(|(kind, count)| (kind.name(), *count))
                .collect(),
        }
    }
}

/// What reminds of the step that a change still needs.
pub(crate) const PUBLISH_HINT: &str =
    "Matching goes on as before until you publish: hashgate publish";

pub(crate) fn create(args: &CreateArgs, home: &Home) -> anyhow::Result<Exit> {
    home.create()?;
    let mut policy = Policy::new(args.action);
    args.policy.apply(&mut policy);
    let store = BankStore::open(&home.store())?;
    let bank = store.create_bank(&args.name, policy)?;
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
    let store = BankStore::open_read_only(&home.store())?;
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "bank", "action", "pdq", "64-bit", "quality", "enabled", "entries", "signals",
    ]);
    let mut out = output::stdout();
    for bank in store.banks()? {
        let counts = store.counts(bank.id)?;
        if args.format == Format::Jsonl {
            serde_json::to_writer(&mut out, &BankRecord::new(&bank, &counts))?;
            writeln!(out)?;
            continue;
        }
        let policy = &bank.policy;
        table.add_row([
            bank.name.to_string(),
            policy.action.to_string(),
            format!("≤ {}", policy.threshold),
            format!("≤ {}", policy.threshold64),
            format!("≥ {}", policy.min_quality),
            if policy.enabled { "yes" } else { "no" }.to_owned(),
            entries(&counts),
            signals(&counts),
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
    let store = BankStore::open_read_only(&home.store())?;
    let bank = store.bank(&args.name)?;
    let counts = store.counts(bank.id)?;
    let mut out = output::stdout();
    if args.format == Format::Jsonl {
        serde_json::to_writer(&mut out, &BankRecord::new(&bank, &counts))?;
        writeln!(out)?;
    } else {
        writeln!(out, "{}: {}", bank.name, describe(&bank.policy))?;
        if config::load(home).is_ok_and(|file| config::speaks_of(&file, &bank)) {
            writeln!(
                out,
                "config.toml says more: hashgate policy show {}",
                bank.name
            )?;
        }
        writeln!(out, "{} ({})", entries(&counts), signals(&counts))?;
        if let Some(text) = calibrated(&counts) {
            writeln!(out, "{text}")?;
        }
    }
    for item in store.items(bank.id).take(args.entries) {
        let item = item?;
        let hashes: Vec<String> = item.signals.iter().map(|s| s.signal.to_string()).collect();
        if args.format == Format::Jsonl {
            let qualities: Vec<_> = item.signals.iter().map(|s| s.quality).collect();
            let mut record = serde_json::json!({
                "content_id": item.id,
                "signals": hashes,
                "qualities": qualities,
                "labels": item.labels,
                "state": item.state,
                "by_hand": item.by_hand,
                "changed": item.changed,
                "opaque": item.opaque,
                "agreeing": item.agreeing(),
                "provenance": item.provenance,
                "later_provenance": item.later,
            });
            let forms: Vec<_> = item.signals.iter().map(|s| s.form).collect();
            let reaches: Vec<_> = item.signals.iter().map(|s| s.reach).collect();
            if let serde_json::Value::Object(fields) = &mut record {
                if forms.iter().any(Option::is_some) {
                    fields.insert("forms".to_owned(), serde_json::json!(forms));
                }
                if reaches.iter().any(Option::is_some) {
                    fields.insert("reaches".to_owned(), serde_json::json!(reaches));
                }
            }
            writeln!(out, "{record}")?;
            continue;
        }
        let from = |from: &Provenance| {
            let record = from.record.as_deref();
            let record = record.map_or_else(String::new, |r| format!(":{r}"));
            format!("{}{record}", from.source)
        };
        writeln!(out, "\n#{} from {}", item.id, from(&item.provenance))?;
        for later in &item.later {
            writeln!(out, "  and from {}", from(later))?;
        }
        for (hash, entry) in hashes.iter().zip(&item.signals) {
            let form = entry.form.map(|form| form.to_string());
            let reach = entry.reach.map(|reach| format!("reach {reach}"));
            let more: Vec<String> = form.into_iter().chain(reach).collect();
            match more.is_empty() {
                true => writeln!(out, "  {hash}")?,
                false => writeln!(out, "  {hash}  {}", more.join(", "))?,
            }
        }
        if let Some(until) = bank.policy.paused_until(item.id, super::now()) {
            writeln!(out, "  matches nothing until {}", policy::time(until))?;
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
    }
    out.flush()?;
    Ok(Exit::Clean)
}

pub(crate) fn set(args: &SetArgs, home: &Home) -> anyhow::Result<Exit> {
    let store = BankStore::open_existing(&home.store())?;
    let bank = store.bank(&args.name)?;
    let action = args.action.map(Setting::Action);
    let set: Vec<_> = (action.into_iter().chain(args.policy.settings()))
        .map(Setting::name)
        .collect();
    config::must_not_set(home, &bank, &set)?;
    let mut policy = bank.policy;
    let before = policy.clone();
    if let Some(action) = args.action {
        policy.action = action;
    }
    args.policy.apply(&mut policy);
    let mut out = output::stdout();
    if policy == before {
        writeln!(
            out,
            "bank {} is that already: {}",
            args.name,
            describe(&policy)
        )?;
    } else {
        store.set_policy(&args.name, policy.clone())?;
        writeln!(
            out,
            "bank {}: {}\n{PUBLISH_HINT}",
            args.name,
            describe(&policy)
        )?;
    }
    out.flush()?;
    Ok(Exit::Clean)
}

pub(crate) fn delete(args: &DeleteArgs, home: &Home) -> anyhow::Result<Exit> {
    let store = BankStore::open_existing(&home.store())?;
    let bank = store.bank(&args.name)?;
    let items = store.counts(bank.id)?.items;
    if items > 0 && !args.with_entries {
        bail!(
            "bank {} has entries ({items}): say --with-entries to delete them too",
            args.name
        );
    }
    let deleted = store.delete_bank(&args.name)?;
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

fn entries(counts: &BankCounts) -> String {
    let noun = if counts.items == 1 {
        "entry"
    } else {
        "entries"
    };
    let mut text = format!("{} {noun}", counts.items);
    for (count, what) in [
        (counts.withdrawn, "withdrawn"),
        (counts.disputed, "disputed"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    text
}

/// How many of the PDQ hashes have a reach, where any has.
pub(crate) fn calibrated(counts: &BankCounts) -> Option<String> {
    let all = counts.signals.get(&SignalType::Pdq).copied().unwrap_or(0);
    (counts.calibrated > 0).then(|| {
        format!(
            "{} of {all} pdq hashes calibrated, {} without a reach",
            counts.calibrated,
            all.saturating_sub(counts.calibrated)
        )
    })
}

fn signals(counts: &BankCounts) -> String {
    let opaque = counts.opaque.iter();
    let opaque = opaque.map(|(kind, count)| format!("{count} {kind} not matched"));
    let list: Vec<String> = counts
        .signals
        .iter()
        .map(|(kind, count)| format!("{count} {kind}"))
        .chain(opaque)
        .collect();
    if list.is_empty() {
        "none".to_owned()
    } else {
        list.join(", ")
    }
}
