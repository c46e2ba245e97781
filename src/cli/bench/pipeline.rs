//! `hashgate bench pipeline`: the whole way of a file, from its path to a verdict.
//!
//! A temporary index holds every second picture that can be told by PDQ, among made hashes. The
//! files go through the gate as a scan sends them, run after run; each held picture must match in
//! every run, and every run must come to the same outcomes, or there are no figures.

use super::distribution::{Distribution, Maker};
use super::machine::{self, Machine};
use super::pipeline_report::{JobFigures, PipelineReport};
use super::search::{Stopped, the_bank};
use super::size::Size;
use super::timing::{Latency, median};
use super::{ReportArgs, stages};
use crate::bank::{BankId, ContentId};
use crate::cli::inputs::{LimitArgs, VariantArgs};
use crate::cli::{exit::Exit, progress::Progress, stop};
use crate::gate::{Extractor, Gate, GateOptions, Outcome, VariantSet, Worker, read_file};
use crate::hash::{Quality, Signal, SignalType};
use crate::index::{IndexRecord, PublishError, PublishOptions, publish};
use crate::media::Limits;
use crate::scan::{Options, Walk, WalkOptions, Walked, for_each_file};
use anyhow::{Context, bail};
use clap::Args;
use std::collections::{BTreeMap, HashSet};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

#[derive(Debug, Args)]
#[command(
    after_help = "Every run must come to the same outcomes, and every picture that the index holds \
    must match in each; otherwise the exit code is 2 and there are no figures. What could not be \
    judged is counted and does not change the exit code."
)]
pub(crate) struct PipelineArgs {
    /// Files and folders; folders are read with all that is below them
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Numbers of worker threads, joined by commas [default: 1 and one for each core]
    #[arg(short, long, value_name = "LIST", value_delimiter = ',')]
    jobs: Vec<NonZeroUsize>,

    /// Measured runs for each number of jobs, after one that warms the file cache; the median counts
    #[arg(long, value_name = "N", default_value = "3")]
    runs: NonZeroUsize,

    /// Made PDQ hashes in the index, beside those of every second picture
    #[arg(long, value_name = "N", default_value = "1m")]
    hashes: Size,

    /// Folder for the temporary index [default: the system's]
    #[arg(long, value_name = "DIR")]
    temp_dir: Option<PathBuf>,

    #[command(flatten)]
    variants: VariantArgs,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    report: ReportArgs,
}

/// What made hashes follow from.
const SEED: NonZeroU64 = NonZeroU64::MIN;

pub(super) fn run(args: PipelineArgs) -> anyhow::Result<Exit> {
    args.report.check()?;
    let machine = Machine::look()?;
    let stop = stop::on_request()?;
    let progress = Progress::of_work("looking for files");
    let files = files(&args.paths)?;
    let temp_dir = args.temp_dir.clone().unwrap_or_else(std::env::temp_dir);
    let home = tempfile::Builder::new()
        .prefix("hashgate-bench-")
        .tempdir_in(&temp_dir)
        .with_context(|| format!("no temporary folder in {}", temp_dir.display()))?;
    let folder = home.path().join("index");
    let limits = args.limits.limits();
    let held = hold_every_second(&files, &limits, &stop, &progress)?;
    progress.say("building the index".to_owned());
    build(&folder, &held, args.hashes.0, &stop)?;
    let options = GateOptions {
        limits,
        variants: args.variants.variants,
        ..GateOptions::default()
    };
    let gate = Gate::open_with(&folder, options)?;
    let bench = Bench {
        files: &files,
        held: held.iter().map(|(path, ..)| path.as_path()).collect(),
        gate: &gate,
        stop: &stop,
        progress: &progress,
    };

    let mut runs = Runs::default();
    for jobs in job_list(&args.jobs) {
        runs.jobs
            .push(bench.jobs(jobs, args.runs.get(), &mut runs.outcomes)?);
    }
    let tell = |at| progress.say(format!("stages: {at} of {} files", files.len()));
    let stages = stages::measure(&gate, &files, args.runs.get(), &stop, &tell);
    bench.look()?;
    let index = gate.index();
    let report = PipelineReport {
        bench: PipelineReport::NAME.to_owned(),
        machine,
        files: files.len() as u64,
        bytes: runs.outcomes.values().map(|(_, bytes)| bytes).sum(),
        index_hashes: index.signal_types().iter().map(|held| held.hashes).sum(),
        held: held.len() as u64,
        runs: args.runs.get(),
        jobs: runs.jobs,
        stages,
        outcomes: (runs.outcomes.iter())
            .map(|(outcome, (count, _))| (outcome.clone(), *count))
            .collect(),
    };
    drop(progress);
    args.report.write(&report)?;
    Ok(Exit::Clean)
}

fn job_list(given: &[NonZeroUsize]) -> Vec<usize> {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let mut jobs: Vec<usize> = given.iter().map(|jobs| jobs.get()).collect();
    if jobs.is_empty() {
        jobs = vec![1, cores];
    }
    jobs.dedup();
    jobs
}

/// The files below the paths, in the order of their names.
fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let options = WalkOptions {
        follow_links: false,
        sorted: true,
    };
    let mut files = Vec::new();
    for walked in Walk::new(paths, options) {
        match walked {
            Walked::File(path) => files.push(path),
            Walked::Failed(path, error) => bail!("{}: {error}", path.display()),
        }
    }
    if files.is_empty() {
        bail!("there is no file below the given paths");
    }
    Ok(files)
}

/// A picture that the index holds.
type Held = (PathBuf, Signal, Option<Quality>);

