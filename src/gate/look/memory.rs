//! A budget of memory that decoders share: each takes its part before it decodes, and waits for it.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How many later, smaller pictures may pass one that waits for memory. Then they wait behind it.
const MOST_OVERTAKEN: u32 = 64;

/// Bytes that all decoders of a process may use together.
///
/// A picture takes what it needs at once, before it is decoded, and gives it back afterwards; nobody
/// waits while holding a part, so there is no deadlock. One that must wait is passed by smaller
/// ones 64 times at most, so it is not starved. None may need more than the whole: a gate lowers its
/// limit on one picture's memory to the budget.
#[derive(Debug)]
pub struct MemoryBudget {
    total: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    free: u64,
    most_used: u64,
    next_ticket: u64,
    /// Those that wait, the longest first.
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    ticket: u64,
    overtaken: u32,
}

/// A part of the budget; it goes back when this is dropped.
#[derive(Debug)]
pub struct Reservation<'a> {
    budget: &'a MemoryBudget,
    bytes: u64,
}

impl MemoryBudget {
    /// A budget of so many bytes.
    #[must_use]
    pub fn new(total: u64) -> Self {
        Self {
            total,
            state: Mutex::new(State {
                free: total,
                most_used: 0,
                next_ticket: 0,
                waiting: VecDeque::new(),
            }),
            changed: Condvar::new(),
        }
    }

    /// The whole budget, in bytes.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The most bytes that were ever taken at one time.
    #[must_use]
    pub fn most_used(&self) -> u64 {
        self.lock().most_used
    }

    /// Takes so many bytes, at most the whole, and waits until they are free. A thread that holds a
    /// reservation must not ask for another.
    pub fn reserve(&self, bytes: u64) -> Reservation<'_> {
        let bytes = bytes.min(self.total);
        let mut state = self.lock();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waiting.push_back(Waiting {
            ticket,
            overtaken: 0,
        });
        while !state.admits(ticket, bytes) {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.take(ticket, bytes, self.total);
        drop(state);
        // One that was let by may let others by in turn.
        self.changed.notify_all();
        Reservation {
            budget: self,
            bytes,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here can be left half done by a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn admits(&self, ticket: u64, bytes: u64) -> bool {
        let mut before = self.waiting.iter().take_while(|one| one.ticket != ticket);
        bytes <= self.free && before.all(|one| one.overtaken < MOST_OVERTAKEN)
    }

    fn take(&mut self, ticket: u64, bytes: u64, total: u64) {
        for one in &mut self.waiting {
            if one.ticket == ticket {
                break;
            }
            one.overtaken += 1;
        }
        self.waiting.retain(|one| one.ticket != ticket);
        self.free -= bytes;
        self.most_used = self.most_used.max(total - self.free);
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.budget.lock().free += self.bytes;
        self.budget.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    #[test]
    fn all_that_is_taken_together_stays_within_the_budget() {
        let budget = MemoryBudget::new(100);
        std::thread::scope(|threads| {
            for worker in 0..8_u64 {
                let budget = &budget;
                threads.spawn(move || {
                    for turn in 0..200 {
                        let bytes = (worker * 37 + turn * 11) % 130;
                        drop(budget.reserve(bytes));
                    }
                });
            }
        });
        assert!(budget.most_used() <= 100);
        assert_eq!(budget.lock().free, 100);
        assert!(budget.lock().waiting.is_empty());
    }

    #[test]
    fn one_that_needs_all_is_passed_and_still_served() {
        let budget = MemoryBudget::new(10);
        let small = budget.reserve(1);
        let passed = AtomicU32::new(0);
        let served = AtomicBool::new(false);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                drop(budget.reserve(10));
                served.store(true, Ordering::SeqCst);
            });
            while budget.lock().waiting.is_empty() {
                std::thread::yield_now();
            }
            threads.spawn(|| {
                for _ in 0..MOST_OVERTAKEN + 5 {
                    drop(budget.reserve(1));
                    passed.fetch_add(1, Ordering::SeqCst);
                }
            });
            while passed.load(Ordering::SeqCst) < MOST_OVERTAKEN {
                std::thread::yield_now();
            }
            // The next small one waits behind it now, and it behind the first.
            while budget.lock().waiting.len() < 2 {
                std::thread::yield_now();
            }
            assert!(!served.load(Ordering::SeqCst));
            assert_eq!(passed.load(Ordering::SeqCst), MOST_OVERTAKEN);
            drop(small);
        });
        assert!(served.load(Ordering::SeqCst));
        assert_eq!(passed.load(Ordering::SeqCst), MOST_OVERTAKEN + 5);
        assert_eq!(budget.most_used(), 10);
    }
}
