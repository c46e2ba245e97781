//! `hashgate match`: the index asked about hashes.

use crate::bank::{Action, ContentSignal};
use crate::cli::recorder::{DecisionArgs, Recorder};
use crate::cli::{exit::Exit, home::Home, inputs::IndexArgs, output};
use crate::curation::policy;
use crate::decisions::Input;
use crate::gate::{Gate, GateOptions, Match, Nearest, Outcome, Shadow, Verdict};
use crate::hash::Distance;
use crate::hashset::{self, ListFormat, MAX_LINE};
use crate::scan::ShadowRecord;
use anyhow::bail;
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::io::{BufRead, BufReader, Read, Write};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Most lines of standard input that are asked about together.
const BATCH: usize = 1024;
/// How much of standard input is read at a time, in bytes.
const READ_AHEAD: usize = 1 << 18;

/// How matches are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object for each hash
    Jsonl,
}

#[derive(Debug, Args)]
pub(crate) struct MatchArgs {
    /// Hashes: TYPE:HEX, bare hex of a pdq, md5 or sha1, or a line of `hashgate hash`; - reads them from standard input, one a line
    #[arg(required = true, value_name = "SIGNAL")]
    signals: Vec<String>,

    /// Everything within so many bits (inclusive) in enabled banks [default: the banks' policies decide]
    #[arg(long, value_name = "N", conflicts_with = "decisions")]
    max_distance: Option<u16>,

    /// Only the N nearest
    #[arg(long, value_name = "N")]
    k: Option<NonZeroUsize>,

    /// How to write the matches
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    #[command(flatten)]
    pub(crate) index: IndexArgs,

    /// Judge by this policy file too, and say where it would decide otherwise
    #[arg(long, value_name = "FILE.toml", conflicts_with = "max_distance")]
    shadow: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) decisions: DecisionArgs,
}

/// What `--format jsonl` says of one hash.
#[derive(Serialize)]
struct MatchRecord<'a> {
    /// The hash as it was given.
    query: &'a str,
    /// `match`, `no_match`, or `low_quality` where the quality given is under a bank's minimum;
    /// null where there is an error.
    outcome: Option<Outcome>,
    /// What policy says to do, or none.
    action: &'static str,
    matches: &'a [Match],
    /// Matches beyond those, where there are more than a verdict holds.
    #[serde(skip_serializing_if = "is_zero")]
    matches_left_out: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// What other policies would have decided, where they are tried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow: Option<ShadowRecord>,
}

pub(crate) fn run(args: MatchArgs, home: &Home) -> anyhow::Result<Exit> {
    let options = GateOptions {
        index_memory: args.index.memory(),
        ..GateOptions::default()
    };
    let mut recorder = Recorder::open(&args.decisions, false, home)?;
    let gate = Gate::open_with(&args.index.folder(home), options)?;
    args.index.log(&gate.index());
    recorder.set_index(&gate.index(), home);
    let shadow = match &args.shadow {
        Some(path) => Some(policy::shadow(&gate.index(), path)?),
        None => None,
    };
    let mut asking = Asking {
        gate,
        recorder,
        shadow,
        otherwise: 0,
        args: &args,
        out: Box::new(output::stdout()),
        asked: 0,
        matched: false,
        failed: false,
    };
    for text in &args.signals {
        if text == "-" {
            let input = BufReader::with_capacity(READ_AHEAD, std::io::stdin().lock());
            asking.lines(input)?;
        } else {
            asking.ask(std::slice::from_ref(text))?;
        }
    }
    asking.out.flush()?;
    if asking.asked == 0 {
        bail!("standard input has no hash to ask about");
    }
    if let Some(path) = &args.shadow {
        output::warn(format_args!(
            "shadow {}: it would decide {} of {} otherwise",
            path.display(),
            asking.otherwise,
            asking.asked
        ));
    }
    Ok(Exit::of(asking.matched, asking.failed))
}

struct Asking<'a> {
    gate: Gate,
    recorder: Recorder,
    shadow: Option<Shadow>,
    /// Hashes that the shadow would decide otherwise.
    otherwise: u64,
    args: &'a MatchArgs,
    /// Hashes asked about, good or bad.
    asked: u64,
    out: Box<dyn Write>,
    matched: bool,
    failed: bool,
}

