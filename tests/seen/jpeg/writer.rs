//! Writes JPEGs of any structure: what other programs write, and what hardly any does.
//!
//! From the standard alone (ITU-T T.81): transform, quantisation, sequential and progressive scans, Huffman codes. It
//! gives a file as its pieces, so that a test can put others between them.

use super::codes::Codes;

/// What is written into the components.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Model {
    Grey,
    YCbCr,
    Rgb,
    Cmyk,
    Ycck,
}

/// One scan: its components by number, and which bits of which coefficients.
#[derive(Clone)]
pub(crate) struct Scan {
    pub(crate) parts: Vec<usize>,
    pub(crate) band: (usize, usize),
    pub(crate) high: u8,
    pub(crate) low: u8,
}

impl Scan {
    /// All of some components, of a sequential picture.
    pub(crate) fn of(parts: &[usize]) -> Self {
        Self::bits(parts, (0, 63), 0, 0)
    }

    pub(crate) fn bits(parts: &[usize], band: (usize, usize), high: u8, low: u8) -> Self {
        Self {
            parts: parts.to_vec(),
            band,
            high,
            low,
        }
    }
}

/// Which Huffman tables are used, and where they stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tables {
    /// The standard's, before the first scan.
    Standard,
    /// The standard's, which the file leaves out.
    LeftOut,
    /// Made for each scan, and defined before it in the same places.
    Made,
    /// As `Made`, in places of their own for each component.
    MadeApart,
}

/// A picture to be written.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) model: Model,
    pub(crate) factors: Vec<(usize, usize)>,
    pub(crate) names: Vec<u8>,
    pub(crate) progressive: bool,
    pub(crate) scans: Vec<Scan>,
    pub(crate) tables: Tables,
    /// Units between restarts; 0 for none.
    pub(crate) interval: usize,
    /// Quantisation tables with steps of two bytes.
    pub(crate) wide_steps: bool,
}

/// A file's pieces, in order.
pub(crate) struct Pieces(pub(crate) Vec<Vec<u8>>);

impl Pieces {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.concat()
    }

    /// Where the first piece with this marker is.
    pub(crate) fn at(&self, marker: u8) -> usize {
        let found = self.0.iter().position(|piece| piece[1] == marker);
        found.expect("such a piece")
    }

    /// Puts a piece behind the start of the picture.
    pub(crate) fn first(mut self, piece: Vec<u8>) -> Self {
        self.0.insert(1, piece);
        self
    }
}

/// A segment with its marker and length.
pub(crate) fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u16 + 2).to_be_bytes();
    [&[0xff, marker], &length[..], data].concat()
}

/// From the zigzag order to eight times the vertical frequency plus the horizontal one.
fn zigzag() -> Vec<usize> {
    let mut order: Vec<usize> = (0..64).collect();
    order.sort_by_key(|&at| {
        let (row, column) = (at / 8, at % 8);
        let diagonal = row + column;
        (diagonal, if diagonal % 2 == 0 { column } else { row })
    });
    order
}

/// The blocks of one component, whole units of them, in the zigzag order.
struct Plane {
    blocks: Vec<[i32; 64]>,
    stride: usize,
    across: usize,
    down: usize,
    factors: (usize, usize),
}

/// The step of each coefficient.
fn step(at: usize) -> f64 {
    (3 + at / 4) as f64
}

/// Writes a picture.
pub(crate) fn write(picture: &image::RgbImage, plan: &Plan) -> Pieces {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let most = |of: fn(&(usize, usize)) -> usize| plan.factors.iter().map(of).max().unwrap();
    let most = if plan.factors.len() == 1 {
        plan.factors[0]
    } else {
        (most(|one| one.0), most(|one| one.1))
    };
    let units = (width.div_ceil(8 * most.0), height.div_ceil(8 * most.1));
    let samples: Vec<[f64; 4]> = picture
        .pixels()
        .map(|pixel| plan.model.of(pixel.0))
        .collect();
    let planes: Vec<Plane> = plan
        .factors
        .iter()
        .enumerate()
        .map(|(index, &factors)| {
            let value = |x: usize, y: usize| samples[y * width + x][index];
            plane(&value, (width, height), factors, most, units)
        })
        .collect();
    let mut pieces = vec![vec![0xff, 0xd8], steps(plan), frame(plan, width, height)];
    if plan.tables == Tables::Standard {
        pieces.push(segment(0xc4, &Codes::standard().definition()));
    }
    for scan in &plan.scans {
        let tokens = super::codes::tokens(plan, scan, &|component, alone| {
            order(&planes[component], units, alone)
        });
        let codes = match plan.tables {
            Tables::Standard | Tables::LeftOut => Codes::standard(),
            Tables::Made | Tables::MadeApart => Codes::made_for(&tokens),
        };
        if matches!(plan.tables, Tables::Made | Tables::MadeApart) {
            pieces.push(segment(0xc4, &codes.definition()));
        }
        let mut header = vec![scan.parts.len() as u8];
        for &part in &scan.parts {
            let slot = plan.slot(part) as u8;
            header.extend([plan.names[part], slot << 4 | slot]);
        }
        header.extend([
            scan.band.0 as u8,
            scan.band.1 as u8,
            scan.high << 4 | scan.low,
        ]);
        let mut piece = segment(0xda, &header);
        piece.extend(codes.written(&tokens));
        pieces.push(piece);
    }
    pieces.push(vec![0xff, 0xd9]);
    if plan.interval > 0 {
        pieces.insert(3, segment(0xdd, &(plan.interval as u16).to_be_bytes()));
    }
    Pieces(pieces)
}

