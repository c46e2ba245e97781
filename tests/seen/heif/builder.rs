//! Files of items, put together box by box from coded pictures.

/// An item, and what is said of it.
#[derive(Clone)]
pub(super) struct Item {
    kind: [u8; 4],
    properties: Vec<Vec<u8>>,
    data: Vec<u8>,
    is_hidden: bool,
}

/// A file before it is written.
pub(super) struct File {
    brand: [u8; 4],
    compatible: Vec<[u8; 4]>,
    items: Vec<Item>,
    references: Vec<([u8; 4], u16, Vec<u16>)>,
    primary: u16,
    in_idat: bool,
    extents: usize,
    version: u8,
    is_long: bool,
}

pub(super) fn file(brand: &[u8; 4], items: Vec<Item>) -> File {
    File {
        brand: *brand,
        compatible: vec![*b"mif1", *b"miaf", *brand],
        items,
        references: Vec::new(),
        primary: 1,
        in_idat: false,
        extents: 1,
        version: 1,
        is_long: false,
    }
}

fn boxed(kind: &[u8], body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len() + 8).expect("small");
    [&size.to_be_bytes(), kind, body].concat()
}

fn full(kind: &[u8], version: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    boxed(kind, &[&[version, 0, 0, flags], body].concat())
}

fn long(numbers: &[u32]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| number.to_be_bytes())
        .collect()
}

pub(super) fn irot(quarters: u8) -> Vec<u8> {
    boxed(b"irot", &[quarters])
}

pub(super) fn imir(axis: u8) -> Vec<u8> {
    boxed(b"imir", &[axis])
}

pub(super) fn nclx(matrix: u16, full_range: bool) -> Vec<u8> {
    code_points([1, 13, matrix], full_range)
}

/// Primaries, transfer and matrix.
pub(super) fn code_points([primaries, transfer, matrix]: [u16; 3], full_range: bool) -> Vec<u8> {
    let mut body = b"nclx".to_vec();
    body.extend([primaries, transfer].map(u16::to_be_bytes).concat());
    body.extend(matrix.to_be_bytes());
    body.push(u8::from(full_range) << 7);
    boxed(b"colr", &body)
}

/// A profile, of either kind.
pub(super) fn profiled(kind: &[u8; 4], profile: &[u8]) -> Vec<u8> {
    boxed(b"colr", &[kind, profile].concat())
}

/// A part of `whole`, by its size and its first pixel.
pub(super) fn clap(whole: [u32; 2], [width, height, left, top]: [u32; 4]) -> Vec<u8> {
    let from_middle = |whole: u32, size: u32, first: u32| {
        (2 * i64::from(first) + i64::from(size) - i64::from(whole)) as u32
    };
    let across = from_middle(whole[0], width, left);
    let down = from_middle(whole[1], height, top);
    boxed(b"clap", &long(&[width, 1, height, 1, across, 2, down, 2]))
}

/// The one item of a plain file, with its own properties but turns.
pub(super) fn item_of(bytes: &[u8]) -> Item {
    let find = |kind: &[u8]| {
        let at = bytes.windows(4).position(|four| four == kind)? - 4;
        let size = u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four"));
        bytes.get(at..at + size as usize)
    };
    let wanted = [&b"hvcC"[..], b"av1C", b"ispe", b"colr", b"pixi"];
    let properties: Vec<Vec<u8>> = wanted
        .into_iter()
        .filter_map(find)
        .map(<[u8]>::to_vec)
        .collect();
    Item {
        kind: if properties[0][4..8] == *b"hvcC" {
            *b"hvc1"
        } else {
            *b"av01"
        },
        properties,
        data: find(b"mdat").expect("the data")[8..].to_vec(),
        is_hidden: false,
    }
}

impl Item {
    pub(super) fn grid(rows: u8, columns: u8, width: u16, height: u16) -> Self {
        let mut data = vec![0, 0, rows - 1, columns - 1];
        data.extend(width.to_be_bytes());
        data.extend(height.to_be_bytes());
        let size = long(&[u32::from(width), u32::from(height)]);
        Self {
            kind: *b"grid",
            properties: vec![
                full(b"ispe", 0, 0, &size),
                full(b"pixi", 0, 0, &[3, 8, 8, 8]),
            ],
            data,
            is_hidden: false,
        }
    }

    pub(super) fn identity() -> Self {
        Self {
            kind: *b"iden",
            properties: Vec::new(),
            data: Vec::new(),
            is_hidden: false,
        }
    }

    pub(super) fn with(mut self, property: Vec<u8>) -> Self {
        self.properties.push(property);
        self
    }

    /// With other words on its colours.
    pub(super) fn recoloured(mut self, property: Vec<u8>) -> Self {
        self.properties
            .retain(|property| property[4..8] != *b"colr");
        self.with(property)
    }

    pub(super) fn hidden(mut self) -> Self {
        self.is_hidden = true;
        self
    }

    /// As an alpha plane.
    pub(super) fn alpha(mut self) -> Self {
        self.properties
            .retain(|property| property[4..8] != *b"colr");
        self.with(full(
            b"auxC",
            0,
            0,
            b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0",
        ))
    }
}

