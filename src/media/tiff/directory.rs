//! The file's header, its directories, and the values of their entries: classic TIFF and BigTIFF, in
//! both byte orders.

use super::budget::Budget;
use super::fault::{damaged, ends_early};
use crate::media::MediaError;

/// More entries than this are no directory: the known tags are a few hundred.
const MOST_ENTRIES: u64 = 4096;

/// The order of a number's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    /// The number that up to eight bytes stand for.
    pub(super) fn number(self, bytes: &[u8]) -> u64 {
        let push = |number: u64, &byte: &u8| number << 8 | u64::from(byte);
        match self {
            Self::Little => bytes.iter().rev().fold(0, push),
            Self::Big => bytes.iter().fold(0, push),
        }
    }

    pub(super) fn two(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }
}

/// An opened file.
#[derive(Clone, Copy)]
pub(super) struct File<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) order: Order,
    big: bool,
}

impl<'a> File<'a> {
    /// Reads the header, and gives the place of the first directory too.
    pub(super) fn open(bytes: &'a [u8]) -> Result<(Self, u64), MediaError> {
        let short = || damaged("its header is short");
        let order = match bytes.get(..2).ok_or_else(short)? {
            b"II" => Order::Little,
            _ => Order::Big,
        };
        let mark = bytes.get(2..4).ok_or_else(short)?;
        let big = order.number(mark) == 43;
        let file = Self { bytes, order, big };
        let first = file
            .number(if big { 8 } else { 4 }, file.width())
            .ok_or_else(short)?;
        if big && file.number(4, 2) != Some(8) {
            return Err(damaged("its header says that places do not take 8 bytes"));
        }
        Ok((file, first))
    }

    /// Bytes of a place or a count.
    const fn width(&self) -> usize {
        if self.big { 8 } else { 4 }
    }

    pub(super) fn get(&self, at: u64, length: u64) -> Option<&'a [u8]> {
        let at = usize::try_from(at).ok()?;
        self.bytes.get(at..)?.get(..usize::try_from(length).ok()?)
    }

    fn number(&self, at: u64, length: usize) -> Option<u64> {
        Some(self.order.number(self.get(at, length as u64)?))
    }

    /// The directory at a place.
    pub(super) fn directory(
        &self,
        at: u64,
        budget: &mut Budget,
    ) -> Result<Directory<'a>, MediaError> {
        let short = || damaged("a directory lies outside the file");
        let head = if self.big { 8 } else { 2 };
        let count = self.number(at, head).ok_or_else(short)?;
        if count > MOST_ENTRIES {
            return Err(damaged(format!(
                "a directory has more than {MOST_ENTRIES} entries"
            )));
        }
        // Tag, type, count, value.
        let size = 4 + 2 * self.width();
        let length = count * size as u64;
        budget.name(length + 16)?;
        let at = at.checked_add(head as u64).ok_or_else(short)?;
        let listed = self.get(at, length).ok_or_else(short)?;
        let entries = listed
            .chunks_exact(size)
            .filter_map(|entry| self.entry(entry))
            .collect();
        // A file that ends behind the last entry has no further page.
        let next = at
            .checked_add(length)
            .and_then(|at| self.number(at, self.width()))
            .unwrap_or(0);
        Ok(Directory { entries, next })
    }

    fn entry(&self, entry: &[u8]) -> Option<Entry<'a>> {
        let width = self.width();
        let kind = Kind::of(self.order.number(entry.get(2..4)?))?;
        let count = self.order.number(entry.get(4..4 + width)?);
        let length = count.checked_mul(kind.bytes() as u64)?;
        let place = entry.get(4 + width..)?;
        let bytes = if length <= width as u64 {
            // Where the entry itself stands in the file is not known here; its bytes are.
            Inline::new(place, length as usize).map(Bytes::Inline)
        } else {
            self.get(self.order.number(place), length).map(Bytes::File)
        };
        Some(Entry {
            tag: self.order.number(entry.get(..2)?) as u16,
            values: bytes.map(|bytes| Values {
                bytes,
                kind,
                order: self.order,
            }),
        })
    }
}

/// A directory of one picture.
pub(super) struct Directory<'a> {
    entries: Vec<Entry<'a>>,
    /// The place of the next one, or 0.
    pub(super) next: u64,
}

struct Entry<'a> {
    tag: u16,
    /// `None` where they lie outside the file.
    values: Option<Values<'a>>,
}

