//! `hashgate scan`: the index asked about every file below some paths.

use crate::cli::inputs::{FileArgs, IndexArgs, IsolationArgs, LimitArgs, VariantArgs};
use crate::cli::known::{self, Gathered, KnownArgs};
use crate::cli::recorder::{self, DecisionArgs};
use crate::cli::{advice, exit::Exit, home::Home, output, progress::Progress, stop};
use crate::clock;
use crate::curation::policy;
use crate::gate::{
    Gate, GateOptions, MemoryBudget, Mode, Outcome, Shadow, UnreadPolicy, Unsettled, Worker,
};
use crate::hash::SignalType;
use crate::scan::{
    Asked, Both, CsvSink, FileRecord, HtmlSink, JsonLinesSink, ShadowRecord, ShadowSummary, Sink,
    Summary, TextSink, WalkOptions, for_some_files,
};
use anyhow::bail;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// How a scan's results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: a line a file and a summary
    Text,
    /// One JSON object for each file, then the summary
    Jsonl,
    /// A header and one row for each file, with its nearest match
    Csv,
}

#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    #[command(flatten)]
    files: FileArgs,

    /// How to write the results
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    /// Write the results to a file; it is replaced
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write a page for people to a file too; it is replaced. It names files and shows no picture
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Write results in the order of the file names, the same each time
    #[arg(long)]
    ordered: bool,

    /// Leave files that were judged and match nothing out of the text
    #[arg(long)]
    hide_passed: bool,

    #[command(flatten)]
    pub(crate) index: IndexArgs,

    #[command(flatten)]
    pub(crate) known: KnownArgs,

    /// Hashes to compute of every file besides pdq and those that the index needs, joined by commas
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    signals: Vec<SignalType>,

    #[command(flatten)]
    variants: VariantArgs,

    /// How JPEGs are hashed: exact (from pixels), fast (from coefficients, a few bits off at most) or
    /// auto (fast, and exact wherever the difference could matter to the verdict)
    #[arg(long, value_name = "MODE", default_value_t = Mode::Auto)]
    mode: Mode,

    /// Memory that all decoders together may use, in bytes; pictures wait for their share, and one
    /// that needs more than all is `too_large`
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    memory: Option<u64>,

    /// What to do with a file that matches nothing, where a part of it was not looked at (a clip
    /// behind a picture, a further picture that cannot be decoded): pass or review. Held back, it
    /// counts as not judged in the exit code [default: what the policy file said when it was published, else pass]
    #[arg(long, value_name = "POLICY")]
    unread: Option<UnreadPolicy>,

    #[command(flatten)]
    decisions: DecisionArgs,

    /// Keep hashes of every file that was judged, for as long as `history on` says
    #[cfg(feature = "curation")]
    #[arg(long, help_heading = "Records", conflicts_with_all = ["list", "known"])]
    remember: bool,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    isolation: IsolationArgs,

    /// Judge by this policy file too, act on what is in force, and say where it would decide otherwise
    #[arg(long, value_name = "FILE.toml")]
    shadow: Option<PathBuf>,
}

impl ScanArgs {
    /// Whether something goes into the home folder.
    pub(crate) fn needs_home(&self) -> bool {
        #[cfg(feature = "curation")]
        if self.remember {
            return true;
        }
        self.decisions.needs_home()
    }
}

