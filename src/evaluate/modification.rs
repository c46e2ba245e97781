//! What is done to a picture before it is asked about: named steps, how the result is encoded, and
//! the catalogue of those that an evaluation makes.
//!
//! Owned here: names, strengths and families. How a step changes pixels stands in `geometry`,
//! `tone` and `overlay`, how the result becomes a file in `coding`.

use std::fmt;
use std::str::FromStr;

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
}

/// The coding where a modification is not about one.
const PLAIN: Coding = Coding::Jpeg(85);

/// A modification: what is done to a picture, in order, and how the result is encoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Modification {
    name: String,
    family: &'static str,
    strength: Option<f32>,
    tier: Tier,
    pub(super) steps: Vec<Step>,
    pub(super) coding: Coding,
}

/// The smallest set that a modification is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tier {
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

/// The modifications that an evaluation makes, in the order of the catalogue.
///
/// Read from `quick`, `standard`, `full`, or a list of names and families joined by commas:
///
/// ```
/// use hashgate::evaluate::Modifications;
/// let some: Modifications = "jpeg_50,crop_centre".parse()?;
/// assert!(some.iter().any(|one| one.name() == "crop_centre_10"));
/// assert!("sharks".parse::<Modifications>().is_err());
/// # Ok::<(), hashgate::evaluate::ModificationsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Modifications(Vec<Modification>);

/// A text that names no modifications.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is no modification; give quick, standard, full, or names and families joined by \
     commas: {known}"
)]
pub struct ModificationsError {
    /// What was given.
    pub given: String,
    /// The families that there are.
    pub known: String,
}

impl Modifications {
    /// The modifications.
    pub fn iter(&self) -> impl Iterator<Item = &Modification> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none; there always are some.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn up_to(tier: Tier) -> Self {
        Self(catalogue().into_iter().filter(|m| m.tier <= tier).collect())
    }
}

impl FromStr for Modifications {
    type Err = ModificationsError;

    fn from_str(text: &str) -> Result<Self, ModificationsError> {
        match text {
            "quick" => return Ok(Self::up_to(Tier::Quick)),
            "standard" => return Ok(Self::up_to(Tier::Standard)),
            "full" => return Ok(Self::up_to(Tier::Full)),
            _ => {}
        }
        let all = catalogue();
        let named: Vec<&str> = text.split(',').map(str::trim).collect();
        for name in &named {
            if !all.iter().any(|m| m.name == *name || m.family == *name) {
                let mut known: Vec<&str> = all.iter().map(|m| m.family).collect();
                known.dedup();
                return Err(ModificationsError {
                    given: (*name).to_owned(),
                    known: known.join(", "),
                });
            }
        }
        let chosen = all.into_iter();
        let chosen = chosen.filter(|m| named.iter().any(|name| m.name == *name || m.family == *name));
        Ok(Self(chosen.collect()))
    }
}

/// Builds the catalogue.
struct Catalogue(Vec<Modification>);

impl Catalogue {
    fn add(
        &mut self,
        family: &'static str,
        strength: Option<f32>,
        tier: Tier,
        steps: &[Step],
        coding: Coding,
    ) {
        let name = match strength {
            Some(strength) => format!("{family}_{}", shown(strength)),
            None => family.to_owned(),
        };
        self.0.push(Modification {
            name,
            family,
            strength,
            tier,
            steps: steps.to_vec(),
            coding,
        });
    }

    /// One step of several strengths, each with the smallest set that it is in.
    fn ladder(
        &mut self,
        family: &'static str,
        step: impl Fn(f32) -> Step,
        strengths: &[(f32, Tier)],
    ) {
        for &(strength, tier) in strengths {
            self.add(family, Some(strength), tier, &[step(strength)], PLAIN);
        }
    }

    fn step(&mut self, family: &'static str, tier: Tier, step: Step) {
        self.add(family, None, tier, &[step], PLAIN);
    }
}

