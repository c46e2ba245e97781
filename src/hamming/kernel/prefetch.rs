//! Asking for a cache line before it is needed.

#![expect(unsafe_code, reason = "prefetch instructions take raw pointers")]

/// Asks the processor to fetch the cache line where `slice[index]` is, or would be: an index out
/// of bounds does no harm. Does nothing where the platform has no such instruction.
#[inline(always)]
pub fn prefetch<T>(slice: &[T], index: usize) {
    let place = slice.as_ptr().wrapping_add(index);
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE is part of every x86-64. A prefetch changes nothing that a program can see and
    // does not fault, whatever the address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(place.cast());
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: a prefetch changes nothing that a program can see and does not fault, whatever the
    // address.
    unsafe {
        std::arch::asm!("prfm pldl2keep, [{0}]", in(reg) place, options(nostack, readonly, preserves_flags));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = place;
}
