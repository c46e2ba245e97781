//! Calls under way, the threads that work at them, and forks of the process.
//!
//! A process that forks takes no other thread along: whatever such a thread held stays held for ever. So a fork
//! waits until no call is under way, calls wait until it is done, and the child begins with threads of its own.

use crate::error::HashgateError;
use hashgate::guard::catch_unwind;
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// How many calls are under way, and whether a fork is.
struct Calls {
    running: usize,
    forks: usize,
}

static CALLS: Mutex<Calls> = Mutex::new(Calls {
    running: 0,
    forks: 0,
});
static TURN: Condvar = Condvar::new();

thread_local! {
    /// The lock of the calls, while this thread forks: nobody else may hold it then.
    static HELD: RefCell<Option<MutexGuard<'static, Calls>>> = const { RefCell::new(None) };
}

/// Threads by the process that they are of, and how many they are.
type Pools = HashMap<(u32, usize), Arc<ThreadPool>>;

static POOLS: Mutex<Option<Pools>> = Mutex::new(None);

fn calls() -> MutexGuard<'static, Calls> {
    CALLS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A call under way.
struct Running;

impl Running {
    fn begin() -> Self {
        let mut calls = calls();
        while calls.forks > 0 {
            calls = TURN.wait(calls).unwrap_or_else(PoisonError::into_inner);
        }
        calls.running += 1;
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        calls().running -= 1;
        TURN.notify_all();
    }
}

/// Runs a call without Python's lock. What panics is an error, and takes nothing else along.
///
/// # Errors
/// A panic, in words.
pub(crate) fn run<T: Send>(py: Python<'_>, call: impl FnOnce() -> T + Send) -> PyResult<T> {
    let done = py.detach(|| {
        let _running = Running::begin();
        catch_unwind(AssertUnwindSafe(call))
    });
    done.map_err(|_| defect())
}

/// A thread of its own for one call: what decoders share out among threads stays on it. So no call waits in the middle for
/// another's end, and no call needs rayon's global threads, which a forked child does not have.
type Slot = Arc<ThreadPool>;

/// Slots that nobody uses, by the process that they are of.
static SLOTS: Mutex<Option<HashMap<u32, Vec<Slot>>>> = Mutex::new(None);

/// So many slots of this process, until they are given back. Asked for with Python's lock, without which nobody forks.
///
/// # Errors
/// The system refuses threads.
pub(crate) fn slots(_py: Python<'_>, count: usize) -> PyResult<Slots> {
    let mut slots = SLOTS.lock().unwrap_or_else(PoisonError::into_inner);
    let slots = slots.get_or_insert_default();
    let process = std::process::id();
    for (_, gone) in slots.extract_if(|of, _| *of != process) {
        std::mem::forget(gone);
    }
    let free = slots.entry(process).or_default();
    let mut taken = Slots(free.split_off(free.len().saturating_sub(count)));
    while taken.0.len() < count {
        let built = ThreadPoolBuilder::new()
            .num_threads(1)
            .thread_name(|_| "hashgate".to_owned())
            .build();
        taken
            .0
            .push(Arc::new(built.map_err(|error| refused(1, &error))?));
    }
    Ok(taken)
}

/// Slots that are in use.
pub(crate) struct Slots(Vec<Slot>);

impl Slots {
    /// Each of them.
    pub(crate) fn each(&self) -> &[Slot] {
        &self.0
    }

    /// Gives them back. Those that are not given back end.
    pub(crate) fn give_back(self, _py: Python<'_>) {
        let mut slots = SLOTS.lock().unwrap_or_else(PoisonError::into_inner);
        let free = slots.get_or_insert_default();
        free.entry(std::process::id()).or_default().extend(self.0);
    }
}

fn refused(threads: usize, error: &dyn std::fmt::Display) -> PyErr {
    HashgateError::new_err(format!("the system gives no {threads} threads: {error}"))
}

/// Runs one call on a thread of its own, without Python's lock.
///
/// # Errors
/// A panic, in words; the system refuses a thread.
pub(crate) fn run_alone<T: Send>(py: Python<'_>, call: impl FnOnce() -> T + Send) -> PyResult<T> {
    let slots = slots(py, 1)?;
    let done = run(py, || {
        let slot = slots.each().first();
        slot.map(|slot| slot.install(|| catch_unwind(AssertUnwindSafe(call))))
    });
    slots.give_back(py);
    match done? {
        Some(Ok(done)) => Ok(done),
        _ => Err(defect()),
    }
}

fn defect() -> PyErr {
    HashgateError::new_err("hashgate failed at it: a defect; please report it")
}

/// As many threads as these, of this process. Asked for with Python's lock, without which nobody forks.
///
/// # Errors
/// The system refuses threads.
pub(crate) fn pool(_py: Python<'_>, threads: usize) -> PyResult<Arc<ThreadPool>> {
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let pools = pools.get_or_insert_default();
    let key = (std::process::id(), threads);
    if let Some(pool) = pools.get(&key) {
        return Ok(Arc::clone(pool));
    }
    // Those of the process that this was forked from have no threads here: to end them would be to wait for ever.
    for (_, gone) in pools.extract_if(|(process, _), _| *process != key.0) {
        std::mem::forget(gone);
    }
    let built = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|number| format!("hashgate-{number}"))
        .build();
    let built = built.map_err(|error| refused(threads, &error))?;
    Ok(Arc::clone(pools.entry(key).or_insert(Arc::new(built))))
}

/// How many processors this process may use.
#[pyfunction]
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Waits until no call is under way, and holds new ones back. Python calls it before it forks.
#[pyfunction]
pub(crate) fn before_fork(py: Python<'_>) {
    py.detach(|| {
        let mut calls = calls();
        calls.forks += 1;
        while calls.running > 0 {
            calls = TURN.wait(calls).unwrap_or_else(PoisonError::into_inner);
        }
        HELD.with_borrow_mut(|held| *held = Some(calls));
    });
}

/// Begins anew: other threads that were about to fork are not in this process. Python calls it in the child.
#[pyfunction]
pub(crate) fn after_fork_in_child() {
    if let Some(mut calls) = HELD.with_borrow_mut(Option::take) {
        *calls = Calls {
            running: 0,
            forks: 0,
        };
    }
}

/// Lets calls go on. Python calls it after it forked, in the process that did, on the thread that did.
#[pyfunction]
pub(crate) fn after_fork() {
    if let Some(mut calls) = HELD.with_borrow_mut(Option::take) {
        calls.forks = calls.forks.saturating_sub(1);
    }
    TURN.notify_all();
}
