//! What the numbers of a JPEG's components stand for.
//!
//! The file says it by marks of other standards, or by the names of its components; where these
//! disagree, what libjpeg makes of it is what browsers show.

use super::markers::Marks;

/// The colours of a picture's components, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colours {
    Grey,
    YCbCr,
    Rgb,
    /// Four inks; always stored as what they leave of white, whatever the file says.
    Cmyk,
    /// The same, the first three as luma and chroma.
    Ycck,
}

impl Colours {
    /// By the components' names and the marks before the first scan. `None` for a number of
    /// components that has no colours.
    pub(super) fn of(names: &[u8], marks: Marks) -> Option<Self> {
        Some(match (names, marks.adobe) {
            ([_], _) => Self::Grey,
            // JFIF knows nothing else, and is believed first.
            ([_, _, _], _) if marks.jfif => Self::YCbCr,
            ([_, _, _], Some(0)) => Self::Rgb,
            (b"RGB", None) => Self::Rgb,
            ([_, _, _], _) => Self::YCbCr,
            ([_, _, _, _], None | Some(0)) => Self::Cmyk,
            ([_, _, _, _], Some(_)) => Self::Ycck,
            _ => return None,
        })
    }

    /// The colour of one pixel from its samples; a missing one counts as 0.
    #[inline(always)]
    pub(super) fn rgb(self, samples: [u8; 4]) -> [u8; 3] {
        let [first, second, third, fourth] = samples;
        match self {
            Self::Grey => [first; 3],
            Self::YCbCr => from_ycbcr(first, second, third),
            Self::Rgb => [first, second, third],
            Self::Cmyk => [first, second, third].map(|ink| over_black_ink(ink, fourth)),
            Self::Ycck => {
                // What comes of it is red, green and blue, and the inks are what they leave.
                from_ycbcr(first, second, third).map(|ink| over_black_ink(255 - ink, fourth))
            }
        }
    }
}

/// A colour under what black ink leaves of it.
#[inline(always)]
fn over_black_ink(left: u8, by_black: u8) -> u8 {
    // Never more than 255.
    ((u32::from(left) * u32::from(by_black) + 127) / 255) as u8
}

/// JFIF 1.02: the whole range of CCIR 601.
#[inline(always)]
fn from_ycbcr(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    // In 65,536 steps, half a step added so that the nearest is taken.
    const HALF: i32 = 1 << 15;
    let y = (i32::from(y) << 16) + HALF;
    let (cb, cr) = (i32::from(cb) - 128, i32::from(cr) - 128);
    let red = y + 91_881 * cr;
    let green = y - 22_554 * cb - 46_802 * cr;
    let blue = y + 116_130 * cb;
    [red, green, blue].map(|colour| (colour >> 16).clamp(0, 255) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marks_are_believed_in_their_order() {
        let of = |names: &[u8], jfif, adobe| {
            let is_odd = false;
            Colours::of(
                names,
                Marks {
                    jfif,
                    adobe,
                    is_odd,
                },
            )
        };
        assert_eq!(of(b"R", false, Some(0)), Some(Colours::Grey));
        assert_eq!(of(b"RGB", false, None), Some(Colours::Rgb));
        assert_eq!(of(b"RGB", true, Some(0)), Some(Colours::YCbCr));
        assert_eq!(of(b"RGB", false, Some(1)), Some(Colours::YCbCr));
        assert_eq!(of(&[1, 2, 3], false, Some(0)), Some(Colours::Rgb));
        assert_eq!(of(&[7, 8, 9], false, None), Some(Colours::YCbCr));
        assert_eq!(of(&[1, 2, 3, 4], false, None), Some(Colours::Cmyk));
        assert_eq!(of(&[1, 2, 3, 4], true, Some(2)), Some(Colours::Ycck));
        assert_eq!(of(&[1, 2], true, None), None);
    }

    #[test]
    fn colours_are_the_nearest() {
        for y in (0..=255).step_by(15) {
            for cb in (0..=255).step_by(15) {
                for cr in (0..=255).step_by(15) {
                    let (wy, wb, wr) = (f64::from(y), f64::from(cb) - 128.0, f64::from(cr) - 128.0);
                    let wanted = [
                        wy + 1.402 * wr,
                        wy - 0.344_136 * wb - 0.714_136 * wr,
                        wy + 1.772 * wb,
                    ];
                    let found = Colours::YCbCr.rgb([y, cb, cr, 0]);
                    for (wanted, found) in wanted.into_iter().zip(found) {
                        let wanted = wanted.round().clamp(0.0, 255.0);
                        assert!((wanted - f64::from(found)).abs() <= 1.0, "{y} {cb} {cr}");
                    }
                }
            }
        }
        assert_eq!(Colours::Cmyk.rgb([255, 0, 128, 255]), [255, 0, 128]);
        assert_eq!(Colours::Cmyk.rgb([255, 255, 255, 0]), [0; 3]);
        assert_eq!(Colours::Ycck.rgb([0, 128, 128, 255]), [255; 3]);
    }
}
