//! What a JPEG's headers say of its components and scans, and which of their coefficients have come.
//!
//! Owned here: the values. Not owned: reading the data behind the headers.

/// One component of a picture.
pub(super) struct Component {
    pub(super) id: u8,
    pub(super) horizontal: u32,
    pub(super) vertical: u32,
    /// The place of its quantisation table.
    pub(super) quantisation: usize,
    /// Blocks that hold a part of the picture: what a scan of this component alone has.
    pub(super) blocks_across: u32,
    pub(super) blocks_down: u32,
    /// Blocks in a row of whole units, and rows of them.
    pub(super) stride: u32,
    pub(super) rows: u32,
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
    /// The largest of the components' factors.
    pub(super) most_horizontal: u32,
    pub(super) most_vertical: u32,
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
    /// Whether the header is as long as it has to be and, of a sequential picture, says so of all
    /// 64 coefficients. Other values are passed over there, as viewers do.
    pub(super) is_exact: bool,
}

impl Frame {
    /// Notes which bits of which coefficients a scan has brought. False where these are not the next
    /// ones of each: then it brings some a second time, or leaves some out.
    pub(super) fn note(&mut self, scan: &Scan) -> bool {
        let (last, low) = match self.progressive {
            true => (scan.last, scan.low),
            false => (63, 0),
        };
        let expected = (self.progressive && scan.high > 0).then_some(scan.high);
        let mut is_next = true;
        for &(index, _, _) in &scan.parts {
            if let Some(component) = self.components.get_mut(index) {
                is_next &= scan.first == 0 || component.missing[0].is_some();
                let missing = component.missing.iter_mut().take(last as usize + 1);
                for missing in missing.skip(scan.first as usize) {
                    is_next &= *missing == expected;
                    *missing = Some(low);
                }
            }
        }
        is_next
    }

    /// Whether all of the picture has come.
    pub(super) fn is_complete(&self) -> bool {
        let mut components = self.components.iter();
        components.all(|component| component.missing.iter().all(|&missing| missing == Some(0)))
    }
}

impl Scan {
    pub(super) fn read(header: &[u8], frame: &Frame) -> Option<Self> {
        let (&count, rest) = header.split_first()?;
        let (listed, rest) = rest.split_at_checked(usize::from(count) * 2)?;
        let &[first, last, approximation, ref behind @ ..] = rest else {
            return None;
        };
        let is_exact = behind.is_empty();
        let mut parts: Vec<(usize, usize, usize)> = Vec::with_capacity(4);
        for part in listed.chunks_exact(2) {
            // Several may have one name: then each listing is the next of them.
            let is_free = |index| parts.iter().all(|&(other, _, _)| other != index);
            let mut components = frame.components.iter().enumerate();
            let (index, _) =
                components.find(|&(index, one)| one.id == part[0] && is_free(index))?;
            let (mut dc, mut ac) = (usize::from(part[1] >> 4), usize::from(part[1] & 15));
            if frame.progressive {
                // Only one of the two is for use.
                *(if first == 0 { &mut ac } else { &mut dc }) = 0;
            }
            if dc > 3 || ac > 3 {
                return None;
            }
            parts.push((index, dc, ac));
        }
        let (high, low) = (approximation >> 4, approximation & 15);
        if parts.is_empty() {
            return None;
        }
        if !frame.progressive {
            return Some(Self {
                parts,
                first: 0,
                last: 63,
                high: 0,
                low: 0,
                is_exact: is_exact && (first, last, approximation) == (0, 63, 0),
            });
        }
        let is_sound = first <= last
            && last < 64
            && (first > 0 || last == 0)
            && (first == 0 || parts.len() == 1)
            && low <= 13
            && (high == 0 || high == low + 1);
        is_sound.then_some(Self {
            parts,
            first: u32::from(first),
            last: u32::from(last),
            high,
            low,
            is_exact,
        })
    }

    /// Whether it holds all components of a picture, in their order.
    pub(super) fn is_of_all(&self, frame: &Frame) -> bool {
        let parts = self.parts.iter().enumerate();
        self.parts.len() == frame.components.len()
            && parts.into_iter().all(|(at, &(index, _, _))| at == index)
    }
}