/// Every second picture whose quality is enough to be told by.
fn hold_every_second(
    files: &[PathBuf],
    limits: &Limits,
    stop: &AtomicBool,
    progress: &Progress,
) -> anyhow::Result<Vec<Held>> {
    let mut extractor = Extractor::default();
    let (mut bytes, mut held) = (Vec::new(), Vec::new());
    for (at, path) in files.iter().enumerate().step_by(2) {
        if stop.load(Ordering::Relaxed) {
            bail!("stopped");
        }
        progress.say(format!("hashing known pictures: {at} of {}", files.len()));
        if read_file(path, limits.max_file_bytes, &mut bytes).is_err() {
            continue;
        }
        let hashes = extractor.extract(&bytes, &[SignalType::Pdq], VariantSet::NONE, limits);
        let clear = hashes.problem.is_none()
            && hashes
                .quality
                .is_some_and(|quality| quality >= Quality::DEFAULT_MINIMUM);
        if let (true, Some(&signal)) = (clear, hashes.signals.first()) {
            held.push((path.clone(), signal, hashes.quality));
        }
    }
    Ok(held)
}

fn build(folder: &Path, held: &[Held], made: u64, stop: &AtomicBool) -> anyhow::Result<()> {
    let maker = Maker::new(SignalType::Pdq, Distribution::Uniform, made, SEED.get());
    let made = (0..made).filter_map(|number| {
        let signal = Signal::from_bytes(SignalType::Pdq, &maker.hash(number)).ok()?;
        Some((signal, None))
    });
    let all = held.iter().map(|&(_, signal, quality)| (signal, quality));
    let records = (0..)
        .zip(all.chain(made))
        .map(|(number, (signal, quality))| {
            if stop.load(Ordering::Relaxed) {
                return Err(Stopped);
            }
            Ok(IndexRecord {
                bank: BankId(1),
                content: ContentId(number),
                signal,
                quality,
            })
        });
    let published = publish(folder, &[the_bank()?], records, &PublishOptions::default());
    published.map_err(|error: PublishError<Stopped>| anyhow::Error::from(error))?;
    Ok(())
}

/// Number and bytes of the files of each outcome.
type Outcomes = BTreeMap<String, (u64, u64)>;

#[derive(Default)]
struct Runs {
    jobs: Vec<JobFigures>,
    outcomes: Outcomes,
}

struct Bench<'a> {
    files: &'a [PathBuf],
    held: HashSet<&'a Path>,
    gate: &'a Gate,
    stop: &'a AtomicBool,
    progress: &'a Progress,
}

impl Bench<'_> {
    fn look(&self) -> anyhow::Result<()> {
        if self.stop.load(Ordering::Relaxed) {
            bail!("stopped");
        }
        Ok(())
    }

    /// All runs with so many jobs; `expected` is what every run comes to, once one has been made.
    fn jobs(
        &self,
        jobs: usize,
        runs: usize,
        expected: &mut Outcomes,
    ) -> anyhow::Result<JobFigures> {
        let mut seconds = Vec::with_capacity(runs);
        let mut times = Vec::new();
        let mut bytes = 0;
        let forgets = machine::forget_peak();
        for run in 0..=runs {
            self.progress
                .say(format!("{jobs} jobs, run {run} of {runs}"));
            let (spent, of_files, outcomes) = self.run(jobs)?;
            self.look()?;
            if expected.is_empty() {
                expected.clone_from(&outcomes);
            }
            if *expected != outcomes {
                bail!(
                    "a run came to other outcomes than the one before: {expected:?}, {outcomes:?}; please report this"
                );
            }
            bytes = outcomes.values().map(|(_, bytes)| bytes).sum();
            // The first one warms the file cache.
            if run > 0 {
                seconds.push(spent);
                times.extend(of_files);
            }
        }
        let median = median(&seconds);
        Ok(JobFigures {
            jobs,
            median_seconds: median,
            files_per_second: self.files.len() as f64 / median.max(1e-9),
            megabytes_per_second: bytes as f64 / 1e6 / median.max(1e-9),
            file_us: Latency::of(times),
            peak_memory_bytes: machine::peak_memory().filter(|_| forgets),
            seconds,
        })
    }

    /// One run: its seconds, the time of each file, and the outcomes.
    fn run(&self, jobs: usize) -> anyhow::Result<(f64, Vec<Duration>, Outcomes)> {
        let options = Options {
            jobs,
            ordered: false,
            follow_links: false,
        };
        let mut outcomes = Outcomes::new();
        let mut times = Vec::with_capacity(self.files.len());
        let begun = Instant::now();
        for_each_file(
            self.files,
            options,
            self.stop,
            Worker::default,
            |worker, path| {
                let begun = Instant::now();
                let checked = self.gate.check_file(worker, path);
                (checked.verdict.outcome, checked.bytes, begun.elapsed())
            },
            |done| -> anyhow::Result<()> {
                let (outcome, bytes, time) = match done.result {
                    Ok(judged) => judged,
                    Err(error) => bail!("{}: {error}", done.path.display()),
                };
                if outcome != Outcome::Match && self.held.contains(done.path.as_path()) {
                    bail!(
                        "{} is in the index and came to {outcome}; please report this",
                        done.path.display()
                    );
                }
                let (count, sum) = outcomes.entry(outcome.name().to_owned()).or_default();
                *count += 1;
                *sum += bytes;
                times.push(time);
                Ok(())
            },
        )?;
        Ok((begun.elapsed().as_secs_f64(), times, outcomes))
    }
}