pub(crate) fn run(args: ScanArgs, home: &Home) -> anyhow::Result<Exit> {
    let records = args.decisions.plan(home);
    #[cfg(feature = "curation")]
    let records = records.history(args.remember.then(|| home.history()));
    let mut recorder = recorder::open(&records)?;
    let mut signals = args.signals.clone();
    signals.extend(recorder.wanted());
    let options = GateOptions {
        limits: args.limits.limits(),
        variants: args.variants.variants,
        signals,
        index_memory: args.index.memory(),
        mode: args.mode,
        auto_from: None,
        memory: args.memory.map(|bytes| Arc::new(MemoryBudget::new(bytes))),
        // One time for all files: a scan's outcome does not hang on which thread was faster.
        at: Some(clock::now()),
        unread: args.unread,
        isolation: args.isolation.isolate,
        all_digests: recorder.keeps_uploads(),
    };
    if args.shadow.is_some() && args.format == Format::Csv {
        bail!("csv has no place for what a shadow policy says: use text or jsonl");
    }
    let stop = stop::on_request()?;
    let limits = options.limits.clone();
    let gathered = (args.known).gather(&args.files, limits, &args.signals, &stop)?;
    let is_partial = gathered.as_ref().is_some_and(|known| known.is_partial);
    let (gate, sources) = match gathered {
        Some(Gathered { index, sources, .. }) => (Gate::over(index, options), Some(sources)),
        None => {
            let gate = Gate::open_with(args.index.folder(home), options)?;
            args.index.log(&gate.index());
            (gate, None)
        }
    };
    if sources.is_none() {
        recorder::set_index(&mut recorder, &gate.index(), home)?;
    }
    warn_if_empty(&gate);
    let shadow = match &args.shadow {
        Some(path) => Some(policy::shadow(&gate.index(), path)?),
        None => None,
    };
    let mut sink = sink(&args, &gate)?;
    let policies = gate.index();
    let tried = shadow.as_ref().map_or(&[][..], Shadow::banks);
    let counts = policies.banks().iter().chain(tried);
    let in_order = args.ordered || counts.into_iter().any(|bank| bank.policy.quarantines());
    let options = args.files.options(in_order);
    let walk = WalkOptions {
        follow_links: options.follow_links,
        sorted: options.ordered,
    };
    let mut progress = Progress::of_files(&args.files.paths, walk);
    let mut summary = Summary::new(gate.index().generation());
    summary.shadow =
        (args.shadow.as_deref()).map(|path| ShadowSummary::new(path.display().to_string()));
    // Results that wait until what is recorded of them is on the disk.
    let mut held: Vec<FileRecord> = Vec::new();
    let begun = Instant::now();
    let pools = shadow.is_none() && gate.pools();
    let finished = for_some_files(
        &args.files.paths,
        options,
        &stop,
        Several::default,
        |several| if pools { several.together } else { 1 },
        |several, paths| several.check(&gate, paths, shadow.as_ref()),
        |done| -> anyhow::Result<()> {
            let record = match done.result {
                Ok(unsettled) => {
                    // Quarantine counts in the order of the files.
                    let mut checked = unsettled.settle(&gate);
                    advice::add_to(&mut checked.verdict);
                    recorder.note_file(&done.path, &checked.verdict, checked.bytes)?;
                    let mut record = FileRecord::judged(&done.path, checked.verdict, checked.bytes);
                    if let Some(sources) = &sources {
                        known::note_sources(&mut record, sources);
                    }
                    record.shadow = (checked.shadow)
                        .map(|other| ShadowRecord::new(other, (record.outcome, record.action)));
                    record
                }
                Err(error) => FileRecord::unreachable(&done.path, error),
            };
            summary.add(&record);
            progress.file_done(record.bytes, summary.outcome(Outcome::Match));
            held.push(record);
            if recorder.is_due(held.len()) {
                recorder.commit()?;
                progress.suspended(|| write_all(&mut *sink, &mut held))?;
            }
            Ok(())
        },
    )?;
    recorder.commit()?;
    drop(progress);
    write_all(&mut *sink, &mut held)?;
    summary.finish(finished, begun.elapsed().as_secs_f64());
    sink.finish(&summary)?;
    if args.format == Format::Csv {
        say_what_csv_cannot(&summary);
    }
    let stopped: u64 = ["block", "review", "report"]
        .into_iter()
        .map(|action| summary.action(action))
        .sum();
    // What is held back for a part that nobody looked at matches nothing.
    let matched = stopped > summary.held_unread;
    let unjudged = summary.unjudged() + summary.held_unread > 0;
    Ok(Exit::of(
        matched,
        unjudged || summary.interrupted || is_partial,
    ))
}

/// Most files that a worker asks the index about together.
const TOGETHER: usize = 8;

/// One worker, and how many files it asks about together: fewer where many meet something, as those are looked at twice then.
struct Several {
    worker: Worker,
    together: usize,
}

impl Default for Several {
    fn default() -> Self {
        Self {
            worker: Worker::default(),
            together: 1,
        }
    }
}

impl Several {
    fn check<'s>(
        &mut self,
        gate: &Gate,
        paths: &[PathBuf],
        shadow: Option<&'s Shadow>,
    ) -> Vec<Unsettled<'s>> {
        let worker = &mut self.worker;
        let mut all = match paths {
            [path] => vec![gate.check_file_later(worker, path, shadow)],
            paths => gate.check_files_later(worker, paths),
        };
        let met = all.iter_mut().flat_map(Unsettled::verdicts);
        let met = met.filter(|verdict| !verdict.matches.is_empty()).count();
        self.together = match 4 * met > paths.len() {
            true => (self.together / 2).max(1),
            false => (self.together * 2).min(TOGETHER),
        };
        all
    }
}

/// Writes results that need wait no longer.
fn write_all(sink: &mut dyn Sink, held: &mut Vec<FileRecord>) -> std::io::Result<()> {
    held.drain(..).try_for_each(|record| sink.record(&record))
}

fn sink(args: &ScanArgs, gate: &Gate) -> anyhow::Result<Box<dyn Sink>> {
    if args.html.is_some() && args.html == args.output {
        bail!("--html and --output name the same file: give the page one of its own");
    }
    let out = output::file_or_stdout(args.output.as_deref())?;
    let colour = args.output.is_none() && output::colour();
    let sink: Box<dyn Sink> = match args.format {
        Format::Text => Box::new(TextSink::new(out, colour, args.hide_passed)),
        Format::Jsonl => Box::new(JsonLinesSink::new(out)),
        Format::Csv if args.known.is_given() => Box::new(CsvSink::new(out).with_sources()),
        Format::Csv => Box::new(CsvSink::new(out)),
    };
    Ok(match &args.html {
        Some(path) => {
            let page = HtmlSink::new(output::private_file(path)?, Asked::of(gate));
            Box::new(Both(sink, Box::new(page)))
        }
        None => sink,
    })
}

/// CSV has a row a file and no place for the rest.
fn say_what_csv_cannot(summary: &Summary) {
    let skipped = summary.skipped;
    if skipped.symlinks + skipped.special > 0 {
        output::warn(format_args!(
            "hashgate: passed over: {} symbolic links (--follow-links reads them), {} FIFOs, sockets and devices",
            skipped.symlinks, skipped.special
        ));
    }
    if summary.interrupted {
        output::warn("hashgate: interrupted: there were more files to see");
    }
}

/// An index that can match nothing is hardly what was meant.
fn warn_if_empty(gate: &Gate) {
    let index = gate.index();
    let enabled = index.banks().iter().any(|bank| bank.policy.enabled);
    let what = match (enabled, index.signal_types().is_empty()) {
        (true, false) => return,
        (false, _) => "no enabled bank",
        (true, true) => "no hash",
    };
    output::warn(format_args!(
        "hashgate: warning: generation {} of the index holds {what}: nothing can match",
        index.generation()
    ));
}
