//! Blocks of four by four pixels (BC1 to BC5), as Direct3D 11's documentation has them.

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// BC1, DXT1: colours, one of which may be nothing.
    Colours,
    /// BC2, DXT3: alphas of four bits, then colours.
    CoarseAlpha,
    /// BC3, DXT5: alphas between two, then colours.
    FineAlpha,
    /// BC4: one channel, of which a grey is made. `true` where its values have a sign.
    One(bool),
    /// BC5: red and green.
    Two(bool),
}

const SIDE: usize = 4;
/// Red, green, blue and alpha of the sixteen pixels, row by row.
type Block = [[u8; 4]; SIDE * SIDE];

impl Coding {
    /// Bytes of a block.
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::Colours | Self::One(_) => 8,
            _ => 16,
        }
    }

    fn block(self, stored: &[u8]) -> Option<Block> {
        let (first, rest) = stored.split_first_chunk::<8>()?;
        let second = || rest.first_chunk::<8>();
        Some(match self {
            Self::Colours => colours(*first, true),
            Self::CoarseAlpha => {
                let mut block = colours(*second()?, false);
                let alphas = first.iter().flat_map(|&byte| [byte & 15, byte >> 4]);
                for (pixel, alpha) in block.iter_mut().zip(alphas) {
                    pixel[3] = alpha * 17;
                }
                block
            }
            Self::FineAlpha => {
                let mut block = colours(*second()?, false);
                for (pixel, alpha) in block.iter_mut().zip(channel(*first, false)) {
                    pixel[3] = alpha;
                }
                block
            }
            Self::One(signed) => channel(*first, signed).map(|grey| [grey, grey, grey, 255]),
            Self::Two(signed) => {
                let mut block = channel(*first, signed).map(|red| [red, 0, 0, 255]);
                for (pixel, green) in block.iter_mut().zip(channel(*second()?, signed)) {
                    pixel[1] = green;
                }
                block
            }
        })
    }
}

/// Blocks from the upper left on, as red, green, blue and alpha. `None` where the data end early.
pub(super) fn unpack(coding: Coding, data: &[u8], width: usize, height: usize) -> Option<Vec<u8>> {
    let across = width.div_ceil(SIDE);
    let row_bytes = across * coding.bytes();
    // No memory is taken before the blocks are there.
    let data = data.get(..row_bytes * height.div_ceil(SIDE))?;
    let mut rgba = vec![0; width * height * 4];
    let bands = rgba.chunks_mut(width * 4 * SIDE);
    for (band, row) in bands.zip(data.chunks_exact(row_bytes)) {
        for (column, stored) in row.chunks_exact(coding.bytes()).enumerate() {
            let block = coding.block(stored)?;
            let from = column * SIDE * 4;
            let rows = block
                .as_chunks::<SIDE>()
                .0
                .iter()
                .zip(band.chunks_exact_mut(width * 4));
            for (pixels, to) in rows {
                let to = to.get_mut(from..).unwrap_or_default().chunks_exact_mut(4);
                for (pixel, to) in pixels.iter().zip(to) {
                    to.copy_from_slice(pixel);
                }
            }
        }
    }
    Some(rgba)
}

/// Two colours, and those between them. Where the first is not the larger one there may be a pixel of nothing.
fn colours([a, b, c, d, numbers @ ..]: [u8; 8], may_be_clear: bool) -> Block {
    let (first, second) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
    let (one, other) = (colour(first), colour(second));
    let between = |share: u16, of: u16| -> [u8; 4] {
        let mut mixed = [255; 4];
        for ((mixed, &one), &other) in mixed.iter_mut().zip(&one).zip(&other) {
            *mixed = ((u16::from(one) * share + u16::from(other) * (of - share)) / of) as u8;
        }
        mixed
    };
    let all = if first > second || !may_be_clear {
        [between(1, 1), between(0, 1), between(2, 3), between(1, 3)]
    } else {
        [between(1, 1), between(0, 1), between(1, 2), [0; 4]]
    };
    let numbers = u32::from_le_bytes(numbers);
    std::array::from_fn(|at| all[(numbers >> (2 * at) & 3) as usize])
}

