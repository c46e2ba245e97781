//! `Gate`: uploads and hashes asked about in a published index.

use crate::error::{HashgateError, IndexFolderError, raised};
use crate::given;
use crate::verdict::Verdict;
use crate::working::{cores, pool, run, run_alone, slots};
use hashgate::gate::{
    self, GateOptions, MemoryBudget, Mode, Outcome, Unsettled, VariantSet, Worker,
};
use hashgate::hash::SignalType;
use hashgate::media::Limits;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyDict;
use rayon::ThreadPool;
use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How many hashes are asked about between two looks at whether the caller wants to stop.
const HASHES_AT_ONCE: usize = 1 << 16;
/// How many uploads.
const UPLOADS_AT_ONCE: usize = 256;
/// From so many uploads on the index is asked about all together.
const POOLED_FROM: usize = 8;
/// Most threads that a gate may have.
const MOST_THREADS: usize = 1024;

thread_local! {
    /// What one thread checks with.
    static WORKER: RefCell<Worker> = RefCell::default();
}

/// How a gate was opened: a copy of it in another process is opened the same way.
#[derive(Debug, Clone)]
struct Opened {
    folder: PathBuf,
    variants: String,
    mode: String,
    signals: Vec<String>,
    threads: Option<usize>,
    memory: Option<u64>,
    max_file_bytes: Option<u64>,
    max_pixels: Option<u64>,
    generation: Option<u64>,
}

/// What makes a gate again in another process: a function, and what it is given.
type Again<'py> = (Bound<'py, PyAny>, (PathBuf, Bound<'py, PyDict>));

/// A published index, and how uploads are looked at. Share one among all threads.
#[pyclass(frozen, module = "pyhashgate")]
pub(crate) struct Gate {
    gate: Arc<gate::Gate>,
    threads: usize,
    opened: Opened,
}

fn options(opened: &Opened) -> PyResult<GateOptions> {
    let wrong = |error: &dyn std::error::Error| PyValueError::new_err(error.to_string());
    let variants: VariantSet = opened.variants.parse().map_err(|error| wrong(&error))?;
    let mode: Mode = opened.mode.parse().map_err(|error| wrong(&error))?;
    let signals: Vec<SignalType> = opened
        .signals
        .iter()
        .map(|name| given::signal_type(name))
        .collect::<PyResult<_>>()?;
    let mut limits = Limits::default();
    limits.max_file_bytes = opened.max_file_bytes.unwrap_or(limits.max_file_bytes);
    limits.max_pixels = opened.max_pixels.unwrap_or(limits.max_pixels);
    let options = GateOptions::default()
        .limits(limits)
        .variants(variants)
        .mode(mode)
        .signals(signals);
    Ok(match opened.memory {
        Some(bytes) => options.memory(Arc::new(MemoryBudget::new(bytes))),
        None => options,
    })
}

/// Does something with each of these uploads, on these threads, each of which takes the next one when it is done. The results are in
/// the order of the uploads, so that what a quarantine counts does not depend on which thread was faster.
fn on_each<T: Send>(
    slots: &[Arc<ThreadPool>],
    uploads: &[PyBackedBytes],
    does: impl Fn(&mut Worker, &[u8], usize) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done: Vec<(usize, T)> = Vec::new();
        while let Some((place, bytes)) = {
            let place = next.fetch_add(1, Ordering::Relaxed);
            uploads.get(place).map(|bytes| (place, bytes))
        } {
            done.push((
                place,
                WORKER.with_borrow_mut(|worker| does(worker, bytes, place)),
            ));
        }
        done
    };
    let mut done: Vec<(usize, T)> = std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = slots
            .iter()
            .map(|slot| scope.spawn(move || slot.install(work)))
            .collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        // One that panicked fails the whole call, which says so.
        ended
            .flat_map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, one)| one).collect()
}

