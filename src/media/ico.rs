//! Windows icons and cursors: every size in the file, the largest and deepest first.
//!
//! An entry is a PNG of any kind, or a bitmap without its file header. The directory's own account of sizes and
//! lengths is not trusted, as browsers do not trust its lengths: an entry ends where its own header says. An entry that
//! is no picture comes last, so that it hides no other.

use super::frames::Frames;
use super::{Format, Limits, MediaError, Picture, bmp, png};

const DIRECTORY: usize = 6;
const ENTRY: usize = 16;
const PNG_MARK: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Bytes that all entries together may have beyond twice the file's: nothing keeps them from lying over each other.
const SLACK: usize = 1 << 20;
/// So many entries may be passed over: each costs time.
const MOST_FAILURES: u32 = 8;

struct Icons<'a> {
    /// What is left, the next one last.
    entries: Vec<Entry<'a>>,
    limits: Limits,
    given: u32,
    /// What was wrong with an entry that was passed over.
    failed: Option<MediaError>,
    failures: u32,
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
    let number = |entry: &[u8], at: usize| {
        let four = entry.get(at..).and_then(|rest| rest.first_chunk::<4>());
        four.map_or(0, |four| u32::from_le_bytes(*four) as usize)
    };
    let places: Vec<(usize, usize)> = directory
        .chunks_exact(ENTRY)
        .map(|entry| (number(entry, 12), number(entry, 8)))
        .collect();
    let mut offsets: Vec<usize> = places.iter().map(|place| place.0).collect();
    offsets.sort_unstable();
    offsets.dedup();
    let mut taken = vec![false; offsets.len()];
    let mut left = bytes.len().saturating_mul(2).saturating_add(SLACK);
    let mut entries = Vec::new();
    let mut failed = None;
    for (offset, length) in places {
        // Two entries at one place are the same picture.
        let at = offsets.partition_point(|&other| other < offset);
        match taken.get_mut(at) {
            Some(taken) if !*taken => *taken = true,
            _ => continue,
        }
        let next = offsets.get(at + 1).copied().unwrap_or(bytes.len());
        let end = next.max(offset.saturating_add(length)).min(bytes.len());
        let entry = bytes.get(offset..end).and_then(Entry::read);
        left = left.saturating_sub(end.saturating_sub(offset));
        match entry {
            Some(entry) if left > 0 => entries.push(entry),
            _ => failed = Some(damaged("an entry is no picture or lies outside the file")),
        }
    }
    // The sort is stable: of equals the file's first stays first, which is last here.
    entries.reverse();
    entries.sort_by_key(|entry| (entry.pixels, entry.depth));
    Ok(Box::new(Icons {
        entries,
        limits: limits.clone(),
        given: 0,
        failed,
        failures: 0,
    }))
}

impl<'a> Entry<'a> {
    fn read(data: &'a [u8]) -> Option<Self> {
        let (width, height, depth) = size(data)?;
        Some(Self {
            data,
            pixels: u64::from(width) * u64::from(height),
            depth,
        })
    }
}

/// Width, height and bits a pixel, from an entry's own header.
fn size(data: &[u8]) -> Option<(u32, u32, u16)> {
    let Some(header) = data.strip_prefix(PNG_MARK) else {
        return bmp::size_of_icon(data);
    };
    // A PNG is the form of the best entries: of equal sizes it goes first.
    let side = |at: usize| Some(u32::from_be_bytes(*header.get(at..)?.first_chunk::<4>()?));
    Some((side(8)?, side(12)?, 64))
}

impl Frames for Icons<'_> {
    fn next(&mut self) -> Result<Option<Picture>, MediaError> {
        while let Some(entry) = self.entries.pop() {
            match read(entry.data, &self.limits) {
                Ok(mut picture) => {
                    picture.format = Format::Ico;
                    picture.frame = self.given;
                    self.given += 1;
                    return Ok(Some(picture));
                }
                Err(error) => {
                    self.failures += 1;
                    if self.failures > MOST_FAILURES {
                        self.entries.clear();
                    }
                    self.failed = Some(error);
                }
            }
        }
        self.failed.take().map_or(Ok(None), Err)
    }
}

fn read(data: &[u8], limits: &Limits) -> Result<Picture, MediaError> {
    if !data.starts_with(PNG_MARK) {
        return bmp::icon(data, limits);
    }
    png::open(data, limits)?
        .next()?
        .ok_or_else(|| damaged("an entry holds no picture"))
}

fn damaged(reason: &str) -> MediaError {
    MediaError::damaged(Format::Ico, reason)
}
