//! Planes of luma and colour differences to eight-bit RGB (ITU-T H.273).

use crate::media::coded::Colour;
use crate::media::pixels::{from_float, srgb_encoded};

/// A decoded picture's planes, of one byte a sample or of two in the machine's order.
pub(super) struct Planes<'a> {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) bits: usize,
    pub(super) sampling: Sampling,
    /// The samples, and the bytes from row to row.
    pub(super) luma: (&'a [u8], usize),
    /// Blue's and red's differences; both have the same shape.
    pub(super) colours: Option<(&'a [u8], &'a [u8], usize)>,
}

/// How many samples the differences have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sampling {
    None,
    /// Half across and half down.
    Half,
    HalfAcross,
    Full,
}

/// How three numbers, each 0..=1 (the differences about 0), become red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Matrix {
    /// They are green, blue and red.
    Identity,
    /// Luma, and the differences of green and orange.
    GreenOrange,
    /// Luma by these shares of red and blue.
    Shares(f32, f32),
}

impl Matrix {
    fn of(code: u16) -> Option<Self> {
        Some(match code {
            0 => Self::Identity,
            1 => Self::Shares(0.2126, 0.0722),
            4 => Self::Shares(0.30, 0.11),
            // Not said: what this kind of file means then.
            2 | 5 | 6 => Self::Shares(0.299, 0.114),
            7 => Self::Shares(0.212, 0.087),
            8 => Self::GreenOrange,
            9 => Self::Shares(0.2627, 0.0593),
            _ => return None,
        })
    }

    fn rgb(self, luma: f32, blue: f32, red: f32) -> [f32; 3] {
        match self {
            Self::Identity => [red, luma, blue],
            Self::GreenOrange => {
                let rest = luma - blue;
                [rest + red, luma + blue, rest - red]
            }
            Self::Shares(of_red, of_blue) => {
                let r = luma + 2.0 * (1.0 - of_red) * red;
                let b = luma + 2.0 * (1.0 - of_blue) * blue;
                let of_green = 1.0 - of_red - of_blue;
                [r, (luma - of_red * r - of_blue * b) / of_green, b]
            }
        }
    }
}

/// How a sample becomes a number.
#[derive(Clone, Copy)]
struct Scale {
    zero: f32,
    step: f32,
}

impl Scale {
    fn luma(bits: usize, full_range: bool) -> Self {
        Self::new(bits, full_range, 16.0, 219.0, 0.0)
    }

    fn difference(bits: usize, full_range: bool) -> Self {
        Self::new(bits, full_range, 128.0, 224.0, (1 << (bits - 1)) as f32)
    }

    fn new(bits: usize, full_range: bool, zero: f32, range: f32, full_zero: f32) -> Self {
        if full_range {
            let most = ((1_u32 << bits) - 1) as f32;
            return Self {
                zero: full_zero,
                step: 1.0 / most,
            };
        }
        let unit = (1_u32 << (bits - 8)) as f32;
        Self {
            zero: zero * unit,
            step: 1.0 / (range * unit),
        }
    }

    fn apply(self, sample: u16) -> f32 {
        (f32::from(sample) - self.zero) * self.step
    }
}

/// Three bytes a pixel, nothing where a plane is too short; an error is a matrix that is not known.
pub(super) fn rgb(planes: &Planes<'_>, colour: Colour) -> Result<Vec<u8>, u16> {
    const LINEAR: u16 = 8;
    let matrix = Matrix::of(colour.matrix).ok_or(colour.matrix)?;
    if matrix == Matrix::Identity && !matches!(planes.sampling, Sampling::Full | Sampling::None) {
        return Err(colour.matrix);
    }
    let luma = Scale::luma(planes.bits, colour.full_range);
    let difference = match matrix {
        Matrix::Identity => luma,
        _ => Scale::difference(planes.bits, colour.full_range),
    };
    let byte = |value: f32| match colour.transfer {
        LINEAR => from_float(srgb_encoded(value)),
        _ => from_float(value),
    };
    let Planes {
        width,
        height,
        sampling,
        ..
    } = *planes;
    let (half_across, half_down) = match sampling {
        Sampling::None | Sampling::Full => (1, 1),
        Sampling::HalfAcross => (2, 1),
        Sampling::Half => (2, 2),
    };
    let mut rgb = Vec::with_capacity(width * height * 3);
    let mut rows = [Vec::new(), Vec::new(), Vec::new()];
    for y in 0..height {
        let [luma_row, blue_row, red_row] = &mut rows;
        if planes.row(planes.luma, y, width, luma_row).is_none() {
            return Ok(Vec::new());
        }
        let Some((blue, red, stride)) = planes.colours else {
            for &sample in luma_row.iter() {
                rgb.extend([byte(luma.apply(sample)); 3]);
            }
            continue;
        };
        let across = width.div_ceil(half_across);
        let both = planes
            .row((blue, stride), y / half_down, across, blue_row)
            .and_then(|()| planes.row((red, stride), y / half_down, across, red_row));
        if both.is_none() {
            return Ok(Vec::new());
        }
        let colours = blue_row.iter().zip(red_row.iter());
        let colours = colours.flat_map(|both| std::iter::repeat_n(both, half_across));
        for (&sample, (&blue, &red)) in luma_row.iter().zip(colours) {
            let (blue, red) = (difference.apply(blue), difference.apply(red));
            rgb.extend(matrix.rgb(luma.apply(sample), blue, red).map(byte));
        }
    }
    Ok(rgb)
}

