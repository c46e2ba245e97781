//! `hashgate bench search`: an index is built, opened and asked; times, sizes, and the proof that
//! every answer is right.
//!
//! A pass asks each query once, so that nothing is answered from memory that a query before it has
//! warmed. Before the first pass other queries touch the index, since pages of a new mapping come
//! in on first touch; how long the very first one takes is told by itself.

use super::data::{self, Hashes, Query};
use super::distribution::{Distribution, Maker};
use super::lists::{self, Folder};
use super::machine::Machine;
use super::search_report::{Batches, IndexFigures, SearchFigures, SearchReport};
use super::size::Size;
use super::timing::Latency;
use super::{ReportArgs, naive};
use crate::bank::{Action, Bank, BankId, ContentId, Policy};
use crate::cli::{exit::Exit, progress::Progress, stop};
use crate::hash::{Distance, Family, Signal, SignalType};
use crate::index::{
    Hit, Index, IndexRecord, Memory, PublishError, PublishOptions, Published, Scratch, publish,
};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use rayon::prelude::*;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Queries that a pass asks at least, however long they take.
const FEWEST_QUERIES: usize = 100;
/// Queries between two looks at the clock and at whether to stop.
const LOOK_EVERY: usize = 16;

#[derive(Debug, Args)]
#[command(
    after_help = "Of every pass some queries are held against a scan of all hashes, every batch \
    against the single queries, and every planted hash must be found; otherwise the exit code is 2 \
    and there are no figures.\n\
    Memory: some 250 bytes a hash. Space below --temp-dir: some 130 bytes a hash (pdq)."
)]
pub(crate) struct SearchArgs {
    /// Numbers of hashes in the index, joined by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "1m")]
    sizes: Vec<Size>,

    /// Radii in bits, inclusive, joined by commas [default: 0,15,31,47 for pdq, 8,10 for 64 bits]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    radii: Vec<u16>,

    /// Signal type of the hashes: pdq or one of the 64-bit types
    #[arg(long, value_name = "TYPE", default_value = "pdq")]
    signal_type: SignalType,

    /// How the hashes are spread, joined by commas
    #[arg(
        long,
        value_enum,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "uniform,correlated"
    )]
    distributions: Vec<Distribution>,

    /// Different queries in a pass: half of them 0 to RADIUS bits off a hash of the index
    #[arg(long, value_name = "N", default_value = "16384")]
    queries: NonZeroUsize,

    /// Queries in a batch
    #[arg(long, value_name = "N", default_value = "1024")]
    batch: NonZeroUsize,

    /// Threads that batches are asked on, joined by commas; the index is built on the most
    /// [default: 1 and one for each core]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    threads: Vec<NonZeroUsize>,

    /// Queries of each pass that are held against a scan of all hashes
    #[arg(long, value_name = "N", default_value = "64")]
    check: NonZeroUsize,

    /// Seconds after which a pass asks no further queries
    #[arg(long, value_name = "SECONDS", default_value = "30")]
    seconds: NonZeroU64,

    /// What the made hashes and queries follow from
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,

    /// How the index's bytes are held
    #[arg(long, value_enum, default_value = "mmap")]
    index_memory: MemoryArg,

    /// Take the hashes from a list, one in hexadecimal a line, instead of making them; without
    /// --query-file up to a tenth is held out and asked about
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sizes", "distributions"])]
    hashes: Option<PathBuf>,

    /// Take the queries from a list, one in hexadecimal a line, instead of making them
    #[arg(long, value_name = "FILE", conflicts_with = "queries")]
    query_file: Option<PathBuf>,

    /// Save the hashes and the queries to this folder, one in hexadecimal a line
    #[arg(long, value_name = "DIR")]
    save_hashes: Option<PathBuf>,

    /// Folder for the temporary index [default: the system's]
    #[arg(long, value_name = "DIR")]
    temp_dir: Option<PathBuf>,

    #[command(flatten)]
    report: ReportArgs,
}

/// How the index's bytes are held: see [`Memory`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum MemoryArg {
    /// Mapped, read in by the system as they are needed
    Mmap,
    /// Mapped, and read in at once on opening
    Populate,
    /// Read into memory of the process's own
    Copy,
}

impl MemoryArg {
    const fn memory(self) -> Memory {
        match self {
            Self::Mmap => Memory::Mmap,
            Self::Populate => Memory::Populate,
            Self::Copy => Memory::Copy,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Mmap => "mmap",
            Self::Populate => "populate",
            Self::Copy => "copy",
        }
    }
}

