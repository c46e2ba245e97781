//! Every file below some paths, through workers on a rayon pool, to one sink.
//!
//! The walker takes a permit for each file and the sink gives it back, so that never more than a
//! fixed number of files for each worker are under way: memory follows the workers, not the
//! files, even where a slow file holds up an ordered sink.

use crate::scan::{Skipped, Walk, WalkOptions, Walked};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Files under way at once for each worker: read ahead, at work, or waiting for their turn.
const FILES_PER_WORKER: usize = 16;

/// How files are gone through.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Worker threads; at least 1, and no more than [`Options::MAX_JOBS`].
    pub jobs: usize,
    /// Give results to the sink in the order of the walk, folders sorted by name.
    pub ordered: bool,
    /// Follow symbolic links below the named paths.
    pub follow_links: bool,
}

impl Options {
    /// Most worker threads; more would only cost memory.
    pub const MAX_JOBS: usize = 1024;
}

/// One path that has been dealt with.
#[derive(Debug)]
pub struct Done<T> {
    /// The path, as the walk found it.
    pub path: PathBuf,
    /// What the worker made of the file, or why the walk could not reach it.
    pub result: Result<T, String>,
}

/// How going through the files ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// What the walk passed over.
    pub skipped: Skipped,
    /// Whether `stop` was set before the walk came to its end.
    pub interrupted: bool,
}

/// Hands every file below `paths` to a worker and what it returns to `sink`, on this thread.
///
/// `worker` makes the scratch of one worker, `work` deals with one file. When `stop` becomes
/// true no further file is begun, those at work are finished, and the sink gets them all. After an
/// error of the sink it is not called again and the error is returned once the workers are done.
///
/// # Errors
/// The sink's first error, or that the pool's threads could not be started.
pub fn for_each_file<W, T: Send, E: From<rayon::ThreadPoolBuildError>>(
    paths: &[PathBuf],
    options: Options,
    stop: &AtomicBool,
    worker: impl Fn() -> W + Sync,
    work: impl Fn(&mut W, &Path) -> T + Sync,
    sink: impl FnMut(Done<T>) -> Result<(), E>,
) -> Result<Finished, E> {
    let work =
        |scratch: &mut W, paths: &[PathBuf]| paths.iter().map(|path| work(scratch, path)).collect();
    for_some_files(paths, options, stop, worker, |_| 1, work, sink)
}

/// As [`for_each_file`], with workers that deal with several files at a time: with as many as are there, and at most as
/// many as `most` says before each time.
///
/// # Errors
/// As [`for_each_file`].
///
/// # Panics
/// Where `work` does not return a result for each of its files.
pub fn for_some_files<W, T: Send, E: From<rayon::ThreadPoolBuildError>>(
    paths: &[PathBuf],
    options: Options,
    stop: &AtomicBool,
    worker: impl Fn() -> W + Sync,
    most: impl Fn(&W) -> usize + Sync,
    work: impl Fn(&mut W, &[PathBuf]) -> Vec<T> + Sync,
    mut sink: impl FnMut(Done<T>) -> Result<(), E>,
) -> Result<Finished, E> {
    let jobs = options.jobs.clamp(1, Options::MAX_JOBS);
    let window = jobs * FILES_PER_WORKER;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(jobs)
        .thread_name(|number| format!("hashgate-{number}"))
        .build()?;
    let (permits_out, permits_in) = bounded::<()>(window);
    let (walked_out, walked_in) = bounded::<(u64, Walked)>(window);
    let (done_out, done_in) = bounded::<(u64, Done<T>)>(window);
    let failed = AtomicBool::new(false);
    let halt = || stop.load(Ordering::Relaxed) || failed.load(Ordering::Relaxed);
    let walk_options = WalkOptions {
        follow_links: options.follow_links,
        sorted: options.ordered,
    };
    std::thread::scope(|threads| {
        // Let go of when this ends in whatever way: the walker must not wait for permits then.
        let permits_in = permits_in;
        let walker = threads.spawn(|| {
            let mut walk = Walk::new(paths, walk_options);
            let complete = feed(&mut walk, walked_out, &permits_out, &halt);
            Finished {
                skipped: walk.skipped(),
                interrupted: !complete,
            }
        });
        let result = pool.in_place_scope(|scope| {
            for _ in 0..jobs {
                let (walked_in, done_out) = (walked_in.clone(), done_out.clone());
                let (permits_in, worker, halt) = (&permits_in, &worker, &halt);
                let (most, work) = (&most, &work);
                scope.spawn(move |_| {
                    let mut scratch = worker();
                    while let Ok(first) = walked_in.recv() {
                        if halt() {
                            // Not begun, and not reported: only its permit goes back.
                            let _ = permits_in.try_recv();
                            continue;
                        }
                        let more = most(&scratch).saturating_sub(1);
                        let together =
                            std::iter::once(first).chain(walked_in.try_iter().take(more));
                        for done in deal(together, &mut scratch, work) {
                            if done_out.send(done).is_err() {
                                return;
                            }
                        }
                    }
                });
            }
            drop((walked_in, done_out));
            let mut result = Ok(());
            let mut panicked = None;
            drain(done_in, options.ordered, |done| {
                if result.is_ok() && panicked.is_none() {
                    match catch_unwind(AssertUnwindSafe(|| sink(done))) {
                        Ok(said) => result = said,
                        Err(panic) => panicked = Some(panic),
                    }
                    failed.store(result.is_err() || panicked.is_some(), Ordering::Relaxed);
                }
                let _ = permits_in.recv();
            });
            if let Some(panic) = panicked {
                resume_unwind(panic);
            }
            result
        });
        drop(permits_in);
        // The walker has no panics of its own; one would be a defect, passed on as such.
        let mut finished = walker.join().unwrap_or_else(|panic| resume_unwind(panic));
        finished.interrupted |= stop.load(Ordering::Relaxed);
        result.map(|()| finished)
    })
}

