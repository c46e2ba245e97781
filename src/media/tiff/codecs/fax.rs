//! Fax coding: ITU-T T.4 and T.6 as TIFF uses them. A black pixel is a bit that is set.

use fax::maps::Mode;

use super::runs::Bits;
use crate::media::MediaError;
use crate::media::tiff::fault::{damaged, ends_early, unsupported};
use crate::media::tiff::packing::Fax;

/// Unpacks `rows` rows of `width` pixels, each padded to whole bytes.
pub(super) fn decode(
    kind: Fax,
    data: &[u8],
    reversed: bool,
    width: u32,
    rows: u32,
    out: &mut Vec<u8>,
) -> Result<(), MediaError> {
    let mut bits = Bits::new(data, reversed);
    let row_bytes = width.div_ceil(8) as usize;
    // Where the colour changes, in the row above and in this one: white first.
    let (mut above, mut row) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        row.clear();
        let ended = match kind {
            Fax::Runs => {
                bits.align();
                runs(&mut bits, width, &mut row)?;
                false
            }
            Fax::Three { two_dimensional } => {
                let marked = bits.end_of_row();
                if marked && is_end_of_page(&bits, two_dimensional) {
                    return Err(ends_early());
                }
                // Behind a mark a bit tells how the row is coded.
                let alone = !two_dimensional || !marked || bits.next(1) == 1;
                if two_dimensional && marked {
                    bits.skip(1);
                }
                if alone {
                    runs(&mut bits, width, &mut row)?;
                    false
                } else {
                    by_the_row_above(&mut bits, width, &above, &mut row)?
                }
            }
            Fax::Four => by_the_row_above(&mut bits, width, &above, &mut row)?,
        };
        if ended {
            // Writers leave white rows at the end away.
            let left = (rows as usize * row_bytes).saturating_sub(out.len());
            out.extend(std::iter::repeat_n(0, left));
            return Ok(());
        }
        draw(&row, width, out);
        std::mem::swap(&mut above, &mut row);
    }
    Ok(())
}

/// Whether another mark of a row's end follows at once: they are many at the end of a page.
fn is_end_of_page(bits: &Bits<'_>, two_dimensional: bool) -> bool {
    let mut behind = bits.clone();
    if two_dimensional {
        behind.skip(1);
    }
    behind.next(12) == 1
}

fn no_code() -> MediaError {
    damaged("its data hold a code that no fax has")
}

/// Notes a change of colour. A row has not many more of them than pixels, whatever the data say.
fn push(row: &mut Vec<u32>, at: u32, width: u32) -> Result<(), MediaError> {
    if row.len() as u64 > 2 * u64::from(width) + 2 {
        return Err(damaged("a row of a fax has more runs than pixels"));
    }
    row.push(at);
    Ok(())
}

/// A row of runs, white and black in turn.
fn runs(bits: &mut Bits<'_>, width: u32, row: &mut Vec<u32>) -> Result<(), MediaError> {
    let (mut at, mut is_black) = (0_u32, false);
    while at < width {
        if bits.is_at_end() {
            return Err(ends_early());
        }
        // A row that ends before its width is white to its end, as every program shows it.
        if bits.next(11) == 0 {
            return if bits.holds(11) {
                Ok(())
            } else {
                Err(ends_early())
            };
        }
        let run = bits.run(is_black).ok_or_else(no_code)?;
        at = at.saturating_add(run).min(width);
        push(row, at, width)?;
        is_black = !is_black;
    }
    Ok(())
}

/// A row as the changes from the one above it. True where the data say that there is no further row.
fn by_the_row_above(
    bits: &mut Bits<'_>,
    width: u32,
    above: &[u32],
    row: &mut Vec<u32>,
) -> Result<bool, MediaError> {
    let mut at = 0_u32;
    let mut is_black = false;
    // The first change above that may count: it moves with `at`, so that a row takes time by its
    // changes.
    let mut place = 0_usize;
    let mut started = false;
    while at < width {
        if bits.is_at_end() {
            return Err(ends_early());
        }
        // The next change above to the colour that is not this one's, to the right of here.
        while place > 0 && above.get(place - 1).is_some_and(|&change| change > at) {
            place -= 1;
        }
        while above
            .get(place)
            .is_some_and(|&change| change < at || started && change == at)
            || place % 2 != usize::from(is_black) && place < above.len()
        {
            place += 1;
        }
        let change = |place: usize| above.get(place).copied().unwrap_or(width);
        match bits.mode().ok_or_else(no_code)? {
            Mode::Pass => at = change(place + 1),
            Mode::Vertical(by) => {
                at = change(place)
                    .saturating_add_signed(i32::from(by))
                    .clamp(at, width);
                push(row, at, width)?;
                is_black = !is_black;
            }
            Mode::Horizontal => {
                for black in [is_black, !is_black] {
                    let run = bits.run(black).ok_or_else(no_code)?;
                    at = at.saturating_add(run).min(width);
                    push(row, at, width)?;
                }
            }
            Mode::Extension => return Err(unsupported("uncompressed rows in a fax")),
            Mode::EOF if row.is_empty() && at == 0 => return Ok(true),
            Mode::EOF => return Err(no_code()),
        }
        started = true;
    }
    Ok(false)
}

/// Appends a row of bits.
fn draw(changes: &[u32], width: u32, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + width.div_ceil(8) as usize, 0);
    let Some(row) = out.get_mut(start..) else {
        return;
    };
    // Black runs from each second change to the one behind it.
    for pair in changes.chunks(2) {
        let (from, to) = match *pair {
            [from, to] => (from, to),
            [from] => (from, width),
            _ => continue,
        };
        set(row, from as usize, to as usize);
    }
}

/// Sets the bits from one to another.
fn set(row: &mut [u8], from: usize, to: usize) {
    if from >= to {
        return;
    }
    let (first, last) = (from / 8, (to - 1) / 8);
    let head = 0xff_u8 >> (from % 8);
    let tail = 0xff_u8 << (7 - (to - 1) % 8);
    for at in first..=last {
        let mut mask = 0xff;
        if at == first {
            mask &= head;
        }
        if at == last {
            mask &= tail;
        }
        if let Some(byte) = row.get_mut(at) {
            *byte |= mask;
        }
    }
}
