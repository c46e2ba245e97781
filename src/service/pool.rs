//! The threads that look at uploads, and the bounded queue before them.
//!
//! Owns how much may wait, and that a place is free again at once when its caller has left. Refuses to make anyone wait
//! for a place: beyond the bound the answer is that it is busy.

use crate::gate::Worker;
use crate::guard::catch_unwind;
use crate::service::span::part;
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;
use tracing::Span;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// All threads are at work, and the queue is full.
    Busy,
    /// The time that the caller would wait is over.
    Late,
    /// This program failed at it.
    Defect,
}

/// Tells the caller: done when the thread counts as free again, so that who is answered finds it so.
type Tell = Box<dyn FnOnce() + Send>;

struct Job {
    /// Whether its caller has left.
    is_gone: Arc<AtomicBool>,
    run: Box<dyn FnOnce(&mut Worker) -> Tell + Send>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    at_work: usize,
    is_over: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    workers: usize,
    most_waiting: usize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // What is under the lock is whole at every moment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut worker = Worker::default();
        let mut state = self.lock();
        loop {
            let Some(job) = state.waiting.pop_front() else {
                if state.is_over {
                    return;
                }
                state = (self.changed.wait(state)).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            if job.is_gone.load(Ordering::Relaxed) {
                continue;
            }
            state.at_work += 1;
            drop(state);
            let Job { run, .. } = job;
            let done = catch_unwind(AssertUnwindSafe(|| run(&mut worker)));
            state = self.lock();
            state.at_work -= 1;
            drop(state);
            match done {
                Ok(tell) => tell(),
                // Its scratch may be half written.
                Err(_) => worker = Worker::default(),
            }
            state = self.lock();
        }
    }
}

/// Marks a job's caller as gone when its future is dropped, for whatever reason.
struct Caller(Arc<AtomicBool>);

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A fixed number of threads, each with its scratch.
pub(super) struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// So many threads, and so many jobs that may wait for one.
    pub(super) fn new(workers: usize, most_waiting: usize) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            workers,
            most_waiting,
        });
        let mut threads = Vec::new();
        for number in 0..workers {
            let shared = Arc::clone(&shared);
            let thread = std::thread::Builder::new().name(format!("look-{number}"));
            threads.push(thread.spawn(move || shared.work())?);
        }
        Ok(Self { shared, threads })
    }

    /// Jobs that wait, and threads at work.
    pub(super) fn load(&self) -> (usize, usize) {
        let state = self.shared.lock();
        (state.waiting.len(), state.at_work)
    }

    /// Runs `job` on one of the threads, and gives what it makes. Where the future is dropped before the job has begun,
    /// its place is free again.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        wait: Duration,
        job: impl FnOnce(&mut Worker) -> T + Send + 'static,
    ) -> Result<T, Unanswered> {
        let (answer, answered) = oneshot::channel();
        let caller = Caller(Arc::default());
        let (of_request, queue) = (Span::current(), part!("queue"));
        let run = Box::new(move |worker: &mut Worker| {
            drop(queue);
            let made = of_request.in_scope(|| part!("work").in_scope(|| job(worker)));
            Box::new(move || {
                // Who has left hears nothing.
                let _ = answer.send(made);
            }) as Tell
        });
        self.submit(Job {
            is_gone: Arc::clone(&caller.0),
            run,
        })?;
        match tokio::time::timeout(wait, answered).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(Unanswered::Defect),
            Err(_) => Err(Unanswered::Late),
        }
    }

    fn submit(&self, job: Job) -> Result<(), Unanswered> {
        let Shared {
            workers,
            most_waiting,
            changed,
            ..
        } = &*self.shared;
        let mut state = self.shared.lock();
        let most = |state: &State| most_waiting + workers.saturating_sub(state.at_work);
        if state.waiting.len() >= most(&state) {
            state
                .waiting
                .retain(|job| !job.is_gone.load(Ordering::Relaxed));
        }
        if state.waiting.len() >= most(&state) {
            return Err(Unanswered::Busy);
        }
        state.waiting.push_back(job);
        drop(state);
        changed.notify_one();
        Ok(())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            // Jobs are guarded: a thread ends by itself.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    const LONG: Duration = Duration::from_secs(600);

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        runtime.expect("a runtime").block_on(future)
    }

    /// A pool whose only thread is at work until the sender is let go of.
    fn busy(most_waiting: usize) -> (Pool, mpsc::Sender<()>) {
        let pool = Pool::new(1, most_waiting).expect("threads");
        let (release, released) = mpsc::channel::<()>();
        let (begin, begun) = mpsc::channel();
        let job = Job {
            is_gone: Arc::default(),
            run: Box::new(move |_| {
                let _ = begin.send(());
                let _ = released.recv();
                Box::new(|| ())
            }),
        };
        pool.submit(job).expect("there is room");
        begun.recv().expect("it has begun");
        (pool, release)
    }

    #[test]
    fn beyond_the_queue_the_answer_is_that_it_is_busy_and_who_leaves_makes_room() {
        let (pool, release) = busy(1);
        block_on(async {
            let mut waits = Box::pin(pool.run(LONG, |_| 1));
            let polled = std::future::poll_fn(|context| {
                std::task::Poll::Ready(waits.as_mut().poll(context).is_pending())
            });
            assert!(polled.await, "it waits");
            assert_eq!(pool.run(LONG, |_| 2).await, Err(Unanswered::Busy));
            drop(waits);
            let next = pool.run(LONG, |_| 3);
            drop(release);
            assert_eq!(next.await, Ok(3), "the place of the one that left");
        });
        assert_eq!(pool.load(), (0, 0));
    }

    #[test]
    fn who_waits_too_long_is_told_and_a_panic_takes_no_thread_with_it() {
        let (pool, release) = busy(8);
        block_on(async {
            let late = pool.run(Duration::from_millis(1), |_| ());
            assert_eq!(late.await, Err(Unanswered::Late));
            drop(release);
            let failed = pool.run(LONG, |_| -> u8 { panic!("meant") });
            assert_eq!(failed.await, Err(Unanswered::Defect));
            assert_eq!(pool.run(LONG, |_| 5).await, Ok(5));
        });
    }
}