impl Gate {
    /// Checks uploads on these threads, and asks the index about all of them together.
    fn check_part(
        &self,
        part: &[PyBackedBytes],
        slots: &[Arc<ThreadPool>],
        pool: &ThreadPool,
    ) -> Vec<Verdict> {
        let settled =
            |unsettled: Unsettled<'_>| Verdict::from(unsettled.settle(&self.gate).verdict);
        if part.len() < POOLED_FROM {
            let checked = on_each(slots, part, |worker, bytes, _| {
                self.gate.check_later(worker, bytes, None)
            });
            return checked.into_iter().map(settled).collect();
        }
        let pooled = self.gate.pooled();
        let mut looked = on_each(slots, part, |worker, bytes, _| pooled.look(worker, bytes));
        pool.install(|| pooled.ask(&mut looked));
        let looked: Vec<_> = (looked.into_iter())
            .map(|one| Mutex::new(Some(one)))
            .collect();
        let checked = on_each(slots, part, |worker, bytes, place| {
            let looked = looked
                .get(place)
                .and_then(|one| one.lock().unwrap_or_else(PoisonError::into_inner).take());
            match looked {
                Some(looked) => pooled.decide(worker, bytes, looked),
                None => self.gate.check_later(worker, bytes, None),
            }
        });
        checked.into_iter().map(settled).collect()
    }

    fn with(py: Python<'_>, opened: Opened) -> PyResult<Self> {
        let threads = opened.threads.unwrap_or_else(cores);
        if !(1..=MOST_THREADS).contains(&threads) {
            return Err(PyValueError::new_err(format!(
                "{threads} threads: 1 to {MOST_THREADS}"
            )));
        }
        let options = options(&opened)?;
        let gate = run(py, || gate::Gate::open_with(&opened.folder, options))?;
        let gate = gate.map_err(|error| raised(py, &error, IndexFolderError::new_err))?;
        let generation = gate.index().generation();
        if let Some(wanted) = opened.generation.filter(|wanted| *wanted != generation) {
            return Err(IndexFolderError::new_err(format!(
                "{}: generation {generation} is in force, and {wanted} is asked for: pin it before the job, with \
                 pyhashgate.pin",
                opened.folder.display()
            )));
        }
        Ok(Self {
            gate: Arc::new(gate),
            threads,
            opened,
        })
    }
}

#[pymethods]
impl Gate {
    /// Opens the folder that `hashgate publish` wrote.
    #[staticmethod]
    #[pyo3(signature = (folder, *, variants = "standard", mode = "auto", signals = Vec::new(), threads = None, memory = None, max_file_bytes = None, max_pixels = None, generation = None))]
    #[expect(clippy::too_many_arguments, reason = "each is named by the caller")]
    fn open(
        py: Python<'_>,
        folder: PathBuf,
        variants: &str,
        mode: &str,
        signals: Vec<String>,
        threads: Option<usize>,
        memory: Option<u64>,
        max_file_bytes: Option<u64>,
        max_pixels: Option<u64>,
        generation: Option<u64>,
    ) -> PyResult<Self> {
        let (variants, mode) = (variants.to_owned(), mode.to_owned());
        let opened = Opened {
            folder,
            variants,
            mode,
            signals,
            threads,
            memory,
            max_file_bytes,
            max_pixels,
            generation,
        };
        Self::with(py, opened)
    }

