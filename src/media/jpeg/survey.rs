//! Whether a JPEG holds all of its picture, found without computing a pixel.
//!
//! Decoders fill in what is missing and say nothing (grey, or the last colour smeared), which would
//! hash as another picture. So each scan's symbols are counted off: every block of the picture must
//! be there, in every restart interval, from bits that are in the file (ITU-T T.81, F.2 and G.2).
//! That is a part of the work of decoding; no inverse transform, no colours, no pixels.
//!
//! These faults are forgiven: anything behind the end of the image, unknown segments, surplus
//! data before a marker, another start, and a missing end-of-image marker where all of the picture is
//! there (viewers show such a file whole). If the data are wrong without ending early, every viewer shows
//! the same wrong picture, and that is the picture that is judged.
//!
//! On the way it is seen whether a file is **ordinary**: of a structure that `zune-jpeg` is known to
//! decode as everyone else does. Whatever is not on that list is for the plain decoder.

use std::ops::Range;

use super::super::{Format, Limits, MediaError, Orientation};
use super::coefficients::strict;
use super::colours::Colours;
use super::entropy::Fault;
use super::frame::FrameHeader;
use super::markers::{Marks, Segment, exif_block, height_behind, next_segment};
use super::scan::{Frame, Scan};
use super::tables::Tables;
use super::walk::Walk;

/// More scans than this are refused: each may cost a pass over the whole picture for a few bytes.
const MAX_SCANS: u32 = 100;

/// So many headers and scans an ordinary file has at most.
const MAX_PARTS: usize = 1024;

/// What the headers say of a picture that is all there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Survey {
    /// With the height, wherever that was given.
    pub(super) header: FrameHeader,
    pub(super) colours: Colours,
    pub(super) orientation: Orientation,
    /// Whether the blocks are stored in a way that every decoder reads alike.
    pub(super) is_ordinary: bool,
    /// Whether luma and chroma, or grey, are read as such where nothing is said of colours.
    pub(super) has_ordinary_colours: bool,
    /// Whether something stands there that decoders stumble over, or that could change the colours:
    /// then `parts` are all that is to be read.
    pub(super) is_untidy: bool,
    /// Where the headers and data of an ordinary picture stand, application data left out.
    pub(super) parts: Vec<Range<usize>>,
    /// The picture is all in the scans before this position. What is behind adds nothing.
    pub(super) end: usize,
}

struct Surveyor<'a> {
    bytes: &'a [u8],
    limits: &'a Limits,
    header: Option<FrameHeader>,
    /// From the first scan on.
    frame: Option<Frame>,
    tables: Tables,
    restart_interval: u32,
    scans: u32,
    marks: Marks,
    orientation: Option<Orientation>,
    /// Whether there was anything that an ordinary file does not have, in the picture itself and
    /// around it.
    is_odd: bool,
    is_untidy: bool,
    parts: Vec<Range<usize>>,
    /// Whether scans of AC coefficients are read as those of a file without the least fault, which
    /// is quicker, and whether one was none.
    strict: bool,
    gave_up: bool,
}

/// What is behind a segment.
enum Next {
    /// The next one is looked for from here.
    At(usize),
    /// All of the picture is before this position, whatever follows.
    Whole(usize),
}

/// Counts a JPEG's blocks off, within limits.
///
/// # Errors
///
/// [`MediaError::Undecodable`] where a part of the picture is not there; `TooLarge` from the header;
/// `Unsupported` for arithmetic coding, lossless, hierarchical and 12-bit JPEG.
pub(super) fn survey(bytes: &[u8], limits: &Limits) -> Result<Survey, MediaError> {
    // What a strict reading takes, a lenient one takes too, to the same end; so only the speed
    // depends on where it gives up.
    read_as(bytes, limits, true)
        .or_else(|| read_as(bytes, limits, false))
        .unwrap_or_else(|| Err(damaged("a scan cannot be read")))
}