/// What is measured: the arguments, resolved.
struct Plan {
    kind: SignalType,
    cases: Vec<Case>,
    radii: Vec<Distance>,
    queries: usize,
    given_queries: Option<Vec<Query>>,
    batch: usize,
    threads: Vec<usize>,
    check: usize,
    at_most: Duration,
    seed: u64,
    memory: Memory,
    save: Option<Folder>,
    temp_dir: PathBuf,
}

/// The hashes of one index.
enum Case {
    Made(Distribution, u64),
    Given(PathBuf),
}

pub(super) fn run(args: SearchArgs) -> anyhow::Result<Exit> {
    args.report.check()?;
    let machine = Machine::look()?;
    let plan = plan(&args)?;
    let stop = stop::on_request()?;
    let mut report = SearchReport {
        bench: SearchReport::NAME.to_owned(),
        machine,
        signal_type: plan.kind,
        seed: plan.seed,
        batch: plan.batch,
        memory: args.index_memory.name().to_owned(),
        indexes: Vec::new(),
    };
    for case in &plan.cases {
        report.indexes.push(measure(&plan, case, &stop)?);
    }
    args.report.write(&report)?;
    Ok(Exit::Clean)
}

fn plan(args: &SearchArgs) -> anyhow::Result<Plan> {
    let kind = args.signal_type;
    let default_radii: &[u16] = match kind.family() {
        Family::Pdq => &[0, 15, 31, 47],
        Family::Hash64 => &[8, 10],
        Family::Digest => {
            bail!("{kind} is a digest and has no distances: give pdq or a 64-bit type")
        }
    };
    let mut radii = args.radii.clone();
    if radii.is_empty() {
        radii = default_radii.to_vec();
    }
    if let Some(radius) = radii.iter().find(|&&radius| radius > kind.max_distance()) {
        bail!(
            "a radius of {radius} is more than the {} bits of a {kind} hash",
            kind.max_distance()
        );
    }
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let mut threads: Vec<usize> = args.threads.iter().map(|n| n.get()).collect();
    if threads.is_empty() {
        threads = vec![1, cores];
    }
    threads.dedup();
    let cases = match &args.hashes {
        Some(path) => vec![Case::Given(path.clone())],
        None => (args.distributions.iter())
            .flat_map(|&law| args.sizes.iter().map(move |size| Case::Made(law, size.0)))
            .collect(),
    };
    let given_queries = args
        .query_file
        .as_deref()
        .map(|path| lists::read(path, kind));
    let given_queries = given_queries.transpose()?.map(|list| {
        let planted = None;
        list.iter()
            .map(|signal| Query { signal, planted })
            .collect()
    });
    Ok(Plan {
        kind,
        cases,
        radii: radii.into_iter().map(Distance).collect(),
        queries: args.queries.get(),
        given_queries,
        batch: args.batch.get(),
        threads,
        check: args.check.get(),
        at_most: Duration::from_secs(args.seconds.get()),
        seed: args.seed,
        memory: args.index_memory.memory(),
        save: args.save_hashes.clone().map(Folder::make).transpose()?,
        temp_dir: args.temp_dir.clone().unwrap_or_else(std::env::temp_dir),
    })
}

/// The hashes of a case, its queries by radius, and what it is called.
struct Material {
    name: String,
    hashes: Hashes,
    queries: Vec<Vec<Query>>,
}

fn material(
    plan: &Plan,
    case: &Case,
    stop: &AtomicBool,
    progress: &Progress,
) -> anyhow::Result<Material> {
    let queries_with = |make: &dyn Fn(Distance) -> Vec<Query>| -> Vec<Vec<Query>> {
        let of = |&radius| plan.given_queries.clone().unwrap_or_else(|| make(radius));
        plan.radii.iter().map(of).collect()
    };
    match case {
        Case::Made(law, size) => {
            let maker = Maker::new(plan.kind, *law, *size, plan.seed);
            let name = law.name().to_owned();
            let hashes = data::make(&maker, stop, &|done| {
                progress.say(format!("{name}: {done} of {size} hashes made"));
            })?;
            progress.say(format!("{name}: making queries"));
            let queries = queries_with(&|radius| data::queries(&maker, plan.queries, radius));
            Ok(Material {
                name,
                hashes,
                queries,
            })
        }
        Case::Given(path) => {
            progress.say(format!("reading {}", path.display()));
            let given = lists::read(path, plan.kind)?;
            let (held_out, hashes) = match plan.given_queries {
                Some(_) => (Vec::new(), given),
                None => data::hold_out(given, plan.queries / 2),
            };
            let queries = queries_with(&|radius| {
                data::queries_of_given(&hashes, &held_out, plan.queries, radius, plan.seed)
            });
            let name = path.file_stem().unwrap_or(path.as_os_str());
            Ok(Material {
                name: name.to_string_lossy().into_owned(),
                hashes,
                queries,
            })
        }
    }
}