/// A strength as names carry it: `10`, `0.5` as `0p5`, `-30` as `minus_30`.
fn shown(strength: f32) -> String {
    let text = strength.abs().to_string().replace('.', "p");
    match strength < 0.0 {
        true => format!("minus_{text}"),
        false => text,
    }
}

fn catalogue() -> Vec<Modification> {
    let mut all = Catalogue(Vec::new());
    encodings(&mut all);
    geometry(&mut all);
    tones(&mut all);
    overlays(&mut all);
    chains(&mut all);
    all.0
}

fn encodings(all: &mut Catalogue) {
    use Tier::{Full, Quick, Standard};
    for (quality, tier) in [
        (95, Full),
        (85, Standard),
        (70, Full),
        (50, Quick),
        (30, Standard),
        (20, Full),
        (10, Standard),
    ] {
        let coding = Coding::Jpeg(quality);
        all.add("jpeg", Some(f32::from(quality)), tier, &[], coding);
    }
    all.add("jpeg_twice", None, Standard, &[], Coding::JpegTwice(40, 75));
    all.add("png", None, Full, &[], Coding::Png);
    all.add("webp_lossless", None, Standard, &[], Coding::Webp);
    all.add("gif", None, Standard, &[], Coding::Gif);
    all.add("animation_frame", None, Quick, &[], Coding::Animation);
    all.add("alpha_corners", None, Standard, &[], Coding::RoundedCorners);
    all.add("alpha_translucent", None, Standard, &[], Coding::Translucent);
    all.add("alpha_border", None, Quick, &[], Coding::TransparentBorder);
    for orientation in 2..=8 {
        let tier = match orientation {
            6 => Quick,
            3 | 5 | 8 => Standard,
            _ => Full,
        };
        let coding = Coding::Exif(orientation);
        all.add("exif", Some(f32::from(orientation)), tier, &[], coding);
    }
}

fn geometry(all: &mut Catalogue) {
    use Tier::{Full, Quick, Standard};
    all.ladder(
        "resize",
        Step::Resize,
        &[(10.0, Standard), (25.0, Standard), (50.0, Quick), (75.0, Full), (150.0, Full), (200.0, Standard), (400.0, Full)],
    );
    all.ladder(
        "aspect",
        Step::Aspect,
        &[(50.0, Full), (75.0, Standard), (90.0, Full), (133.0, Standard), (200.0, Full)],
    );
    all.ladder(
        "crop_centre",
        |percent| Step::Crop(Place::Centre, percent),
        &[(1.0, Full), (2.0, Standard), (5.0, Quick), (10.0, Quick), (15.0, Standard), (20.0, Quick), (30.0, Standard), (40.0, Full), (50.0, Standard)],
    );
    all.ladder(
        "crop_corner",
        |percent| Step::Crop(Place::Corner, percent),
        &[(5.0, Standard), (10.0, Quick), (20.0, Standard), (30.0, Full), (50.0, Full)],
    );
    all.ladder(
        "crop_anywhere",
        |percent| Step::Crop(Place::Anywhere, percent),
        &[(5.0, Full), (10.0, Standard), (20.0, Standard), (30.0, Full)],
    );
    all.ladder(
        "cut_top",
        |percent| Step::Crop(Place::Top, percent),
        &[(5.0, Full), (10.0, Full), (15.0, Quick), (25.0, Standard)],
    );
    all.ladder(
        "cut_bottom",
        |percent| Step::Crop(Place::Bottom, percent),
        &[(5.0, Full), (15.0, Standard), (25.0, Full)],
    );
    all.ladder(
        "cut_side",
        |percent| Step::Crop(Place::Left, percent),
        &[(5.0, Full), (15.0, Standard), (25.0, Full)],
    );
    for (family, ground) in [
        ("border_white", Ground::White),
        ("border_black", Ground::Black),
        ("border_colour", Ground::Colour),
    ] {
        let tier = if ground == Ground::White { Quick } else { Standard };
        all.ladder(
            family,
            |percent| Step::Pad(ground, percent),
            &[(2.0, Full), (5.0, Standard), (10.0, tier), (25.0, Full)],
        );
    }
    all.ladder(
        "letterbox",
        |percent| Step::Letterbox(Ground::Black, percent),
        &[(20.0, Full), (33.0, Quick), (78.0, Standard)],
    );
    all.ladder(
        "pillarbox",
        |percent| Step::Pillarbox(Ground::Black, percent),
        &[(33.0, Quick), (78.0, Standard)],
    );
    all.ladder(
        "blurred_sides",
        |percent| Step::Pillarbox(Ground::Blurred, percent),
        &[(33.0, Standard), (78.0, Quick)],
    );
    all.ladder(
        "blurred_bars",
        |percent| Step::Letterbox(Ground::Blurred, percent),
        &[(33.0, Full), (78.0, Standard)],
    );
    all.ladder(
        "rotate",
        |degrees| Step::Rotate(degrees, Ground::Black),
        &[(1.0, Standard), (2.0, Standard), (3.0, Quick), (5.0, Standard), (10.0, Quick), (15.0, Standard), (20.0, Full), (30.0, Full), (45.0, Standard)],
    );
    all.ladder(
        "rotate_white",
        |degrees| Step::Rotate(degrees, Ground::White),
        &[(3.0, Full), (5.0, Standard), (10.0, Full)],
    );
    all.ladder(
        "rotate_inside",
        Step::RotateInside,
        &[(1.0, Full), (2.0, Full), (3.0, Standard), (5.0, Standard), (10.0, Standard)],
    );
    all.step("rotate_90", Quick, Step::Quarter(1));
    all.step("rotate_180", Standard, Step::Quarter(2));
    all.step("rotate_270", Standard, Step::Quarter(3));
    all.step("mirror", Quick, Step::Mirror);
    all.step("flip", Standard, Step::Flip);
    all.ladder(
        "perspective",
        Step::Perspective,
        &[(2.0, Standard), (5.0, Quick), (10.0, Standard)],
    );
}

