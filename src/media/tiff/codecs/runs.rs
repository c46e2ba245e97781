//! The bits of fax data, and the runs and modes that they stand for. The codes themselves are those of
//! the crate `fax`.

use fax::BitReader;
use fax::maps::{Mode, black, mode, white};

/// Bits from the upper end of each byte, or from the lower one where the file says so. Behind the end
/// there are zeros, so that a code which reaches just there is read.
#[derive(Clone)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    reversed: bool,
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) const fn new(data: &'a [u8], reversed: bool) -> Self {
        Self {
            data,
            reversed,
            at: 0,
        }
    }

    fn byte(&self, at: usize) -> u8 {
        let byte = self.data.get(at).copied().unwrap_or(0);
        if self.reversed {
            byte.reverse_bits()
        } else {
            byte
        }
    }

    /// The next bits, at most 16.
    pub(super) fn next(&self, count: u8) -> u16 {
        let first = self.at / 8;
        let three = [first, first + 1, first + 2].map(|at| u32::from(self.byte(at)));
        let held = three[0] << 16 | three[1] << 8 | three[2];
        let shift = 24 - (self.at % 8) as u32 - u32::from(count);
        (held >> shift & ((1 << count) - 1)) as u16
    }

    pub(super) const fn skip(&mut self, count: usize) {
        self.at += count;
    }

    /// Whether all bits are read.
    pub(super) const fn is_at_end(&self) -> bool {
        self.at >= self.data.len() * 8
    }

    /// Whether so many bits are left.
    pub(super) const fn holds(&self, count: usize) -> bool {
        self.at + count <= self.data.len() * 8
    }

    /// Whether more bits were read than there are.
    pub(super) const fn is_beyond(&self) -> bool {
        self.at > self.data.len() * 8
    }

    /// Goes on to a whole byte.
    pub(super) const fn align(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }

    /// Passes over a mark of a row's end, with the zeros that fill up before it. False where none
    /// stands here.
    pub(super) fn end_of_row(&mut self) -> bool {
        // No code of a run begins with more than seven zeros.
        if self.next(11) != 0 {
            return false;
        }
        let mut behind = self.clone();
        behind.skip(11);
        while behind.next(1) == 0 {
            if behind.is_at_end() {
                return false;
            }
            behind.skip(1);
        }
        behind.skip(1);
        *self = behind;
        true
    }

    /// A run of black or white; `None` where no code of one stands here.
    pub(super) fn run(&mut self, is_black: bool) -> Option<u32> {
        let mut length = 0_u32;
        loop {
            let part = if is_black {
                black::decode(self)?
            } else {
                white::decode(self)?
            };
            if self.is_beyond() {
                return None;
            }
            length = length.checked_add(u32::from(part))?;
            if part < 64 {
                return Some(length);
            }
        }
    }

    /// How the next change of colour is coded.
    pub(super) fn mode(&mut self) -> Option<Mode> {
        mode::decode(self).filter(|_| !self.is_beyond())
    }
}

impl BitReader for Bits<'_> {
    type Error = std::convert::Infallible;

    fn peek(&self, bits: u8) -> Option<u16> {
        (bits <= 16).then(|| self.next(bits))
    }

    fn consume(&mut self, bits: u8) -> Result<(), Self::Error> {
        self.skip(usize::from(bits));
        Ok(())
    }

    fn bits_to_byte_boundary(&self) -> u8 {
        (8 - self.at % 8) as u8 % 8
    }
}
