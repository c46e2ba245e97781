//! Scans of AC coefficients of progressive pictures, passed over with the speed of the coefficient
//! reader: for the survey, which wants to know whether they are all there, and nothing else.

use super::super::entropy::Table;
use super::super::scan::{Frame, Scan};
use super::bands::{AcScan, Band, Nothing};
use super::feed::Feed;
use super::frame::Area;

/// Where a scan that begins at `at` ends; `None` where it has the least fault, or is not of AC
/// coefficients. Which coefficients are not zero any more is noted in the frame, and is of no use
/// after `None`.
pub(in crate::media::jpeg) fn walked(
    bytes: &[u8],
    at: usize,
    interval: u32,
    frame: &mut Frame,
    scan: &Scan,
    tables: &[Option<Box<Table>>; 4],
) -> Option<usize> {
    let &[(index, _, slot)] = scan.parts.as_slice() else {
        return None;
    };
    let is_next = scan.high == 0 || scan.high == scan.low + 1;
    if scan.first == 0 || scan.first > scan.last || scan.last > 63 || scan.low > 10 || !is_next {
        return None;
    }
    let component = frame.components.get_mut(index)?;
    AcScan {
        feed: Feed::new(bytes, at, interval),
        area: Area {
            across: component.blocks_across as usize,
            down: component.blocks_down as usize,
            stride: component.stride as usize,
        },
        band: Band {
            first: scan.first,
            last: scan.last,
            is_first: scan.high == 0,
            low: scan.low,
        },
        table: tables.get(slot)?.as_deref()?,
        nonzero: &mut component.nonzero,
        bound: Nothing,
        keep: Nothing,
    }
    .read()
}