fn tones(all: &mut Catalogue) {
    use Tier::{Full, Quick, Standard};
    all.ladder(
        "brightness",
        Step::Brightness,
        &[(-40.0, Full), (-20.0, Standard), (20.0, Standard), (40.0, Full)],
    );
    all.ladder(
        "contrast",
        Step::Contrast,
        &[(-60.0, Full), (-30.0, Standard), (30.0, Standard), (60.0, Full)],
    );
    all.ladder(
        "saturation",
        Step::Saturation,
        &[(50.0, Full), (200.0, Standard)],
    );
    all.ladder("gamma", Step::Gamma, &[(0.5, Standard), (2.0, Standard)]);
    all.ladder("hue", Step::Hue, &[(30.0, Full), (90.0, Standard), (180.0, Full)]);
    all.step("grey", Quick, Step::Grey);
    all.step("sepia", Standard, Step::Sepia);
    all.step("invert", Standard, Step::Invert);
    all.ladder("blur", Step::Blur, &[(0.2, Full), (0.5, Standard), (1.0, Standard), (2.0, Full)]);
    all.ladder("sharpen", Step::Sharpen, &[(100.0, Standard), (300.0, Full)]);
    all.ladder("noise", Step::Noise, &[(8.0, Full), (20.0, Standard), (40.0, Full)]);
    all.ladder("posterise", |levels| Step::Posterise(levels as u8), &[(4.0, Standard), (8.0, Full)]);
}