impl File {
    pub(super) fn in_idat(mut self) -> Self {
        self.in_idat = true;
        self
    }

    pub(super) fn extents(mut self, extents: usize) -> Self {
        self.extents = extents;
        self
    }

    pub(super) fn iloc(mut self, version: u8) -> Self {
        self.version = version;
        self
    }

    /// With long numbers of items and properties.
    pub(super) fn long(mut self) -> Self {
        self.is_long = true;
        self.version = 2;
        self
    }

    pub(super) fn compatible(mut self, brand: &[u8; 4]) -> Self {
        self.compatible.push(*brand);
        self
    }

    pub(super) fn primary(mut self, item: u16) -> Self {
        self.primary = item;
        self
    }

    pub(super) fn refer(mut self, reference: ([u8; 4], u16, Vec<u16>)) -> Self {
        self.references.push(reference);
        self
    }

    fn id(&self, id: u16) -> Vec<u8> {
        if self.is_long {
            u32::from(id).to_be_bytes().to_vec()
        } else {
            id.to_be_bytes().to_vec()
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut front = boxed(
            b"ftyp",
            &[&self.brand[..], &[0; 4], &self.compatible.concat()].concat(),
        );
        // The places are written when the length of all before the data is known: twice, of the same length.
        let length = front.len() + self.meta(0).len() + 8;
        front.extend(self.meta(length));
        let data: Vec<u8> = self
            .items
            .iter()
            .flat_map(|item| item.data.clone())
            .collect();
        if !self.in_idat {
            front.extend(boxed(b"mdat", &data));
        }
        front
    }

    fn meta(&self, data_at: usize) -> Vec<u8> {
        let is_long = u8::from(self.is_long);
        let mut entries = Vec::new();
        let mut properties = Vec::new();
        let mut associations = long(&[self.items.len() as u32]);
        let mut number = 0_u16;
        for (id, item) in (1..).zip(&self.items) {
            let body = [&self.id(id)[..], &[0, 0], &item.kind, &[0]].concat();
            entries.extend(full(b"infe", 2 + is_long, u8::from(item.is_hidden), &body));
            associations.extend(self.id(id));
            associations.push(item.properties.len() as u8);
            for property in &item.properties {
                properties.extend(property);
                number += 1;
                let is_essential = matches!(
                    &property[4..8],
                    b"hvcC" | b"av1C" | b"irot" | b"imir" | b"clap"
                );
                let essential = u16::from(is_essential);
                if self.is_long {
                    associations.extend((essential << 15 | number).to_be_bytes());
                } else {
                    associations.push((essential << 7) as u8 | number as u8);
                }
            }
        }
        let count = (self.items.len() as u16).to_be_bytes();
        let mut body = full(b"hdlr", 0, 0, &[&[0; 4], &b"pict"[..], &[0; 13]].concat());
        body.extend(full(b"pitm", is_long, 0, &self.id(self.primary)));
        body.extend(full(b"iinf", 0, 0, &[&count[..], &entries].concat()));
        if !self.references.is_empty() {
            let references: Vec<u8> = self
                .references
                .iter()
                .flat_map(|(kind, from, to)| {
                    let mut one = self.id(*from);
                    one.extend((to.len() as u16).to_be_bytes());
                    one.extend(to.iter().flat_map(|&id| self.id(id)));
                    boxed(kind, &one)
                })
                .collect();
            body.extend(full(b"iref", is_long, 0, &references));
        }
        let container = boxed(b"ipco", &properties);
        let associations = full(b"ipma", is_long, is_long, &associations);
        body.extend(boxed(b"iprp", &[container, associations].concat()));
        if self.in_idat {
            let data: Vec<u8> = self
                .items
                .iter()
                .flat_map(|item| item.data.clone())
                .collect();
            body.extend(boxed(b"idat", &data));
        }
        body.extend(self.places(if self.in_idat { 0 } else { data_at }));
        full(b"meta", 0, 0, &body)
    }

    fn places(&self, mut at: usize) -> Vec<u8> {
        let mut body = vec![0x44, 0];
        let count = self.items.len() as u16;
        body.extend(match self.version {
            2 => u32::from(count).to_be_bytes().to_vec(),
            _ => count.to_be_bytes().to_vec(),
        });
        for (id, item) in (1_u16..).zip(&self.items) {
            body.extend(match self.version {
                2 => u32::from(id).to_be_bytes().to_vec(),
                _ => id.to_be_bytes().to_vec(),
            });
            if self.version > 0 {
                body.extend([0, u8::from(self.in_idat)]);
            }
            body.extend([0, 0]);
            let pieces = if item.data.len() > 100 {
                self.extents
            } else {
                1
            };
            let pieces = if item.data.is_empty() { 0 } else { pieces };
            body.extend((pieces as u16).to_be_bytes());
            for piece in 0..pieces {
                let from = item.data.len() * piece / pieces;
                let to = item.data.len() * (piece + 1) / pieces;
                body.extend(long(&[(at + from) as u32, (to - from) as u32]));
            }
            at += item.data.len();
        }
        full(b"iloc", self.version, 0, &body)
    }
}
