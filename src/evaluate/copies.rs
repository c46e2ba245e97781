//! Modified copies: a picture and a modification in, the bytes of an upload out.

use super::geometry::{self, part};
use super::modification::{Ground, Modification, Step};
use super::random::Random;
use super::{coding, overlay, tone};
use image::{ImageResult, RgbImage, imageops};
use sha2::{Digest, Sha256};

/// The numbers that a copy is drawn by: they follow from the seed, the picture's bytes and the
/// modification's name, and from nothing else, so that no order of work and no other picture
/// changes a copy.
pub(super) fn stream(seed: u64, picture: &[u8], modification: &Modification) -> Random {
    let mut digest = Sha256::new();
    digest.update(picture);
    digest.update(modification.name().as_bytes());
    let digest = digest.finalize();
    let number = digest
        .iter()
        .take(8)
        .fold(0, |n, byte| n << 8 | u64::from(*byte));
    Random::new(seed, number)
}

/// The modified copy as a file.
pub(super) fn make(
    picture: &RgbImage,
    modification: &Modification,
    random: &mut Random,
) -> ImageResult<Vec<u8>> {
    let mut copy = None;
    for step in &modification.steps {
        let from = copy.take();
        copy = Some(apply(from.as_ref().unwrap_or(picture), *step, random));
    }
    coding::encode(
        copy.as_ref().unwrap_or(picture),
        modification.coding,
        random,
    )
}

fn apply(picture: &RgbImage, step: Step, random: &mut Random) -> RgbImage {
    let (width, height) = picture.dimensions();
    let filled = |ground: Ground| match ground {
        Ground::White => geometry::WHITE,
        _ => geometry::BLACK,
    };
    let bars = |length, percent: f32| part(length, percent / 2.0);
    match step {
        Step::Resize(percent) => return geometry::scale(picture, percent, percent),
        Step::Aspect(percent) => return geometry::scale(picture, percent, 100.0),
        Step::Crop(place, percent) => return geometry::crop(picture, place, percent, random),
        Step::Pad(ground, percent) => {
            let border = part(width.min(height), percent);
            return geometry::pad(picture, ground, (border, border), random);
        }
        Step::Letterbox(ground, percent) => {
            return geometry::pad(picture, ground, (0, bars(height, percent)), random);
        }
        Step::Pillarbox(ground, percent) => {
            return geometry::pad(picture, ground, (bars(width, percent), 0), random);
        }
        Step::Rotate(degrees, ground) => {
            return geometry::rotate(picture, degrees, filled(ground));
        }
        Step::RotateInside(degrees) => return geometry::rotate_inside(picture, degrees),
        Step::Quarter(turns) => return geometry::quarters(picture, turns),
        Step::Mirror => return imageops::flip_horizontal(picture),
        Step::Flip => return imageops::flip_vertical(picture),
        Step::Perspective(percent) => return geometry::perspective(picture, percent, random),
        Step::CaptionAbove(percent) => return overlay::caption(picture, percent, true, random),
        Step::CaptionBelow(percent) => return overlay::caption(picture, percent, false, random),
        Step::MemeFrame => return overlay::meme_frame(picture, random),
        Step::Screenshot { dark } => return overlay::screenshot(picture, dark, random),
        Step::Post => return overlay::post(picture, random),
        Step::PictureInPicture(percent) => {
            return overlay::picture_in_picture(picture, percent, random);
        }
        _ => {}
    }
    let mut copy = picture.clone();
    change(&mut copy, step, random);
    copy
}

/// The steps that leave the picture its size.
fn change(copy: &mut RgbImage, step: Step, random: &mut Random) {
    match step {
        Step::Brightness(percent) => tone::brightness(copy, percent),
        Step::Contrast(percent) => tone::contrast(copy, percent),
        Step::Saturation(percent) => tone::saturation(copy, percent),
        Step::Gamma(gamma) => tone::gamma(copy, gamma),
        Step::Hue(degrees) => tone::hue(copy, degrees),
        Step::Grey => tone::saturation(copy, 0.0),
        Step::Sepia => tone::sepia(copy),
        Step::Invert => tone::invert(copy),
        Step::Blur(percent) => tone::blur(copy, percent),
        Step::Sharpen(percent) => tone::sharpen(copy, percent),
        Step::Noise(deviation) => tone::noise(copy, deviation, random),
        Step::Posterise(levels) => tone::posterise(copy, levels),
        Step::Text(percent) => overlay::text(copy, percent, random),
        Step::Watermark => overlay::watermark(copy, random),
        Step::Logo(percent) => overlay::logo(copy, percent, random),
        Step::Sticker(percent) => overlay::sticker(copy, percent, random),
        Step::MemeText => overlay::meme_text(copy, random),
        _ => {}
    }
}
