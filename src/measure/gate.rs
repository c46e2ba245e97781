//! What the default costs: the same files through gates that ask about more and more forms, in indexes of
//! growing size.
//!
//! Each index holds every second picture, among made hashes. Each file is judged by one gate after the
//! other, in another order each run, on one thread: so what is told of two of them was measured side by
//! side. Each held picture must match in every gate, and every run must come to the same outcomes, or
//! there are no figures.

use super::distribution::Distribution;
use super::error::MeasureError;
use super::gate_report::{GateFigures, GateReport, SizeFigures};
use super::lists::Folder;
use super::machine::Machine;
use super::pictures::{Made, Pictures, Uploads};
use super::timing::{Latency, median};
use super::watch::Watch;
use super::{Size, index};
use crate::gate::{Gate, GateOptions, Mode, Outcome, VariantSet, Worker, read_file};
use crate::hash::SignalType;
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What is measured.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The files, and how often they are judged; of each file the median run counts.
    pub uploads: Uploads,
    /// Made PDQ hashes in each index, beside those of every second picture.
    pub sizes: Vec<u64>,
    /// How the made hashes are spread.
    pub distribution: Distribution,
    /// Digests of its bytes that the index has of each picture that it holds, beside the PDQ hash.
    pub digests: Vec<SignalType>,
    /// A folder to save the PDQ hashes of each index in.
    pub save: Option<PathBuf>,
    /// The variants that each gate asks by; the others are held against the first.
    pub variants: Vec<VariantSet>,
    /// Whether JPEGs are hashed from their pixels or their coefficients.
    pub mode: Mode,
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
) -> Result<GateReport, MeasureError> {
    let pictures = Pictures::find(&plan.uploads, &plan.digests, watch)?;
    let save = plan.save.clone().map(Folder::make).transpose()?;
    let mut sizes = Vec::new();
    for &size in &plan.sizes {
        sizes.push(of_size(plan, size, &pictures, save.as_ref(), watch)?);
    }
    Ok(GateReport {
        bench: GateReport::NAME.to_owned(),
        machine,
        files: pictures.files.len() as u64,
        held: pictures.held(),
        digests: plan
            .digests
            .iter()
            .map(|kind| kind.name().to_owned())
            .collect(),
        distribution: plan.distribution.name().to_owned(),
        mode: plan.mode.name().to_owned(),
        runs: plan.uploads.runs,
        sizes,
    })
}

/// An index of this size, and all gates over it.
fn of_size(
    plan: &Plan,
    size: u64,
    pictures: &Pictures,
    save: Option<&Folder>,
    watch: Watch<'_>,
) -> Result<SizeFigures, MeasureError> {
    let home = index::temporary(&plan.uploads.temp_dir)?;
    let folder = home.path().join("index");
    watch.say(format!("building an index of {} hashes", Size(size)));
    let made = Made {
        distribution: plan.distribution,
        count: size,
    };
    pictures.publish(&folder, &made, watch)?;
    if let Some(folder) = save {
        pictures.save(folder, &made)?;
    }
    let gates = plan.variants.iter().map(|&variants| {
        let options = GateOptions {
            limits: plan.uploads.limits.clone(),
            variants,
            mode: plan.mode,
            ..GateOptions::default()
        };
        Ok(Timed::new(Gate::open_with(&folder, options)?))
    });
    let mut gates: Vec<Timed> = gates.collect::<Result<_, MeasureError>>()?;
    let hashes = gates.first().map_or(0, |timed| {
        let types = timed.gate.index().signal_types();
        types.iter().map(|held| held.hashes).sum()
    });
    let held = pictures.held_files();
    let files = &pictures.files;
    let (mut worker, mut bytes) = (Worker::default(), Vec::new());
    for run in 0..=plan.uploads.runs {
        for (number, path) in files.iter().enumerate() {
            watch.look()?;
            if number.is_multiple_of(16) {
                let (size, count) = (Size(size), files.len());
                watch.say(format!(
                    "{size} hashes, run {run}: {number} of {count} files"
                ));
            }
            read_file(path, plan.uploads.limits.max_file_bytes, &mut bytes).map_err(|problem| {
                MeasureError::Unreachable {
                    path: path.clone(),
                    reason: problem.message,
                }
            })?;
            let is_held = held.contains(&path.as_path());
            for turn in 0..gates.len() {
                // In another order for each file and run: none is always the first to meet it.
                let place = (turn + run + number) % gates.len();
                if let Some(timed) = gates.get_mut(place) {
                    timed.judge(&mut worker, (path, &bytes), run, is_held)?;
                }
            }
        }
    }
    let gates = plan.variants.iter().zip(gates);
    let mut figures: Vec<GateFigures> = gates
        .map(|(variants, timed)| timed.figures(variants.to_string()))
        .collect();
    if let Some(first) = figures.first().map(|first| first.cpu_us) {
        for gate in &mut figures {
            gate.times_first = gate.cpu_us / first.max(1e-9);
            gate.more_than_first_us = gate.cpu_us - first;
        }
    }
    Ok(SizeFigures {
        hashes,
        gates: figures,
    })
}

