//! Whether a JPEG holds all of its picture, found without computing a pixel.
//!
//! Decoders fill in what is missing and say nothing (grey, or the last colour smeared), which would
//! hash as another picture. So each scan's symbols are counted off: every block of the picture must
//! be there, in every restart interval, from bits that are in the file (ITU-T T.81, F.2 and G.2).
//! That is a part of the work of decoding; no inverse transform, no colours, no pixels.
//!
//! What is not held against a file: anything behind the end of the image, unknown segments, surplus
//! data before a marker, and a missing end-of-image marker where all of the picture is there
//! (viewers show such a file whole). What is wrong in the data without their ending early shows in
//! every viewer as it does here, and is judged as shown.

use super::super::{Format, Limits, MediaError};
use super::entropy::{Bits, Fault, Table, next_marker};

/// More scans than this are refused: each may cost a pass over the whole picture for a few bytes.
const MAX_SCANS: u32 = 100;

/// What the headers say of a picture that is all there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Survey {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Where the codes of markers stand whose segments call themselves Adobe's and are not: other
    /// decoders pass them over, `zune-jpeg` gives up.
    pub(super) odd_adobe: Vec<usize>,
}

struct Component {
    id: u8,
    horizontal: u32,
    vertical: u32,
    /// Blocks that hold a part of the picture: what a scan of this component alone has.
    blocks_across: u32,
    blocks_down: u32,
    /// Blocks in a row of whole units.
    stride: u32,
    /// Progressive only: which coefficients of each block are not zero yet.
    nonzero: Vec<u64>,
    /// Bits still missing of each coefficient; `None` before its first scan.
    missing: [Option<u8>; 64],
}

struct Frame {
    progressive: bool,
    width: u32,
    height: u32,
    units_across: u32,
    units_down: u32,
    components: Vec<Component>,
}

/// One scan's header.
struct Scan {
    /// Index of the component, its DC table and its AC table.
    parts: Vec<(usize, usize, usize)>,
    first: u32,
    last: u32,
    high: u8,
    low: u8,
}

struct Surveyor<'a> {
    bytes: &'a [u8],
    limits: &'a Limits,
    frame: Option<Frame>,
    dc: [Option<Box<Table>>; 4],
    ac: [Option<Box<Table>>; 4],
    restart_interval: u32,
    scans: u32,
    odd_adobe: Vec<usize>,
}

/// Counts a JPEG's blocks off, within limits.
///
/// # Errors
///
/// [`MediaError::Undecodable`] where a part of the picture is not there; `TooLarge` from the header;
/// `Unsupported` for arithmetic coding, lossless, hierarchical and 12-bit JPEG.
pub(super) fn survey(bytes: &[u8], limits: &Limits) -> Result<Survey, MediaError> {
    Surveyor {
        bytes,
        limits,
        frame: None,
        dc: [const { None }; 4],
        ac: [const { None }; 4],
        restart_interval: 0,
        scans: 0,
        odd_adobe: Vec::new(),
    }
    .run()
}

fn damaged(reason: impl Into<String>) -> MediaError {
    MediaError::damaged(Format::Jpeg, reason)
}

fn unsupported(what: impl std::fmt::Display) -> MediaError {
    MediaError::variant(Format::Jpeg, what)
}

impl Surveyor<'_> {
    fn run(mut self) -> Result<Survey, MediaError> {
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
        self.limits.admit(Format::Jpeg, width, height, 3)?;
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
        let mut walk = Walk {
            bits: Bits::new(self.bytes, at),
            data: self.bytes,
            interval: self.restart_interval,
            left: self.restart_interval,
            next_restart: 0,
            end_of_band: 0,
        };
        let walked = if !frame.progressive {
            walk.baseline(frame, &scan, &self.dc, &self.ac)
        } else if scan.first == 0 {
            walk.progressive_dc(frame, &scan, &self.dc)
        } else {
            walk.progressive_ac(frame, &scan, &self.ac)
        };
        let end = walked
            .and_then(|()| walk.bits.finish())
            .map_err(|fault| match fault {
                Fault::Short => damaged("its data end before the picture does"),
                Fault::Code => damaged("its data hold a code that no Huffman table of it has"),
            })?;
        for &(index, _, _) in &scan.parts {
            if let Some(component) = frame.components.get_mut(index) {
                let last = if frame.progressive { scan.last } else { 63 };
                for missing in component
                    .missing
                    .iter_mut()
                    .take(last as usize + 1)
                    .skip(scan.first as usize)
                {
                    *missing = Some(if frame.progressive { scan.low } else { 0 });
                }
            }
        }
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
        Ok(Survey {
            width: frame.width,
            height: frame.height,
            odd_adobe: self.odd_adobe.clone(),
        })
    }
}

