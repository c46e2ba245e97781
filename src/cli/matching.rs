//! `hashgate match`: the index asked about hashes.

use crate::cli::recorder::{self, DecisionArgs};
use crate::cli::{exit::Exit, home::Home, inputs::IndexArgs, output};
use crate::curation::policy;
use crate::decisions::Input;
use crate::gate::{Gate, GateOptions, Outcome};
use crate::hash::Distance;
use crate::retrospect::Recorder;
use crate::scan::{Answer, Question, for_each_batch};
use anyhow::bail;
use clap::{Args, ValueEnum};
use std::io::{BufReader, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;

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

pub(crate) fn run(args: MatchArgs, home: &Home) -> anyhow::Result<Exit> {
    let options = GateOptions {
        index_memory: args.index.memory(),
        ..GateOptions::default()
    };
    let mut recorder = recorder::open(&args.decisions.plan(home))?;
    let gate = Gate::open_with(args.index.folder(home), options)?;
    args.index.log(&gate.index());
    recorder::set_index(&mut recorder, &gate.index(), home)?;
    let shadow = match &args.shadow {
        Some(path) => Some(policy::shadow(&gate.index(), path)?),
        None => None,
    };
    let mut question = Question::new(&gate);
    question.shadow = shadow.as_ref();
    question.is_list = true;
    question.within = args.max_distance.map(Distance);
    question.most = args.k.map_or(usize::MAX, NonZeroUsize::get);
    let mut asking = Asking {
        question,
        recorder,
        otherwise: 0,
        is_json: args.format == Format::Jsonl,
        out: Box::new(output::stdout()),
        asked: 0,
        matched: false,
        failed: false,
    };
    for text in &args.signals {
        if text == "-" {
            let input = BufReader::with_capacity(READ_AHEAD, std::io::stdin().lock());
            for_each_batch(input, |texts| -> anyhow::Result<()> {
                asking.ask(texts)?;
                Ok(asking.out.flush()?)
            })?;
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
    question: Question<'a>,
    recorder: Recorder,
    /// Hashes that the shadow would decide otherwise.
    otherwise: u64,
    is_json: bool,
    /// Hashes asked about, good or bad.
    asked: u64,
    out: Box<dyn Write>,
    matched: bool,
    failed: bool,
}

impl Asking<'_> {
    /// Asks about some hashes, and answers when what is recorded of them is on the disk.
    fn ask(&mut self, texts: &[String]) -> anyhow::Result<()> {
        let recorder = &mut self.recorder;
        let answers = self.question.ask(texts, |judged| {
            for verdict in judged {
                recorder.note(verdict, Input::default())?;
            }
            recorder.commit()
        })?;
        answers.iter().try_for_each(|answer| self.write(answer))
    }

    fn write(&mut self, answer: &Answer) -> anyhow::Result<()> {
        self.asked += 1;
        self.matched |= answer.is_match();
        self.failed |= answer.error.is_some();
        let differs = answer.shadow.as_ref().filter(|shadow| shadow.differs);
        self.otherwise += u64::from(differs.is_some());
        let shadow = differs.map_or_else(String::new, |shadow| match shadow.outcome {
            Outcome::Match => format!("; shadow: {}", shadow.action),
            other => format!("; shadow: {other}"),
        });
        if self.is_json {
            serde_json::to_writer(&mut self.out, answer)?;
            writeln!(self.out)?;
            return Ok(());
        }
        let (text, action) = (&answer.query, answer.action);
        if let Some(error) = &answer.error {
            let shown: String = text.chars().take(80).collect();
            let what = match answer.outcome {
                Some(outcome) => format!("{outcome}: {error}"),
                None => error.clone(),
            };
            output::warn(format_args!("hashgate: {shown:?}: {what}"));
            if answer.matches.is_empty() {
                return Ok(());
            }
        }
        if answer.matches.is_empty() {
            writeln!(self.out, "{text}: no match{shadow}")?;
            return Ok(());
        }
        writeln!(self.out, "{text}: {action}{shadow}")?;
        for one in &answer.matches {
            let form = one.entry_form;
            let form = form.map_or_else(String::new, |form| format!(" from its {form}"));
            writeln!(
                self.out,
                "  {} #{} at distance {}{form}: {}",
                one.bank, one.content_id, one.distance, one.entry
            )?;
        }
        if answer.matches_left_out > 0 {
            writeln!(self.out, "  and {} more", answer.matches_left_out)?;
        }
        Ok(())
    }
}