fn measure(plan: &Plan, case: &Case, stop: &AtomicBool) -> anyhow::Result<IndexFigures> {
    let progress = Progress::of_work("making hashes");
    let material = material(plan, case, stop, &progress)?;
    let (name, hashes) = (&material.name, &material.hashes);
    if let Some(folder) = &plan.save {
        progress.say(format!("{name}: saving lists"));
        let base = format!("{}-{name}-{}", plan.kind, hashes.len());
        folder.save_hashes(&base, hashes)?;
        for (radius, queries) in plan.radii.iter().zip(&material.queries) {
            folder.save_queries(&base, radius.0, queries)?;
        }
    }
    let home = tempfile::Builder::new()
        .prefix("hashgate-bench-")
        .tempdir_in(&plan.temp_dir)
        .with_context(|| format!("no temporary folder in {}", plan.temp_dir.display()))?;
    let folder = home.path().join("index");

    progress.say(format!("{name}: building the index"));
    let most_threads = plan.threads.iter().copied().max().unwrap_or(1);
    let begun = Instant::now();
    let published = pool(most_threads)?.install(|| build(&folder, hashes, stop))?;
    let build_seconds = begun.elapsed().as_secs_f64();

    let begun = Instant::now();
    let index = Index::open_with(&folder, plan.memory)?;
    let open_seconds = begun.elapsed().as_secs_f64();

    let mut figures = IndexFigures {
        data: material.name.clone(),
        hashes: hashes.len() as u64,
        distinct: published.hashes,
        build_seconds,
        build_threads: most_threads,
        bytes: published.bytes,
        bytes_per_hash: published.bytes as f64 / hashes.len().max(1) as f64,
        open_seconds,
        first_query_us: 0.0,
        searches: Vec::new(),
    };
    let bench = Bench {
        plan,
        name,
        hashes,
        index: &index,
        stop,
        progress: &progress,
    };
    figures.first_query_us = bench.warm_up();
    for (&radius, queries) in plan.radii.iter().zip(&material.queries) {
        figures.searches.push(bench.search(queries, radius)?);
    }
    Ok(figures)
}

fn pool(threads: usize) -> anyhow::Result<rayon::ThreadPool> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.context("cannot start threads")
}

/// The bank that everything is in.
pub(super) fn the_bank() -> anyhow::Result<Bank> {
    Ok(Bank {
        id: BankId(1),
        name: "bench".parse()?,
        policy: Policy::new(Action::Review),
    })
}

/// Asked to stop while records were read.
#[derive(Debug, thiserror::Error)]
#[error("stopped")]
pub(super) struct Stopped;

/// Publishes these hashes as the content items 0, 1, 2 …
fn build(folder: &Path, hashes: &Hashes, stop: &AtomicBool) -> anyhow::Result<Published> {
    let records = (0..).zip(hashes.iter()).map(|(number, signal)| {
        if stop.load(Ordering::Relaxed) {
            return Err(Stopped);
        }
        Ok(IndexRecord {
            bank: BankId(1),
            content: ContentId(number),
            signal,
            quality: None,
        })
    });
    let published = publish(folder, &[the_bank()?], records, &PublishOptions::default());
    published.map_err(|error: PublishError<Stopped>| error.into())
}

