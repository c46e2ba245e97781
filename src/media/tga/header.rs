//! A Targa's header and footer (Truevision TGA, version 2.0, 1991), and whether bytes are a Targa at all.

use super::packets;

/// The bytes of every header.
const HEADER: usize = 18;
/// The bytes of the footer that newer files end with.
const FOOTER: usize = 26;
const FOOTER_MARK: &[u8] = b"TRUEVISION-XFILE.\0";
/// Where, in the part that the footer names, stands what the alpha means.
const ALPHA_KIND: usize = 494;
/// So many bytes may follow the pixels of a file without a footer: a longer rest is part of something else.
const MOST_BEHIND: usize = 4096;

/// What a pixel's bits stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Palette,
    Colour,
    Grey,
}

pub(super) struct Header {
    pub(super) kind: Kind,
    /// Whether pixels come in packets.
    pub(super) packed: bool,
    pub(super) palette: Palette,
    pub(super) width: u32,
    pub(super) height: u32,
    /// Bits of a pixel.
    pub(super) bits: u8,
    /// How many of them are said to be alpha.
    pub(super) alpha_bits: u8,
    /// Whether rows are stored from the right, and the first row is the one at the top.
    pub(super) from_right: bool,
    pub(super) from_top: bool,
    /// Rows of the obsolete kinds that are stored in two or four turns.
    pub(super) in_turns: bool,
    /// Where the pixels begin.
    pub(super) start: usize,
    /// Whether the file says that it has no alpha, whatever the bits say.
    pub(super) denies_alpha: bool,
}

/// Where the colours lie that pixels number.
pub(super) struct Palette {
    pub(super) is_there: bool,
    /// The number of the first colour that is stored.
    pub(super) first: u16,
    pub(super) count: u16,
    pub(super) bits: u8,
    pub(super) start: usize,
}

impl Header {
    /// Reads the header, where these bytes can be a Targa.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let header = bytes.first_chunk::<HEADER>()?;
        let &[name, has_palette, kind, p0, p1, c0, c1, palette_bits, ..] = header;
        let &[.., w0, w1, h0, h1, bits, descriptor] = header;
        let is_there = match has_palette {
            0 => false,
            1 => true,
            _ => return None,
        };
        let packed = kind & 8 != 0;
        let kind = match kind & !8 {
            1 if is_there => Kind::Palette,
            // Without a palette, numbers are greys: so programs take it.
            1 | 3 => Kind::Grey,
            2 => Kind::Colour,
            _ => return None,
        };
        let palette = Palette {
            is_there,
            first: u16::from_le_bytes([p0, p1]),
            count: u16::from_le_bytes([c0, c1]),
            bits: palette_bits,
            start: HEADER + usize::from(name),
        };
        let two = |low, high| u32::from(u16::from_le_bytes([low, high]));
        Some(Self {
            kind,
            packed,
            width: two(w0, w1),
            height: two(h0, h1),
            bits,
            alpha_bits: descriptor & 15,
            from_right: descriptor & 0x10 != 0,
            from_top: descriptor & 0x20 != 0,
            in_turns: descriptor & 0xc0 != 0,
            start: palette.start + palette.length(),
            denies_alpha: denies_alpha(bytes),
            palette,
        })
    }

    /// Bytes of a pixel; `None` where no such pixels are read.
    pub(super) fn pixel_bytes(&self) -> Option<usize> {
        match (self.kind, self.bits) {
            (Kind::Palette | Kind::Grey, 8) => Some(1),
            (Kind::Palette | Kind::Grey, 16) => Some(2),
            (Kind::Colour, 15 | 16) => Some(2),
            (Kind::Colour, 24) => Some(3),
            (Kind::Colour, 32) => Some(4),
            _ => None,
        }
    }

    pub(super) fn pixels(&self) -> usize {
        self.width as usize * self.height as usize
    }

    /// Whether everything in the header is as the specification has it, and the pixels end where the file does: a file
    /// without a footer has no other mark.
    fn is_strict(&self, bytes: &[u8]) -> bool {
        let Some(pixel) = self.pixel_bytes() else {
            return false;
        };
        let palette = &self.palette;
        let has_sound_palette = if palette.is_there {
            self.kind != Kind::Grey
                && palette.count > 0
                && palette.first.checked_add(palette.count).is_some()
                && matches!(palette.bits, 15 | 16 | 24 | 32)
        } else {
            (palette.first, palette.count, palette.bits) == (0, 0, 0)
        };
        let has_sound_alpha = match (self.kind, self.bits) {
            (Kind::Colour, 16) => self.alpha_bits <= 1,
            (Kind::Colour, 32) | (Kind::Grey, 16) => matches!(self.alpha_bits, 0 | 8),
            // Programs write here what their palette has.
            (Kind::Palette, _) => matches!(self.alpha_bits, 0 | 1 | 8),
            _ => self.alpha_bits == 0,
        };
        if !has_sound_palette || !has_sound_alpha || self.in_turns || self.pixels() == 0 {
            return false;
        }
        let data = bytes.get(self.start..).unwrap_or_default();
        let length = if self.packed {
            packets::length(data, pixel, self.pixels())
        } else {
            self.pixels().checked_mul(pixel)
        };
        let behind = length.and_then(|length| data.len().checked_sub(length));
        behind.is_some_and(|behind| behind <= MOST_BEHIND)
    }
}