impl Asking<'_> {
    /// Asks about lines as they come: as many together as have come already, up to a thousand or
    /// so, so that long lists are asked in batches and nobody waits for an answer.
    fn lines<R: Read>(&mut self, mut input: BufReader<R>) -> anyhow::Result<()> {
        let mut texts = Vec::new();
        while let Some(text) = line(&mut input)? {
            if !text.is_empty() {
                texts.push(text);
            }
            if texts.len() >= BATCH || !input.buffer().contains(&b'\n') {
                self.ask(&texts)?;
                texts.clear();
                self.out.flush()?;
            }
        }
        self.ask(&texts)
    }

    fn ask(&mut self, texts: &[String]) -> anyhow::Result<()> {
        let queries: Vec<_> = texts.iter().map(|text| query(text)).collect();
        let good: Vec<ContentSignal> = queries.iter().flatten().copied().collect();
        let mut found = self.matches(&good)?.into_iter();
        for (text, query) in texts.iter().zip(queries) {
            let found = match query {
                Ok(_) => found
                    .next()
                    .unwrap_or_else(|| Found::bad("it was not asked".to_owned())),
                Err(reason) => Found::bad(reason),
            };
            self.write(text, found)?;
        }
        Ok(())
    }

    fn write(&mut self, text: &str, found: Found) -> anyhow::Result<()> {
        self.asked += 1;
        self.matched |= (found.outcome).is_some_and(|outcome| outcome.is_flagged(found.action));
        self.failed |= found.error.is_some();
        let differs = found.shadow.as_ref().filter(|shadow| shadow.differs);
        self.otherwise += u64::from(differs.is_some());
        let shadow = differs.map_or_else(String::new, |shadow| match shadow.outcome {
            Outcome::Match => format!("; shadow: {}", shadow.action),
            other => format!("; shadow: {other}"),
        });
        let action = found.action.map_or("none", Action::name);
        if self.args.format == Format::Jsonl {
            let record = MatchRecord {
                query: text,
                outcome: found.outcome,
                action,
                matches: &found.matches,
                matches_left_out: found.left_out,
                error: found.error,
                shadow: found.shadow,
            };
            serde_json::to_writer(&mut self.out, &record)?;
            writeln!(self.out)?;
            return Ok(());
        }
        if let Some(error) = found.error {
            let shown: String = text.chars().take(80).collect();
            let what = match found.outcome {
                Some(outcome) => format!("{outcome}: {error}"),
                None => error,
            };
            output::warn(format_args!("hashgate: {shown:?}: {what}"));
            if found.matches.is_empty() {
                return Ok(());
            }
        }
        match &found.matches[..] {
            [] => writeln!(self.out, "{text}: no match{shadow}")?,
            matches => {
                writeln!(self.out, "{text}: {action}{shadow}")?;
                for one in matches {
                    let form = one.entry_form;
                    let form = form.map_or_else(String::new, |form| format!(" from its {form}"));
                    writeln!(
                        self.out,
                        "  {} #{} at distance {}{form}: {}",
                        one.bank, one.content_id, one.distance, one.entry
                    )?;
                }
                if found.left_out > 0 {
                    writeln!(self.out, "  and {} more", found.left_out)?;
                }
            }
        }
        Ok(())
    }

    fn matches(&mut self, queries: &[ContentSignal]) -> anyhow::Result<Vec<Found>> {
        let most = self.args.k.map_or(usize::MAX, NonZeroUsize::get);
        if let Some(bits) = self.args.max_distance {
            let nearest = |query: &ContentSignal| {
                let Nearest {
                    matches, action, ..
                } = self.gate.nearest(&query.signal, Distance(bits), most);
                let outcome = match matches.is_empty() {
                    true => Outcome::NoMatch,
                    false => Outcome::Match,
                };
                Found {
                    outcome: Some(outcome),
                    matches,
                    left_out: 0,
                    action,
                    error: None,
                    shadow: None,
                }
            };
            return Ok(queries.iter().map(nearest).collect());
        }
        let mut others = match &self.shadow {
            Some(shadow) => self.gate.match_signals_with(shadow, queries),
            None => Vec::new(),
        }
        .into_iter();
        let judged = self.gate.match_signals(queries);
        for verdict in &judged {
            self.recorder.note(verdict, Input::default())?;
        }
        self.recorder.commit()?;
        let found = |verdict: Verdict| {
            let decided = (verdict.outcome, verdict.action_name());
            let other = others.next();
            Found {
                shadow: other.map(|other| ShadowRecord::new(other, decided)),
                ..Found::of(verdict, most)
            }
        };
        Ok(judged.into_iter().map(found).collect())
    }
}

/// What was found about one line.
struct Found {
    /// None where the line is no hash.
    outcome: Option<Outcome>,
    matches: Vec<Match>,
    left_out: u64,
    action: Option<Action>,
    /// Why it is no hash, or could not be judged.
    error: Option<String>,
    /// What other policies would have decided.
    shadow: Option<ShadowRecord>,
}

impl Found {
    fn of(verdict: Verdict, most: usize) -> Self {
        let mut matches = verdict.matches;
        let left_out = match matches.len() > most {
            true => 0,
            false => verdict.matches_left_out,
        };
        matches.truncate(most);
        Self {
            outcome: Some(verdict.outcome),
            matches,
            left_out,
            action: verdict.action,
            error: verdict.problem.map(|problem| problem.message),
            shadow: None,
        }
    }

    fn bad(reason: String) -> Self {
        Self {
            outcome: None,
            matches: Vec::new(),
            left_out: 0,
            action: None,
            error: Some(reason),
            shadow: None,
        }
    }
}

/// The next line without its ends; of an overlong one the beginning, which is no hash.
fn line(input: &mut impl BufRead) -> anyhow::Result<Option<String>> {
    let mut line = Vec::new();
    let longest = MAX_LINE as u64 + 2;
    let read = Read::take(&mut *input, longest).read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if read as u64 == longest && line.last() != Some(&b'\n') {
        // What is left of it is no hash of its own.
        input.skip_until(b'\n')?;
    }
    Ok(Some(String::from_utf8_lossy(&line).trim().to_owned()))
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A hash as typed, as lists have it and as `hashgate hash` prints it, with its quality where that
/// is told.
fn query(text: &str) -> Result<ContentSignal, String> {
    let mut found = Err("there is no hash in it".to_owned());
    let read = hashset::read(text.as_bytes(), ListFormat::Typed, &mut |row| {
        found = match row {
            Ok(record) => match record.signals[..] {
                [signal, ..] => Ok(signal),
                [] => Err("there is no hash in it".to_owned()),
            },
            Err(bad) => Err(bad.reason),
        };
        ControlFlow::Break(())
    });
    read.map_err(|error| error.to_string())?;
    found
}