/// Five, six and five bits.
fn colour(stored: u16) -> [u8; 3] {
    let five = |value: u16| (value << 3 | value >> 2) as u8;
    let green = stored >> 5 & 63;
    [
        five(stored >> 11),
        (green << 2 | green >> 4) as u8,
        five(stored & 31),
    ]
}

/// Two values, and those between them; where the first is not the larger one also the least and the most there are.
fn channel([first, second, numbers @ ..]: [u8; 8], signed: bool) -> [u8; SIDE * SIDE] {
    // Those with a sign begin at -127.
    let value = |byte: u8| match signed {
        true => i32::from(byte as i8).max(-127),
        false => i32::from(byte),
    };
    let (one, other) = (value(first), value(second));
    let (least, most) = if signed { (-127, 127) } else { (0, 255) };
    let at = |number: i32| match number {
        0 => one,
        1 => other,
        2.. if one > other => (one * (8 - number) + other * (number - 1)) / 7,
        6 => least,
        7 => most,
        _ => (one * (6 - number) + other * (number - 1)) / 5,
    };
    let shown = |value: i32| match signed {
        true => (value + 128) as u8,
        false => value as u8,
    };
    let numbers = numbers
        .iter()
        .rev()
        .fold(0_u64, |all, &byte| all << 8 | u64::from(byte));
    std::array::from_fn(|pixel| shown(at((numbers >> (3 * pixel) & 7) as i32)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_lie_between_two_or_are_nothing() {
        // Red and blue; the pixels take the four in turn.
        let red_first = colours([0, 0xf8, 0x1f, 0, 0xe4, 0xe4, 0xe4, 0xe4], true);
        let expected = [
            [255, 0, 0, 255],
            [0, 0, 255, 255],
            [170, 0, 85, 255],
            [85, 0, 170, 255],
        ];
        assert_eq!(red_first[..4], expected);
        let blue_first = colours([0x1f, 0, 0, 0xf8, 0xe4, 0, 0, 0], true);
        assert_eq!(blue_first[2..4], [[127, 0, 127, 255], [0; 4]]);
        let solid = colours([0x1f, 0, 0, 0xf8, 0xe4, 0, 0, 0], false);
        assert_eq!(solid[3], [170, 0, 85, 255]);
    }

    #[test]
    fn values_lie_between_two_or_are_the_ends() {
        // The numbers 0 to 7, three bits each, twice.
        let numbers = [0x88, 0xc6, 0xfa, 0x88, 0xc6, 0xfa];
        let all = |first, second, signed| {
            let [a, b, c, d, e, f] = numbers;
            channel([first, second, a, b, c, d, e, f], signed)
        };
        assert_eq!(all(70, 0, false)[..8], [70, 0, 60, 50, 40, 30, 20, 10]);
        assert_eq!(all(0, 50, false)[..8], [0, 50, 10, 20, 30, 40, 0, 255]);
        assert_eq!(all(0x80, 0x7f, true)[..2], [1, 255]);
        assert_eq!(all(0x80, 0x7f, true)[6..8], [1, 255]);
    }

    #[test]
    fn blocks_at_the_edge_are_cut_and_must_be_there() {
        let data = [0, 0xf8, 0x1f, 0, 0, 0, 0, 0].repeat(4);
        let rgba = unpack(Coding::Colours, &data, 5, 6).unwrap();
        assert_eq!(rgba, [255, 0, 0, 255].repeat(30));
        assert_eq!(unpack(Coding::Colours, &data[..31], 5, 6), None);
        assert_eq!(unpack(Coding::FineAlpha, &data, 5, 6), None);
    }
}
