//! The rows of the merged picture: channel after channel, plain or packed row by row.

use super::sections::Sections;
use crate::media::pack_bits::pack_bits;
use crate::media::{Format, MediaError};

pub(super) struct Rows<'a> {
    data: &'a [u8],
    height: usize,
    /// Bytes of a row.
    length: usize,
    /// How many bytes each packed row has, and how many bytes that number has; `None` of plain rows.
    packed: Option<(&'a [u8], usize)>,
    /// Where the next row of each channel begins.
    next: Vec<usize>,
}

impl<'a> Rows<'a> {
    /// The rows of the first channels, of so many bytes each.
    pub(super) fn open(
        file: &Sections<'a>,
        channels: usize,
        length: usize,
    ) -> Result<Self, MediaError> {
        let (kind, data) = file.merged.split_first_chunk().ok_or_else(short)?;
        let height = file.height as usize;
        match u16::from_be_bytes(*kind) {
            0 => {
                let plane = length * height;
                data.get(..plane * channels).ok_or_else(short)?;
                Ok(Self {
                    data,
                    height,
                    length,
                    packed: None,
                    next: (0..channels).map(|channel| channel * plane).collect(),
                })
            }
            1 => {
                let width = if file.is_large { 4 } else { 2 };
                let table = file.channels * height * width;
                let (lengths, data) = data.split_at_checked(table).ok_or_else(short)?;
                let mut rows = Self {
                    data,
                    height,
                    length,
                    packed: Some((lengths, width)),
                    next: vec![0; channels],
                };
                let mut at = 0_usize;
                for channel in 0..channels {
                    if let Some(next) = rows.next.get_mut(channel) {
                        *next = at;
                    }
                    for row in 0..height {
                        at = at.saturating_add(rows.packed_length(channel, row));
                    }
                }
                // No memory is taken before the rows are there.
                data.get(..at).ok_or_else(short)?;
                Ok(rows)
            }
            kind @ (2 | 3) => {
                let what = format_args!("packing {kind} of the merged picture");
                Err(MediaError::variant(Format::Psd, what))
            }
            kind => Err(MediaError::damaged(
                Format::Psd,
                format!("packing {kind} is none"),
            )),
        }
    }

    fn packed_length(&self, channel: usize, row: usize) -> usize {
        let Some((lengths, width)) = self.packed else {
            return self.length;
        };
        let at = (channel * self.height + row) * width;
        let bytes = lengths.get(at..at + width).unwrap_or_default();
        bytes
            .iter()
            .fold(0, |length, &byte| length << 8 | usize::from(byte))
    }

    /// Reads a channel's row into `out`. Rows are read in order.
    pub(super) fn read(
        &mut self,
        channel: usize,
        row: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), MediaError> {
        let length = self.packed_length(channel, row);
        let next = self.next.get_mut(channel).ok_or_else(short)?;
        let stored = self.data.get(*next..).and_then(|rest| rest.get(..length));
        let stored = stored.ok_or_else(short)?;
        *next += length;
        out.clear();
        match self.packed {
            None => out.extend_from_slice(stored),
            Some(_) => pack_bits(stored, self.length, out),
        }
        match out.len() == self.length {
            true => Ok(()),
            false => Err(short()),
        }
    }
}

fn short() -> MediaError {
    MediaError::damaged(Format::Psd, "the data end early")
}
