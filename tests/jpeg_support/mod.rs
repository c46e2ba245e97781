//! JPEG files made coefficient by coefficient, and the small ones that are kept beside the tests.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part of it"
)]

use std::path::{Path, PathBuf};

/// One component: its sampling factors, and the coefficients of each of its blocks in the zigzag
/// order, given its column and row.
pub struct Component<'a> {
    pub factors: (usize, usize),
    pub block: &'a dyn Fn(usize, usize) -> [i32; 64],
}

/// A baseline JPEG of these coefficients; the quantisation step of the first is 8, so that it is a
/// mean, and that of all others 1.
///
/// Its Huffman codes are all of one length: a picture made here is large, never subtle.
pub fn baseline(width: usize, height: usize, components: &[Component<'_>]) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xdb, 0, 67, 0];
    bytes.push(8);
    bytes.extend([1; 63]);
    let side = |side: usize| (side as u16).to_be_bytes();
    let count = components.len() as u8;
    bytes.extend([0xff, 0xc0, 0, 8 + 3 * count, 8]);
    bytes.extend(side(height));
    bytes.extend(side(width));
    bytes.push(count);
    for (id, component) in (1..).zip(components) {
        let (h, v) = component.factors;
        bytes.extend([id, (h << 4 | v) as u8, 0]);
    }
    let ac_symbols: Vec<u8> = (0..16)
        .flat_map(|run| (1..=10).map(move |size| run << 4 | size))
        .chain([0x00, 0xf0])
        .collect();
    bytes.extend([0xff, 0xc4, 0, 19 + 12, 0x00]);
    bytes.extend([0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend(0..12);
    bytes.extend([0xff, 0xc4, 0, 19 + ac_symbols.len() as u8, 0x10]);
    bytes.extend([0, 0, 0, 0, 0, 0, 0, ac_symbols.len() as u8]);
    bytes.extend([0; 8]);
    bytes.extend(&ac_symbols);
    bytes.extend([0xff, 0xda, 0, 6 + 2 * count, count]);
    for id in 1..=count {
        bytes.extend([id, 0]);
    }
    bytes.extend([0, 63, 0]);
    let mut bits = BitWriter {
        bytes,
        held: 0,
        count: 0,
    };
    let most = |of: fn(&Component<'_>) -> usize| components.iter().map(of).max().unwrap();
    let units_across = width.div_ceil(8 * most(|one| one.factors.0));
    let units_down = height.div_ceil(8 * most(|one| one.factors.1));
    let mut predictors = vec![0; components.len()];
    for unit_row in 0..units_down {
        for unit_column in 0..units_across {
            for (component, predictor) in components.iter().zip(&mut predictors) {
                let (h, v) = component.factors;
                for at in 0..h * v {
                    let (column, row) = (unit_column * h + at % h, unit_row * v + at / h);
                    let block = (component.block)(column, row);
                    let difference = block[0] - *predictor;
                    *predictor = block[0];
                    let size = size_of(difference);
                    bits.put(size, 4);
                    bits.value(difference, size);
                    let mut run = 0;
                    for &value in &block[1..] {
                        if value == 0 {
                            run += 1;
                            continue;
                        }
                        while run > 15 {
                            bits.put(161, 8);
                            run -= 16;
                        }
                        let size = size_of(value);
                        bits.put(run * 10 + size - 1, 8);
                        bits.value(value, size);
                        run = 0;
                    }
                    if run > 0 {
                        bits.put(160, 8);
                    }
                }
            }
        }
    }
    bits.finish()
}

fn size_of(value: i32) -> u32 {
    32 - value.unsigned_abs().leading_zeros()
}

struct BitWriter {
    bytes: Vec<u8>,
    held: u32,
    count: u32,
}

impl BitWriter {
    fn put(&mut self, value: u32, count: u32) {
        for at in (0..count).rev() {
            self.held = self.held << 1 | (value >> at & 1);
            self.count += 1;
            if self.count == 8 {
                self.bytes.push(self.held as u8);
                if self.held == 0xff {
                    self.bytes.push(0);
                }
                (self.held, self.count) = (0, 0);
            }
        }
    }

    fn value(&mut self, value: i32, size: u32) {
        let raw = if value < 0 {
            value + (1 << size) - 1
        } else {
            value
        };
        self.put(raw as u32, size);
    }

    fn finish(mut self) -> Vec<u8> {
        while self.count > 0 {
            self.put(1, 1);
        }
        self.bytes.extend([0xff, 0xd9]);
        self.bytes
    }
}

/// The small files in `tests/data/jpeg`, by name.
pub fn samples() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/jpeg");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jpg"))
        .collect();
    paths.sort();
    assert!(paths.len() >= 7, "{}", folder.display());
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read(path).unwrap())
    };
    paths.into_iter().map(read).collect()
}
