//! Floor 0: calls whose panic is the outcome of one input, and no end of the program.
//!
//! A decoder that panics on one file must not take the program with it: the call is caught, and that file
//! gets an outcome that says so. Rust tells of each panic on standard error before it is caught, unless
//! the program has set a hook. This room never sets one, for it belongs to the program. It tells a hook
//! what it needs to know: [`is_guarded`]. The command `hashgate` sets such a hook; a service that wants
//! no traces of caught panics in its log does the same:
//!
//! ```
//! let usual = std::panic::take_hook();
//! std::panic::set_hook(Box::new(move |panic| {
//!     if !hashgate::guard::is_guarded() {
//!         usual(panic);
//!     }
//! }));
//! let caught = hashgate::guard::catch_unwind(|| panic!("said to nobody"));
//! assert!(caught.is_err());
//! ```
//!
//! Where panics abort the program (`panic = "abort"`), nothing can be caught.

use std::cell::Cell;
use std::panic::UnwindSafe;

thread_local! {
    /// How many guarded calls this thread is inside of.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Counts this thread's guarded calls, however they end.
struct Inside;

impl Inside {
    fn begin() -> Self {
        DEPTH.set(DEPTH.get().saturating_add(1));
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get().saturating_sub(1));
    }
}

/// As [`std::panic::catch_unwind`], and [`is_guarded`] is true within.
///
/// # Errors
/// What was panicked with.
pub fn catch_unwind<T>(call: impl FnOnce() -> T + UnwindSafe) -> std::thread::Result<T> {
    let _inside = Inside::begin();
    std::panic::catch_unwind(call)
}

/// Whether this thread is inside a call whose panic is caught here: a hook need not tell of it.
#[must_use]
pub fn is_guarded() -> bool {
    DEPTH.get() > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_inside_is_guarded_and_other_threads_are_not() {
        assert!(!is_guarded());
        let seen = catch_unwind(|| {
            let deeper = catch_unwind(|| -> bool { panic!("in a test: {}", is_guarded()) });
            let other = std::thread::spawn(is_guarded).join().unwrap();
            (deeper.is_err(), is_guarded(), other)
        });
        assert_eq!(seen.unwrap(), (true, true, false));
        assert!(!is_guarded(), "a panic leaves no mark");
    }
}
