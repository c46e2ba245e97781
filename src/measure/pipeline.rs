//! The whole way of a file, from its path to a verdict.
//!
//! A temporary index holds every second picture that can be told by PDQ, among made hashes. The
//! files go through the gate as a scan sends them, run after run; each held picture must match in
//! every run, and every run must come to the same outcomes, or there are no figures.

use super::distribution::Distribution;
use super::error::MeasureError;
use super::machine::{self, Machine};
use super::pictures::{Made, Pictures, Uploads};
use super::pipeline_report::{JobFigures, PipelineReport};
use super::timing::{Latency, median};
use super::watch::Watch;
use super::{index, stages};
use crate::gate::{Gate, GateOptions, Outcome, VariantSet, Worker};
use crate::scan::{Options, for_each_file};
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What is measured.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The files, and how often they are gone through.
    pub uploads: Uploads,
    /// Numbers of worker threads, one after the other.
    pub jobs: Vec<usize>,
    /// Made PDQ hashes in the index, beside those of every second picture.
    pub hashes: u64,
    /// The variants that are asked by.
    pub variants: VariantSet,
}

/// Measures, on the machine that the report names.
///
/// # Errors
/// Where the plan cannot be carried out, a picture that the index holds does not match, two runs come to
/// different outcomes, or it was stopped: there are no figures then.
pub fn measure(
    plan: &Plan,
    machine: Machine,
    watch: Watch<'_>,
) -> Result<PipelineReport, MeasureError> {
    let home = index::temporary(&plan.uploads.temp_dir)?;
    let folder = home.path().join("index");
    let pictures = Pictures::find(&plan.uploads, &[], watch)?;
    watch.say("building the index".to_owned());
    let made = Made {
        distribution: Distribution::Uniform,
        count: plan.hashes,
    };
    pictures.publish(&folder, &made, watch)?;
    let files = &pictures.files;
    let options = GateOptions {
        limits: plan.uploads.limits.clone(),
        variants: plan.variants,
        ..GateOptions::default()
    };
    let gate = Gate::open_with(&folder, options)?;
    let bench = Bench {
        files,
        held: pictures.held_files(),
        gate: &gate,
        watch,
    };
    let mut runs = Runs::default();
    for &jobs in &plan.jobs {
        runs.jobs
            .push(bench.jobs(jobs, plan.uploads.runs, &mut runs.outcomes)?);
    }
    let tell = |at| watch.say(format!("stages: {at} of {} files", files.len()));
    let stages = stages::measure(&gate, files, plan.uploads.runs, watch.stop, &tell);
    watch.look()?;
    let index = gate.index();
    Ok(PipelineReport {
        bench: PipelineReport::NAME.to_owned(),
        machine,
        files: files.len() as u64,
        bytes: runs.outcomes.values().map(|(_, bytes)| bytes).sum(),
        index_hashes: index.signal_types().iter().map(|held| held.hashes).sum(),
        held: pictures.held(),
        runs: plan.uploads.runs,
        jobs: runs.jobs,
        stages,
        outcomes: (runs.outcomes.iter())
            .map(|(outcome, (count, _))| (outcome.clone(), *count))
            .collect(),
    })
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
    watch: Watch<'a>,
}

impl Bench<'_> {
    /// All runs with so many jobs; `expected` is what every run comes to, once one has been made.
    fn jobs(
        &self,
        jobs: usize,
        runs: usize,
        expected: &mut Outcomes,
    ) -> Result<JobFigures, MeasureError> {
        let mut seconds = Vec::with_capacity(runs);
        let mut times = Vec::new();
        let mut bytes = 0;
        let forgets = machine::forget_peak();
        for run in 0..=runs {
            self.watch.say(format!("{jobs} jobs, run {run} of {runs}"));
            let (spent, of_files, outcomes) = self.run(jobs)?;
            self.watch.look()?;
            if expected.is_empty() {
                expected.clone_from(&outcomes);
            }
            if *expected != outcomes {
                return Err(MeasureError::Wrong(format!(
                    "a run came to other outcomes than the one before: {expected:?}, {outcomes:?}"
                )));
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
    fn run(&self, jobs: usize) -> Result<(f64, Vec<Duration>, Outcomes), MeasureError> {
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
            self.watch.stop,
            Worker::default,
            |worker, path| {
                let begun = Instant::now();
                let checked = self.gate.check_file(worker, path);
                (checked.verdict.outcome, checked.bytes, begun.elapsed())
            },
            |done| -> Result<(), MeasureError> {
                let (outcome, bytes, time) = match done.result {
                    Ok(judged) => judged,
                    Err(reason) => {
                        return Err(MeasureError::Unreachable {
                            path: done.path,
                            reason,
                        });
                    }
                };
                if outcome != Outcome::Match && self.held.contains(done.path.as_path()) {
                    return Err(MeasureError::Wrong(format!(
                        "{} is in the index and came to {outcome}",
                        done.path.display()
                    )));
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
