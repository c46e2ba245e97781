//! Asking for a cache line before it is needed.

#![expect(unsafe_code, reason = "prefetch instructions take raw pointers")]

/// Asks the processor to fetch the cache line of `slice[index]`; does nothing where that is out
/// of bounds, or where the platform has no such instruction.
#[inline(always)]
pub fn prefetch<T>(slice: &[T], index: usize) {
    if let Some(place) = slice.get(index) {
        let place: *const T = place;
        #[cfg(target_arch = "x86_64")]
        // SAFETY: SSE is part of every x86-64, and a prefetch has no effect on memory; the
        // address is that of a live element.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(place.cast());
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: a prefetch has no effect on memory or registers; the address is that of a live
        // element.
        unsafe {
            std::arch::asm!("prfm pldl1keep, [{0}]", in(reg) place, options(nostack, readonly, preserves_flags));
        }
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        let _ = place;
    }
}
