//! Run-length coding of bitmaps: RLE4, RLE8, and RLE24 of OS/2.

use super::header::{Coding, Header};

/// What follows a count of 0; any greater value counts pixels that are stored one by one.
const ESCAPE_END_OF_ROW: u8 = 0;
const ESCAPE_END: u8 = 1;
const ESCAPE_MOVE: u8 = 2;

/// Writes the pixels, and gives how many bytes they took. What is left out stays as it is.
///
/// `None` where the data end before they say so, and before the last row does.
pub(super) fn unpack(header: &Header, data: &[u8], rgba: &mut [u8]) -> Option<usize> {
    let (width, height) = (header.width as usize, header.height as usize);
    let mut rest = data;
    let (mut x, mut y) = (0, 0);
    let mut write = |x: usize, y: usize, pixel: [u8; 4]| {
        let place = header
            .row(rgba, y)
            .and_then(|row| row.get_mut(x * 4..x * 4 + 4));
        if let Some(place) = place {
            place.copy_from_slice(&pixel);
        }
    };
    loop {
        let is_done = y >= height || (y + 1 == height && x >= width);
        let Some((&[count, value], behind)) = rest.split_first_chunk::<2>() else {
            return is_done.then_some(data.len());
        };
        rest = behind;
        match (count, value) {
            (0, ESCAPE_END_OF_ROW) => {
                x = 0;
                y += 1;
            }
            (0, ESCAPE_END) => return Some(data.len() - rest.len()),
            (0, ESCAPE_MOVE) => {
                let (&[right, up], behind) = rest.split_first_chunk::<2>()?;
                rest = behind;
                x += usize::from(right);
                y += usize::from(up);
            }
            (0, count) => {
                let count = usize::from(count);
                let (bytes, filled) = match header.coding {
                    Coding::Rle4 => (count.div_ceil(2), count.div_ceil(4) * 2),
                    Coding::Rle24 => (count * 3, (count * 3).next_multiple_of(2)),
                    _ => (count, count.next_multiple_of(2)),
                };
                let pixels = rest.get(..bytes)?;
                rest = rest.get(filled..).unwrap_or_default();
                for at in 0..count {
                    write(x + at, y, pixel(header, pixels, at)?);
                }
                x += count;
            }
            (count, value) => {
                let count = usize::from(count);
                let mut stored = [value, value, value];
                if header.coding == Coding::Rle24 {
                    let (&[green, red], behind) = rest.split_first_chunk::<2>()?;
                    rest = behind;
                    stored = [value, green, red];
                }
                // The two numbers in a byte of RLE4 take turns.
                let turns = if header.coding == Coding::Rle4 { 2 } else { 1 };
                for at in 0..count {
                    write(x + at, y, pixel(header, &stored, at % turns)?);
                }
                x += count;
            }
        }
        // Rows beyond the picture are nowhere; their number must not grow for ever.
        y = y.min(height);
        x = x.min(width);
    }
}

/// The pixel of that number among those stored.
fn pixel(header: &Header, stored: &[u8], at: usize) -> Option<[u8; 4]> {
    match header.coding {
        Coding::Rle4 => {
            let both = *stored.get(at / 2)?;
            let number = if at.is_multiple_of(2) {
                both >> 4
            } else {
                both & 15
            };
            Some(header.colour(number))
        }
        Coding::Rle24 => match *stored.get(at * 3..at * 3 + 3)? {
            [blue, green, red] => Some([red, green, blue, 255]),
            _ => None,
        },
        _ => Some(header.colour(*stored.get(at)?)),
    }
}