impl Scan {
    fn read(header: &[u8], frame: &Frame) -> Option<Self> {
        let (&count, rest) = header.split_first()?;
        let (listed, rest) = rest.split_at_checked(usize::from(count) * 2)?;
        let &[first, last, approximation, ..] = rest else {
            return None;
        };
        let mut parts = Vec::with_capacity(4);
        for part in listed.chunks_exact(2) {
            let index = frame.components.iter().position(|one| one.id == part[0])?;
            if parts.iter().any(|&(other, _, _)| other == index) {
                return None;
            }
            let (dc, ac) = (usize::from(part[1] >> 4), usize::from(part[1] & 15));
            if dc > 3 || ac > 3 {
                return None;
            }
            parts.push((index, dc, ac));
        }
        let scan = Self {
            parts,
            first: u32::from(first),
            last: u32::from(last),
            high: approximation >> 4,
            low: approximation & 15,
        };
        let sound = !scan.parts.is_empty()
            && (!frame.progressive
                || (scan.first <= scan.last
                    && scan.last < 64
                    && (scan.first > 0 || scan.last == 0)
                    && (scan.first == 0 || scan.parts.len() == 1)
                    && scan.low <= 13));
        let first = if frame.progressive { scan.first } else { 0 };
        sound.then_some(Self { first, ..scan })
    }
}

/// A walk over the units of one scan.
struct Walk<'a> {
    bits: Bits<'a>,
    data: &'a [u8],
    interval: u32,
    /// Units before the next restart marker.
    left: u32,
    next_restart: u8,
    /// Progressive: blocks still covered by an end-of-band run.
    end_of_band: u32,
}

