//! Which form of a known picture a hash in a bank is of.

use crate::hash::{Sides, Transform, Variant, View};
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// The form of a known picture that a hash in a bank is of, where it is not the picture as it was
/// given.
///
/// Written, and read, as `half_size`, `jpeg_50`, or as the [`Variant`] of a picture that looks so:
/// `over_black`, `region_100_100_100_100`, `flip_y`, and these joined by `+`; `frame_3` is a further picture of the same
/// file: a frame, a page, an item.
///
/// ```
/// use hashgate::hash::{Form, Variant};
/// let form: Form = "region_0_0_500_0".parse()?;
/// assert_eq!(Form::of(&form.to_string().parse::<Variant>()?), Some(form));
/// assert_eq!(Form::of(&Variant::ORIGINAL), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Form(Made);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Made {
    Seen {
        frame: u32,
        over_black: bool,
        alpha_ignored: bool,
        colour_managed: bool,
        region: Sides,
        transform: Transform,
    },
    HalfSize,
    Jpeg50,
}

/// A text, or a number, that stands for no form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is no form of a known picture: half_size, jpeg_50, or parts such as flip_y joined by +"
)]
pub struct FormError {
    /// What was given; its beginning, where it is long.
    pub given: String,
}

impl Form {
    /// At half its size.
    pub const HALF_SIZE: Self = Self(Made::HalfSize);
    /// Re-encoded as a JPEG of quality 50.
    pub const JPEG_50: Self = Self(Made::Jpeg50);

    /// Where a form's code has its copy: the two bits above the transform's and the background's.
    const COPY: u32 = 5;
    /// Where it has the first of the four sides, each of ten bits.
    const SIDES: u32 = 8;
    const SIDE_BITS: u32 = 10;
    /// Above the sides.
    const ALPHA_IGNORED: u32 = 48;
    const COLOUR_MANAGED: u32 = 49;
    /// Where a form's code has the number of the picture in its file.
    const FRAME: u32 = 50;
    /// The highest such number that has a code.
    const LAST_FRAME: u32 = (1 << (u64::BITS - Self::FRAME)) - 1;

    /// The form that is seen so; `None` for the picture as it was given, and for variants that no
    /// known picture is kept in.
    #[must_use]
    pub fn of(variant: &Variant) -> Option<Self> {
        let plain = Variant {
            frame: 0,
            over_black: false,
            alpha_ignored: false,
            colour_managed: false,
            region: Sides::NONE,
            transform: Transform::Original,
            ..*variant
        };
        let Sides {
            left,
            top,
            right,
            bottom,
        } = variant.region;
        // What is left has a width and a height.
        let is_part = |a: u16, b: u16| u32::from(a) + u32::from(b) < 1000;
        let is_form = plain == Variant::ORIGINAL
            && *variant != Variant::ORIGINAL
            && variant.frame <= Self::LAST_FRAME
            && is_part(left, right)
            && is_part(top, bottom);
        is_form.then_some(Self(Made::Seen {
            frame: variant.frame,
            over_black: variant.over_black,
            alpha_ignored: variant.alpha_ignored,
            colour_managed: variant.colour_managed,
            region: variant.region,
            transform: variant.transform,
        }))
    }

    fn variant(self) -> Option<Variant> {
        match self.0 {
            Made::Seen {
                frame,
                over_black,
                alpha_ignored,
                colour_managed,
                region,
                transform,
            } => Some(Variant {
                frame,
                over_black,
                alpha_ignored,
                colour_managed,
                region,
                transform,
                view: View::Whole,
                ..Variant::ORIGINAL
            }),
            Made::HalfSize | Made::Jpeg50 => None,
        }
    }

    /// The number that stands for it in files: its transform's place in [`Transform::ALL`], from bit
    /// 4 on whether it lies over black, from bit 5 on 1 for `half_size` and 2 for `jpeg_50`, from bit
    /// 8 on ten bits for each side: left, top, right, bottom; bit 48 says that alpha is ignored, bit 49 that the colours
    /// are those of the file's profile or gamma; from bit 50 on the number of the picture in its file. Never 0.
    #[must_use]
    pub fn code(self) -> u64 {
        match self.0 {
            Made::HalfSize => 1 << Self::COPY,
            Made::Jpeg50 => 2 << Self::COPY,
            Made::Seen {
                frame,
                over_black,
                alpha_ignored,
                colour_managed,
                region,
                transform,
            } => {
                let place = Transform::ALL.iter().position(|one| *one == transform);
                let sides = [region.left, region.top, region.right, region.bottom];
                let shifts = (Self::SIDES..).step_by(Self::SIDE_BITS as usize);
                let sides = sides.into_iter().zip(shifts);
                sides.fold(
                    place.unwrap_or(0) as u64
                        | u64::from(over_black) << 4
                        | u64::from(alpha_ignored) << Self::ALPHA_IGNORED
                        | u64::from(colour_managed) << Self::COLOUR_MANAGED
                        | u64::from(frame) << Self::FRAME,
                    |code, (side, shift)| code | u64::from(side) << shift,
                )
            }
        }
    }

