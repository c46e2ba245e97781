//! What is done to a picture before it is asked about: named steps, and how the result is encoded.
//!
//! Owned here: names, families and steps. Which modifications there are stands in `catalogue`, which of
//! them are asked for in `modifications`, how a step changes pixels in `geometry`, `tone` and `overlay`, how the result
//! becomes a file in `coding`.

use std::fmt;

/// Where something is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Half of it on each edge.
    Centre,
    /// All of it at the left and the top edge, so that the lower right part stays; or another
    /// corner, as the picture's own stream of random numbers says.
    Corner,
    Top,
    Bottom,
    Left,
    /// Anywhere, as the stream of random numbers says.
    Anywhere,
}

/// What lies around a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground {
    White,
    Black,
    /// A colour that the stream of random numbers gives.
    Colour,
    /// The picture itself, enlarged and blurred.
    Blurred,
}

/// One change of the pixels. Percentages of lengths are of the side that they lie along.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Step {
    /// Both sides to this percentage.
    Resize(f32),
    /// Only the width to this percentage.
    Aspect(f32),
    /// Takes away this percentage of the width and of the height; of the height or the width alone
    /// where one edge is cut.
    Crop(Place, f32),
    /// A border of this percentage of the shorter side on each edge.
    Pad(Ground, f32),
    /// Bars above and below that make the picture this many percent higher.
    Letterbox(Ground, f32),
    /// Bars at the sides that make the picture this many percent wider.
    Pillarbox(Ground, f32),
    /// Turned by degrees, the picture's sides kept, corners filled.
    Rotate(f32, Ground),
    /// Turned by degrees, and cut to the largest rectangle of the same shape that is all picture.
    RotateInside(f32),
    /// Quarter turns clockwise.
    Quarter(u8),
    Mirror,
    Flip,
    /// Percent of full scale that is added.
    Brightness(f32),
    /// Percent that differences from mid-grey grow by.
    Contrast(f32),
    /// Percent that colours keep of their distance from grey.
    Saturation(f32),
    Gamma(f32),
    /// Degrees.
    Hue(f32),
    Grey,
    Sepia,
    Invert,
    /// Standard deviation in percent of the shorter side.
    Blur(f32),
    /// Unsharp mask: how much of the difference is added, in percent.
    Sharpen(f32),
    /// Standard deviation in steps of 255.
    Noise(f32),
    /// Levels of each channel.
    Posterise(u8),
    /// A line of text across the middle; its height in percent of the shorter side.
    Text(f32),
    /// A faint text that repeats all over.
    Watermark,
    /// A round logo in a corner; its diameter in percent of the shorter side.
    Logo(f32),
    /// A white bar with text, above; its height in percent of the picture's.
    CaptionAbove(f32),
    /// A black bar with text, below.
    CaptionBelow(f32),
    /// A sticker over the picture; its diameter in percent of the shorter side.
    Sticker(f32),
    /// Outlined capitals at the top and the bottom.
    MemeText,
    /// A black frame with a thin white line and a title below.
    MemeFrame,
    /// A tall phone screen with bars, a name and buttons, light or dark.
    Screenshot {
        dark: bool,
    },
    /// A post on a page: a head with a name, text, the picture, buttons.
    Post,
    /// Laid onto a busy ground; its side in percent of the ground's.
    PictureInPicture(f32),
    /// Corners moved inwards by up to this percentage of the sides.
    Perspective(f32),
}

/// How the pixels become a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// JPEG of this quality.
    Jpeg(u8),
    /// JPEG of the first quality, decoded, and encoded at the second.
    JpegTwice(u8, u8),
    /// JPEG stored turned, with the EXIF orientation that turns it back for a viewer.
    Exif(u8),
    Png,
    /// Lossless: no maintained encoder of lossy WebP in Rust has a licence that fits.
    Webp,
    /// 256 colours.
    Gif,
    /// PNG whose rounded corners are transparent.
    RoundedCorners,
    /// PNG of which everything lets 40 % through.
    Translucent,
    /// PNG with a transparent border of 10 % of the shorter side.
    TransparentBorder,
    /// An animation whose third frame is the picture, behind two others.
    Animation,
    /// JPEG of what is left without this percentage of the sides, whose EXIF thumbnail still shows all.
    KeepingThumbnail(u8),
}

/// A modification: what is done to a picture, in order, and how the result is encoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Modification {
    pub(super) name: String,
    pub(super) group: &'static str,
    pub(super) family: &'static str,
    pub(super) strength: Option<f32>,
    pub(super) tier: Tier,
    pub(super) steps: Vec<Step>,
    pub(super) coding: Coding,
}

/// The smallest set that a modification is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tier {
    Quick,
    Standard,
    Full,
}

impl Modification {
    /// The name, for example `crop_centre_10`: unique, and stable.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What kind of thing it is, for people: `borders` for example.
    #[must_use]
    pub const fn group(&self) -> &'static str {
        self.group
    }

    /// What it has in common with others, for example `crop_centre`.
    #[must_use]
    pub const fn family(&self) -> &'static str {
        self.family
    }

    /// How strong it is, in the unit of its family: percent, degrees, a JPEG quality.
    #[must_use]
    pub const fn strength(&self) -> Option<f32> {
        self.strength
    }
}

impl fmt::Display for Modification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}
