//! What has to be decoded for one picture of a file, found from its items before any of it is.
//!
//! An item is a coded picture, a grid of them, or another item seen in another way (`iden`). An alpha plane is an
//! auxiliary item beside it, of the same shapes. All of this is bounded: chains of items are short, and a grid's
//! tiles are all needed to fill it.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::bytes::{Bytes, Four};
use super::meta::{Item, Meta, NoData};
use super::properties::Property;
use super::turned::Turned;
use crate::media::coded::Colour;
use crate::media::{Format, MediaError};

/// Items that stand for one another, one within the other.
const MOST_LINKS: u32 = 4;

/// What auxiliary pictures that are an alpha plane are called.
const ALPHA: [&[u8]; 2] = [
    b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha",
    b"urn:mpeg:hevc:2015:auxid:1",
];

/// One picture of a file.
pub(super) struct Plan {
    pub(super) colours: Layer,
    pub(super) alpha: Option<Layer>,
    /// Whether the colours are already multiplied by the alpha plane.
    pub(super) multiplied: bool,
    pub(super) turned: Turned,
    pub(super) colour: Option<Colour>,
}

/// Coded pictures that make one plane, or three.
pub(super) struct Layer {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) columns: u32,
    /// Width and height of each tile.
    pub(super) tile: (u32, u32),
    /// The coded items, row by row.
    pub(super) items: Vec<u32>,
    /// How they are all coded.
    pub(super) kind: Four,
}

/// Items to be shown, in order: the primary one, the other pictures, and last (with `true`) small forms of
/// them, which may be left out.
pub(super) fn shown(meta: &Meta<'_>) -> Vec<(u32, bool)> {
    let is_derived = |item: &Item| matches!(&item.kind, b"grid" | b"iovl" | b"iden" | b"tmap");
    let parts: HashSet<u32> = meta
        .items
        .values()
        .filter(|item| is_derived(item))
        .flat_map(|item| item.made_of.iter().copied())
        .collect();
    let is_shown = |id: u32| {
        let item = meta.items.get(&id);
        let base = |item: &Item| item.made_of.first().copied();
        item.is_some_and(|item| {
            !item.hidden
                && item.auxiliary_of.is_empty()
                && !parts.contains(&id)
                && is_picture(meta, id, item)
                // The same picture, made brighter by a second one: shown where the first is.
                && !(&item.kind == b"tmap" && base(item).is_some_and(|id| meta.items.contains_key(&id)))
        })
    };
    let others = meta.items.iter().filter(|(id, _)| is_shown(**id));
    let (small, others): (Vec<_>, Vec<_>) =
        others.partition(|(_, item)| !item.thumbnail_of.is_empty());
    // The base of a picture that is made brighter is shown even where it is not the primary one.
    let bases = meta
        .items
        .values()
        .filter(|item| &item.kind == b"tmap" && !item.hidden)
        .filter_map(|item| item.made_of.first().copied());
    let mut seen = HashSet::new();
    let primary = meta.primary.into_iter();
    let all = primary
        .chain(bases)
        .chain(others.into_iter().map(|(id, _)| *id))
        .map(|id| (id, false))
        .chain(small.into_iter().map(|(id, _)| (*id, true)));
    all.filter(|(id, _)| seen.insert(*id)).collect()
}

/// Pictures have a size; what has none is a block of text.
fn is_picture(meta: &Meta<'_>, id: u32, item: &Item) -> bool {
    matches!(
        &item.kind,
        b"hvc1" | b"av01" | b"grid" | b"iovl" | b"iden" | b"tmap"
    ) || meta
        .properties_of(id)
        .any(|(property, _)| matches!(property, Property::Size(..)))
}

/// Reads what an item needs.
pub(super) struct Planner<'a, 'm> {
    format: Format,
    file: &'a [u8],
    meta: &'m Meta<'a>,
    /// The alpha planes: which item each belongs to.
    alphas: HashMap<u32, u32>,
}