impl<'a> Directory<'a> {
    /// The values of a tag. Two entries of one tag that say different things are refused: programs do
    /// not agree which of them counts.
    pub(super) fn values(&self, tag: u16) -> Result<Option<Values<'a>>, MediaError> {
        let mut of_it = self.entries.iter().filter(|entry| entry.tag == tag);
        let Some(entry) = of_it.next() else {
            return Ok(None);
        };
        let values = entry.values.ok_or_else(ends_early)?;
        let is_same = |other: &Values<'_>| {
            other.len() == values.len() && (0..values.len()).all(|at| other.at(at) == values.at(at))
        };
        if of_it.any(|other| !other.values.as_ref().is_some_and(is_same)) {
            return Err(damaged(format!("it says two things of tag {tag}")));
        }
        Ok(Some(values).filter(|values| values.len() > 0))
    }

    /// The first value of a tag.
    pub(super) fn number(&self, tag: u16) -> Result<Option<u64>, MediaError> {
        Ok(self.values(tag)?.and_then(|values| values.get(0)))
    }

    /// The first value of a tag, or what counts where there is none.
    pub(super) fn or(&self, tag: u16, default: u64) -> Result<u64, MediaError> {
        Ok(self.number(tag)?.unwrap_or(default))
    }
}

/// How a value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Byte,
    Short,
    Long,
    Long8,
    Ratio,
    SignedByte,
    SignedShort,
    SignedLong,
    SignedLong8,
    SignedRatio,
    Float,
    Double,
}

impl Kind {
    fn of(number: u64) -> Option<Self> {
        Some(match number {
            // Bytes, text, and bytes of no stated kind.
            1 | 2 | 7 => Self::Byte,
            3 => Self::Short,
            // With the kind for places of directories.
            4 | 13 => Self::Long,
            5 => Self::Ratio,
            6 => Self::SignedByte,
            8 => Self::SignedShort,
            9 => Self::SignedLong,
            10 => Self::SignedRatio,
            11 => Self::Float,
            12 => Self::Double,
            16 | 18 => Self::Long8,
            17 => Self::SignedLong8,
            _ => return None,
        })
    }

    const fn bytes(self) -> usize {
        match self {
            Self::Byte | Self::SignedByte => 1,
            Self::Short | Self::SignedShort => 2,
            Self::Long | Self::SignedLong | Self::Float => 4,
            Self::Long8 | Self::SignedLong8 | Self::Ratio | Self::SignedRatio | Self::Double => 8,
        }
    }
}

/// Values that stand in the entry itself.
#[derive(Clone, Copy)]
struct Inline {
    bytes: [u8; 8],
    length: u8,
}

impl Inline {
    fn new(place: &[u8], length: usize) -> Option<Self> {
        let mut bytes = [0; 8];
        bytes
            .get_mut(..length)?
            .copy_from_slice(place.get(..length)?);
        Some(Self {
            bytes,
            length: length as u8,
        })
    }
}

#[derive(Clone, Copy)]
enum Bytes<'a> {
    Inline(Inline),
    File(&'a [u8]),
}

/// The values of an entry, read one by one.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    bytes: Bytes<'a>,
    kind: Kind,
    order: Order,
}

impl Values<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Inline(inline) => inline
                .bytes
                .get(..usize::from(inline.length))
                .unwrap_or(&[]),
            Bytes::File(bytes) => bytes,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes().len() / self.kind.bytes()
    }

    fn at(&self, at: usize) -> Option<&[u8]> {
        let size = self.kind.bytes();
        self.bytes().get(at.checked_mul(size)?..)?.get(..size)
    }

    /// A whole number that is not below 0; `None` for any other.
    pub(super) fn get(&self, at: usize) -> Option<u64> {
        let bytes = self.at(at)?;
        let number = self.order.number(bytes);
        let sign = 1 << (bytes.len() * 8 - 1);
        match self.kind {
            Kind::Byte | Kind::Short | Kind::Long | Kind::Long8 => Some(number),
            Kind::SignedByte | Kind::SignedShort | Kind::SignedLong | Kind::SignedLong8 => {
                Some(number).filter(|number| number & sign == 0)
            }
            Kind::Ratio | Kind::SignedRatio | Kind::Float | Kind::Double => self
                .real(at)
                .filter(|real| *real >= 0.0)
                .map(|real| real as u64),
        }
    }

    /// A number of any kind that is finite.
    pub(super) fn real(&self, at: usize) -> Option<f32> {
        let bytes = self.at(at)?;
        let number = self.order.number(bytes);
        let real = match self.kind {
            Kind::Ratio => {
                let (over, under) = bytes.split_at_checked(4)?;
                self.order.number(over) as f32 / self.order.number(under) as f32
            }
            Kind::SignedRatio => {
                let (over, under) = bytes.split_at_checked(4)?;
                let signed = |part| self.order.number(part) as u32 as i32 as f32;
                signed(over) / signed(under)
            }
            Kind::Float => f32::from_bits(number as u32),
            Kind::Double => f64::from_bits(number) as f32,
            _ => number as f32,
        };
        Some(real).filter(|real| real.is_finite())
    }

    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.len()).map_while(|at| self.get(at))
    }
}