/// One open index and what it is asked.
struct Bench<'a> {
    plan: &'a Plan,
    name: &'a str,
    hashes: &'a Hashes,
    index: &'a Index,
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

    /// Touches the index; gives the microseconds of the very first query.
    fn warm_up(&self) -> f64 {
        let radius = self.plan.radii.iter().copied().max();
        let radius = radius.unwrap_or(Distance::ZERO);
        let count = (self.plan.queries / 8).clamp(16, 1024);
        let (mut scratch, mut hits) = (Scratch::default(), Vec::new());
        let mut first = None;
        let begun = Instant::now();
        for query in data::warm_up(self.hashes.kind(), count, self.plan.seed) {
            let asked = Instant::now();
            self.index
                .search_into(&query, radius, &mut scratch, &mut hits);
            first.get_or_insert(asked.elapsed());
            if begun.elapsed() > self.plan.at_most {
                break;
            }
        }
        Latency::of(first.into_iter().collect()).max
    }

    fn search(&self, queries: &[Query], radius: Distance) -> anyhow::Result<SearchFigures> {
        let about = format!("{}, r = {radius}", self.name);
        self.progress.say(format!("{about}: single queries"));
        let (latency, counts) = self.one_by_one(queries, radius)?;
        let asked = queries.get(..counts.len()).unwrap_or(queries);
        let mut batches = Vec::new();
        for &threads in &self.plan.threads {
            self.progress.say(format!("{about}: batches"));
            batches.push(self.in_batches(asked, &counts, radius, threads)?);
        }
        self.progress
            .say(format!("{about}: checking against a scan"));
        let checked = self.check(asked, radius)?;
        let hits: u64 = counts.iter().sum();
        Ok(SearchFigures {
            radius: radius.0,
            queries: asked.len() as u64,
            planted: asked.iter().filter(|q| q.planted.is_some()).count() as u64,
            hits,
            queries_with_hits: counts.iter().filter(|&&count| count > 0).count() as u64,
            latency_us: latency,
            queries_per_second: 1e6 / latency.mean.max(1e-3),
            batches,
            checked,
        })
    }

    /// Asks one after the other; gives the times, and how many hits each query has.
    fn one_by_one(
        &self,
        queries: &[Query],
        radius: Distance,
    ) -> anyhow::Result<(Latency, Vec<u64>)> {
        let (mut scratch, mut hits) = (Scratch::default(), Vec::new());
        let mut times = Vec::with_capacity(queries.len());
        let mut counts = Vec::with_capacity(queries.len());
        let begun = Instant::now();
        for (at, query) in queries.iter().enumerate() {
            if at % LOOK_EVERY == 0 {
                self.look()?;
                if at >= FEWEST_QUERIES && begun.elapsed() > self.plan.at_most {
                    break;
                }
            }
            let asked = Instant::now();
            self.index
                .search_into(&query.signal, radius, &mut scratch, &mut hits);
            times.push(asked.elapsed());
            counts.push(hits.len() as u64);
            self.planted_is_found(query, radius, &hits)?;
        }
        Ok((Latency::of(times), counts))
    }

    fn planted_is_found(
        &self,
        query: &Query,
        radius: Distance,
        hits: &[Hit],
    ) -> anyhow::Result<()> {
        let Some(planted) = query.planted else {
            return Ok(());
        };
        if !hits.iter().any(|hit| hit.content == ContentId(planted)) {
            bail!(
                "the index is wrong: {} within {radius} does not find item {planted}; please report this",
                query.signal
            );
        }
        Ok(())
    }

    fn in_batches(
        &self,
        queries: &[Query],
        counts: &[u64],
        radius: Distance,
        threads: usize,
    ) -> anyhow::Result<Batches> {
        let pool = pool(threads)?;
        let (mut spent, mut done) = (Duration::ZERO, 0u64);
        let batch = self.plan.batch;
        for (queries, counts) in queries.chunks(batch).zip(counts.chunks(batch)) {
            self.look()?;
            if spent > self.plan.at_most {
                break;
            }
            let signals: Vec<Signal> = queries.iter().map(|query| query.signal).collect();
            let begun = Instant::now();
            let answers = pool.install(|| self.index.search_batch(&signals, radius));
            spent += begun.elapsed();
            done += queries.len() as u64;
            let got = answers.iter().map(|hits| hits.len() as u64);
            if !got.eq(counts.iter().copied()) {
                bail!(
                    "the index is wrong: a batch within {radius} has other hits than its queries one by one; please report this"
                );
            }
        }
        let seconds = spent.as_secs_f64();
        Ok(Batches {
            threads,
            queries: done,
            seconds,
            queries_per_second: done as f64 / seconds.max(1e-9),
        })
    }

    /// Holds some queries, spread over all, against a scan; gives their number.
    fn check(&self, queries: &[Query], radius: Distance) -> anyhow::Result<u64> {
        // An odd step, so that planted queries and strangers take turns.
        let step = (queries.len() / self.plan.check).max(1) | 1;
        // The second query is the first that is planted: of duplicates, the one with most hits.
        let sample: Vec<&Query> = (queries.get(1).into_iter())
            .chain(queries.iter().step_by(step))
            .take(self.plan.check)
            .collect();
        sample.par_iter().try_for_each(|query| {
            self.look()?;
            let hits = self.index.search(&query.signal, radius);
            naive::hold_against(self.hashes, &query.signal, radius, &hits)
        })?;
        Ok(sample.len() as u64)
    }
}