impl<'a, 'm> Planner<'a, 'm> {
    pub(super) fn new(format: Format, file: &'a [u8], meta: &'m Meta<'a>) -> Self {
        let mut alphas = HashMap::new();
        for (&id, item) in &meta.items {
            let is_alpha = !item.auxiliary_of.is_empty()
                && meta.properties_of(id).any(|(property, _)| {
                    matches!(property, Property::Auxiliary(name) if ALPHA.contains(name))
                });
            if is_alpha {
                for &of in &item.auxiliary_of {
                    alphas.entry(of).or_insert(id);
                }
            }
        }
        Self {
            format,
            file,
            meta,
            alphas,
        }
    }

    pub(super) fn plan(&self, id: u32) -> Result<Plan, MediaError> {
        // From the outermost item to the one that has pixels.
        let mut chain = vec![id];
        let source = loop {
            let last = chain.last().copied().unwrap_or(id);
            let item = self.item(last)?;
            match (&item.kind, item.made_of.first()) {
                (b"iden" | b"tmap", Some(&next)) if chain.len() < MOST_LINKS as usize => {
                    chain.push(next);
                }
                (b"iden" | b"tmap", _) => {
                    return Err(self.damaged("its items lead nowhere"));
                }
                _ => break last,
            }
        };
        let colours = self.layer(source, true)?;
        let mut turned = Turned::whole(colours.width, colours.height);
        let mut colour = None;
        for &id in chain.iter().rev() {
            for (property, is_essential) in self.meta.properties_of(id) {
                match property {
                    Property::Unknown(kind) if is_essential => {
                        return Err(self.variant(format_args!("the property {}", letters(*kind))));
                    }
                    Property::Damaged(kind) => return Err(self.damaged_part(*kind)),
                    Property::Colour(said) => colour = Some(*said),
                    _ => {}
                }
                turned = turned
                    .then(property)
                    .ok_or_else(|| self.damaged("the part that is shown lies outside it"))?;
            }
        }
        let first_tile = colours.items.first().copied().unwrap_or(source);
        let colour = colour.or_else(|| {
            let mut of_tile = self.meta.properties_of(first_tile);
            of_tile.find_map(|(property, _)| match property {
                Property::Colour(said) => Some(*said),
                _ => None,
            })
        });
        let alpha = self.alpha(&chain, &colours)?;
        let alpha_item = chain.iter().find_map(|id| self.alphas.get(id));
        let multiplied = alpha.is_some()
            && chain.iter().any(|id| {
                let item = self.meta.items.get(id);
                item.is_some_and(|item| {
                    alpha_item.is_some_and(|alpha| item.multiplied_by.contains(alpha))
                })
            });
        Ok(Plan {
            colours,
            alpha,
            multiplied,
            turned,
            colour,
        })
    }

    /// The alpha plane of a picture: one beside it, or one beside each of its tiles.
    fn alpha(&self, chain: &[u32], colours: &Layer) -> Result<Option<Layer>, MediaError> {
        if let Some(&alpha) = chain.iter().find_map(|id| self.alphas.get(id)) {
            return self.layer(alpha, true).map(Some);
        }
        let of_tiles: Option<Vec<u32>> = colours
            .items
            .iter()
            .map(|tile| self.alphas.get(tile).copied())
            .collect();
        let Some(items) = of_tiles.filter(|items| !items.is_empty()) else {
            return Ok(None);
        };
        let (tile, kind) = self.tiles(&items)?;
        if tile != colours.tile {
            return Err(self.variant("alpha tiles of another size"));
        }
        Ok(Some(Layer {
            tile,
            items,
            kind,
            ..*colours
        }))
    }

    fn layer(&self, id: u32, may_be_grid: bool) -> Result<Layer, MediaError> {
        let item = self.item(id)?;
        if !item.predicted_from.is_empty() {
            return Err(self.variant("a picture predicted from others"));
        }
        match &item.kind {
            b"hvc1" | b"av01" => {
                let (tile, kind) = self.tiles(&[id])?;
                Ok(Layer {
                    width: tile.0,
                    height: tile.1,
                    columns: 1,
                    tile,
                    items: vec![id],
                    kind,
                })
            }
            b"grid" if may_be_grid => self.grid(id, item),
            b"iovl" => Err(self.variant("pictures laid over one another")),
            kind => Err(self.variant(format_args!("coded as {}", letters(*kind)))),
        }
    }

