//! Searching: an index is built, opened and asked; times, sizes, and the proof that every answer is
//! right.
//!
//! A pass asks each query once, so that nothing is answered from memory that a query before it has
//! warmed. Before the first pass other queries touch the index, since pages of a new mapping come
//! in on first touch; how long the very first one takes is told by itself.

use super::data::{self, Hashes, Query};
use super::distribution::{Distribution, Maker};
use super::error::MeasureError;
use super::lists::{self, Folder};
use super::machine::Machine;
use super::search_report::{Batches, IndexFigures, SearchFigures, SearchReport};
use super::timing::Latency;
use super::watch::Watch;
use super::{index, naive};
use crate::bank::ContentId;
use crate::hash::{Distance, Family, Signal, SignalType};
use crate::index::{Hit, Index, Memory, Scratch};
use rayon::prelude::*;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Queries that a pass asks at least, however long they take.
const FEWEST_QUERIES: usize = 100;
/// Queries between two looks at the clock and at whether to stop.
const LOOK_EVERY: usize = 16;

/// What is measured.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Type of the hashes: PDQ or one of the 64-bit types.
    pub kind: SignalType,
    /// The indexes, one after the other.
    pub cases: Vec<Case>,
    /// Radii in bits, inclusive; where there are none, those of [`Plan::default_radii`].
    pub radii: Vec<u16>,
    /// Different queries in a pass.
    pub queries: usize,
    /// A list of queries to ask, in the place of made ones.
    pub query_file: Option<PathBuf>,
    /// Queries in a batch; at least 1.
    pub batch: usize,
    /// Threads that batches are asked on; the index is built on the most.
    pub threads: Vec<usize>,
    /// Queries of each pass that are held against a scan of all hashes; at least 1.
    pub check: usize,
    /// After so long a pass asks no further queries.
    pub at_most: Duration,
    /// What the made hashes and queries follow from.
    pub seed: u64,
    /// How the index's bytes are held.
    pub memory: Memory,
    /// A folder to save the hashes and the queries in.
    pub save: Option<PathBuf>,
    /// Folder for the temporary index.
    pub temp_dir: PathBuf,
}

/// The hashes of one index.
#[derive(Debug, Clone)]
pub enum Case {
    /// Made: so many, spread like this.
    Made(Distribution, u64),
    /// Those of a list, one in hexadecimal a line. Without a list of queries up to a tenth is held out
    /// and asked about.
    Given(PathBuf),
}

impl Plan {
    /// Radii that are asked about unless others are named; none for digests, which have no distances.
    #[must_use]
    pub const fn default_radii(kind: SignalType) -> &'static [u16] {
        match kind.family() {
            Family::Pdq => &[0, 15, 31, 47],
            Family::Hash64 => &[8, 10],
            Family::Digest => &[],
        }
    }
}

/// The plan with what it names read and made.
struct Work<'a> {
    plan: &'a Plan,
    radii: Vec<Distance>,
    given_queries: Option<Vec<Query>>,
    save: Option<Folder>,
    watch: Watch<'a>,
}

/// Measures, on the machine that the report names.
///
/// # Errors
/// Where the plan cannot be carried out, an answer is wrong, or it was stopped: there are no figures then.
pub fn measure(
    plan: &Plan,
    machine: Machine,
    watch: Watch<'_>,
) -> Result<SearchReport, MeasureError> {
    let work = prepare(plan, watch)?;
    let mut report = SearchReport {
        bench: SearchReport::NAME.to_owned(),
        machine,
        signal_type: plan.kind,
        seed: plan.seed,
        batch: plan.batch,
        memory: memory_name(plan.memory).to_owned(),
        indexes: Vec::new(),
    };
    for case in &plan.cases {
        report.indexes.push(work.measure(case)?);
    }
    Ok(report)
}

const fn memory_name(memory: Memory) -> &'static str {
    match memory {
        Memory::Mmap => "mmap",
        Memory::Populate => "populate",
        Memory::Copy => "copy",
    }
}

fn prepare<'a>(plan: &'a Plan, watch: Watch<'a>) -> Result<Work<'a>, MeasureError> {
    let kind = plan.kind;
    let mut radii = plan.radii.as_slice();
    if kind.family() == Family::Digest {
        return Err(MeasureError::Digest(kind));
    }
    if radii.is_empty() {
        radii = Plan::default_radii(kind);
    }
    if let Some(&radius) = radii.iter().find(|&&radius| radius > kind.max_distance()) {
        return Err(MeasureError::Radius { radius, kind });
    }
    let given = (plan.query_file.as_deref()).map(|path| lists::read(path, kind));
    let given_queries = given.transpose()?.map(|list| {
        let planted = None;
        list.iter()
            .map(|signal| Query { signal, planted })
            .collect()
    });
    Ok(Work {
        plan,
        radii: radii.iter().copied().map(Distance).collect(),
        given_queries,
        save: plan.save.clone().map(Folder::make).transpose()?,
        watch,
    })
}

/// The hashes of a case, its queries by radius, and what it is called.
struct Material {
    name: String,
    hashes: Hashes,
    queries: Vec<Vec<Query>>,
}

