//! The oracle: bit by bit, slow and plainly right. Every kernel and every index is held against it.

/// The number of bits in which two byte strings of one length differ.
///
/// # Panics
/// Where the lengths differ.
#[must_use]
pub fn distance(a: &[u8], b: &[u8]) -> u32 {
    assert_eq!(
        a.len(),
        b.len(),
        "only values of one length have a distance"
    );
    let mut bits = 0;
    for (left, right) in a.iter().zip(b) {
        for bit in 0..8 {
            bits += u32::from((left >> bit) & 1 != (right >> bit) & 1);
        }
    }
    bits
}
