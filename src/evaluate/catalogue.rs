//! The catalogue of modifications: what people do to pictures, in strengths that matter.

use super::modification::{Coding, Ground, Modification, Place, Step, Tier};

/// The coding where a modification is not about one.
const PLAIN: Coding = Coding::Jpeg(85);

/// Builds the catalogue.
struct Catalogue {
    all: Vec<Modification>,
    /// What is being added, for people.
    group: &'static str,
}

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
        self.all.push(Modification {
            name,
            group: self.group,
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

/// Every modification, weaker ones before stronger ones of a family.
pub(super) fn catalogue() -> Vec<Modification> {
    let mut all = Catalogue {
        all: Vec::new(),
        group: "",
    };
    type Part = fn(&mut Catalogue);
    let parts: [(&'static str, Part); 7] = [
        ("encoding and transparency", encodings),
        ("sizes and crops", crops),
        ("borders", borders),
        ("turns and perspective", turns),
        ("tones and sharpness", tones),
        ("texts, stickers and screens", overlays),
        ("several together", chains),
    ];
    for (group, add) in parts {
        all.group = group;
        add(&mut all);
    }
    all.all
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
    all.add(
        "alpha_translucent",
        None,
        Standard,
        &[],
        Coding::Translucent,
    );
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

fn crops(all: &mut Catalogue) {
    use Tier::{Full, Quick, Standard};
    all.ladder(
        "resize",
        Step::Resize,
        &[
            (10.0, Standard),
            (25.0, Standard),
            (50.0, Quick),
            (75.0, Full),
            (150.0, Full),
            (200.0, Standard),
            (400.0, Full),
        ],
    );
    all.ladder(
        "aspect",
        Step::Aspect,
        &[
            (50.0, Full),
            (75.0, Standard),
            (90.0, Full),
            (133.0, Standard),
            (200.0, Full),
        ],
    );
    all.ladder(
        "crop_centre",
        |percent| Step::Crop(Place::Centre, percent),
        &[
            (1.0, Full),
            (2.0, Standard),
            (5.0, Quick),
            (10.0, Quick),
            (15.0, Standard),
            (20.0, Quick),
            (30.0, Standard),
            (40.0, Full),
            (50.0, Standard),
        ],
    );
    all.ladder(
        "crop_corner",
        |percent| Step::Crop(Place::Corner, percent),
        &[
            (5.0, Standard),
            (10.0, Quick),
            (20.0, Standard),
            (30.0, Full),
            (50.0, Full),
        ],
    );
    all.ladder(
        "crop_anywhere",
        |percent| Step::Crop(Place::Anywhere, percent),
        &[
            (5.0, Full),
            (10.0, Standard),
            (20.0, Standard),
            (30.0, Full),
        ],
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
    let coding = Coding::KeepingThumbnail(30);
    all.add("crop_keeping_thumbnail", None, Standard, &[], coding);
}

fn borders(all: &mut Catalogue) {
    use Tier::{Full, Quick, Standard};
    for (family, ground) in [
        ("border_white", Ground::White),
        ("border_black", Ground::Black),
        ("border_colour", Ground::Colour),
    ] {
        let tier = if ground == Ground::White {
            Quick
        } else {
            Standard
        };
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
}

fn turns(all: &mut Catalogue) {
    use Tier::{Full, Quick, Standard};
    all.ladder(
        "rotate",
        |degrees| Step::Rotate(degrees, Ground::Black),
        &[
            (1.0, Standard),
            (2.0, Standard),
            (3.0, Quick),
            (5.0, Standard),
            (10.0, Quick),
            (15.0, Standard),
            (20.0, Full),
            (30.0, Full),
            (45.0, Standard),
        ],
    );
    all.ladder(
        "rotate_white",
        |degrees| Step::Rotate(degrees, Ground::White),
        &[(3.0, Full), (5.0, Standard), (10.0, Full)],
    );
    all.ladder(
        "rotate_inside",
        Step::RotateInside,
        &[
            (1.0, Full),
            (2.0, Full),
            (3.0, Standard),
            (5.0, Standard),
            (10.0, Standard),
        ],
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
        &[
            (-40.0, Full),
            (-20.0, Standard),
            (20.0, Standard),
            (40.0, Full),
        ],
    );
    all.ladder(
        "contrast",
        Step::Contrast,
        &[
            (-60.0, Full),
            (-30.0, Standard),
            (30.0, Standard),
            (60.0, Full),
        ],
    );
    all.ladder(
        "saturation",
        Step::Saturation,
        &[(50.0, Full), (200.0, Standard)],
    );
    all.ladder("gamma", Step::Gamma, &[(0.5, Standard), (2.0, Standard)]);
    all.ladder(
        "hue",
        Step::Hue,
        &[(30.0, Full), (90.0, Standard), (180.0, Full)],
    );
    all.step("grey", Quick, Step::Grey);
    all.step("sepia", Standard, Step::Sepia);
    all.step("invert", Standard, Step::Invert);
    all.ladder(
        "blur",
        Step::Blur,
        &[(0.2, Full), (0.5, Standard), (1.0, Standard), (2.0, Full)],
    );
    all.ladder(
        "sharpen",
        Step::Sharpen,
        &[(100.0, Standard), (300.0, Full)],
    );
    all.ladder(
        "noise",
        Step::Noise,
        &[(8.0, Full), (20.0, Standard), (40.0, Full)],
    );
    all.ladder(
        "posterise",
        |levels| Step::Posterise(levels as u8),
        &[(4.0, Standard), (8.0, Full)],
    );
}

fn overlays(all: &mut Catalogue) {
    use Tier::{Full, Quick, Standard};
    all.ladder(
        "text",
        Step::Text,
        &[(5.0, Full), (10.0, Standard), (20.0, Full)],
    );
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
    use super::shown;

    #[test]
    fn strengths_are_readable_in_names() {
        assert_eq!(shown(0.5), "0p5");
        assert_eq!(shown(-30.0), "minus_30");
        assert_eq!(shown(10.0), "10");
    }
}
