//! Which forms of a picture are hashed: one set of flags, with the names that people type.
//!
//! Owned here: the flags, their names, the sets that have a name. The gate makes the first six from
//! the decoded picture; [`VariantMaker`](super::VariantMaker) makes the others from a small luma picture.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Which forms of a query are hashed besides the picture as stored, over white.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariantSet {
    /// The picture turned as its EXIF orientation says.
    pub displayed: bool,
    /// Transparent parts laid over black.
    pub over_black: bool,
    /// The stored colours, as if nothing were transparent: what programs hash that drop alpha.
    pub alpha_ignored: bool,
    /// Colours as a screen shows them, where the file's profile or gamma makes them plainly other than those stored.
    pub colour_managed: bool,
    /// The small picture in the EXIF block, if it shows something else: a crop often still shows
    /// there as it was before.
    pub embedded: bool,
    /// Every frame of an animation, not only the first.
    pub frames: bool,
    /// The seven other ways to lay the picture down: mirrored and turned by right angles.
    pub dihedral: bool,
    /// Black for white.
    pub inverted: bool,
    /// Rectangles that look like a picture of their own: within borders, bars, captions,
    /// screenshots, on a page or a busy ground.
    pub trim: bool,
    /// As what is left of a crop, with the rest guessed.
    pub uncrop: bool,
    /// Without usual margins, whether or not an edge is seen there.
    pub crop: bool,
    /// Without looking at bands at the top and the bottom, where texts lie.
    pub cover: bool,
    /// Turned back by a few degrees.
    pub straighten: bool,
    /// As seen from a side.
    pub perspective: bool,
    /// More and finer steps of each, and combinations.
    pub thorough: bool,
}

/// A text that names no set of variants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} names no variants; give none, standard, thorough, or a list of {} joined by commas \
     (with thorough among them: more of each)",
    VariantSet::NAMES.map(|(name, _)| name).join(", ")
)]
pub struct VariantSetError {
    /// What was given.
    pub given: String,
}

type Field = fn(&mut VariantSet) -> &mut bool;

impl VariantSet {
    /// Only the picture as stored, over white, first frame.
    pub const NONE: Self = Self {
        displayed: false,
        over_black: false,
        alpha_ignored: false,
        colour_managed: false,
        embedded: false,
        frames: false,
        dihedral: false,
        inverted: false,
        trim: false,
        uncrop: false,
        crop: false,
        cover: false,
        straighten: false,
        perspective: false,
        thorough: false,
    };
    /// Some two hundred guesses: the default. They cost less than decoding the picture.
    pub const STANDARD: Self = Self {
        displayed: true,
        over_black: true,
        alpha_ignored: true,
        colour_managed: true,
        embedded: true,
        frames: true,
        dihedral: true,
        inverted: true,
        trim: true,
        uncrop: true,
        crop: true,
        cover: true,
        straighten: true,
        perspective: false,
        thorough: false,
    };
    /// Up to sixteen hundred guesses.
    pub const THOROUGH: Self = Self {
        perspective: true,
        thorough: true,
        ..Self::STANDARD
    };

    /// The members of a list, in the order in which they are written.
    const NAMES: [(&'static str, Field); 14] = [
        ("displayed", |set| &mut set.displayed),
        ("over_black", |set| &mut set.over_black),
        ("alpha_ignored", |set| &mut set.alpha_ignored),
        ("colour_managed", |set| &mut set.colour_managed),
        ("embedded", |set| &mut set.embedded),
        ("frames", |set| &mut set.frames),
        ("dihedral", |set| &mut set.dihedral),
        ("inverted", |set| &mut set.inverted),
        ("trim", |set| &mut set.trim),
        ("uncrop", |set| &mut set.uncrop),
        ("crop", |set| &mut set.crop),
        ("cover", |set| &mut set.cover),
        ("straighten", |set| &mut set.straighten),
        ("perspective", |set| &mut set.perspective),
    ];

    /// Those of them that are made from a small luma picture; the others are taken out.
    #[must_use]
    pub const fn shapes(self) -> Self {
        Self {
            displayed: false,
            over_black: false,
            alpha_ignored: false,
            colour_managed: false,
            embedded: false,
            frames: false,
            ..self
        }
    }

    /// Whether there is any form besides the picture as stored, over white.
    #[must_use]
    pub fn any(&self) -> bool {
        let mut set = *self;
        Self::NAMES.iter().any(|(_, field)| *field(&mut set))
    }
}

impl Default for VariantSet {
    fn default() -> Self {
        Self::STANDARD
    }
}

impl FromStr for VariantSet {
    type Err = VariantSetError;
    fn from_str(text: &str) -> Result<Self, VariantSetError> {
        let mut set = Self::NONE;
        match text {
            "none" => return Ok(set),
            "standard" => return Ok(Self::STANDARD),
            "thorough" => return Ok(Self::THOROUGH),
            _ => {}
        }
        for given in text.split(',') {
            let given = given.trim();
            if given == "thorough" {
                set.thorough = true;
                continue;
            }
            let named = Self::NAMES.iter().find(|(name, _)| *name == given);
            let (_, field) = named.ok_or_else(|| VariantSetError {
                given: text.to_owned(),
            })?;
            *field(&mut set) = true;
        }
        Ok(set)
    }
}

impl fmt::Display for VariantSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NONE => return f.write_str("none"),
            Self::STANDARD => return f.write_str("standard"),
            Self::THOROUGH => return f.write_str("thorough"),
            _ => {}
        }
        let mut set = *self;
        let mut names = Vec::new();
        for (name, field) in Self::NAMES {
            if *field(&mut set) {
                names.push(name);
            }
        }
        if self.thorough {
            names.push("thorough");
        }
        f.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_what_needs_no_second_look_at_the_picture() {
        let shapes = VariantSet::STANDARD.shapes();
        assert_eq!(
            shapes.to_string(),
            "dihedral,inverted,trim,uncrop,crop,cover,straighten"
        );
        let looks = VariantSet {
            displayed: true,
            thorough: true,
            ..VariantSet::NONE
        };
        assert!(looks.any() && !looks.shapes().any());
        assert!(!VariantSet::NONE.any() && VariantSet::THOROUGH.shapes().any());
        let more_of_nothing = VariantSet {
            thorough: true,
            ..VariantSet::NONE
        };
        assert!(!more_of_nothing.any());
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for set in [VariantSet::NONE, VariantSet::STANDARD, VariantSet::THOROUGH] {
            assert_eq!(set.to_string().parse(), Ok(set));
        }
        let text = "displayed,dihedral,uncrop,thorough";
        let set: VariantSet = text.parse().expect("a list");
        assert!(set.uncrop && set.thorough && !set.trim);
        assert_eq!(set.to_string(), text);
        let error = "uncrop,everything"
            .parse::<VariantSet>()
            .expect_err("no such name");
        assert!(
            error.to_string().contains("straighten, perspective joined"),
            "{error}"
        );
    }
}
