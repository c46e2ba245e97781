//! Where the strips or tiles of a page lie, in the page and in the file.

use super::budget::Budget;
use super::directory::{Directory, File, Values};
use super::fault::{damaged, ends_early};
use super::tags;
use crate::media::{Limits, MediaError};

/// The strips or tiles of a page.
pub(super) struct Parts<'a> {
    /// Pixels of a part, those outside the page counted.
    pub(super) width: u32,
    pub(super) height: u32,
    /// Parts in a row and in a column of one plane.
    pub(super) across: u32,
    pub(super) down: u32,
    offsets: Values<'a>,
    lengths: Option<Values<'a>>,
    /// Whether there are more offsets than parts.
    spare: bool,
    /// Every offset in order, where lengths are missing.
    ends: Vec<u64>,
}

/// A part's place and length in the file take two bytes each at least.
const ENTRY: u64 = 4;

impl<'a> Parts<'a> {
    pub(super) fn read(
        directory: &Directory<'a>,
        width: u32,
        height: u32,
        planes: usize,
    ) -> Result<Self, MediaError> {
        let tiled = directory.values(tags::TILE_OFFSETS)?.is_some()
            || directory.values(tags::TILE_WIDTH)?.is_some();
        let (part_width, part_height, offsets, lengths) = if tiled {
            let side = |tag| match directory.number(tag)?.map(u32::try_from) {
                Some(Ok(side @ 1..)) => Ok(side),
                _ => Err(damaged("its tiles have no size")),
            };
            (
                side(tags::TILE_WIDTH)?,
                side(tags::TILE_HEIGHT)?,
                // Some writers give tiles under the names of strips.
                directory
                    .values(tags::TILE_OFFSETS)?
                    .or(directory.values(tags::STRIP_OFFSETS)?),
                directory
                    .values(tags::TILE_COUNTS)?
                    .or(directory.values(tags::STRIP_COUNTS)?),
            )
        } else {
            let rows = match directory.number(tags::ROWS_PER_STRIP)? {
                Some(rows @ 1..) => u32::try_from(rows).unwrap_or(u32::MAX).min(height),
                _ => height,
            };
            (
                width,
                rows,
                directory.values(tags::STRIP_OFFSETS)?,
                directory.values(tags::STRIP_COUNTS)?,
            )
        };
        let offsets = offsets.ok_or_else(|| damaged("it does not say where its pixels lie"))?;
        let (across, down) = (width.div_ceil(part_width), height.div_ceil(part_height));
        let needed = u64::from(across)
            .saturating_mul(u64::from(down))
            .saturating_mul(planes as u64);
        if (offsets.len() as u64) < needed {
            return Err(damaged(format!(
                "it has {} strips or tiles in place of {needed}",
                offsets.len()
            )));
        }
        Ok(Self {
            spare: offsets.len() as u64 > needed,
            width: part_width,
            height: part_height,
            across,
            down,
            offsets,
            lengths,
            ends: Vec::new(),
        })
    }

    /// The number of a part, of a plane of its own or not.
    pub(super) fn number(&self, column: u32, row: u32, plane: usize) -> usize {
        let per_plane = self.across as usize * self.down as usize;
        plane * per_plane + row as usize * self.across as usize + column as usize
    }

    /// The bytes of a part in the file. `plain` is how many it has where they are not packed: then
    /// what the file says of its length is not asked, as other readers do not.
    pub(super) fn bytes(
        &mut self,
        file: &File<'a>,
        number: usize,
        plain: Option<u64>,
        limits: &Limits,
        budget: &mut Budget,
    ) -> Result<&'a [u8], MediaError> {
        let offset = self.offsets.get(number).ok_or_else(ends_early)?;
        let said = self
            .lengths
            .as_ref()
            .and_then(|lengths| lengths.get(number));
        let left = (file.bytes.len() as u64).checked_sub(offset);
        let left = left.filter(|&left| left > 0).ok_or_else(ends_early)?;
        let length = match (plain, said) {
            // More strips than are needed, and too short: their number of rows is not what it is said
            // to be.
            (Some(plain), Some(said)) if said < plain && self.spare => {
                return Err(damaged("its strips do not hold the rows that they should"));
            }
            (Some(plain), _) => plain,
            (None, Some(length @ 1..)) => length,
            (None, _) => self.up_to_the_next(file, offset, limits)?,
        };
        let named = length.max(said.unwrap_or(0)).min(left);
        budget.name(named.saturating_add(ENTRY))?;
        // Where a packed part is cut, its decoder says so.
        if plain.is_some() && left < length {
            return Err(ends_early());
        }
        file.get(offset, length.min(left)).ok_or_else(ends_early)
    }

    /// Bytes of the first part, as the file says.
    pub(super) fn first_length(&self) -> Option<u64> {
        self.lengths.as_ref()?.get(0)
    }

    /// From a part's offset to that of the next in the file, or to the file's end.
    fn up_to_the_next(
        &mut self,
        file: &File<'_>,
        offset: u64,
        limits: &Limits,
    ) -> Result<u64, MediaError> {
        if self.ends.is_empty() {
            limits.admit_bytes(self.offsets.len() as u64 * 8)?;
            self.ends = self.offsets.numbers().collect();
            self.ends.sort_unstable();
        }
        let behind = self.ends.partition_point(|&end| end <= offset);
        let end = self.ends.get(behind).copied();
        let end = end.unwrap_or(file.bytes.len() as u64);
        Ok(end.saturating_sub(offset))
    }
}