/// One reading; `None` where a strict one gave up.
fn read_as(bytes: &[u8], limits: &Limits, strict: bool) -> Option<Result<Survey, MediaError>> {
    let mut surveyor = Surveyor {
        bytes,
        limits,
        header: None,
        frame: None,
        tables: Tables::default(),
        restart_interval: 0,
        scans: 0,
        marks: Marks::default(),
        orientation: None,
        is_odd: false,
        is_untidy: false,
        parts: Vec::new(),
        strict,
        gave_up: false,
    };
    let seen = surveyor.run();
    (!surveyor.gave_up).then_some(seen)
}

fn damaged(reason: impl Into<String>) -> MediaError {
    MediaError::damaged(Format::Jpeg, reason)
}

fn unsupported(what: impl std::fmt::Display) -> MediaError {
    MediaError::variant(Format::Jpeg, what)
}

impl Surveyor<'_> {
    fn run(&mut self) -> Result<Survey, MediaError> {
        let mut at = 2;
        loop {
            let Some(segment) = next_segment(self.bytes, at) else {
                // The end inside a header behind a picture that is whole is no loss.
                self.is_untidy = true;
                return self.conclude(at, false);
            };
            self.is_untidy |= !segment.is_clean;
            if segment.marker == 0xd9 {
                return self.conclude(at, true);
            }
            at = match self.take(&segment) {
                Ok(Next::At(next)) => next,
                Ok(Next::Whole(end)) => return self.conclude(end, true),
                // Behind a whole picture may stand anything, another file too; but a scan that has
                // begun is a part of the picture.
                Err(error) if segment.marker != 0xda && self.is_complete() => {
                    self.is_untidy = true;
                    return self.conclude(at, false).map_err(|_| error);
                }
                Err(error) => return Err(error),
            };
        }
    }

    fn is_complete(&self) -> bool {
        self.frame.as_ref().is_some_and(Frame::is_complete)
    }

    /// Takes what one segment says.
    fn take(&mut self, segment: &Segment<'_>) -> Result<Next, MediaError> {
        let is_late = self.scans > 0;
        match segment.marker {
            0xc0..=0xc2 => {
                if self.header.is_some() {
                    return Err(damaged("it has two frame headers"));
                }
                let progressive = segment.marker == 0xc2;
                let header = FrameHeader::read(progressive, segment.data, self.limits)?;
                self.header = Some(header);
            }
            0xc3 | 0xc5..=0xc7 | 0xcb | 0xcd..=0xcf => {
                return Err(unsupported("lossless or hierarchical coding"));
            }
            0xc9 | 0xca | 0xcc => return Err(unsupported("arithmetic coding")),
            0xc4 => self.tables.define(segment.data)?,
            0xdd => {
                let &[high, low] = segment.data else {
                    return Err(damaged("a restart interval of the wrong length"));
                };
                self.restart_interval = u32::from(u16::from_be_bytes([high, low]));
                self.is_odd |= is_late;
            }
            0xdb => self.is_odd |= is_late || !has_ordinary_steps(segment.data),
            // Only what stands before the first scan turns or colours the picture.
            0xe1 if !is_late && self.orientation.is_none() => {
                let block = exif_block(segment.data);
                self.orientation = block.map(Orientation::from_exif_block);
            }
            0xe0 | 0xee if !is_late => self.marks.note(segment.marker, segment.data),
            0xe0..=0xef | 0xfe => {}
            0xda => return self.scan(segment),
            // Restarts and starts where none belong, a height, which is looked for where it counts, and
            // markers without a meaning.
            _ => self.is_untidy = true,
        }
        if matches!(segment.marker, 0xc0..=0xc2 | 0xc4 | 0xdb | 0xdd) {
            self.keep(segment.start..segment.end);
        }
        Ok(Next::At(segment.end))
    }

    /// Notes a part of the picture, of which ordinary files have few.
    fn keep(&mut self, part: Range<usize>) {
        if self.parts.len() < MAX_PARTS {
            self.parts.push(part);
        } else {
            self.is_odd = true;
        }
    }

    /// What the frame header says is made room for, at the first scan, whose data begin at `at`.
    fn start(&mut self, scan: &[u8], at: usize) -> Result<(), MediaError> {
        let Some(header) = &mut self.header else {
            return Err(damaged("a scan stands before the frame header"));
        };
        if header.height == 0 {
            self.is_odd = true;
            header.height = height_behind(self.bytes, at)
                .ok_or_else(|| damaged("it says nowhere how high it is"))?;
            let (width, height) = (header.width, header.height);
            self.limits.admit(Format::Jpeg, width, height, 0)?;
        }
        let is_of_all = scan.first() == Some(&(header.components.len() as u8));
        let keeps = header.progressive || !is_of_all;
        self.limits.admit_bytes(header.bytes(keeps))?;
        self.frame = Some(header.frame(true));
        Ok(())
    }

    /// Counts a scan's blocks off.
    fn scan(&mut self, segment: &Segment<'_>) -> Result<Next, MediaError> {
        let at = segment.end;
        if self.frame.is_none() {
            self.start(segment.data, at)?;
        }
        let Some(frame) = &mut self.frame else {
            return Err(damaged("a scan stands before the frame header"));
        };
        self.scans += 1;
        if self.scans > MAX_SCANS {
            return Err(damaged(format!("it has more than {MAX_SCANS} scans")));
        }
        let scan = Scan::read(segment.data, frame)
            .ok_or_else(|| damaged("a scan's header is not that of a scan"))?;
        self.is_odd |= !scan.is_exact || (scan.first == 0 && !scan.is_of_all(frame));
        let Tables { dc, ac, .. } = &self.tables;
        if !frame.progressive {
            let is_there = |&(_, of_dc, of_ac): &(usize, usize, usize)| {
                dc.get(of_dc).is_some_and(Option::is_some)
                    && ac.get(of_ac).is_some_and(Option::is_some)
            };
            self.is_odd |= self.tables.is_odd || !scan.parts.iter().all(is_there);
            self.tables.fill_in_standard();
        }
        let Tables { dc, ac, .. } = &self.tables;
        let is_band = frame.progressive && scan.first > 0;
        if is_band && self.strict {
            let interval = self.restart_interval;
            let Some(end) = strict::walked(self.bytes, at, interval, frame, &scan, ac) else {
                self.gave_up = true;
                return Err(damaged("a scan has a fault"));
            };
            self.is_odd |= !frame.note(&scan);
            self.keep(segment.start..end);
            return Ok(Next::At(end));
        }
        let mut walk = Walk::new(self.bytes, at, self.restart_interval);
        let walked = if !frame.progressive {
            walk.baseline(frame, &scan, dc, ac)
        } else if scan.first == 0 {
            walk.progressive_dc(frame, &scan, dc)
        } else {
            walk.progressive_ac(frame, &scan, ac)
        };
        let (end, has_surplus) =
            walked
                .and_then(|()| walk.finish())
                .map_err(|fault| match fault {
                    Fault::Short => damaged("its data end before the picture does"),
                    Fault::Code => damaged("its data hold a code that no Huffman table of it has"),
                })?;
        self.is_odd |= has_surplus;
        self.is_odd |= !frame.note(&scan);
        let is_only = !frame.progressive && scan.parts.len() == frame.components.len();
        self.keep(segment.start..end);
        if is_only && self.scans == 1 {
            // The only scan, for viewers: they are done with it.
            self.is_untidy |= self.bytes.get(end..end + 2) != Some(&[0xff, 0xd9]);
            return Ok(Next::Whole(end));
        }
        Ok(Next::At(end))
    }

    /// Says whether what was seen is a whole picture, at an end-of-image marker or at the end.
    fn conclude(&mut self, end: usize, marked: bool) -> Result<Survey, MediaError> {
        let header = self.header.take();
        let Some(header) = header else {
            return Err(damaged("it ends before its frame header"));
        };
        let has_begun = self.frame.as_ref().is_some_and(|frame| {
            let mut components = frame.components.iter();
            components.all(|component| component.missing[0].is_some())
        });
        if !(self.is_complete() || marked && has_begun) {
            return Err(damaged("it ends before all scans of the picture"));
        }
        let names: Vec<u8> = header.components.iter().map(|one| one.id).collect();
        let colours = Colours::of(&names, self.marks)
            .ok_or_else(|| unsupported(format_args!("{} colour components", names.len())))?;
        let has_ordinary_colours = match colours {
            Colours::Grey => true,
            Colours::YCbCr => names != *b"RGB",
            _ => false,
        };
        let are_marks_plain = match colours {
            Colours::Grey => self.marks.adobe.is_none(),
            _ => matches!(self.marks.adobe, None | Some(1)),
        };
        Ok(Survey {
            colours,
            orientation: self.orientation.unwrap_or_default(),
            is_ordinary: !self.is_odd && has_ordinary_layout(&header),
            has_ordinary_colours,
            is_untidy: self.is_untidy || self.marks.is_odd || !are_marks_plain,
            parts: std::mem::take(&mut self.parts),
            header,
            end,
        })
    }
}