impl Palette {
    fn length(&self) -> usize {
        match self.is_there {
            true => usize::from(self.count) * self.entry_bytes(),
            false => 0,
        }
    }

    /// Bytes of a colour.
    pub(super) fn entry_bytes(&self) -> usize {
        usize::from(self.bits).div_ceil(8)
    }
}

/// Whether these bytes are a Targa: by the footer of newer files, or by a header and a length that are those of no other
/// file.
pub(in crate::media) fn is_targa(bytes: &[u8]) -> bool {
    Header::read(bytes).is_some_and(|header| footer(bytes).is_some() || header.is_strict(bytes))
}

/// The footer of newer files.
fn footer(bytes: &[u8]) -> Option<&[u8]> {
    let footer = bytes.get(HEADER..)?.last_chunk::<FOOTER>()?;
    footer.ends_with(FOOTER_MARK).then_some(footer)
}

/// Whether the part that the footer names says that there is no alpha.
fn denies_alpha(bytes: &[u8]) -> bool {
    let kind = || {
        let at = u32::from_le_bytes(*footer(bytes)?.first_chunk()?) as usize;
        bytes.get(at.checked_add(ALPHA_KIND)?).filter(|_| at > 0)
    };
    kind() == Some(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of 4 x 3 pixels: kind, bits, descriptor.
    fn file(kind: u8, bits: u8, descriptor: u8, data: usize) -> Vec<u8> {
        let mut file = vec![
            0, 0, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 3, 0, bits, descriptor,
        ];
        file.resize(HEADER + data, 7);
        file
    }

    #[test]
    fn what_is_no_targa_is_not_swallowed() {
        assert!(is_targa(&file(2, 24, 0, 36)));
        assert!(is_targa(&file(2, 32, 8, 48)));
        assert!(is_targa(&file(3, 8, 0x20, 12)));
        assert!(is_targa(&file(3, 8, 0x20, 12 + MOST_BEHIND)));
        for (what, bytes) in [
            ("too short", file(2, 24, 0, 35)),
            ("too long", file(3, 8, 0x20, 13 + MOST_BEHIND)),
            ("no such depth", file(2, 8, 0, 36)),
            ("no such kind", file(4, 24, 0, 36)),
            ("alpha of 24 bits", file(2, 24, 8, 36)),
            ("rows in turns", file(2, 24, 0x40, 36)),
            ("packets that end early", file(10, 24, 0, 4)),
            ("zeros", vec![0; 4096]),
            ("text", b"a text of many words, and no picture".repeat(9)),
        ] {
            assert!(!is_targa(&bytes), "{what}");
        }
        // A palette that is said and not there.
        let mut bytes = file(2, 24, 0, 36);
        bytes[5] = 1;
        assert!(!is_targa(&bytes));
        // With its footer a file may be cut or odd: that is said when it is read.
        let marked = [&file(2, 24, 0x40, 9)[..], &[0; 8], FOOTER_MARK].concat();
        assert!(is_targa(&marked));
        let text = [&b"a text"[..], &[0; 20], FOOTER_MARK].concat();
        assert!(!is_targa(&text));
    }
}
