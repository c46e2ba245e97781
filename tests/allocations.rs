//! How often a worker asks for memory once it is warm: a few dozen times a picture, however large.
#![cfg(feature = "decode")]
#![expect(
    unsafe_code,
    reason = "a counting allocator has to be one; it hands every call on to the system's"
)]

mod jpeg_support;

use hashgate::gate::{Gate, GateOptions, Mode, VariantSet, Worker};
use hashgate::index::{IndexRecord, PublishOptions, publish};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::convert::Infallible;

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

fn counted() {
    // Where the thread is ending nobody counts any more.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every call goes to the system's allocator unchanged, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        counted();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        counted();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        counted();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(old, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of a second look at the same bytes.
fn allocations(gate: &Gate, worker: &mut Worker, bytes: &[u8]) -> u64 {
    let _ = gate.check_with(worker, bytes);
    let before = COUNT.get();
    let verdict = gate.check_with(worker, bytes);
    assert!(verdict.outcome.is_judged(), "{verdict:?}");
    COUNT.get() - before
}

#[test]
fn a_picture_costs_a_bounded_number_of_allocations() {
    let folder = tempfile::tempdir().unwrap();
    let none = std::iter::empty::<Result<IndexRecord, Infallible>>();
    publish(folder.path(), &[], none, &PublishOptions::default()).unwrap();
    let open = |mode, variants| {
        let options = GateOptions::default().mode(mode).variants(variants);
        Gate::open_with(folder.path(), options).unwrap()
    };
    let mut worker = Worker::default();
    // Guesses at the original ask for memory too: for each rectangle, not for each guess.
    for (variants, guesses) in [(VariantSet::NONE, 0), (VariantSet::STANDARD, 600)] {
        let (fast, exact) = (open(Mode::Auto, variants), open(Mode::Exact, variants));
        for (name, bytes) in jpeg_support::samples() {
            let by_coefficients = allocations(&fast, &mut worker, &bytes);
            let by_pixels = allocations(&exact, &mut worker, &bytes);
            assert!(
                by_coefficients <= 250 + guesses,
                "{name}: {by_coefficients}"
            );
            assert!(by_pixels <= 400 + guesses, "{name}: {by_pixels}");
        }
    }
    let fast = open(Mode::Auto, VariantSet::STANDARD);
    // One of four times the size costs no more: nothing is allocated for each row or block.
    let luma = |x: usize, y: usize| {
        let mut block = [0; 64];
        block[0] = ((x * 7 + y * 3) % 900) as i32 - 450;
        block
    };
    let of_side = |side| {
        let components = [jpeg_support::Component {
            factors: (1, 1),
            block: &luma,
        }];
        jpeg_support::baseline(side, side, &components)
    };
    let small = allocations(&fast, &mut worker, &of_side(800));
    let large = allocations(&fast, &mut worker, &of_side(1600));
    assert!(large <= small + 8, "{small}, then {large}");
}