/// Walks until the end (true) or until told to halt (false).
fn feed(
    walk: &mut Walk,
    walked_out: Sender<(u64, Walked)>,
    permits_out: &Sender<()>,
    halt: &impl Fn() -> bool,
) -> bool {
    for (number, walked) in (0..).zip(walk) {
        if halt() || permits_out.send(()).is_err() || walked_out.send((number, walked)).is_err() {
            return false;
        }
    }
    true
}

fn deal<W, T>(
    walked: impl Iterator<Item = (u64, Walked)>,
    scratch: &mut W,
    work: &impl Fn(&mut W, &[PathBuf]) -> Vec<T>,
) -> Vec<(u64, Done<T>)> {
    let (mut all, mut numbers, mut paths) = (Vec::new(), Vec::new(), Vec::new());
    for (number, walked) in walked {
        match walked {
            Walked::File(path) => {
                numbers.push(number);
                paths.push(path);
            }
            Walked::Failed(path, error) => {
                let result = Err(error);
                all.push((number, Done { path, result }));
            }
        }
    }
    if paths.is_empty() {
        return all;
    }
    let results = work(scratch, &paths);
    assert_eq!(results.len(), paths.len(), "a result for each file");
    let files = numbers.into_iter().zip(paths).zip(results);
    all.extend(files.map(|((number, path), result)| {
        let result = Ok(result);
        (number, Done { path, result })
    }));
    all
}

