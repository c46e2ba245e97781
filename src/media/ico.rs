//! Windows icons and cursors: every size in the file, the largest and deepest first.
//!
//! An entry is a PNG of any kind, or a bitmap without its file header. The directory's own account
//! of sizes is not trusted; the entries' headers are.

use std::io::Cursor;

use image::codecs::ico::IcoDecoder;

use super::frames::Frames;
use super::{Format, Limits, MediaError, Picture, png, still};

const DIRECTORY: usize = 6;
const ENTRY: usize = 16;
const PNG_MARK: &[u8] = b"\x89PNG\r\n\x1a\n";

struct Icons<'a> {
    /// What is left, the next one last.
    entries: Vec<Entry<'a>>,
    limits: Limits,
    given: u32,
}

struct Entry<'a> {
    data: &'a [u8],
    pixels: u64,
    depth: u16,
}

pub(super) fn open<'a>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Box<dyn Frames + 'a>, MediaError> {
    let count = match bytes {
        [_, _, _, _, low, high, ..] => usize::from(u16::from_le_bytes([*low, *high])),
        _ => return Err(damaged("its directory is short")),
    };
    let directory = bytes
        .get(DIRECTORY..DIRECTORY + count * ENTRY)
        .ok_or_else(|| damaged("its directory is short"))?;
    let mut entries = directory
        .chunks_exact(ENTRY)
        .map(|entry| Entry::read(bytes, entry))
        .collect::<Result<Vec<_>, _>>()?;
    // The sort is stable: of equals the file's first stays first, which is last here.
    entries.reverse();
    entries.sort_by_key(|entry| (entry.pixels, entry.depth));
    Ok(Box::new(Icons {
        entries,
        limits: limits.clone(),
        given: 0,
    }))
}

impl<'a> Entry<'a> {
    fn read(file: &'a [u8], entry: &[u8]) -> Result<Self, MediaError> {
        let number = |at: usize| {
            entry
                .get(at..at + 4)
                .and_then(|four| four.first_chunk::<4>())
                .map_or(0, |four| u32::from_le_bytes(*four) as usize)
        };
        let (length, offset) = (number(8), number(12));
        let data = file
            .get(offset..)
            .and_then(|rest| rest.get(..length))
            .ok_or_else(|| damaged("an entry lies outside the file"))?;
        let (width, height, depth) = size(data).ok_or_else(|| damaged("an entry is short"))?;
        Ok(Self {
            data,
            pixels: u64::from(width) * u64::from(height),
            depth,
        })
    }
}

/// Width, height and bits a pixel, from an entry's own header.
fn size(data: &[u8]) -> Option<(u32, u32, u16)> {
    let four = |at: usize| data.get(at..at + 4)?.first_chunk::<4>().copied();
    if data.starts_with(PNG_MARK) {
        // A PNG is the form of the best entries: of equal sizes it goes first.
        let side = |at| four(at).map(u32::from_be_bytes);
        return Some((side(16)?, side(20)?, 64));
    }
    let width = u32::from_le_bytes(four(4)?);
    // The height counts the mask too.
    let height = i32::from_le_bytes(four(8)?).unsigned_abs() / 2;
    let depth = u16::from_le_bytes(*data.get(14..16)?.first_chunk::<2>()?);
    Some((width, height, depth))
}

impl Frames for Icons<'_> {
    fn next(&mut self) -> Result<Option<Picture>, MediaError> {
        let Some(entry) = self.entries.pop() else {
            return Ok(None);
        };
        let mut picture = if entry.data.starts_with(PNG_MARK) {
            png::open(entry.data, &self.limits)?
                .next()?
                .ok_or_else(|| damaged("an entry holds no picture"))?
        } else {
            bitmap(entry.data, &self.limits)?
        };
        picture.format = Format::Ico;
        picture.frame = self.given;
        self.given += 1;
        Ok(Some(picture))
    }
}

/// Decodes a bitmap entry as an icon of its own, since only the icon decoder applies the mask.
fn bitmap(data: &[u8], limits: &Limits) -> Result<Picture, MediaError> {
    let (width, height, _) = size(data).ok_or_else(|| damaged("an entry is short"))?;
    limits.admit(Format::Ico, width, height, 4 + 10)?;
    // In the directory, 0 stands for 256 and more.
    let side = |side: u32| u8::try_from(side).unwrap_or(0);
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut alone = Vec::with_capacity(DIRECTORY + ENTRY + data.len());
    alone.extend([
        0,
        0,
        1,
        0,
        1,
        0,
        side(width),
        side(height),
        0,
        0,
        1,
        0,
        32,
        0,
    ]);
    alone.extend(length.to_le_bytes());
    alone.extend(((DIRECTORY + ENTRY) as u32).to_le_bytes());
    alone.extend(data);
    still::read(Format::Ico, limits, IcoDecoder::new(Cursor::new(alone)))
}

fn damaged(reason: &str) -> MediaError {
    MediaError::damaged(Format::Ico, reason)
}
