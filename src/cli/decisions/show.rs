//! `hashgate decisions show`: decisions as they were written, or where the log ends.

use super::{chosen::Chosen, log::warn_of};
use crate::cli::{exit::Exit, home::Home, output};
use crate::clock::time;
use crate::decisions::{self, Decision, Entry};
use crate::scan::escaped;
use clap::{Args, ValueEnum};
use serde_json::json;
use std::io::{self, Write};
use std::ops::ControlFlow;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// One JSON object a line
    Jsonl,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(super) chosen: Chosen,

    /// Only where the log ends: the number and the hash of its last line, to be noted elsewhere
    #[arg(long)]
    head: bool,

    /// How to write them; jsonl is the log's own lines
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &ShowArgs, home: &Home) -> anyhow::Result<Exit> {
    let folder = args.chosen.log.folder(home);
    let mut out = output::stdout();
    if args.head {
        let head = decisions::head(&folder)?;
        let (log, n, sha256) = (&head.log, head.link.n, head.link.sha256);
        match args.format {
            Format::Text => writeln!(out, "{sha256} line {n} of log {log}")?,
            Format::Jsonl => {
                let record = json!({
                    "log": log, "file": head.file, "n": n, "sha256": sha256.to_string(),
                });
                writeln!(out, "{record}")?;
            }
        }
        out.flush()?;
        return Ok(Exit::Clean);
    }
    let choice = args.chosen.plan();
    let findings = decisions::for_each(&folder, |entry, line| -> anyhow::Result<_> {
        if choice.has(&entry.decision) {
            match args.format {
                Format::Text => describe(entry, &mut out)?,
                Format::Jsonl => {
                    out.write_all(line)?;
                    out.write_all(b"\n")?;
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    out.flush()?;
    warn_of(&findings);
    Ok(Exit::of(false, !findings.is_empty()))
}

/// How an input is called: its name, or the digest that says which it was.
pub(super) fn name(decision: &Decision) -> String {
    if let Some(name) = &decision.input.name {
        return escaped(name).into_owned();
    }
    let mut signals = decision.signals.iter().rev();
    let signal = signals.next().map(|(kind, hex)| format!("{kind}:{hex}"));
    signal.unwrap_or_else(|| "(no name)".to_owned())
}

fn describe(entry: &Entry, out: &mut impl Write) -> io::Result<()> {
    let decision = &entry.decision;
    let action = match decision.action_name() {
        "none" => decision.outcome.name().to_owned(),
        action => action.to_uppercase(),
    };
    writeln!(
        out,
        "#{}  {}  {action:<7} {}",
        entry.link.n,
        time(decision.at_ms / 1_000),
        name(decision)
    )?;
    for recorded in &decision.matches {
        let found = &recorded.found;
        write!(
            out,
            "    {} #{}, {} distance {} within {}",
            found.bank,
            found.content_id,
            found.entry.signal_type(),
            found.distance,
            found.threshold
        )?;
        if let Some(form) = found.entry_form {
            write!(out, " from its {form}")?;
        }
        if let Some(score) = found.score {
            write!(out, ", score {score}")?;
        }
        write!(
            out,
            ", {} as {}: {}",
            found.kind.name(),
            found.variant,
            found.action
        )?;
        for source in recorded.sources.iter().flatten() {
            write!(out, "; {}", escaped(&source.source))?;
            if let Some(record) = &source.record {
                write!(out, " record {}", escaped(record))?;
            }
        }
        writeln!(out)?;
    }
    if decision.matches_left_out > 0 {
        writeln!(out, "    and {} more", decision.matches_left_out)?;
    }
    if let Some(rule) = &decision.rule {
        writeln!(out, "    by rule {}", escaped(rule))?;
    }
    for unread in &decision.unread {
        writeln!(out, "    not looked at: {}", escaped(&unread.to_string()))?;
    }
    if let Some(error) = &decision.error {
        writeln!(out, "    {}", escaped(error))?;
    }
    write!(out, "    generation {}, ", decision.generation)?;
    if let Some(rules) = decision.evidence_rules {
        write!(out, "rules of evidence {rules}, ")?;
    }
    writeln!(out, "{}", escaped(&decision.program))
}
