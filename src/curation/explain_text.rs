//! What is explained of one input, as text for people.

use crate::bank::{Action, ContentItem};
use crate::clock::time;
use crate::curation::explain::Explained;
use crate::gate::{Considered, MatchKind, Outcome, Refusal};
use crate::pages::name::escaped;
use std::fmt;

/// As text for people, over several lines.
impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self)
    }
}

fn write(out: &mut fmt::Formatter<'_>, explained: &Explained) -> fmt::Result {
    let explanation = &explained.explanation;
    let verdict = &explanation.verdict;
    let decision = match verdict.outcome {
        Outcome::Match => verdict.action_name().to_owned(),
        Outcome::NoMatch => "pass".to_owned(),
        other => other.to_string(),
    };
    writeln!(out, "{}: {decision}", escaped(&explained.input))?;
    if let Some(problem) = &verdict.problem {
        writeln!(out, "  {}", escaped(&problem.message))?;
    }
    writeln!(out, "  {}", why(explained))?;
    if let Some(rules) = verdict.evidence_rules {
        writeln!(out, "  by the rules of evidence {rules}")?;
    }
    for one in &explanation.considered {
        writeln!(out)?;
        entry(out, one)?;
    }
    if explanation.left_out > 0 {
        writeln!(
            out,
            "\n  and {} more entries came near",
            explanation.left_out
        )?;
    }
    for item in &explained.only_in_store {
        writeln!(out)?;
        only_in_store(out, item)?;
    }
    Ok(())
}

/// The last step: what the matches together lead to.
fn why(explained: &Explained) -> String {
    let verdict = &explained.explanation.verdict;
    let matches = &verdict.matches;
    if matches.is_empty() {
        return "it matches nothing".to_owned();
    }
    let strictest = matches.iter().map(|found| found.action).max();
    let allow = matches.iter().find(|found| found.action == Action::Allow);
    match (verdict.action, allow) {
        (Some(Action::Allow), Some(allow)) if strictest > Some(Action::Allow) => format!(
            "bank {} allows: its #{} at distance {} overrules what is no nearer",
            allow.bank, allow.content_id, allow.distance
        ),
        (Some(action), _) => {
            let by: Vec<String> = (matches.iter().filter(|found| found.action == action))
                .take(3)
                .map(|found| format!("{} #{}", found.bank, found.content_id))
                .collect();
            let overruled = match strictest > Some(action) {
                true => "; what is stricter is overruled by what a bank allows",
                false => "",
            };
            format!(
                "the strictest action wins: {action}, of {}{overruled}",
                by.join(", ")
            )
        }
        (None, _) => "what allows it does not hide that a part could not be judged".to_owned(),
    }
}

fn entry(out: &mut fmt::Formatter<'_>, one: &Considered) -> fmt::Result {
    let kind = one.entry.signal_type();
    write!(
        out,
        "  {} #{}, {kind} distance {}",
        one.bank, one.content_id, one.distance
    )?;
    if let Some(form) = one.entry_form {
        write!(out, " from its {form}")?;
    }
    let variant = one.variant.to_string();
    if variant != "original" {
        write!(out, " as {variant}")?;
    }
    match &one.result {
        Ok(found) => {
            let how = match found.kind {
                MatchKind::ExactDigest => "the same bytes".to_owned(),
                MatchKind::Near => format!("within {}", found.threshold),
                MatchKind::Verified => {
                    let score = found
                        .score
                        .map_or_else(String::new, |score| score.to_string());
                    let second = found.seconded_by;
                    let second =
                        second.map_or_else(String::new, |kind| format!(", seconded by {kind}"));
                    format!(
                        "beyond {}, verified by score {score}{second}",
                        found.threshold
                    )
                }
            };
            writeln!(out, ": {} ({how})", found.action)?;
        }
        Err(Refusal::Paused { until }) => {
            writeln!(out, ": no match, it is out until {}", time(*until))?;
        }
        Err(refusal) => writeln!(out, ": no match, {refusal}")?,
    }
    if !one.labels.is_empty() {
        let labels: Vec<_> = one.labels.iter().map(|label| escaped(label)).collect();
        writeln!(out, "    labels that rules name: {}", labels.join(", "))?;
    }
    if let Some(reach) = one.reach {
        writeln!(out, "    safe reach: {reach}")?;
    }
    if let Some(sources) = one.sources {
        writeln!(out, "    sources that agree: {sources}")?;
    }
    for step in &one.steps {
        let mark = if step.counts { "=" } else { " " };
        let said = format!("{} {}", step.set.name(), step.set);
        let (scope, from) = (escaped(&step.scope).into_owned(), step.from.to_string());
        writeln!(out, "    {mark} {said:<44} {scope}, {}", escaped(&from))?;
    }
    Ok(())
}

fn only_in_store(out: &mut fmt::Formatter<'_>, item: &ContentItem) -> fmt::Result {
    let state = item.due_state().name();
    writeln!(
        out,
        "  #{} has one of its hashes and is in the store only: {state}, {} agree{}",
        item.id,
        item.agreeing(),
        match state {
            "active" => "; not published yet",
            _ => "; it matches nothing",
        }
    )
}
