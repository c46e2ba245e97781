//! Apple's icons (ICNS): every entry that is a picture, the largest and deepest first.
//!
//! An entry is a PNG or JPEG, or samples of a fixed size with a mask of their own. JPEG 2000 is not decoded here:
//! [`undecoded`] names such entries, and a file of nothing else is unsupported. An entry that is damaged comes last, so
//! that it hides no other.

mod kinds;
mod list;
mod palette;
mod samples;

use kinds::{Coding, Kind};
use list::Entry;
use samples::Masks;

use super::frames::Frames;
use super::pixels::{Channels, Depth, Layout, compose};
use super::{Format, Limits, MediaError, Picture, jpeg, png};

/// So many entries may be passed over: each costs time.
const MOST_FAILURES: u32 = 8;

const LAYOUT: Layout = Layout {
    channels: Channels::Rgba,
    depth: Depth::Eight,
};

struct Icons<'a> {
    /// What is left, the next one last.
    entries: Vec<Icon<'a>>,
    limits: Limits,
    given: u32,
    /// What was wrong with an entry that was passed over.
    failed: Option<MediaError>,
    failures: u32,
}

struct Icon<'a> {
    entry: Entry<'a>,
    masks: Masks<'a>,
    pixels: u64,
    /// What goes first of equals.
    rank: u8,
}

pub(super) fn open<'a>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Box<dyn Frames + 'a>, MediaError> {
    let all = list::entries(bytes);
    let is_packed = all.iter().any(|entry| entry.kind == Kind::Jpeg2000);
    let masks: Vec<Masks<'_>> = all.iter().map(|entry| masks_of(entry, &all)).collect();
    let icons = all.into_iter().zip(masks);
    let mut entries: Vec<Icon<'a>> = icons
        .filter_map(|(entry, masks)| Icon::of(entry, masks))
        .collect();
    if entries.is_empty() {
        return Err(match is_packed {
            true => MediaError::variant(Format::Icns, "JPEG 2000 inside"),
            false => damaged("it holds no picture"),
        });
    }
    // The sort is stable: of equals the file's first stays first, which is last here.
    entries.reverse();
    entries.sort_by_key(|icon| (icon.pixels, icon.rank));
    Ok(Box::new(Icons {
        entries,
        limits: limits.clone(),
        given: 0,
        failed: None,
        failures: 0,
    }))
}

/// The entries that are not decoded here, and how many bytes each has. At most `most` of them.
pub(super) fn undecoded(bytes: &[u8], most: usize) -> Vec<(String, u64)> {
    let all = list::entries(bytes).into_iter();
    all.filter(|entry| entry.kind == Kind::Jpeg2000)
        .take(most)
        .map(|entry| ("an icon, JPEG 2000".to_owned(), entry.data.len() as u64))
        .collect()
}

/// The masks for an entry: those of its size, in its list.
fn masks_of<'a>(entry: &Entry<'a>, all: &[Entry<'a>]) -> Masks<'a> {
    let Kind::Samples(width, height, coding) = entry.kind else {
        return Masks {
            bytes: None,
            bits: None,
        };
    };
    let find = |kind: Kind| {
        let mut of_it = all
            .iter()
            .filter(|one| one.list == entry.list && one.kind == kind);
        of_it.next().map(|one| one.data)
    };
    Masks {
        bytes: find(Kind::Mask(width, height)),
        bits: match coding {
            Coding::Four | Coding::Eight => find(Kind::Samples(width, height, Coding::Bit)),
            _ => None,
        },
    }
}

impl<'a> Icon<'a> {
    fn of(entry: Entry<'a>, masks: Masks<'a>) -> Option<Self> {
        let (pixels, rank) = match entry.kind {
            Kind::Samples(width, height, coding) => {
                let rank = match coding {
                    Coding::Bit => 0,
                    Coding::Four => 1,
                    Coding::Eight => 2,
                    Coding::Packed { .. } => 3,
                    Coding::Argb => 4,
                };
                (u64::from(width) * u64::from(height), rank)
            }
            Kind::File => (file_pixels(entry.data), 5),
            Kind::Jpeg2000 | Kind::Mask(..) => return None,
        };
        Some(Self {
            entry,
            masks,
            pixels,
            rank,
        })
    }

    fn read(&self, limits: &Limits) -> Result<Picture, MediaError> {
        let data = self.entry.data;
        let Kind::Samples(width, height, coding) = self.entry.kind else {
            let mut frames = match data {
                [0xff, 0xd8, ..] => jpeg::open(data, limits)?,
                [0x89, ..] => png::open(data, limits)?,
                _ => {
                    return Err(MediaError::variant(
                        Format::Icns,
                        "an entry of no known kind",
                    ));
                }
            };
            let picture = frames.next()?;
            return picture.ok_or_else(|| damaged("an entry holds no picture"));
        };
        limits.admit(Format::Icns, width, height, LAYOUT.peak_bytes())?;
        let pixels = width as usize * height as usize;
        let rgba = samples::rgba(coding, data, pixels, &self.masks)
            .ok_or_else(|| damaged("the data of an entry end early"))?;
        Ok(Picture::of(
            Format::Icns,
            width,
            height,
            compose(rgba, LAYOUT),
        ))
    }
}

/// Pixels of a PNG or JPEG by its header; 0 where it has none.
fn file_pixels(data: &[u8]) -> u64 {
    let side = |at: usize| {
        let four = data.get(at..).and_then(|rest| rest.first_chunk::<4>());
        four.map_or(0, |four| u64::from(u32::from_be_bytes(*four)))
    };
    match data {
        [0x89, ..] => side(16).saturating_mul(side(20)),
        _ => jpeg::sides(data).map_or(0, |(width, height)| u64::from(width) * u64::from(height)),
    }
}

impl Frames for Icons<'_> {
    fn next(&mut self) -> Result<Option<Picture>, MediaError> {
        while let Some(icon) = self.entries.pop() {
            match icon.read(&self.limits) {
                Ok(picture) => {
                    self.given += 1;
                    return Ok(Some(Picture {
                        format: Format::Icns,
                        frame: self.given - 1,
                        ..picture
                    }));
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

fn damaged(reason: &str) -> MediaError {
    MediaError::damaged(Format::Icns, reason)
}

#[cfg(test)]
mod tests;
