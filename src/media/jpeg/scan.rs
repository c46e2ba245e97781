//! What a JPEG's headers say of its components and scans, and which of their coefficients have come.
//!
//! Owned here: the values. Not owned: reading the data behind the headers.

/// One component of a picture.
pub(super) struct Component {
    pub(super) id: u8,
    pub(super) horizontal: u32,
    pub(super) vertical: u32,
    /// Blocks that hold a part of the picture: what a scan of this component alone has.
    pub(super) blocks_across: u32,
    pub(super) blocks_down: u32,
    /// Blocks in a row of whole units.
    pub(super) stride: u32,
    /// Progressive only: which coefficients of each block are not zero yet.
    pub(super) nonzero: Vec<u64>,
    /// Bits still missing of each coefficient; `None` before its first scan.
    pub(super) missing: [Option<u8>; 64],
}

/// What the frame header says of the whole picture.
pub(super) struct Frame {
    pub(super) progressive: bool,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) units_across: u32,
    pub(super) units_down: u32,
    pub(super) components: Vec<Component>,
}

/// One scan's header.
pub(super) struct Scan {
    /// Index of the component, its DC table and its AC table.
    pub(super) parts: Vec<(usize, usize, usize)>,
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) high: u8,
    pub(super) low: u8,
}

impl Frame {
    /// Notes which bits of which coefficients a scan has brought.
    pub(super) fn note(&mut self, scan: &Scan) {
        let (last, low) = match self.progressive {
            true => (scan.last, scan.low),
            false => (63, 0),
        };
        for &(index, _, _) in &scan.parts {
            if let Some(component) = self.components.get_mut(index) {
                let missing = component.missing.iter_mut().take(last as usize + 1);
                for missing in missing.skip(scan.first as usize) {
                    *missing = Some(low);
                }
            }
        }
    }
}

impl Scan {
    pub(super) fn read(header: &[u8], frame: &Frame) -> Option<Self> {
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
