//! Reading a variant as it is written: records of decisions are read back years later.
//!
//! Refuses to repair: what is not precisely what [`Variant`]'s `Display` writes is an error.

use crate::hash::variant::{Edge, Frame, Sides, Transform, Variant, View};
use std::str::FromStr;

/// A text that names no variant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no variant: a variant is `original`, or parts such as frame_3 joined by +")]
pub struct VariantError {
    /// What was given; its beginning, where it is long.
    pub given: String,
}

impl FromStr for Variant {
    type Err = VariantError;

    fn from_str(text: &str) -> Result<Self, VariantError> {
        let mut variant = Self::ORIGINAL;
        let read = text.split('+').all(|part| take(&mut variant, part));
        // Each variant has one name: another order, a part twice or a leading zero is none.
        if read && variant.to_string() == text {
            Ok(variant)
        } else {
            Err(VariantError {
                given: text.chars().take(100).collect(),
            })
        }
    }
}

fn take(variant: &mut Variant, part: &str) -> bool {
    let turned = Transform::ALL.into_iter().find(|one| one.name() == part);
    if let Some(transform) = turned {
        variant.transform = transform;
        return true;
    }
    match part {
        "over_black" => variant.over_black = true,
        "alpha_ignored" => variant.alpha_ignored = true,
        "colour_managed" => variant.colour_managed = true,
        "embedded" => variant.embedded = true,
        "inverted" => variant.inverted = true,
        "fitted" => variant.fitted = true,
        _ => {
            if let Some(number) = part.strip_prefix("frame_") {
                return set(&mut variant.frame, number.parse().ok());
            }
            if let Some(region) = part.strip_prefix("region_") {
                return set(&mut variant.region, sides(region));
            }
            return set(&mut variant.view, view(part));
        }
    }
    true
}

fn set<T>(place: &mut T, read: Option<T>) -> bool {
    let is_read = read.is_some();
    if let Some(value) = read {
        *place = value;
    }
    is_read
}

fn sides(text: &str) -> Option<Sides> {
    let mut numbers = text.split('_').map(|number| number.parse().ok());
    let mut next = || numbers.next().flatten();
    let (left, top, right, bottom) = (next()?, next()?, next()?, next()?);
    numbers.next().is_none().then_some(Sides {
        left,
        top,
        right,
        bottom,
    })
}

fn view(part: &str) -> Option<View> {
    if let Some(rest) = part.strip_prefix("uncrop_") {
        return sides(rest).map(View::Uncrop);
    }
    if let Some(rest) = part.strip_prefix("cover_") {
        return sides(rest).map(View::Cover);
    }
    if let Some(rest) = part.strip_prefix("straighten_") {
        let (degrees, frame) = match rest.split_once('_') {
            None => (rest, Frame::Kept),
            Some((degrees, "grown")) => (degrees, Frame::Grown),
            Some((degrees, "cut")) => (degrees, Frame::Cut),
            Some(_) => return None,
        };
        let (sign, size) = match degrees.strip_prefix('-') {
            Some(size) => (-1, size),
            None => (1, degrees),
        };
        let (whole, tenths) = size.split_once('.')?;
        let (whole, tenths): (i16, i16) = (whole.parse().ok()?, tenths.parse().ok()?);
        let tenths = whole.checked_mul(10)?.checked_add(tenths)?;
        return Some(View::Straighten {
            tenths: tenths.checked_mul(sign)?,
            frame,
        });
    }
    let (edge, thousandths) = part.strip_prefix("perspective_")?.split_once('_')?;
    let edge = match edge {
        "left" => Edge::Left,
        "top" => Edge::Top,
        "right" => Edge::Right,
        "bottom" => Edge::Bottom,
        _ => return None,
    };
    Some(View::Perspective {
        edge,
        thousandths: thousandths.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_sides() -> impl Strategy<Value = Sides> {
        any::<[u16; 4]>().prop_map(|[left, top, right, bottom]| Sides {
            left,
            top,
            right,
            bottom,
        })
    }

    fn any_view() -> impl Strategy<Value = View> {
        let frames = [Frame::Kept, Frame::Grown, Frame::Cut];
        let edges = [Edge::Left, Edge::Top, Edge::Right, Edge::Bottom];
        prop_oneof![
            Just(View::Whole),
            any_sides().prop_map(View::Uncrop),
            any_sides().prop_map(View::Cover),
            (-900i16..900, 0usize..3).prop_map(move |(tenths, frame)| View::Straighten {
                tenths,
                frame: frames[frame],
            }),
            (0usize..4, any::<u16>()).prop_map(move |(edge, thousandths)| View::Perspective {
                edge: edges[edge],
                thousandths,
            }),
        ]
    }

    proptest! {
        #[test]
        fn variants_are_read_as_they_are_written(
            frame: u32, grounds: [bool; 3], embedded: bool, inverted: bool, fitted: bool,
            region in any_sides(), view in any_view(),
            transform in 0..Transform::ALL.len(),
        ) {
            let transform = Transform::ALL[transform];
            let [over_black, alpha_ignored, colour_managed] = grounds;
            let variant = Variant {
                frame, over_black, alpha_ignored, colour_managed, embedded, region, view, transform, inverted, fitted,
            };
            prop_assert_eq!(variant.to_string().parse(), Ok(variant));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[a-z0-9_+.-]{0,40}") {
            if let Ok(variant) = text.parse::<Variant>() {
                prop_assert_eq!(variant.to_string(), text);
            }
        }
    }

    #[test]
    fn what_is_no_variant_is_refused() {
        for text in [
            "",
            "+",
            "frame_",
            "frame_03",
            "frame_0",
            "original+inverted",
            "inverted+frame_2",
            "embedded+over_black",
            "embedded+embedded",
            "region_1_2_3",
            "uncrop_1_2_3_4_5",
            "straighten_3",
            "straighten_3.0_bent",
            "straighten_-0.0",
            "perspective_up_3",
            "whole",
        ] {
            assert!(text.parse::<Variant>().is_err(), "{text:?}");
        }
    }
}
