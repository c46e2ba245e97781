//! Whether a JPEG holds all of its picture, found without computing a pixel.
//!
//! Decoders fill in what is missing and say nothing (grey, or the last colour smeared), which would
//! hash as another picture. So each scan's symbols are counted off: every block of the picture must
//! be there, in every restart interval, from bits that are in the file (ITU-T T.81, F.2 and G.2).
//! That is a part of the work of decoding; no inverse transform, no colours, no pixels.
//!
//! These faults are forgiven: anything behind the end of the image, unknown segments, surplus
//! data before a marker, and a missing end-of-image marker where all of the picture is there
//! (viewers show such a file whole). If the data are wrong without ending early, every viewer shows the
//! same wrong picture, and that is the picture that is judged.

use super::super::{Format, Limits, MediaError};
use super::coefficients::strict;
use super::entropy::{Fault, Table, next_marker};
use super::scan::{Component, Frame, Scan};
use super::walk::Walk;

/// More scans than this are refused: each may cost a pass over the whole picture for a few bytes.
const MAX_SCANS: u32 = 100;

/// More Huffman tables than this are refused: each costs more time than its few bytes suggest.
const MAX_TABLES: u32 = 4096;

/// What the headers say of a picture that is all there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Survey {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Where the codes of markers stand whose segments call themselves Adobe's and are not: other
    /// decoders pass them over, `zune-jpeg` gives up.
    pub(super) odd_adobe: Vec<usize>,
    /// Where an end-of-image marker has to stand for `zune-jpeg` to decode all of the picture: it
    /// reads ahead, and takes the end of the data, or a marker of any other kind, that it meets
    /// while it still has rows to decode for the end of the picture. `None` where one stands there.
    pub(super) end: Option<usize>,
}

