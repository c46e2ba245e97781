//! The `meta` box: which items a file holds, where their bytes lie, what is said of them.
//!
//! Owned here: `pitm`, `iinf`, `iloc`, `iref`, `iprp` and `idat` (ISO/IEC 14496-12, clause 8.11, and 23008-12).
//! What they mean for a picture is decided elsewhere. Counts are bounded, and no list is gone through once for
//! each entry of another.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::bytes::{Bytes, Four};
use super::properties::Property;

/// A grid has 65,536 tiles at most; real files have some hundred items.
const MOST_ITEMS: usize = 1 << 14;
/// Extents, references and associations, each in all.
const MOST_PARTS: usize = 1 << 17;

/// The items of a file.
#[derive(Default)]
pub(super) struct Meta<'a> {
    pub(super) primary: Option<u32>,
    pub(super) items: BTreeMap<u32, Item>,
    properties: Vec<Property<'a>>,
    idat: &'a [u8],
    parts: usize,
}

/// One item.
#[derive(Default)]
pub(super) struct Item {
    /// What it is, such as `hvc1` or `grid`.
    pub(super) kind: Four,
    pub(super) hidden: bool,
    place: Option<Place>,
    properties: Vec<u16>,
    /// The items that it is made of.
    pub(super) made_of: Vec<u32>,
    /// The items that it is an auxiliary picture of.
    pub(super) auxiliary_of: Vec<u32>,
    /// The items that it is a small form of.
    pub(super) thumbnail_of: Vec<u32>,
    /// The auxiliary pictures that its colours are multiplied by.
    pub(super) multiplied_by: Vec<u32>,
    /// The items that it is predicted from.
    pub(super) predicted_from: Vec<u32>,
}

/// Where an item's bytes lie.
struct Place {
    method: u8,
    extents: Vec<(u64, u64)>,
}

/// Why an item's bytes cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoData {
    /// They lie beyond the file's end, or nowhere.
    Missing,
    /// They are laid out in a way that is not read here.
    Method,
}

impl<'a> Meta<'a> {
    /// Reads the box's body. `None` where it is damaged, or holds more than any picture needs.
    pub(super) fn read(mut body: Bytes<'a>) -> Option<Self> {
        body.version()?;
        let mut meta = Self::default();
        for (kind, body) in body.boxes() {
            match &kind {
                b"pitm" => meta.primary = Some(primary(body)?),
                b"iinf" => meta.read_items(body)?,
                b"iloc" => meta.read_places(body)?,
                b"iref" => meta.read_references(body)?,
                b"iprp" => meta.read_properties(body)?,
                b"idat" => meta.idat = body.0,
                _ => {}
            }
        }
        Some(meta)
    }

    fn item(&mut self, id: u32) -> Option<&mut Item> {
        if self.items.len() >= MOST_ITEMS && !self.items.contains_key(&id) {
            return None;
        }
        Some(self.items.entry(id).or_default())
    }

    fn count(&mut self, parts: usize) -> Option<()> {
        self.parts = self.parts.checked_add(parts)?;
        (self.parts <= MOST_PARTS).then_some(())
    }

    fn read_items(&mut self, mut body: Bytes<'a>) -> Option<()> {
        let (version, _) = body.version()?;
        body.id(version > 0)?;
        for (kind, mut body) in body.boxes() {
            if &kind != b"infe" {
                continue;
            }
            let (version, flags) = body.version()?;
            if version < 2 {
                // Without a kind: no picture's.
                continue;
            }
            let id = body.id(version > 2)?;
            body.u16()?;
            let kind = body.four()?;
            let item = self.item(id)?;
            item.kind = kind;
            item.hidden = flags & 1 != 0;
        }
        Some(())
    }

    fn read_places(&mut self, mut body: Bytes<'a>) -> Option<()> {
        let (version, _) = body.version()?;
        let sizes = body.u16()?;
        let nibble = |shift: u32| ((sizes >> shift) & 15) as u8;
        let (offset, length, base) = (nibble(12), nibble(8), nibble(4));
        let index = if version > 0 { nibble(0) } else { 0 };
        let count = body.id(version > 1)?;
        for _ in 0..count {
            let id = body.id(version > 1)?;
            let method = if version > 0 {
                (body.u16()? & 15) as u8
            } else {
                0
            };
            // The file where the bytes lie: 0 is this one.
            let method = if body.u16()? == 0 { method } else { u8::MAX };
            let base = body.sized(base)?;
            let extents = body.u16()?;
            self.count(usize::from(extents) + 1)?;
            let mut place = Place {
                method,
                extents: Vec::new(),
            };
            for _ in 0..extents {
                body.sized(index)?;
                let at = base.checked_add(body.sized(offset)?)?;
                place.extents.push((at, body.sized(length)?));
            }
            self.item(id)?.place = Some(place);
        }
        Some(())
    }