impl Plan {
    /// The place of a component's Huffman tables.
    pub(crate) fn slot(&self, component: usize) -> usize {
        match self.tables {
            Tables::MadeApart => component,
            _ => usize::from(component == 1 || component == 2),
        }
    }
}

impl Model {
    /// The samples of a colour.
    fn of(self, [red, green, blue]: [u8; 3]) -> [f64; 4] {
        let rgb = [red, green, blue].map(f64::from);
        let ycc = |[r, g, b]: [f64; 3]| {
            let y = 0.299 * r + 0.587 * g + 0.114 * b;
            [y, 128.0 + (b - y) / 1.772, 128.0 + (r - y) / 1.402, 0.0]
        };
        // What the inks leave of white, with as much black ink as can be.
        let black = rgb.into_iter().fold(1.0, f64::max);
        let [c, m, y] = rgb.map(|colour| colour * 255.0 / black);
        match self {
            Self::Grey | Self::YCbCr => ycc(rgb),
            Self::Rgb => [rgb[0], rgb[1], rgb[2], 0.0],
            Self::Cmyk => [c, m, y, black],
            Self::Ycck => {
                let [luma, cb, cr, _] = ycc([255.0 - c, 255.0 - m, 255.0 - y]);
                [luma, cb, cr, black]
            }
        }
    }
}

fn steps(plan: &Plan) -> Vec<u8> {
    let mut data = vec![if plan.wide_steps { 0x10 } else { 0 }];
    for at in 0..64 {
        if plan.wide_steps {
            data.push(0);
        }
        data.push(step(at) as u8);
    }
    segment(0xdb, &data)
}

fn frame(plan: &Plan, width: usize, height: usize) -> Vec<u8> {
    let mut data = vec![8];
    data.extend((height as u16).to_be_bytes());
    data.extend((width as u16).to_be_bytes());
    data.push(plan.names.len() as u8);
    for (&name, &(h, v)) in plan.names.iter().zip(&plan.factors) {
        data.extend([name, (h << 4 | v) as u8, 0]);
    }
    segment(if plan.progressive { 0xc2 } else { 0xc0 }, &data)
}

/// Transforms and quantises one component; what lies beyond the picture repeats its edge.
fn plane(
    value: &dyn Fn(usize, usize) -> f64,
    (width, height): (usize, usize),
    factors: (usize, usize),
    most: (usize, usize),
    units: (usize, usize),
) -> Plane {
    let stride = units.0 * factors.0;
    let rows = units.1 * factors.1;
    // The mean of the pixels that a sample stands for, with parts of them where the ratio is none of whole numbers.
    let sample = |x: usize, y: usize| {
        let range = |at: usize, of: usize, most: usize, side: usize| {
            let first = at * most / of;
            let last = ((at + 1) * most).div_ceil(of);
            (first..last).map(move |at| at.min(side - 1))
        };
        let (mut sum, mut count) = (0.0, 0.0);
        for y in range(y, factors.1, most.1, height) {
            for x in range(x, factors.0, most.0, width) {
                sum += value(x, y);
                count += 1.0;
            }
        }
        sum / count - 128.0
    };
    let wave = |at: usize, of: usize| {
        let scale = if of == 0 { 0.5_f64.sqrt() } else { 1.0 };
        scale / 2.0 * ((2 * at + 1) as f64 * of as f64 * std::f64::consts::PI / 16.0).cos()
    };
    let waves: Vec<[f64; 8]> = (0..8)
        .map(|of| std::array::from_fn(|at| wave(at, of)))
        .collect();
    let order = zigzag();
    let mut blocks = Vec::with_capacity(stride * rows);
    for row in 0..rows {
        for column in 0..stride {
            let mut pixels = [[0.0; 8]; 8];
            for (y, line) in pixels.iter_mut().enumerate() {
                for (x, pixel) in line.iter_mut().enumerate() {
                    *pixel = sample(column * 8 + x, row * 8 + y);
                }
            }
            let half: Vec<[f64; 8]> = (0..8)
                .map(|y| std::array::from_fn(|u| (0..8).map(|x| pixels[y][x] * waves[u][x]).sum()))
                .collect();
            let mut block = [0; 64];
            for (at, &natural) in order.iter().enumerate() {
                let (v, u) = (natural / 8, natural % 8);
                let value: f64 = (0..8).map(|y| half[y][u] * waves[v][y]).sum();
                block[at] = (value / step(at)).round() as i32;
            }
            blocks.push(block);
        }
    }
    Plane {
        blocks,
        stride,
        across: (width * factors.0).div_ceil(8 * most.0),
        down: (height * factors.1).div_ceil(8 * most.1),
        factors,
    }
}

/// The blocks of one component unit by unit, as a scan of it alone or of several has them.
fn order(plane: &Plane, units: (usize, usize), alone: bool) -> Vec<Vec<[i32; 64]>> {
    let mut ordered = Vec::new();
    let ((h, v), (across, down)) = if alone {
        ((1, 1), (plane.across, plane.down))
    } else {
        (plane.factors, units)
    };
    for row in 0..down {
        for column in 0..across {
            let places = (0..v).flat_map(|y| (0..h).map(move |x| (row * v + y, column * h + x)));
            let block = |(y, x): (usize, usize)| plane.blocks[y * plane.stride + x];
            ordered.push(places.map(block).collect());
        }
    }
    ordered
}