/// A gate, and what of the files was measured by it.
struct Timed {
    gate: Gate,
    /// By file: processor time and time on the wall, run by run.
    times: BTreeMap<PathBuf, Vec<(Duration, Duration)>>,
    outcomes: BTreeMap<PathBuf, Outcome>,
    queries: u64,
}

impl Timed {
    fn new(gate: Gate) -> Self {
        Self {
            gate,
            times: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            queries: 0,
        }
    }

    /// Judges a file once; the first run warms the caches, and its time does not count.
    fn judge(
        &mut self,
        worker: &mut Worker,
        (path, bytes): (&Path, &[u8]),
        run: usize,
        is_held: bool,
    ) -> Result<(), MeasureError> {
        let (begun, cpu) = (Instant::now(), processor_time());
        let verdict = self.gate.check_with(worker, bytes);
        let spent = (processor_time().saturating_sub(cpu), begun.elapsed());
        let outcome = verdict.outcome;
        let wrong = |what: String| MeasureError::Wrong(format!("{} {what}", path.display()));
        if is_held && outcome != Outcome::Match {
            return Err(wrong(format!("is in the index and came to {outcome}")));
        }
        if run == 0 {
            self.queries += verdict.queries.len() as u64;
            self.outcomes.insert(path.to_owned(), outcome);
            return Ok(());
        }
        match self.outcomes.get(path) {
            Some(before) if *before == outcome => {}
            before => {
                let before = before.map_or("nothing", |before| before.name());
                return Err(wrong(format!("came to {before} and then to {outcome}")));
            }
        }
        self.times.entry(path.to_owned()).or_default().push(spent);
        Ok(())
    }

    fn figures(self, variants: String) -> GateFigures {
        let middle = |runs: &[(Duration, Duration)],
                      pick: fn(&(Duration, Duration)) -> Duration| {
            let seconds: Vec<f64> = runs.iter().map(|run| pick(run).as_secs_f64()).collect();
            Duration::from_secs_f64(median(&seconds))
        };
        let cpu: Duration = self
            .times
            .values()
            .map(|runs| middle(runs, |run| run.0))
            .sum();
        let walls: Vec<Duration> =
            (self.times.values().map(|runs| middle(runs, |run| run.1))).collect();
        let files = self.times.len().max(1) as f64;
        let wall: Duration = walls.iter().sum();
        let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
        for outcome in self.outcomes.values() {
            *outcomes.entry(outcome.name().to_owned()).or_default() += 1;
        }
        let matched = (self.outcomes.iter())
            .filter(|(_, outcome)| **outcome == Outcome::Match)
            .map(|(path, _)| path.to_string_lossy().into_owned())
            .collect();
        GateFigures {
            variants,
            queries: self.queries as f64 / files,
            files_per_second: files / wall.as_secs_f64().max(1e-9),
            cpu_us: cpu.as_secs_f64() * 1e6 / files,
            times_first: 1.0,
            more_than_first_us: 0.0,
            file_us: Latency::of(walls),
            outcomes,
            matched,
        }
    }
}

/// The processor time that this process has taken: a gate may digest a file on a thread of its own.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}