    /// What the gate says of an upload's bytes.
    fn check(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<Verdict> {
        let bytes = given::bytes(data)?;
        let checked = run_alone(py, || {
            WORKER.with_borrow_mut(|worker| self.gate.check_with(worker, &bytes))
        });
        Ok(checked?.into())
    }

    /// What the gate says of a file.
    fn check_file(&self, py: Python<'_>, path: PathBuf) -> PyResult<Verdict> {
        let checked = run_alone(py, || {
            WORKER.with_borrow_mut(|worker| self.gate.check_file(worker, &path))
        });
        Ok(checked?.verdict.into())
    }

    /// What the gate says of each of many uploads, in their order, on its threads.
    fn check_many(&self, py: Python<'_>, data: Vec<Bound<'_, PyAny>>) -> PyResult<Vec<Verdict>> {
        let bytes: Vec<PyBackedBytes> = data.iter().map(given::bytes).collect::<PyResult<_>>()?;
        let slots = slots(py, self.threads.min(bytes.len()))?;
        let pool = pool(py, self.threads)?;
        let mut verdicts = Vec::with_capacity(bytes.len());
        for part in bytes.chunks(UPLOADS_AT_ONCE) {
            py.check_signals()?;
            verdicts.extend(run(py, || self.check_part(part, slots.each(), &pool))?);
        }
        slots.give_back(py);
        Ok(verdicts)
    }

    /// Asks about hashes that lie behind each other in one buffer, and gives those that match: each with its place,
    /// counted from 0, and its verdict.
    #[pyo3(signature = (hashes, *, signal_type = "pdq", qualities = None))]
    fn r#match(
        &self,
        py: Python<'_>,
        hashes: &Bound<'_, PyAny>,
        signal_type: &str,
        qualities: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<(usize, Verdict)>> {
        let kind = given::signal_type(signal_type)?;
        let hashes = given::bytes(hashes)?;
        let qualities = qualities.map(given::bytes).transpose()?;
        let asked = given::signals(kind, &hashes, qualities.as_deref())?;
        let pool = pool(py, self.threads)?;
        let mut found = Vec::new();
        for (part, signals) in asked.chunks(HASHES_AT_ONCE).enumerate() {
            py.check_signals()?;
            let first = part * HASHES_AT_ONCE;
            found.extend(run(py, || {
                let verdicts = pool.install(|| self.gate.match_signals(signals));
                let places = (first..).zip(verdicts);
                let met = places.filter(|(_, verdict)| verdict.outcome == Outcome::Match);
                met.map(|(place, verdict)| (place, Verdict::from(verdict)))
                    .collect::<Vec<_>>()
            })?);
        }
        Ok(found)
    }

    /// Goes over to the newest generation of the folder; says whether there was a newer one.
    fn refresh(&self, py: Python<'_>) -> PyResult<bool> {
        if self.opened.generation.is_some() {
            return Err(HashgateError::new_err(
                "this gate was opened for one generation: open another to follow the folder",
            ));
        }
        let refreshed = run(py, || self.gate.refresh())?;
        refreshed.map_err(|error| raised(py, &error, IndexFolderError::new_err))
    }

    /// The generation of the index that answers.
    #[getter]
    fn generation(&self) -> u64 {
        self.gate.index().generation()
    }

    /// The banks' names.
    #[getter]
    fn banks(&self) -> Vec<String> {
        let index = self.gate.index();
        let banks = index.banks().iter();
        banks.map(|bank| bank.name.to_string()).collect()
    }

    /// The index folder.
    #[getter]
    fn folder(&self) -> PathBuf {
        self.opened.folder.clone()
    }

    /// How many threads `check_many` and `match` work on.
    #[getter]
    fn threads(&self) -> usize {
        self.threads
    }

    /// A gate that is sent to another process is opened anew there, in the same way.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Again<'py>> {
        let py = slf.py();
        let opened = &slf.get().opened;
        let named = PyDict::new(py);
        named.set_item("variants", &opened.variants)?;
        named.set_item("mode", &opened.mode)?;
        named.set_item("signals", &opened.signals)?;
        named.set_item("threads", opened.threads)?;
        named.set_item("memory", opened.memory)?;
        named.set_item("max_file_bytes", opened.max_file_bytes)?;
        named.set_item("max_pixels", opened.max_pixels)?;
        named.set_item("generation", opened.generation)?;
        let again = py.import("pyhashgate")?.getattr("_open_again")?;
        Ok((again, (opened.folder.clone(), named)))
    }

    fn __repr__(&self) -> String {
        let folder = self.opened.folder.display();
        format!("Gate('{folder}', generation={})", self.generation())
    }
}
