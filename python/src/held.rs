//! `HashIndex`: hashes of the caller's own, searched in memory by distance alone.

use crate::error::{HashgateError, raised};
use crate::given;
use crate::working::{cores, pool, run};
use hashgate::bank::{Action, Bank, BankId, ContentId, Policy};
use hashgate::hash::{Distance, Signal, SignalType};
use hashgate::index::{Index, IndexRecord, PublishOptions};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::convert::Infallible;

/// Most hits that one query gives.
const MOST_HITS: usize = 1 << 20;
/// How many queries are asked between two looks at whether the caller wants to stop.
const AT_ONCE: usize = 1 << 14;

/// Hashes of one type, found again exactly: every one within a distance, with its place in what was given.
///
/// No bank, no policy, no evidence: what is near is told, and what that means is the caller's to say.
#[pyclass(frozen, module = "pyhashgate")]
pub(crate) struct HashIndex {
    index: Index,
    kind: SignalType,
    count: usize,
    threads: usize,
}

#[pymethods]
impl HashIndex {
    /// Builds an index of hashes that lie behind each other in one buffer.
    #[new]
    #[pyo3(signature = (hashes, *, signal_type = "pdq", threads = None))]
    fn new(
        py: Python<'_>,
        hashes: &Bound<'_, PyAny>,
        signal_type: &str,
        threads: Option<usize>,
    ) -> PyResult<Self> {
        let kind = given::signal_type(signal_type)?;
        let hashes = given::bytes(hashes)?;
        let signals = given::signals(kind, &hashes, None)?;
        let count = signals.len();
        let threads = threads.unwrap_or_else(cores);
        if threads == 0 || threads > 1024 {
            return Err(PyValueError::new_err(format!(
                "{threads} threads: 1 to 1024"
            )));
        }
        let name = "held"
            .parse()
            .map_err(|_| PyValueError::new_err("no name"))?;
        let bank = Bank {
            id: BankId(1),
            name,
            policy: Policy::new(Action::Report),
        };
        let building = pool(py, threads)?;
        let built = run(py, || {
            let records = (1..).zip(signals).map(|(place, given)| {
                Ok::<_, Infallible>(IndexRecord {
                    bank: BankId(1),
                    content: ContentId(place),
                    signal: given.signal,
                    quality: None,
                })
            });
            // What builds shares its work out: among these threads, and not among all of the process.
            let records: Vec<_> = records.collect();
            building.install(|| {
                Index::in_memory(&[bank], records.into_iter(), &PublishOptions::default())
            })
        })?;
        let index = built.map_err(|error| raised(py, &error, HashgateError::new_err))?;
        Ok(Self {
            index,
            kind,
            count,
            threads,
        })
    }

    /// All within `max_distance` bits of one hash: place and distance, nearest first.
    fn query(
        &self,
        py: Python<'_>,
        hash: &Bound<'_, PyAny>,
        max_distance: u16,
    ) -> PyResult<Vec<(u64, u16)>> {
        let bytes = given::bytes(hash)?;
        let signal = Signal::from_bytes(self.kind, &bytes)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let found = run(py, || {
            (self.index).search_limited(&signal, Distance(max_distance), MOST_HITS)
        })?;
        Ok(found.hits.iter().map(told).collect())
    }

    /// The same for many hashes in one buffer: for each a list of place and distance.
    fn query_many(
        &self,
        py: Python<'_>,
        hashes: &Bound<'_, PyAny>,
        max_distance: u16,
    ) -> PyResult<Vec<Vec<(u64, u16)>>> {
        let bytes = given::bytes(hashes)?;
        let asked = given::signals(self.kind, &bytes, None)?;
        let asked: Vec<Signal> = asked.into_iter().map(|given| given.signal).collect();
        let pool = pool(py, self.threads)?;
        let mut found = Vec::with_capacity(asked.len());
        for part in asked.chunks(AT_ONCE) {
            py.check_signals()?;
            let answers = run(py, || {
                pool.install(|| {
                    (self.index).search_batch_limited(part, Distance(max_distance), MOST_HITS)
                })
            })?;
            let answers = answers.iter();
            found.extend(answers.map(|answer| answer.hits.iter().map(told).collect::<Vec<_>>()));
        }
        Ok(found)
    }

    fn __len__(&self) -> usize {
        self.count
    }

    fn __repr__(&self) -> String {
        format!("HashIndex({} {} hashes)", self.count, self.kind)
    }
}

/// Where a hit stood in what was given, and how far it is.
fn told(hit: &hashgate::index::Hit) -> (u64, u16) {
    (hit.content.0.saturating_sub(1), hit.distance.0)
}
