//! `hashgate decisions replay`: what would be decided today, and why it is something else.
//!
//! Exit codes: 0 where all would be decided as they were, 1 where some would not, 2 where the log
//! could not be read whole.

use super::{choice::Choice, show::Format, show::name, warn_of};
use crate::bank::Action;
use crate::cli::bank::now;
use crate::cli::{audit::time, exit::Exit, home::Home, inputs::IndexArgs, output};
use crate::decisions::{self, Became, Entry, Replayed, Why};
use crate::gate::{Gate, GateOptions};
use crate::scan::escaped;
use clap::Args;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::ControlFlow;

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    pub(super) choice: Choice,

    /// Decisions that would be the same too
    #[arg(long)]
    all: bool,

    /// How to write them
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    #[command(flatten)]
    pub(super) index: IndexArgs,
}

/// Counts over all: the last line of the JSON Lines, as `{"summary": {…}}`.
#[derive(Debug, Default, Serialize)]
struct Summary {
    /// Decisions that were decided anew.
    decisions: u64,
    /// Those with the same outcome and action.
    same: u64,
    /// The others.
    different: u64,
    /// How many of the others have an entry that counts otherwise for that reason.
    why: BTreeMap<Why, u64>,
    /// Those of which not all queries were kept.
    incomplete: u64,
    /// The generation that decided.
    generation: u64,
}

pub(super) fn run(args: &ReplayArgs, home: &Home) -> anyhow::Result<Exit> {
    let options = GateOptions {
        index_memory: args.index.memory(),
        ..GateOptions::default()
    };
    let gate = Gate::open_with(&args.index.folder(home), options)?;
    let index = gate.index();
    let at = now();
    let mut summary = Summary {
        generation: index.generation(),
        ..Summary::default()
    };
    let mut out = output::stdout();
    let folder = args.choice.log.folder(home);
    let findings = decisions::for_each(&folder, |entry, _| -> anyhow::Result<_> {
        if !args.choice.has(&entry.decision) {
            return Ok(ControlFlow::Continue(()));
        }
        let replayed = decisions::replay(&index, at, &entry.decision);
        summary.decisions += 1;
        summary.incomplete += u64::from(entry.decision.queries_left_out > 0);
        if replayed.same {
            summary.same += 1;
        } else {
            summary.different += 1;
            let mut reasons: Vec<Why> = replayed.changes.iter().map(|one| one.why).collect();
            reasons.sort_unstable();
            reasons.dedup();
            for why in reasons {
                *summary.why.entry(why).or_default() += 1;
            }
        }
        if args.all || !replayed.same {
            match args.format {
                Format::Text => describe(entry, &replayed, &mut out)?,
                Format::Jsonl => writeln!(out, "{}", record(entry, &replayed))?,
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    match args.format {
        Format::Text => writeln!(
            out,
            "{} replayed by generation {}: {} the same, {} different",
            output::plural(summary.decisions, "decision"),
            summary.generation,
            summary.same,
            summary.different
        )?,
        Format::Jsonl => writeln!(out, "{}", json!({ "summary": summary }))?,
    }
    out.flush()?;
    warn_of(&findings);
    Ok(Exit::of(summary.different > 0, !findings.is_empty()))
}

fn action(action: Option<Action>) -> &'static str {
    action.map_or("none", Action::name)
}

/// One decision: `n`, `at_ms`, `name`, `signals`, `then` and `now` (`outcome`, `action`,
/// `generation`), `same`, and `changes` (`bank`, `content_id`, `became`, `why`, `detail`).
fn record(entry: &Entry, replayed: &Replayed) -> serde_json::Value {
    let decision = &entry.decision;
    json!({
        "n": entry.link.n,
        "at_ms": decision.at_ms,
        "name": decision.input.name,
        "signals": decision.signals,
        "then": {
            "outcome": decision.outcome,
            "action": decision.action_name(),
            "generation": decision.generation,
        },
        "now": {
            "outcome": replayed.outcome,
            "action": action(replayed.action),
            "generation": replayed.generation,
        },
        "same": replayed.same,
        "changes": replayed.changes,
    })
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
    Ok(())
}