/// Whether a segment of quantisation tables holds steps of one byte only, and nothing else.
fn has_ordinary_steps(mut segment: &[u8]) -> bool {
    while let [0..=3, rest @ ..] = segment {
        let Some((_, rest)) = rest.split_at_checked(64) else {
            return false;
        };
        segment = rest;
    }
    segment.is_empty()
}

/// Whether the components have different names and are sampled in one of the usual ways.
fn has_ordinary_layout(header: &FrameHeader) -> bool {
    let names: Vec<u8> = header.components.iter().map(|one| one.id).collect();
    let is_distinct = |(at, name)| !names.iter().skip(at + 1).any(|other| other == name);
    let factors: Vec<(u32, u32)> = header
        .components
        .iter()
        .map(|one| (one.horizontal, one.vertical))
        .collect();
    let is_usual = match factors.as_slice() {
        [(1, 1)] | [(1..=2, 1..=2), (1, 1), (1, 1)] => true,
        [(1, 1), (1, 1), (1, 1), (1, 1)] => !header.progressive,
        _ => false,
    };
    is_usual && header.is_exact && names.iter().enumerate().all(is_distinct)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strict_reading_sees_what_a_lenient_one_sees() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/jpeg");
        let limits = Limits::default();
        let (mut agreed, mut gave_up) = (0, 0);
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.display().to_string();
            if !name.ends_with(".jpg") || !name.contains("progressive") {
                continue;
            }
            let sound = std::fs::read(&path).unwrap();
            for turn in 0..300_usize {
                let mut bytes = sound.clone();
                // Some bits changed, some bytes left out, the end missing; the first as it is.
                let at = (turn * 7919 + 101) % bytes.len();
                match turn % 3 {
                    _ if turn == 0 => {}
                    0 => bytes[at] ^= 1 << (turn % 8),
                    1 => drop(bytes.drain(at..(at + 1 + turn % 5).min(sound.len()))),
                    _ => bytes.truncate(at),
                }
                let lenient = read_as(&bytes, &limits, false).unwrap();
                let Some(strict) = read_as(&bytes, &limits, true) else {
                    assert!(turn > 0, "{name}: a sound file is given up");
                    gave_up += 1;
                    continue;
                };
                let seen = |of: Result<Survey, MediaError>| of.map_err(|error| error.to_string());
                assert_eq!(seen(strict), seen(lenient), "{name}, turn {turn}");
                agreed += 1;
            }
        }
        assert!(agreed >= 100 && gave_up >= 100, "{agreed}, {gave_up}");
    }
}