    fn read_references(&mut self, mut body: Bytes<'a>) -> Option<()> {
        let (version, _) = body.version()?;
        for (kind, mut body) in body.boxes() {
            let from = body.id(version > 0)?;
            let count = body.u16()?;
            self.count(usize::from(count))?;
            let item = self.item(from)?;
            let to = match &kind {
                b"dimg" => &mut item.made_of,
                b"auxl" => &mut item.auxiliary_of,
                b"thmb" => &mut item.thumbnail_of,
                b"prem" => &mut item.multiplied_by,
                b"pred" => &mut item.predicted_from,
                _ => continue,
            };
            for _ in 0..count {
                to.push(body.id(version > 0)?);
            }
        }
        Some(())
    }

    fn read_properties(&mut self, body: Bytes<'a>) -> Option<()> {
        for (kind, mut body) in body.boxes() {
            match &kind {
                b"ipco" => {
                    for (kind, body) in body.boxes() {
                        self.count(1)?;
                        self.properties.push(Property::read(kind, body));
                    }
                }
                b"ipma" => {
                    let (version, flags) = body.version()?;
                    for _ in 0..body.u32()? {
                        let id = body.id(version > 0)?;
                        let count = body.u8()?;
                        self.count(usize::from(count) + 1)?;
                        let item = self.item(id)?;
                        for _ in 0..count {
                            // The upper bit says whether a reader must know it.
                            item.properties.push(if flags & 1 != 0 {
                                body.u16()?
                            } else {
                                let byte = u16::from(body.u8()?);
                                (byte & 0x80) << 8 | byte & 0x7f
                            });
                        }
                    }
                }
                _ => {}
            }
        }
        Some(())
    }

    /// What is said of an item, in order, and whether a reader must know it.
    pub(super) fn properties_of(&self, id: u32) -> impl Iterator<Item = (&Property<'a>, bool)> {
        let item = self.items.get(&id);
        let numbers = item.map_or(&[][..], |item| &item.properties);
        numbers.iter().filter_map(|&number| {
            // Counted from 1; 0 is none.
            let at = usize::from(number & 0x7fff).checked_sub(1)?;
            Some((self.properties.get(at)?, number & 0x8000 != 0))
        })
    }

    /// How many bytes an item has, before any are copied.
    pub(super) fn length_of(&self, id: u32) -> u64 {
        let place = self.items.get(&id).and_then(|item| item.place.as_ref());
        place.map_or(0, |place| {
            place
                .extents
                .iter()
                .fold(0, |all: u64, &(_, length)| all.saturating_add(length))
        })
    }

    /// An item's bytes: borrowed where they lie in one piece. Their length is at most that of the file.
    pub(super) fn data_of(&self, file: &'a [u8], id: u32) -> Result<Cow<'a, [u8]>, NoData> {
        let item = self.items.get(&id).ok_or(NoData::Missing)?;
        let place = item.place.as_ref().ok_or(NoData::Missing)?;
        let source = match place.method {
            0 => file,
            1 => self.idat,
            _ => return Err(NoData::Method),
        };
        let piece = |&(at, length): &(u64, u64)| {
            let rest = source.get(usize::try_from(at).ok()?..)?;
            match length {
                // No length: to the end.
                0 => Some(rest),
                length => rest.get(..usize::try_from(length).ok()?),
            }
        };
        if let [extent] = place.extents.as_slice() {
            return piece(extent).map(Cow::Borrowed).ok_or(NoData::Missing);
        }
        let mut all = Vec::new();
        for extent in &place.extents {
            let piece = piece(extent).ok_or(NoData::Missing)?;
            if all.len() + piece.len() > file.len() {
                return Err(NoData::Missing);
            }
            all.extend_from_slice(piece);
        }
        Ok(Cow::Owned(all))
    }
}

fn primary(mut body: Bytes<'_>) -> Option<u32> {
    let (version, _) = body.version()?;
    body.id(version > 0)
}
