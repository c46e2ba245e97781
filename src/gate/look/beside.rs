//! Work on an input's bytes beside the work on its picture, on a thread of its own where that pays.
//!
//! Owns when a thread is begun, and how many there are: at most one for a look, and none where as many looks and
//! helpers are under way in this process as it has processors. So a scan that uses every processor begins none, and
//! a service with a free one answers sooner. What is computed is the same either way.

use crate::guard::catch_unwind;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, available_parallelism, scope};

/// From so many bytes on, digests of a file are computed beside its picture: SHA-256 of less takes hardly longer
/// than beginning a thread.
pub(super) const PAYS_FROM: usize = 1 << 18;
/// What the thread is called.
const NAME: &str = "hashgate-digests";

/// Looks and helpers that are under way.
static BUSY: AtomicUsize = AtomicUsize::new(0);

/// One that is under way, until it is dropped.
struct Busy<'a>(&'a AtomicUsize);

impl<'a> Busy<'a> {
    /// One more, whatever is under way.
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }

    /// One more, where that are not more than `most`.
    fn try_begin(count: &'a AtomicUsize, most: usize) -> Option<Self> {
        let more = |busy: usize| (busy < most).then(|| busy + 1);
        (count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more))
            .ok()
            .map(|_| Self(count))
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How many processors this process may use.
fn processors() -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| available_parallelism().map_or(1, usize::from))
}

/// Does both: `aside` on another thread where `pays` and a processor is free, else first. `None` for the first where
/// it panicked; a panic of the second is the caller's.
pub(super) fn beside<A: Send, B>(
    pays: bool,
    aside: impl Fn() -> A + Sync,
    here: impl FnOnce() -> B,
) -> (Option<A>, B) {
    let _look = Busy::begin(&BUSY);
    let helper = match pays {
        true => Busy::try_begin(&BUSY, processors()),
        false => None,
    };
    let aside = &aside;
    let guarded = move || catch_unwind(AssertUnwindSafe(aside)).ok();
    if helper.is_none() {
        return (guarded(), here());
    }
    scope(|threads| {
        // A program that may begin no threads computes here.
        match Builder::new()
            .name(NAME.to_owned())
            .spawn_scoped(threads, guarded)
        {
            Err(_) => (guarded(), here()),
            Ok(thread) => {
                let here = here();
                match thread.join() {
                    Ok(done) => (done, here),
                    Err(panic) => resume_unwind(panic),
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::current;

    #[test]
    fn both_are_done_and_a_panic_of_the_first_is_none() {
        for pays in [false, true] {
            assert_eq!(beside(pays, || 1, || 2), (Some(1), 2));
            let (first, second) = beside(pays, || -> u8 { panic!("in a test") }, || 2);
            assert_eq!((first, second), (None, 2));
        }
    }

    #[test]
    fn without_need_no_thread_is_begun() {
        let this = current().id();
        let (first, second) = beside(false, || current().id(), || current().id());
        assert_eq!((first, second), (Some(this), this));
    }

    #[test]
    fn there_are_never_more_helpers_than_processors_left() {
        let count = AtomicUsize::new(0);
        let looks: Vec<Busy<'_>> = (0..2).map(|_| Busy::begin(&count)).collect();
        assert!(
            Busy::try_begin(&count, 2).is_none(),
            "the looks use them all"
        );
        let helper = Busy::try_begin(&count, 3);
        assert!(helper.is_some() && Busy::try_begin(&count, 3).is_none());
        drop(helper);
        drop(looks);
        assert_eq!(count.load(Ordering::Relaxed), 0);
    }
}
