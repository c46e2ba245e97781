#![expect(
    unsafe_code,
    reason = "a function compiled for more than the base instruction set is unsafe to call"
)]
//! Reading coded data, written once and compiled per instruction set.
//!
//! What is read is the same on each: whole numbers, and sums in one order, nothing fused. It is the
//! shifts by any number of bits, and the counting of bits, that newer instructions do at once. Which
//! one runs is asked of the CPU at run time. This file refuses to know what the work is.

/// Work whose time goes into coded data.
pub(super) trait Work {
    /// What it gives.
    type Done;
    /// Does it. Has to be `#[inline(always)]`, and so has all in it that is hot: what is not inlined
    /// is compiled for the base instruction set alone.
    fn run(self) -> Self::Done;
}

/// Does some work with the fastest kernel that this CPU can run.
#[inline]
pub(super) fn run<W: Work>(work: W) -> W::Done {
    #[cfg(test)]
    if tests::PORTABLE.get() {
        return run_portable(work);
    }
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt")
    {
        // SAFETY: the CPU has just been asked for each of the function's instruction sets.
        return unsafe { run_avx2(work) };
    }
    run_portable(work)
}

/// Whatever the program as a whole was compiled for.
#[inline(never)]
fn run_portable<W: Work>(work: W) -> W::Done {
    work.run()
}

#[cfg(target_arch = "x86_64")]
#[inline(never)]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn run_avx2<W: Work>(work: W) -> W::Done {
    work.run()
}

#[cfg(test)]
mod tests {
    use crate::media::{Limits, sample};
    use std::cell::Cell;

    thread_local! {
        /// Whether this thread's work is done with the portable kernel.
        pub(super) static PORTABLE: Cell<bool> = const { Cell::new(false) };
    }

    #[test]
    fn every_kernel_reads_the_same() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/jpeg");
        let mut read = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "jpg") {
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let limits = Limits::default();
            let best = sample(&bytes, &limits, true).unwrap();
            PORTABLE.set(true);
            let portable = sample(&bytes, &limits, true).unwrap();
            PORTABLE.set(false);
            assert_eq!(best.stored, portable.stored, "{}", path.display());
            assert_eq!(best.displayed, portable.displayed, "{}", path.display());
            read += 1;
        }
        assert!(read >= 7, "{read} files");
    }
}
