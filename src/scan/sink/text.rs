//! Text for people: one line for each file, then what it came to.

use crate::gate::{MatchKind, Outcome};
use crate::pages::name::escaped;
use crate::scan::shadow_summary::decision;
use crate::scan::{FileRecord, Sink, Summary};
use std::io::{self, Write};

/// Writes a line a file (what to do, path, why) and a summary of a few lines.
pub struct TextSink<W: Write> {
    out: W,
    colour: bool,
    hide_passed: bool,
}

impl<W: Write> TextSink<W> {
    /// Writes to `out`. Control characters in names are escaped, so that a file is one line;
    /// `colour` paints what needs a look; `hide_passed` leaves files without a match out of the
    /// lines (they are counted all the same).
    pub const fn new(out: W, colour: bool, hide_passed: bool) -> Self {
        Self {
            out,
            colour,
            hide_passed,
        }
    }

    fn word(&self, record: &FileRecord) -> (String, &'static str) {
        match record.outcome {
            Outcome::Match => {
                let paint = match record.action {
                    "block" => "\x1b[1;31m",
                    "allow" => "\x1b[32m",
                    _ => "\x1b[33m",
                };
                (record.action.to_uppercase(), paint)
            }
            Outcome::NoMatch if record.action == "review" => ("REVIEW".to_owned(), "\x1b[33m"),
            Outcome::NoMatch => ("pass".to_owned(), "\x1b[32m"),
            unjudged => (unjudged.to_string(), "\x1b[35m"),
        }
    }
}

impl<W: Write> Sink for TextSink<W> {
    fn record(&mut self, record: &FileRecord) -> io::Result<()> {
        let differs = record.shadow.as_ref().is_some_and(|shadow| shadow.differs);
        let passes = record.outcome == Outcome::NoMatch && record.action == "none";
        if self.hide_passed && passes && !differs {
            return Ok(());
        }
        let (word, paint) = self.word(record);
        let (paint, plain) = if self.colour {
            (paint, "\x1b[0m")
        } else {
            ("", "")
        };
        let path = escaped(&record.path);
        write!(self.out, "{paint}{word:<11}{plain} {path}")?;
        if let Some(nearest) = record.matches.first() {
            write!(
                self.out,
                "  {} #{}{}, {} distance {}",
                nearest.bank,
                nearest.content_id,
                match record.sources.get(&nearest.content_id) {
                    Some(source) => format!(" ({})", escaped(source)),
                    None => String::new(),
                },
                nearest.entry.signal_type(),
                nearest.distance
            )?;
            if let Some(form) = nearest.entry_form {
                write!(self.out, " from its {form}")?;
            }
            if nearest.kind == MatchKind::Verified
                && let Some(score) = nearest.score
            {
                write!(self.out, " verified by score {score}")?;
                if let Some(kind) = nearest.seconded_by {
                    write!(self.out, ", seconded by {kind}")?;
                }
            }
            let variant = nearest.variant.to_string();
            if variant != "original" {
                write!(self.out, " as {variant}")?;
            }
            let more = record.matches.len() as u64 - 1 + record.matches_left_out;
            if more > 0 {
                write!(self.out, " (and {more} more)")?;
            }
        }
        if record.quarantined {
            write!(
                self.out,
                "  quarantined: it matches suspiciously many uploads"
            )?;
        }
        for unread in &record.unread {
            write!(self.out, "  unread: {}", escaped(&unread.to_string()))?;
        }
        if let Some(shadow) = record.shadow.as_ref().filter(|shadow| shadow.differs) {
            let other = decision(shadow.outcome, shadow.action);
            write!(self.out, "  shadow: {other}")?;
        }
        if let Some(error) = &record.error {
            write!(self.out, "  {}", escaped(error))?;
        }
        writeln!(self.out)
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        let matched: Vec<String> = ["block", "review", "report", "allow"]
            .into_iter()
            .filter(|action| summary.action(action) > 0)
            .map(|action| format!("{} {action}", summary.action(action)))
            .collect();
        let unjudged: Vec<String> = Outcome::ALL
            .into_iter()
            .filter(|outcome| !outcome.is_judged() && summary.outcome(*outcome) > 0)
            .map(|outcome| format!("{} {outcome}", summary.outcome(outcome)))
            .collect();
        let list = |count: u64, parts: &[String]| match parts {
            [] => count.to_string(),
            _ => format!("{count} ({})", parts.join(", ")),
        };
        writeln!(
            self.out,
            "\n{} files, {:.1} MB in {:.2} s: {} matched, {} passed, {} could not be judged",
            summary.files,
            summary.bytes as f64 / 1e6,
            summary.seconds,
            list(summary.outcome(Outcome::Match), &matched),
            summary.outcome(Outcome::NoMatch) - summary.held_unread,
            list(summary.unjudged(), &unjudged),
        )?;
        if summary.quarantined > 0 {
            writeln!(
                self.out,
                "quarantine: {} reviewed that would have been blocked",
                summary.quarantined
            )?;
        }
        if summary.unread > 0 {
            writeln!(
                self.out,
                "unread: {} files carry a part that was not looked at; {} of them held back for it",
                summary.unread, summary.held_unread
            )?;
        }
        if let Some(shadow) = &summary.shadow {
            let changes: Vec<String> = (shadow.changes.iter())
                .map(|(change, count)| format!("{count} {change}"))
                .collect();
            let file = escaped(&shadow.file);
            match changes.is_empty() {
                true => writeln!(self.out, "shadow {file}: it would decide the same")?,
                false => writeln!(
                    self.out,
                    "shadow {file}: it would decide {} otherwise: {}",
                    shadow.differs,
                    changes.join(", ")
                )?,
            }
        }
        let skipped = summary.skipped;
        if skipped.symlinks + skipped.special > 0 {
            writeln!(
                self.out,
                "passed over: {} symbolic links (--follow-links reads them), {} FIFOs, sockets and devices",
                skipped.symlinks, skipped.special
            )?;
        }
        if summary.interrupted {
            writeln!(self.out, "interrupted: there were more files to see")?;
        }
        self.out.flush()
    }
}