impl Walk<'_> {
    /// Before each unit: passes the restart marker that is due.
    #[inline(always)]
    fn restart_if_due(&mut self) -> Result<(), Fault> {
        if self.interval == 0 {
            return Ok(());
        }
        if self.left == 0 {
            self.restart()?;
        }
        self.left -= 1;
        Ok(())
    }

    fn restart(&mut self) -> Result<(), Fault> {
        let at = self.bits.finish()?;
        if self.data.get(at + 1) != Some(&(0xd0 + self.next_restart)) {
            return Err(Fault::Short);
        }
        self.next_restart = (self.next_restart + 1) & 7;
        self.bits = Bits::new(self.data, at + 2);
        self.left = self.interval;
        self.end_of_band = 0;
        Ok(())
    }

    fn baseline(
        &mut self,
        frame: &Frame,
        scan: &Scan,
        dc: &[Option<Box<Table>>; 4],
        ac: &[Option<Box<Table>>; 4],
    ) -> Result<(), Fault> {
        let mut parts = Vec::with_capacity(4);
        for &(index, dc_slot, ac_slot) in &scan.parts {
            let component = frame.components.get(index).ok_or(Fault::Code)?;
            let dc = dc[dc_slot].as_deref().ok_or(Fault::Code)?;
            let ac = ac[ac_slot].as_deref().ok_or(Fault::Code)?;
            parts.push((component, dc, ac));
        }
        if let &[(component, dc, ac)] = parts.as_slice() {
            for _ in 0..component.blocks_across * component.blocks_down {
                self.restart_if_due()?;
                block(&mut self.bits, dc, ac)?;
            }
            return Ok(());
        }
        for _ in 0..frame.units_across * frame.units_down {
            self.restart_if_due()?;
            for &(component, dc, ac) in &parts {
                for _ in 0..component.horizontal * component.vertical {
                    block(&mut self.bits, dc, ac)?;
                }
            }
        }
        Ok(())
    }

    fn progressive_dc(
        &mut self,
        frame: &Frame,
        scan: &Scan,
        dc: &[Option<Box<Table>>; 4],
    ) -> Result<(), Fault> {
        let alone = scan.parts.len() == 1;
        let mut parts = Vec::with_capacity(4);
        let mut units = frame.units_across * frame.units_down;
        for &(index, slot, _) in &scan.parts {
            let component = frame.components.get(index).ok_or(Fault::Code)?;
            let blocks = if alone {
                units = component.blocks_across * component.blocks_down;
                1
            } else {
                component.horizontal * component.vertical
            };
            // A refining scan needs no table.
            let table = dc[slot].as_deref();
            if scan.high == 0 && table.is_none() {
                return Err(Fault::Code);
            }
            parts.push((blocks, table));
        }
        for _ in 0..units {
            self.restart_if_due()?;
            for &(blocks, table) in &parts {
                for _ in 0..blocks {
                    match table {
                        Some(table) if scan.high == 0 => {
                            self.bits.symbol_and_value(table)?;
                        }
                        _ => {
                            let _ = self.bits.take(1);
                        }
                    }
                }
            }
            self.bits.check()?;
        }
        Ok(())
    }

    fn progressive_ac(
        &mut self,
        frame: &mut Frame,
        scan: &Scan,
        ac: &[Option<Box<Table>>; 4],
    ) -> Result<(), Fault> {
        let &[(index, _, slot)] = scan.parts.as_slice() else {
            return Err(Fault::Code);
        };
        let component = frame.components.get_mut(index).ok_or(Fault::Code)?;
        let table = ac[slot].as_deref().ok_or(Fault::Code)?;
        let across = component.blocks_across as usize;
        for row in component
            .nonzero
            .chunks_mut(component.stride as usize)
            .take(component.blocks_down as usize)
        {
            for nonzero in row.iter_mut().take(across) {
                self.restart_if_due()?;
                if scan.high == 0 {
                    self.band_first(table, scan, nonzero)?;
                } else {
                    self.band_refined(table, scan, nonzero)?;
                }
            }
        }
        Ok(())
    }

    /// The first scan of a band of coefficients (G.1.2.2).
    #[inline(always)]
    fn band_first(&mut self, table: &Table, scan: &Scan, nonzero: &mut u64) -> Result<(), Fault> {
        if self.end_of_band > 0 {
            self.end_of_band -= 1;
            return Ok(());
        }
        let mut at = scan.first;
        while at <= scan.last {
            let symbol = self.bits.symbol(table)?;
            let run = u32::from(symbol >> 4);
            let size = u32::from(symbol & 15);
            if size > 0 {
                at += run;
                let _ = self.bits.take(size);
                if at > 63 {
                    return Err(Fault::Code);
                }
                *nonzero |= 1 << at;
                at += 1;
            } else if run == 15 {
                at += 16;
            } else {
                self.end_of_band = (1 << run) - 1 + self.bits.take(run);
                break;
            }
        }
        self.bits.check()
    }

    /// A scan that adds a bit to a band of coefficients (G.1.2.3).
    #[inline(always)]
    fn band_refined(&mut self, table: &Table, scan: &Scan, nonzero: &mut u64) -> Result<(), Fault> {
        let mut at = scan.first;
        while self.end_of_band == 0 && at <= scan.last {
            let symbol = self.bits.symbol(table)?;
            let mut run = u32::from(symbol >> 4);
            let new = symbol & 15 > 0;
            if new {
                // The sign of a coefficient that becomes one.
                let _ = self.bits.take(1);
            } else if run < 15 {
                self.end_of_band = (1 << run) + self.bits.take(run);
                break;
            }
            // Over `run` coefficients that stay zero; those that are not have a bit each.
            while at <= scan.last {
                if *nonzero >> at & 1 == 1 {
                    let _ = self.bits.take(1);
                } else if run == 0 {
                    break;
                } else {
                    run -= 1;
                }
                at += 1;
            }
            if new && at <= scan.last {
                *nonzero |= 1 << at;
            }
            at += 1;
            self.bits.check()?;
        }
        if self.end_of_band > 0 {
            if at <= scan.last {
                let upto = u64::MAX >> (63 - scan.last);
                self.bits
                    .skip((*nonzero & upto & (u64::MAX << at)).count_ones());
            }
            self.end_of_band -= 1;
        }
        self.bits.check()
    }
}

/// One block of a baseline scan (F.2.2).
#[inline(always)]
fn block(bits: &mut Bits<'_>, dc: &Table, ac: &Table) -> Result<(), Fault> {
    bits.symbol_and_value(dc)?;
    let mut at = 1;
    while at < 64 {
        let symbol = bits.symbol_and_value(ac)?;
        if symbol == 0 {
            break;
        }
        at += u32::from(symbol >> 4) + 1;
    }
    bits.check()
}
