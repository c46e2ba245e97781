//! Which form of the query made a match.

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

/// The form of a query that was hashed: which frame, over which background, laid down how.
///
/// Written as its parts joined by `+`, or `original`: `flip_x`, `over_black`, `frame_3+rotate_90`.
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
    /// How the picture was laid down.
    pub transform: Transform,
}

impl Variant {
    /// The first frame, over white, as stored.
    pub const ORIGINAL: Self = Self {
        frame: 0,
        over_black: false,
        transform: Transform::Original,
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
        if self.transform != Transform::Original || parts.is_empty() {
            parts.push(self.transform.name().to_owned());
        }
        f.write_str(&parts.join("+"))
    }
}