impl Work<'_> {
    fn material(&self, case: &Case) -> Result<Material, MeasureError> {
        let (plan, watch) = (self.plan, self.watch);
        let queries_with = |make: &dyn Fn(Distance) -> Vec<Query>| -> Vec<Vec<Query>> {
            let of = |&radius| self.given_queries.clone().unwrap_or_else(|| make(radius));
            self.radii.iter().map(of).collect()
        };
        match case {
            Case::Made(law, size) => {
                let maker = Maker::new(plan.kind, *law, *size, plan.seed);
                let name = law.name().to_owned();
                let hashes = data::make(&maker, watch.stop, &|done| {
                    watch.say(format!("{name}: {done} of {size} hashes made"));
                })?;
                watch.say(format!("{name}: making queries"));
                let queries = queries_with(&|radius| data::queries(&maker, plan.queries, radius));
                Ok(Material {
                    name,
                    hashes,
                    queries,
                })
            }
            Case::Given(path) => {
                watch.say(format!("reading {}", path.display()));
                let given = lists::read(path, plan.kind)?;
                let (held_out, hashes) = match self.given_queries {
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

    fn measure(&self, case: &Case) -> Result<IndexFigures, MeasureError> {
        let (plan, watch) = (self.plan, self.watch);
        let material = self.material(case)?;
        let (name, hashes) = (&material.name, &material.hashes);
        if let Some(folder) = &self.save {
            watch.say(format!("{name}: saving lists"));
            let base = format!("{}-{name}-{}", plan.kind, hashes.len());
            folder.save_hashes(&base, hashes)?;
            for (radius, queries) in self.radii.iter().zip(&material.queries) {
                folder.save_queries(&base, radius.0, queries)?;
            }
        }
        let home = index::temporary(&plan.temp_dir)?;
        let folder = home.path().join("index");

        watch.say(format!("{name}: building the index"));
        let most_threads = plan.threads.iter().copied().max().unwrap_or(1);
        let begun = Instant::now();
        let published = pool(most_threads)?
            .install(|| index::build(&folder, hashes.iter().map(|signal| (signal, None)), watch))?;
        let build_seconds = begun.elapsed().as_secs_f64();

        let begun = Instant::now();
        let opened = Index::open_with(&folder, plan.memory)?;
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
            radii: &self.radii,
            name,
            hashes,
            index: &opened,
            watch,
        };
        figures.first_query_us = bench.warm_up();
        for (&radius, queries) in self.radii.iter().zip(&material.queries) {
            figures.searches.push(bench.search(queries, radius)?);
        }
        Ok(figures)
    }
}

fn pool(threads: usize) -> Result<rayon::ThreadPool, MeasureError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    Ok(pool?)
}

/// One open index and what it is asked.
struct Bench<'a> {
    plan: &'a Plan,
    radii: &'a [Distance],
    name: &'a str,
    hashes: &'a Hashes,
    index: &'a Index,
    watch: Watch<'a>,
}

impl Bench<'_> {
    /// Touches the index; gives the microseconds of the very first query.
    fn warm_up(&self) -> f64 {
        let radius = self.radii.iter().copied().max();
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

    fn search(&self, queries: &[Query], radius: Distance) -> Result<SearchFigures, MeasureError> {
        let about = format!("{}, r = {radius}", self.name);
        self.watch.say(format!("{about}: single queries"));
        let (latency, counts) = self.one_by_one(queries, radius)?;
        let asked = queries.get(..counts.len()).unwrap_or(queries);
        let mut batches = Vec::new();
        for &threads in &self.plan.threads {
            self.watch.say(format!("{about}: batches"));
            batches.push(self.in_batches(asked, &counts, radius, threads)?);
        }
        self.watch.say(format!("{about}: checking against a scan"));
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
    ) -> Result<(Latency, Vec<u64>), MeasureError> {
        let (mut scratch, mut hits) = (Scratch::default(), Vec::new());
        let mut times = Vec::with_capacity(queries.len());
        let mut counts = Vec::with_capacity(queries.len());
        let begun = Instant::now();
        for (at, query) in queries.iter().enumerate() {
            if at % LOOK_EVERY == 0 {
                self.watch.look()?;
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
    ) -> Result<(), MeasureError> {
        let Some(planted) = query.planted else {
            return Ok(());
        };
        if !hits.iter().any(|hit| hit.content == ContentId(planted)) {
            return Err(MeasureError::Wrong(format!(
                "the index is wrong: {} within {radius} does not find item {planted}",
                query.signal
            )));
        }
        Ok(())
    }

    fn in_batches(
        &self,
        queries: &[Query],
        counts: &[u64],
        radius: Distance,
        threads: usize,
    ) -> Result<Batches, MeasureError> {
        let pool = pool(threads)?;
        let (mut spent, mut done) = (Duration::ZERO, 0u64);
        let batch = self.plan.batch.max(1);
        for (queries, counts) in queries.chunks(batch).zip(counts.chunks(batch)) {
            self.watch.look()?;
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
                return Err(MeasureError::Wrong(format!(
                    "the index is wrong: a batch within {radius} has other hits than its queries one by one"
                )));
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
    fn check(&self, queries: &[Query], radius: Distance) -> Result<u64, MeasureError> {
        // An odd step, so that planted queries and strangers take turns.
        let step = (queries.len() / self.plan.check.max(1)).max(1) | 1;
        // The second query is the first that is planted: of duplicates, the one with most hits.
        let sample: Vec<&Query> = (queries.get(1).into_iter())
            .chain(queries.iter().step_by(step))
            .take(self.plan.check)
            .collect();
        sample.par_iter().try_for_each(|query| {
            self.watch.look()?;
            let hits = self.index.search(&query.signal, radius);
            naive::hold_against(self.hashes, &query.signal, radius, &hits)
        })?;
        Ok(sample.len() as u64)
    }
}