struct Surveyor<'a> {
    bytes: &'a [u8],
    limits: &'a Limits,
    frame: Option<Frame>,
    dc: [Option<Box<Table>>; 4],
    ac: [Option<Box<Table>>; 4],
    restart_interval: u32,
    scans: u32,
    tables: u32,
    odd_adobe: Vec<usize>,
    /// Where the data of a picture of one scan end.
    only_scan_end: Option<usize>,
    /// Whether scans of AC coefficients are read as those of a file without the least fault, which
    /// is quicker, and whether one was none.
    strict: bool,
    gave_up: bool,
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
        frame: None,
        dc: [const { None }; 4],
        ac: [const { None }; 4],
        restart_interval: 0,
        scans: 0,
        tables: 0,
        odd_adobe: Vec::new(),
        only_scan_end: None,
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
            at = next_marker(self.bytes, at);
            let Some(&marker) = self.bytes.get(at + 1) else {
                return self.conclude(false);
            };
            at += 2;
            match marker {
                0xd9 => return self.conclude(true),
                // Markers that stand alone: TEM, restarts, another start.
                0x01 | 0xd0..=0xd8 => continue,
                _ => {}
            }
            let bytes = self.bytes;
            let segment = bytes
                .get(at..at + 2)
                .map(|length| usize::from(u16::from_be_bytes([length[0], length[1]])))
                .and_then(|length| bytes.get(at + 2..at.checked_add(length)?));
            let Some(segment) = segment else {
                // The end inside a header behind a picture that is whole is no loss.
                return self.conclude(false);
            };
            at += 2 + segment.len();
            match marker {
                0xc0..=0xc2 => self.start_frame(marker == 0xc2, segment)?,
                0xc3 | 0xc5..=0xc7 | 0xcb | 0xcd..=0xcf => {
                    return Err(unsupported("lossless or hierarchical coding"));
                }
                0xc9 | 0xca | 0xcc => return Err(unsupported("arithmetic coding")),
                0xc4 => self.define_tables(segment)?,
                0xdc => return Err(unsupported("a height given after the data")),
                0xdd => {
                    let &[high, low] = segment else {
                        return Err(damaged("a restart interval of the wrong length"));
                    };
                    self.restart_interval = u32::from(u16::from_be_bytes([high, low]));
                }
                0xee => {
                    // Mark, version, two sets of flags, and a transform of 0 to 2.
                    let sound = matches!(segment, [_, _, _, _, _, _, _, _, _, _, _, 0..=2, ..]);
                    if segment.starts_with(b"Adobe") && !sound {
                        self.odd_adobe.push(at - segment.len() - 3);
                    }
                }
                0xda => at = self.scan(segment, at)?,
                _ => {}
            }
        }
    }

    fn start_frame(&mut self, progressive: bool, segment: &[u8]) -> Result<(), MediaError> {
        if self.frame.is_some() {
            return Err(damaged("it has two frame headers"));
        }
        let &[precision, h1, h0, w1, w0, count, ref listed @ ..] = segment else {
            return Err(damaged("its frame header is short"));
        };
        let width = u32::from(u16::from_be_bytes([w1, w0]));
        let height = u32::from(u16::from_be_bytes([h1, h0]));
        // A progressive one takes more than its pixels: that is asked for below, all at once.
        let pixel_bytes = if progressive { 0 } else { 3 };
        self.limits
            .admit(Format::Jpeg, width, height, pixel_bytes)?;
        if precision != 8 {
            return Err(unsupported(format_args!("{precision} bits a sample")));
        }
        if !matches!(count, 1 | 3 | 4) {
            return Err(unsupported(format_args!("{count} colour components")));
        }
        if listed.len() < usize::from(count) * 3 {
            return Err(damaged("its frame header is short"));
        }
        let factors: Vec<(u8, u32, u32)> = listed
            .chunks_exact(3)
            .take(usize::from(count))
            .map(|part| {
                // One component alone is never subsampled against another.
                let (h, v) = if count == 1 {
                    (1, 1)
                } else {
                    (u32::from(part[1] >> 4), u32::from(part[1] & 15))
                };
                (part[0], h, v)
            })
            .collect();
        if !factors
            .iter()
            .all(|&(_, h, v)| (1..=4).contains(&h) && (1..=4).contains(&v))
        {
            return Err(damaged("a sampling factor is not 1 to 4"));
        }
        let most = |of: fn(&(u8, u32, u32)) -> u32| factors.iter().map(of).max().unwrap_or(1);
        let (most_h, most_v) = (most(|part| part.1), most(|part| part.2));
        let units_across = width.div_ceil(8 * most_h);
        let units_down = height.div_ceil(8 * most_v);
        let blocks = |h: u32, v: u32| u64::from(units_across * h) * u64::from(units_down * v);
        if progressive {
            // The decoder keeps every coefficient in two bytes; the survey one bit of each.
            let all: u64 = factors.iter().map(|&(_, h, v)| blocks(h, v)).sum();
            let pixels = u64::from(width) * u64::from(height) * 3;
            self.limits.admit_bytes(all * (64 * 2 + 8) + pixels)?;
        }
        let components = factors
            .iter()
            .map(|&(id, horizontal, vertical)| Component {
                id,
                horizontal,
                vertical,
                blocks_across: (width * horizontal).div_ceil(8 * most_h),
                blocks_down: (height * vertical).div_ceil(8 * most_v),
                stride: units_across * horizontal,
                nonzero: if progressive {
                    vec![0; blocks(horizontal, vertical) as usize]
                } else {
                    Vec::new()
                },
                missing: [None; 64],
            })
            .collect();
        self.frame = Some(Frame {
            progressive,
            width,
            height,
            units_across,
            units_down,
            components,
        });
        Ok(())
    }

    fn define_tables(&mut self, mut segment: &[u8]) -> Result<(), MediaError> {
        while let [class_and_slot, rest @ ..] = segment {
            self.tables += 1;
            if self.tables > MAX_TABLES {
                return Err(damaged(format!(
                    "it has more than {MAX_TABLES} Huffman tables"
                )));
            }
            let short = || damaged("a Huffman table is short");
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or_else(short)?;
            let total = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, rest) = rest.split_at_checked(total).ok_or_else(short)?;
            let table =
                Table::new(counts, symbols).ok_or_else(|| damaged("a Huffman table is no code"))?;
            let tables = if class_and_slot >> 4 == 0 {
                &mut self.dc
            } else {
                &mut self.ac
            };
            *tables
                .get_mut(usize::from(class_and_slot & 15))
                .ok_or_else(|| damaged("a Huffman table has no such place"))? = Some(table);
            segment = rest;
        }
        Ok(())
    }

    /// Counts a scan's blocks off and gives the position after them.
    fn scan(&mut self, header: &[u8], at: usize) -> Result<usize, MediaError> {
        let frame = self
            .frame
            .as_mut()
            .ok_or_else(|| damaged("a scan stands before the frame header"))?;
        self.scans += 1;
        if self.scans > MAX_SCANS {
            return Err(damaged(format!("it has more than {MAX_SCANS} scans")));
        }
        let scan = Scan::read(header, frame)
            .ok_or_else(|| damaged("a scan's header is not that of a scan"))?;
        let mut walk = Walk::new(self.bytes, at, self.restart_interval);
        let is_band = frame.progressive && scan.first > 0;
        if is_band && self.strict {
            let end = strict::walked(
                self.bytes,
                at,
                self.restart_interval,
                frame,
                &scan,
                &self.ac,
            );
            let Some(end) = end else {
                self.gave_up = true;
                return Err(damaged("a scan has a fault"));
            };
            frame.note(&scan);
            return Ok(end);
        }
        let walked = if !frame.progressive {
            walk.baseline(frame, &scan, &self.dc, &self.ac)
        } else if scan.first == 0 {
            walk.progressive_dc(frame, &scan, &self.dc)
        } else {
            walk.progressive_ac(frame, &scan, &self.ac)
        };
        let end = walked
            .and_then(|()| walk.finish())
            .map_err(|fault| match fault {
                Fault::Short => damaged("its data end before the picture does"),
                Fault::Code => damaged("its data hold a code that no Huffman table of it has"),
            })?;
        if !frame.progressive && scan.parts.len() == frame.components.len() && self.scans == 1 {
            self.only_scan_end = Some(end);
        }
        frame.note(&scan);
        Ok(end)
    }

    /// Says whether what was seen is a whole picture, at an end-of-image marker or at the end.
    fn conclude(&self, marked: bool) -> Result<Survey, MediaError> {
        let Some(frame) = &self.frame else {
            return Err(damaged("it ends before its frame header"));
        };
        let whole = frame.components.iter().all(|component| {
            if marked {
                component.missing[0].is_some()
            } else {
                component.missing.iter().all(|&missing| missing == Some(0))
            }
        });
        if !whole {
            return Err(damaged("it ends before all scans of the picture"));
        }
        let end = match self.only_scan_end {
            Some(end) if self.bytes.get(end..end + 2) == Some(&[0xff, 0xd9]) => None,
            Some(end) => Some(end),
            None if marked => None,
            None => Some(self.bytes.len()),
        };
        Ok(Survey {
            width: frame.width,
            height: frame.height,
            odd_adobe: self.odd_adobe.clone(),
            end,
        })
    }
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
