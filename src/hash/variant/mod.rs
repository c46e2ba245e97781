//! Which form of the query made a match.

mod parse;
mod view;

pub use parse::VariantError;
pub use view::{Edge, Frame, Sides, View};

use std::fmt;

/// One of the eight ways to lay a square down, or the orientation that the file asks for.
///
/// The seven turned ones are named as in the PDQ reference (`pdq/cpp/hashing`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Transform {
    /// As stored in the file.
    #[default]
    Original,
    /// As displayed: turned as the file's EXIF orientation says.
    Displayed,
    /// Turned by 90°.
    Rotate90,
    /// Turned by 180°.
    Rotate180,
    /// Turned by 270°.
    Rotate270,
    /// Mirrored top to bottom (about the x axis).
    FlipX,
    /// Mirrored left to right (about the y axis).
    FlipY,
    /// Transposed (mirrored about the main diagonal).
    FlipPlus1,
    /// Mirrored about the other diagonal.
    FlipMinus1,
}

impl Transform {
    /// Every one of them.
    pub const ALL: [Self; 9] = [
        Self::Original,
        Self::Displayed,
        Self::Rotate90,
        Self::Rotate180,
        Self::Rotate270,
        Self::FlipX,
        Self::FlipY,
        Self::FlipPlus1,
        Self::FlipMinus1,
    ];

    /// Whether rows become columns.
    #[must_use]
    pub const fn swaps_sides(self) -> bool {
        matches!(
            self,
            Self::Rotate90 | Self::Rotate270 | Self::FlipPlus1 | Self::FlipMinus1
        )
    }

    /// The name, as JSON and reports carry it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Displayed => "displayed",
            Self::Rotate90 => "rotate_90",
            Self::Rotate180 => "rotate_180",
            Self::Rotate270 => "rotate_270",
            Self::FlipX => "flip_x",
            Self::FlipY => "flip_y",
            Self::FlipPlus1 => "flip_plus_1",
            Self::FlipMinus1 => "flip_minus_1",
        }
    }
}

/// The form of a query that was hashed: which frame, over which background, which part of it, taken
/// for what, laid down how.
///
/// Written, and read, as its parts joined by `+`, or `original`:
///
/// | part | meaning |
/// | --- | --- |
/// | `frame_3` | the frame of an animation, from 0 |
/// | `over_black` | transparent parts laid over black |
/// | `alpha_ignored` | the stored colours, as if nothing were transparent |
/// | `colour_managed` | colours as a screen shows them by the file's profile or gamma, and not as stored |
/// | `embedded` | the small picture in the file's EXIF block, instead of the file's own |
/// | `region_0_125_0_125` | without so many thousandths of its sides: left, top, right, bottom |
/// | `uncrop_50_50_50_50` | as what is left of an original that lacks so many thousandths of its sides |
/// | `cover_0_150_0_150` | without looking at such bands along its sides |
/// | `straighten_-3.0` | turned back by so many degrees; `_grown`, `_cut`: see [`Frame`] |
/// | `perspective_top_50` | seen from a side, see [`View::Perspective`] |
/// | `rotate_90`, `flip_x`, … | laid down so, see [`Transform`] |
/// | `inverted` | black for white |
/// | `fitted` | nudged (moved, turned, stickers masked) to come nearer to the entry that it almost matched |
///
/// ```
/// use hashgate::hash::{Transform, Variant};
/// let mut variant = Variant::ORIGINAL;
/// assert_eq!(variant.to_string(), "original");
/// variant.frame = 3;
/// variant.transform = Transform::FlipX;
/// assert_eq!(variant.to_string(), "frame_3+flip_x");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Variant {
    /// Frame of an animation, from 0.
    pub frame: u32,
    /// Transparent parts laid over black; over white where false.
    pub over_black: bool,
    /// The stored colours, as if nothing were transparent.
    pub alpha_ignored: bool,
    /// Colours as a screen shows them by the file's profile or gamma; as stored where false.
    pub colour_managed: bool,
    /// The small picture that the file's EXIF block holds, and not the file's own.
    pub embedded: bool,
    /// What was left out at the sides, in thousandths of them.
    pub region: Sides,
    /// What the rest was taken for.
    pub view: View,
    /// How the picture was laid down.
    pub transform: Transform,
    /// Black for white.
    pub inverted: bool,
    /// Moved a little, turned, and boxes of it masked, to come nearer to one entry. So its distance
    /// proves nothing; other evidence must decide.
    pub fitted: bool,
}

impl Variant {
    /// The first frame, over white, as stored.
    pub const ORIGINAL: Self = Self {
        frame: 0,
        over_black: false,
        alpha_ignored: false,
        colour_managed: false,
        embedded: false,
        region: Sides::NONE,
        view: View::Whole,
        transform: Transform::Original,
        inverted: false,
        fitted: false,
    };
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.frame != 0 {
            parts.push(format!("frame_{}", self.frame));
        }
        if self.over_black {
            parts.push("over_black".to_owned());
        }
        if self.alpha_ignored {
            parts.push("alpha_ignored".to_owned());
        }
        if self.colour_managed {
            parts.push("colour_managed".to_owned());
        }
        if self.embedded {
            parts.push("embedded".to_owned());
        }
        if self.region != Sides::NONE {
            parts.push(format!("region_{}", self.region));
        }
        if self.view != View::Whole {
            parts.push(self.view.to_string());
        }
        if self.transform != Transform::Original {
            parts.push(self.transform.name().to_owned());
        }
        if self.inverted {
            parts.push("inverted".to_owned());
        }
        if self.fitted {
            parts.push("fitted".to_owned());
        }
        if parts.is_empty() {
            parts.push(self.transform.name().to_owned());
        }
        f.write_str(&parts.join("+"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_named() {
        let mut variant = Variant {
            frame: 2,
            over_black: true,
            alpha_ignored: true,
            colour_managed: true,
            embedded: true,
            region: Sides {
                left: 125,
                right: 125,
                ..Sides::NONE
            },
            view: View::Straighten {
                tenths: -35,
                frame: Frame::Cut,
            },
            transform: Transform::FlipY,
            inverted: true,
            fitted: true,
        };
        let text = "frame_2+over_black+alpha_ignored+colour_managed+embedded+region_125_0_125_0+straighten_-3.5_cut+flip_y+inverted+fitted";
        assert_eq!(variant.to_string(), text);
        variant = Variant::ORIGINAL;
        variant.view = View::Uncrop(Sides {
            top: 150,
            ..Sides::NONE
        });
        assert_eq!(variant.to_string(), "uncrop_0_150_0_0");
    }
}