/// Gives every result to `emit`, in the order of the walk where `ordered`.
fn drain<T>(done_in: Receiver<(u64, Done<T>)>, ordered: bool, mut emit: impl FnMut(Done<T>)) {
    let mut waiting = BTreeMap::new();
    let mut next = 0;
    for (number, done) in done_in {
        if !ordered {
            emit(done);
            continue;
        }
        waiting.insert(number, done);
        while let Some(done) = waiting.remove(&next) {
            emit(done);
            next += 1;
        }
    }
    // After a halt there are gaps: what is left follows in order.
    for (_, done) in waiting {
        emit(done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Failure(#[expect(dead_code, reason = "shown by Debug where a test fails")] String);
    impl From<rayon::ThreadPoolBuildError> for Failure {
        fn from(error: rayon::ThreadPoolBuildError) -> Self {
            Self(error.to_string())
        }
    }

    fn folder_of(files: usize) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..files {
            std::fs::write(folder.path().join(format!("{number:04}")), [0]).unwrap();
        }
        folder
    }

    fn options(jobs: usize, ordered: bool) -> Options {
        Options {
            jobs,
            ordered,
            follow_links: false,
        }
    }

    #[test]
    fn every_file_comes_once_and_in_order_where_asked() {
        let folder = folder_of(500);
        for (jobs, ordered) in [(1, false), (1, true), (3, false), (3, true), (0, true)] {
            let mut seen = Vec::new();
            let finished = for_each_file::<_, _, Failure>(
                &[folder.path().to_path_buf()],
                options(jobs, ordered),
                &AtomicBool::new(false),
                || 0u32,
                |count, path| {
                    *count += 1;
                    if *count % 7 == 0 {
                        std::thread::yield_now();
                    }
                    path.to_path_buf()
                },
                |done| {
                    seen.push(done.result.unwrap());
                    Ok(())
                },
            )
            .unwrap();
            assert!(!finished.interrupted);
            if !ordered {
                seen.sort();
            }
            let expected: Vec<_> = (0..500)
                .map(|n| folder.path().join(format!("{n:04}")))
                .collect();
            assert_eq!(seen, expected, "jobs {jobs}, ordered {ordered}");
        }
    }

    #[test]
    fn files_dealt_with_together_come_once_and_in_order_where_asked() {
        let folder = folder_of(300);
        for (jobs, ordered, most) in [(1, true, 8), (2, true, 8), (3, false, 5), (2, true, 1_000)] {
            let (mut seen, mut failed) = (Vec::new(), 0);
            let finished = for_some_files::<_, _, Failure>(
                &[folder.path().to_path_buf(), folder.path().join("gone")],
                options(jobs, ordered),
                &AtomicBool::new(false),
                || (),
                |()| most,
                |(), paths| {
                    assert!(!paths.is_empty() && paths.len() <= most);
                    paths.to_vec()
                },
                |done| {
                    match done.result {
                        Ok(path) => {
                            assert_eq!(path, done.path);
                            seen.push(path);
                        }
                        Err(_) => failed += 1,
                    }
                    Ok(())
                },
            )
            .unwrap();
            assert!(!finished.interrupted);
            if !ordered {
                seen.sort();
            }
            let expected: Vec<_> = (0..300)
                .map(|n| folder.path().join(format!("{n:04}")))
                .collect();
            assert_eq!((seen, failed), (expected, 1), "jobs {jobs}, most {most}");
        }
    }

    #[test]
    fn a_stop_and_a_failing_sink_end_it_without_hanging() {
        let folder = folder_of(1_000);
        let paths = [folder.path().to_path_buf()];
        for ordered in [false, true] {
            let stop = AtomicBool::new(false);
            let mut seen = 0;
            let finished = for_each_file::<_, _, Failure>(
                &paths,
                options(2, ordered),
                &stop,
                || (),
                |(), _| (),
                |_| {
                    seen += 1;
                    stop.store(seen >= 10, Ordering::Relaxed);
                    Ok(())
                },
            )
            .unwrap();
            assert!(finished.interrupted);
            assert!((10..500).contains(&seen), "{seen}");

            let mut calls = 0;
            let failed = for_each_file::<_, _, Failure>(
                &paths,
                options(2, ordered),
                &AtomicBool::new(false),
                || (),
                |(), _| (),
                |_| {
                    calls += 1;
                    Err(Failure("full".into()))
                },
            );
            assert!(failed.is_err());
            assert_eq!(calls, 1);
        }
    }

    #[test]
    fn a_panic_ends_everything_and_is_passed_on() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..200 {
            std::fs::write(folder.path().join(number.to_string()), "x").unwrap();
        }
        let paths = [folder.path().to_path_buf()];
        let go = AtomicBool::new(false);
        for in_sink in [true, false] {
            let ended = catch_unwind(AssertUnwindSafe(|| {
                for_each_file(
                    &paths,
                    options(1, true),
                    &go,
                    || (),
                    |(), _| assert!(in_sink, "in the work"),
                    |_| -> Result<(), Failure> { panic!("in the sink") },
                )
                .is_ok()
            }));
            assert!(ended.is_err(), "in_sink {in_sink}");
        }
    }
}
