//! `hashgate decisions replay`: what would be decided today, and why it is something else.
//!
//! Exit codes: 0 where all would be decided as they were, 1 where some would not, 2 where the log
//! could not be read whole.

use super::{chosen::Chosen, log::warn_of, show::Format, show::name};
use crate::bank::Action;
use crate::cli::{exit::Exit, home::Home, inputs::IndexArgs, output};
use crate::clock::{now, time};
use crate::decisions::{self, Became, DecidedAnew, Entry, Replayed};
use crate::gate::{Gate, GateOptions};
use crate::rules::Rules;
use crate::scan::escaped;
use clap::Args;
use serde_json::json;
use std::io::{self, Write};

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    pub(super) chosen: Chosen,

    /// Decisions that would be the same too
    #[arg(long)]
    all: bool,

    /// How to write them
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    #[command(flatten)]
    pub(super) index: IndexArgs,
}

pub(super) fn run(args: &ReplayArgs, home: &Home) -> anyhow::Result<Exit> {
    let options = GateOptions {
        index_memory: args.index.memory(),
        ..GateOptions::default()
    };
    let gate = Gate::open_with(args.index.folder(home), options)?;
    let folder = args.chosen.log.folder(home);
    let mut out = output::stdout();
    let take = |anew: DecidedAnew<'_>| -> anyhow::Result<()> {
        if args.all || !anew.replayed.same {
            match args.format {
                Format::Text => describe(anew.entry, anew.replayed, &mut out)?,
                // By way of a value: its keys are sorted.
                Format::Jsonl => writeln!(out, "{}", serde_json::to_value(anew)?)?,
            }
        }
        Ok(())
    };
    let choice = args.chosen.plan();
    let summary = decisions::replay_log(&folder, &choice, &gate.index(), now(), take)?;
    match args.format {
        Format::Text => writeln!(
            out,
            "{} replayed by generation {}: {} the same, {} different",
            output::plural(summary.decisions, "decision"),
            summary.generation,
            summary.same,
            summary.different
        )
        .and_then(|()| match summary.other_evidence_rules {
            0 => Ok(()),
            other => writeln!(
                out,
                "{} by other rules of evidence than {}",
                output::plural(other, "decision"),
                Rules::IN_FORCE
            ),
        })?,
        Format::Jsonl => writeln!(out, "{}", json!({ "summary": summary }))?,
    }
    out.flush()?;
    warn_of(&summary.findings);
    Ok(Exit::of(
        summary.different > 0,
        !summary.findings.is_empty(),
    ))
}

fn action(action: Option<Action>) -> &'static str {
    action.map_or("none", Action::name)
}

fn describe(entry: &Entry, replayed: &Replayed, out: &mut impl Write) -> io::Result<()> {
    let decision = &entry.decision;
    let verdict = |outcome: &str, action: &str| match action {
        "none" => outcome.to_owned(),
        action => action.to_owned(),
    };
    let then = verdict(decision.outcome.name(), decision.action_name());
    let now = verdict(replayed.outcome.name(), action(replayed.action));
    let at = time(decision.at_ms / 1_000);
    write!(out, "#{}  {at}  {}: ", entry.link.n, name(decision))?;
    match replayed.same {
        true => writeln!(out, "{now}, as then")?,
        false => writeln!(out, "{then} then, {now} now")?,
    }
    for change in &replayed.changes {
        let became = match change.became {
            Became::Gone => "no match any more",
            Became::New => "a match now",
            Became::Changed => "counts otherwise",
        };
        writeln!(
            out,
            "    {} #{}: {became}: {}",
            change.bank,
            change.content_id,
            escaped(&change.detail)
        )?;
    }
    if let Some(unread) = &replayed.unread {
        writeln!(out, "    {unread}")?;
    }
    if let Some(rules) = &replayed.evidence_rules {
        writeln!(out, "    {rules}")?;
    }
    Ok(())
}