/// The luma in one byte a pixel.
pub(super) fn alpha(planes: &Planes<'_>, full_range: bool) -> Option<Vec<u8>> {
    let scale = Scale::luma(planes.bits, full_range);
    let mut alpha = Vec::with_capacity(planes.width * planes.height);
    let mut row = Vec::new();
    for y in 0..planes.height {
        planes.row(planes.luma, y, planes.width, &mut row)?;
        alpha.extend(row.iter().map(|&sample| from_float(scale.apply(sample))));
    }
    Some(alpha)
}

impl Planes<'_> {
    /// A row of a plane as numbers.
    fn row(
        &self,
        (plane, stride): (&[u8], usize),
        y: usize,
        width: usize,
        into: &mut Vec<u16>,
    ) -> Option<()> {
        into.clear();
        let row = plane.get(y.checked_mul(stride)?..)?;
        if self.bits == 8 {
            into.extend(row.get(..width)?.iter().copied().map(u16::from));
        } else {
            let pairs = row.get(..width * 2)?.as_chunks::<2>().0;
            into.extend(pairs.iter().copied().map(u16::from_ne_bytes));
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(matrix: u16, full_range: bool) -> Colour {
        Colour {
            primaries: 1,
            transfer: 13,
            matrix,
            full_range,
        }
    }

    /// Two pixels, of which the second is grey.
    fn planes<'a>(luma: &'a [u8], blue: &'a [u8], red: &'a [u8], bits: usize) -> Planes<'a> {
        Planes {
            width: 2,
            height: 1,
            bits,
            sampling: Sampling::Full,
            luma: (luma, luma.len()),
            colours: Some((blue, red, blue.len())),
        }
    }

    #[test]
    fn ranges_and_matrices_are_those_of_the_standard() {
        // Red of full strength, and white.
        let full = planes(&[76, 255], &[85, 128], &[255, 128], 8);
        assert_eq!(
            rgb(&full, colour(6, true)).unwrap(),
            [254, 0, 0, 255, 255, 255]
        );
        let narrow = planes(&[81, 235], &[90, 128], &[240, 128], 8);
        assert_eq!(
            rgb(&narrow, colour(5, false)).unwrap(),
            [254, 0, 0, 255, 255, 255]
        );
        let narrow = planes(&[63, 16], &[102, 128], &[240, 128], 8);
        assert_eq!(
            rgb(&narrow, colour(1, false)).unwrap(),
            [255, 1, 0, 0, 0, 0]
        );
        let green_first = planes(&[1, 9], &[2, 8], &[3, 7], 8);
        assert_eq!(
            rgb(&green_first, colour(0, true)).unwrap(),
            [3, 1, 2, 7, 9, 8]
        );
        assert_eq!(rgb(&green_first, colour(14, true)), Err(14));
    }

    #[test]
    fn deeper_samples_give_the_same_colours() {
        let wide = |values: [u16; 2]| values.map(u16::to_ne_bytes).concat();
        let (luma, blue, red) = (wide([324, 940]), wide([360, 512]), wide([960, 512]));
        let deep = planes(&luma, &blue, &red, 10);
        assert_eq!(
            rgb(&deep, colour(6, false)).unwrap(),
            [254, 0, 0, 255, 255, 255]
        );
        assert_eq!(alpha(&deep, false).unwrap(), [76, 255]);
    }

    #[test]
    fn differences_of_half_the_size_serve_two_pixels() {
        let half = Planes {
            width: 3,
            height: 3,
            bits: 8,
            sampling: Sampling::Half,
            luma: (&[76; 12], 4),
            colours: Some((&[85, 128, 128, 128], &[255, 128, 128, 128], 2)),
        };
        let got = rgb(&half, colour(6, true)).unwrap();
        let red = [254, 0, 0];
        let grey = [76; 3];
        assert_eq!(
            got,
            [red, red, grey, red, red, grey, grey, grey, grey].concat()
        );
        let short = Planes {
            luma: (&[76; 9], 4),
            ..half
        };
        assert_eq!(rgb(&short, colour(6, true)), Ok(vec![]));
        assert_eq!(alpha(&short, true), None);
    }
}