    /// The form that a number stands for.
    #[must_use]
    pub fn from_code(code: u64) -> Option<Self> {
        let side = |place: u32| {
            let shifted = code >> (Self::SIDES + place * Self::SIDE_BITS);
            (shifted & ((1 << Self::SIDE_BITS) - 1)) as u16
        };
        let form = match code >> Self::COPY & 3 {
            1 => Self::HALF_SIZE,
            2 => Self::JPEG_50,
            _ => Self::of(&Variant {
                frame: (code >> Self::FRAME) as u32,
                over_black: code >> 4 & 1 == 1,
                alpha_ignored: code >> Self::ALPHA_IGNORED & 1 == 1,
                colour_managed: code >> Self::COLOUR_MANAGED & 1 == 1,
                region: Sides {
                    left: side(0),
                    top: side(1),
                    right: side(2),
                    bottom: side(3),
                },
                transform: *Transform::ALL.get((code & 15) as usize)?,
                ..Variant::ORIGINAL
            })?,
        };
        // Each form has one code.
        (form.code() == code).then_some(form)
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.variant()) {
            (_, Some(variant)) => variant.fmt(f),
            (Made::Jpeg50, None) => f.write_str("jpeg_50"),
            (_, None) => f.write_str("half_size"),
        }
    }
}

impl FromStr for Form {
    type Err = FormError;

    fn from_str(text: &str) -> Result<Self, FormError> {
        let named = match text {
            "half_size" => Some(Self::HALF_SIZE),
            "jpeg_50" => Some(Self::JPEG_50),
            _ => text.parse().ok().and_then(|variant| Self::of(&variant)),
        };
        named.ok_or_else(|| FormError {
            given: text.chars().take(100).collect(),
        })
    }
}

impl Serialize for Form {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Form {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forms_have_their_names_and_codes() {
        for (name, code) in [
            ("displayed", 1),
            ("flip_minus_1", 8),
            ("over_black", 1 << 4),
            ("over_black+displayed", 1 << 4 | 1),
            ("half_size", 1 << 5),
            ("jpeg_50", 2 << 5),
            ("region_1_0_0_0", 1 << 8),
            (
                "region_100_250_500_0+rotate_90",
                2 | 100 << 8 | 250 << 18 | 500 << 28,
            ),
            ("region_0_0_0_999", 999 << 38),
            ("alpha_ignored", 1 << 48),
            ("colour_managed+displayed", 1 << 49 | 1),
            ("frame_1", 1 << 50),
            ("frame_16383+over_black", 16_383 << 50 | 1 << 4),
        ] {
            let form: Form = name.parse().unwrap();
            assert_eq!(
                (form.to_string(), form.code()),
                (name.to_owned(), code),
                "{name}"
            );
            assert_eq!(Form::from_code(code), Some(form), "{name}");
            let json = serde_json::to_string(&form).unwrap();
            assert_eq!(json, format!("{name:?}"));
            assert_eq!(serde_json::from_str::<Form>(&json).unwrap(), form);
        }
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for name in [
            "",
            "original",
            "frame_16384",
            "inverted",
            "uncrop_50_50_50_50",
            "region_500_0_500_0",
            "half_size+flip_y",
            "flip_y+over_black",
        ] {
            assert!(name.parse::<Form>().is_err(), "{name}");
        }
        for code in [0, 9, 3 << 5, 1 << 5 | 1, 1 << 7, u64::MAX] {
            assert_eq!(Form::from_code(code), None, "{code}");
        }
    }

    proptest! {
        #[test]
        fn a_code_stands_for_one_form(code: u64) {
            if let Some(form) = Form::from_code(code) {
                prop_assert_eq!(form.code(), code);
                prop_assert_eq!(form.to_string().parse::<Form>(), Ok(form));
            }
        }
    }
}