fn overlays(all: &mut Catalogue) {
    use Tier::{Full, Quick, Standard};
    all.ladder("text", Step::Text, &[(5.0, Full), (10.0, Standard), (20.0, Full)]);
    all.step("watermark", Standard, Step::Watermark);
    all.ladder("logo", Step::Logo, &[(10.0, Full), (20.0, Standard)]);
    all.ladder(
        "caption_above",
        Step::CaptionAbove,
        &[(8.0, Full), (15.0, Quick), (25.0, Standard)],
    );
    all.ladder("caption_below", Step::CaptionBelow, &[(15.0, Standard)]);
    all.ladder(
        "sticker",
        Step::Sticker,
        &[(10.0, Full), (20.0, Standard), (30.0, Quick), (40.0, Full)],
    );
    all.step("meme_text", Quick, Step::MemeText);
    all.step("meme_frame", Standard, Step::MemeFrame);
    all.step("screenshot", Quick, Step::Screenshot { dark: false });
    all.step("screenshot_dark", Standard, Step::Screenshot { dark: true });
    all.step("post", Standard, Step::Post);
    all.ladder(
        "picture_in_picture",
        Step::PictureInPicture,
        &[(70.0, Standard), (50.0, Quick), (35.0, Full)],
    );
}

fn chains(all: &mut Catalogue) {
    use Tier::{Full, Quick, Standard};
    let chain = |all: &mut Catalogue, name, tier, steps: &[Step], quality| {
        all.add(name, None, tier, steps, Coding::Jpeg(quality));
    };
    let half = Step::Resize(50.0);
    chain(all, "half_size_then_jpeg_30", Standard, &[half], 30);
    chain(
        all,
        "mirror_then_caption",
        Quick,
        &[Step::Mirror, Step::CaptionAbove(15.0)],
        70,
    );
    chain(
        all,
        "crop_5_then_half_size",
        Standard,
        &[Step::Crop(Place::Anywhere, 5.0), half],
        60,
    );
    chain(
        all,
        "mirror_then_crop_5",
        Standard,
        &[Step::Mirror, Step::Crop(Place::Centre, 5.0)],
        75,
    );
    chain(
        all,
        "screenshot_then_jpeg_50",
        Standard,
        &[Step::Screenshot { dark: false }, half],
        50,
    );
    chain(
        all,
        "grey_then_border",
        Standard,
        &[Step::Grey, Step::Pad(Ground::White, 8.0)],
        70,
    );
    chain(
        all,
        "rotate_2_then_text",
        Standard,
        &[Step::RotateInside(2.0), Step::Text(8.0)],
        75,
    );
    chain(
        all,
        "meme_text_then_mirror",
        Full,
        &[Step::MemeText, Step::Mirror],
        70,
    );
    chain(
        all,
        "border_then_quarter_turn",
        Full,
        &[Step::Pad(Ground::Black, 6.0), Step::Quarter(1)],
        80,
    );
    chain(
        all,
        "contrast_then_crop_then_jpeg_40",
        Full,
        &[Step::Contrast(30.0), Step::Crop(Place::Corner, 5.0)],
        40,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_select_themselves() {
        let all = catalogue();
        let names: BTreeSet<&str> = all.iter().map(|m| m.name.as_str()).collect();
        assert_eq!(names.len(), all.len());
        for one in &all {
            let chosen: Modifications = one.name.parse().unwrap();
            assert!(chosen.iter().any(|m| m == one), "{one}");
        }
    }

    #[test]
    fn the_sets_lie_in_each_other() {
        let [quick, standard, full] = ["quick", "standard", "full"].map(|name| {
            let set: Modifications = name.parse().unwrap();
            set.iter().map(|m| m.name.clone()).collect::<BTreeSet<_>>()
        });
        assert!(quick.is_subset(&standard) && standard.is_subset(&full));
        assert!(quick.len() < standard.len() && standard.len() < full.len());
        assert_eq!(full.len(), catalogue().len());
    }

    #[test]
    fn strengths_are_readable_in_names() {
        assert_eq!(shown(0.5), "0p5");
        assert_eq!(shown(-30.0), "minus_30");
        let one: Modifications = "brightness_minus_20,gamma_0p5".parse().unwrap();
        assert_eq!(one.len(), 2);
        let error = "crop_middle".parse::<Modifications>().unwrap_err();
        assert!(error.to_string().contains("crop_centre"), "{error}");
    }
}
