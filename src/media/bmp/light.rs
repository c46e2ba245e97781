//! What a bitmap's longer headers say of its colours (Windows, `BITMAPV4HEADER` and `BITMAPV5HEADER`).

use super::FILE_HEADER;

/// Places in those headers, and their sizes.
const SPACE: usize = 56;
const ENDS: usize = 60;
const GAMMA: usize = 100;
const PROFILE: usize = 112;
const FOURTH: u32 = 108;
const FIFTH: u32 = 124;

/// What is said of colours.
pub(in crate::media) enum Light<'a> {
    /// An ICC profile.
    Profile(&'a [u8]),
    /// The power that brings stored greens to light, in 65,536ths; and X, Y and Z of red, green and blue.
    Measured { power: u32, ends: [[u32; 3]; 3] },
}

/// What a bitmap says of its colours.
pub(in crate::media) fn light(bytes: &[u8]) -> Option<Light<'_>> {
    let header = bytes.get(FILE_HEADER..)?;
    let number = |at: usize| {
        let four = header.get(at..)?.first_chunk::<4>()?;
        Some(u32::from_le_bytes(*four))
    };
    let size = number(0)?;
    match number(SPACE)?.to_be_bytes().as_slice() {
        b"MBED" if size == FIFTH => {
            let (at, length) = (number(PROFILE)? as usize, number(PROFILE + 4)? as usize);
            header.get(at..)?.get(..length).map(Light::Profile)
        }
        [0, 0, 0, 0] if size == FOURTH || size == FIFTH => {
            let mut ends = [[0; 3]; 3];
            for (at, part) in ends.iter_mut().flatten().enumerate() {
                *part = number(ENDS + at * 4)?;
            }
            let power = number(GAMMA)?;
            Some(Light::Measured { power, ends })
        }
        _ => None,
    }
}
