//! `hashgate match`: the index asked about hashes.

use crate::cli::{exit::Exit, home::Home, inputs::IndexArgs, output};
use crate::gate::{Gate, GateOptions, Match};
use crate::hash::{Distance, Signal, SignalError};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::io::{BufRead, Write};
use std::num::NonZeroUsize;

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
    /// Hashes: TYPE:HEX, or bare hex of a pdq, md5 or sha1; - reads them from standard input, one a line
    #[arg(required = true, value_name = "SIGNAL")]
    signals: Vec<String>,

    /// Everything within so many bits (inclusive) in enabled banks [default: the banks' policies decide]
    #[arg(long, value_name = "N")]
    max_distance: Option<u16>,

    /// Only the N nearest
    #[arg(long, value_name = "N")]
    k: Option<NonZeroUsize>,

    /// How to write the matches
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    #[command(flatten)]
    pub(crate) index: IndexArgs,
}

/// What `--format jsonl` says of one hash.
#[derive(Serialize)]
struct MatchRecord<'a> {
    /// The hash as it was given.
    query: &'a str,
    /// What policy says to do, or none.
    action: &'static str,
    matches: &'a [Match],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// A longest line of standard input that is read: far more than any hash has.
const LONGEST_LINE: u64 = 4096;

pub(crate) fn run(args: MatchArgs, home: &Home) -> anyhow::Result<Exit> {
    let options = GateOptions {
        index_memory: args.index.memory(),
        ..GateOptions::default()
    };
    let gate = Gate::open_with(&args.index.folder(home), options)?;
    args.index.log(&gate.index());
    let mut asking = Asking {
        gate,
        args: &args,
        out: Box::new(output::stdout()),
        matched: false,
        failed: false,
    };
    for text in &args.signals {
        if text == "-" {
            asking.lines(&mut std::io::stdin().lock())?;
        } else {
            asking.ask(text)?;
        }
    }
    asking.out.flush()?;
    Ok(Exit::of(asking.matched, asking.failed))
}

struct Asking<'a> {
    gate: Gate,
    args: &'a MatchArgs,
    out: Box<dyn Write>,
    matched: bool,
    failed: bool,
}

impl Asking<'_> {
    fn lines(&mut self, input: &mut impl BufRead) -> anyhow::Result<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let read =
                std::io::Read::take(&mut *input, LONGEST_LINE).read_until(b'\n', &mut line)?;
            if read == 0 {
                return Ok(());
            }
            if read as u64 == LONGEST_LINE && line.last() != Some(&b'\n') {
                // What is left of an overlong line is no hash of its own.
                input.skip_until(b'\n')?;
            }
            let text = String::from_utf8_lossy(&line);
            if !text.trim().is_empty() {
                self.ask(text.trim())?;
            }
        }
    }

    fn ask(&mut self, text: &str) -> anyhow::Result<()> {
        let parsed: Result<Signal, SignalError> = text.parse();
        let (matches, action, error) = match &parsed {
            Ok(signal) => {
                let (matches, action) = self.matches(signal);
                (matches, action, None)
            }
            Err(error) => (Vec::new(), None, Some(error.to_string())),
        };
        self.matched |= !matches.is_empty();
        self.failed |= error.is_some();
        let action = action.map_or("none", crate::bank::Action::name);
        if self.args.format == Format::Jsonl {
            let record = MatchRecord {
                query: text,
                action,
                matches: &matches,
                error,
            };
            serde_json::to_writer(&mut self.out, &record)?;
            writeln!(self.out)?;
            return Ok(());
        }
        if let Some(error) = error {
            let shown: String = text.chars().take(80).collect();
            output::warn(format_args!("hashgate: {shown:?}: {error}"));
            return Ok(());
        }
        match &matches[..] {
            [] => writeln!(self.out, "{text}: no match")?,
            found => {
                writeln!(self.out, "{text}: {action}")?;
                for one in found {
                    writeln!(
                        self.out,
                        "  {} #{} at distance {}: {}",
                        one.bank, one.content_id, one.distance, one.entry
                    )?;
                }
            }
        }
        Ok(())
    }

    fn matches(&self, signal: &Signal) -> (Vec<Match>, Option<crate::bank::Action>) {
        let most = self.args.k.map_or(usize::MAX, NonZeroUsize::get);
        match self.args.max_distance {
            Some(bits) => self.gate.nearest(signal, Distance(bits), most),
            None => {
                let mut verdict = self.gate.match_signal(signal, None);
                verdict.matches.truncate(most);
                (verdict.matches, verdict.action)
            }
        }
    }
}