    fn grid(&self, id: u32, item: &Item) -> Result<Layer, MediaError> {
        let data = data(self.format, self.meta, self.file, id)?;
        let grid = grid(&data).ok_or_else(|| self.damaged("its grid is"))?;
        let Grid {
            rows,
            columns,
            width,
            height,
        } = grid;
        let items = &item.made_of;
        if items.len() as u64 != u64::from(rows) * u64::from(columns) {
            return Err(self.damaged("its grid does not have as many tiles as it says"));
        }
        let (tile, kind) = self.tiles(items)?;
        // Every tile is needed, and together they suffice.
        let fits = |tile: u32, count: u32, whole: u32| {
            let (tile, count, whole) = (u64::from(tile), u64::from(count), u64::from(whole));
            tile * count >= whole && tile * (count - 1) < whole
        };
        if !fits(tile.0, columns, width) || !fits(tile.1, rows, height) {
            return Err(self.damaged("its tiles do not fit its grid"));
        }
        Ok(Layer {
            width,
            height,
            columns,
            tile,
            items: items.clone(),
            kind,
        })
    }

    /// The size and the coding that coded items have in common.
    fn tiles(&self, items: &[u32]) -> Result<((u32, u32), Four), MediaError> {
        let mut common = None;
        for &id in items {
            let item = self.item(id)?;
            if !matches!(&item.kind, b"hvc1" | b"av01") {
                let kind = letters(item.kind);
                return Err(self.variant(format_args!("a tile coded as {kind}")));
            }
            let mut size = None;
            for (property, is_essential) in self.meta.properties_of(id) {
                match property {
                    Property::Size(width, height) if size.is_none() => {
                        size = Some((*width, *height));
                    }
                    Property::Damaged(kind) => return Err(self.damaged_part(*kind)),
                    Property::Unknown(kind) if is_essential => {
                        return Err(self.variant(format_args!("the property {}", letters(*kind))));
                    }
                    _ => {}
                }
            }
            let size = size.ok_or_else(|| self.damaged("an item has no size"))?;
            match common {
                None => common = Some((size, item.kind)),
                Some(same) if same == (size, item.kind) => {}
                Some(_) => return Err(self.variant("tiles that differ")),
            }
        }
        common.ok_or_else(|| self.damaged("its grid is empty"))
    }

    fn item(&self, id: u32) -> Result<&Item, MediaError> {
        let item = self.meta.items.get(&id);
        item.ok_or_else(|| self.damaged("it names an item that is not there"))
    }

    fn damaged(&self, reason: &str) -> MediaError {
        MediaError::damaged(self.format, reason)
    }

    fn damaged_part(&self, kind: Four) -> MediaError {
        MediaError::damaged(self.format, format!("its property {} is", letters(kind)))
    }

    fn variant(&self, what: impl std::fmt::Display) -> MediaError {
        MediaError::variant(self.format, what)
    }
}

/// An item's bytes.
pub(super) fn data<'a>(
    format: Format,
    meta: &Meta<'a>,
    file: &'a [u8],
    id: u32,
) -> Result<Cow<'a, [u8]>, MediaError> {
    meta.data_of(file, id).map_err(|why| match why {
        NoData::Missing => MediaError::damaged(format, "the data end early"),
        NoData::Method => MediaError::variant(format, "data laid out by other items"),
    })
}

struct Grid {
    rows: u32,
    columns: u32,
    width: u32,
    height: u32,
}

/// ISO/IEC 23008-12, clause 6.6.2.3.
fn grid(data: &[u8]) -> Option<Grid> {
    let mut data = Bytes(data);
    if data.u8()? != 0 {
        return None;
    }
    let is_long = data.u8()? & 1 != 0;
    let grid = Grid {
        rows: u32::from(data.u8()?) + 1,
        columns: u32::from(data.u8()?) + 1,
        width: data.id(is_long)?,
        height: data.id(is_long)?,
    };
    (grid.width > 0 && grid.height > 0).then_some(grid)
}

/// Four letters for a message.
pub(super) fn letters(kind: Four) -> String {
    kind.escape_ascii().to_string()
}
