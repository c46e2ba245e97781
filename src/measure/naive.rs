//! The truth that an index is held against: every hash looked at, one after the other.

use super::data::Hashes;
use super::error::MeasureError;
use crate::bank::ContentId;
use crate::hamming;
use crate::hash::{Distance, Signal};
use crate::index::Hit;

/// Every content item within the radius, nearest first, then by number.
pub(super) fn scan(
    hashes: &Hashes,
    query: &Signal,
    radius: Distance,
) -> Vec<(Distance, ContentId, Signal)> {
    let mut found: Vec<_> = (0..)
        .zip(hashes.iter())
        .filter_map(|(number, signal)| {
            let distance = hamming::distance(query, &signal)?;
            (distance <= radius).then_some((distance, ContentId(number), signal))
        })
        .collect();
    found.sort_unstable();
    found
}

/// Holds an answer against the scan's.
///
/// # Errors
/// Where they differ: what was asked and how many hits each has.
pub(super) fn hold_against(
    hashes: &Hashes,
    query: &Signal,
    radius: Distance,
    hits: &[Hit],
) -> Result<(), MeasureError> {
    let expected = scan(hashes, query, radius);
    let got = hits
        .iter()
        .map(|hit| (hit.distance, hit.content, hit.signal));
    if !got.eq(expected.iter().copied()) {
        return Err(MeasureError::Wrong(format!(
            "the index is wrong: {query} within {radius} has {} hits by brute force and {} by the \
             index, or others",
            expected.len(),
            hits.len()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bank::BankId;
    use crate::hash::SignalType;

    #[test]
    fn a_missed_a_false_and_a_shifted_hit_are_each_seen() {
        let value = |byte| Signal::from_bytes(SignalType::Phash, &[byte; 8]).unwrap();
        let mut hashes = Hashes::new(SignalType::Phash);
        for byte in [0x00, 0x01, 0xff, 0x00] {
            hashes.push(&value(byte));
        }
        let hit = |content, byte, distance| Hit {
            bank: BankId(1),
            content: ContentId(content),
            signal: value(byte),
            distance: Distance(distance),
            quality: None,
            form: None,
            reach: None,
        };
        let right = [hit(0, 0x00, 0), hit(3, 0x00, 0), hit(1, 0x01, 8)];
        let check = |hits: &[Hit]| hold_against(&hashes, &value(0), Distance(8), hits);
        check(&right).unwrap();
        assert!(check(&right[..2]).is_err());
        assert!(check(&[right[0], right[1], right[2], hit(2, 0xff, 64)]).is_err());
        assert!(check(&[right[0], right[1], hit(1, 0x01, 7)]).is_err());
        assert!(check(&[right[0], right[0], right[2]]).is_err());
    }
}
