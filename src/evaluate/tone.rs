//! Steps that change values in place: brightness, colour, sharpness, noise.

use super::random::Random;
use image::{RgbImage, imageops};

/// Each channel value through a table.
fn map_values(picture: &mut RgbImage, map: impl Fn(f32) -> f32) {
    let mut table = [0u8; 256];
    for (value, mapped) in table.iter_mut().enumerate() {
        *mapped = map(value as f32).round().clamp(0.0, 255.0) as u8;
    }
    for value in picture.iter_mut() {
        *value = table[usize::from(*value)];
    }
}

/// Each pixel's colour by a matrix.
fn map_colours(picture: &mut RgbImage, matrix: [[f32; 3]; 3]) {
    for pixel in picture.pixels_mut() {
        let rgb = pixel.0.map(f32::from);
        for (channel, row) in pixel.0.iter_mut().zip(matrix) {
            let sum = row[0] * rgb[0] + row[1] * rgb[1] + row[2] * rgb[2];
            *channel = sum.round().clamp(0.0, 255.0) as u8;
        }
    }
}

/// Luma of ITU-R BT.601, the weights of PDQ too.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

pub(super) fn brightness(picture: &mut RgbImage, percent: f32) {
    map_values(picture, |value| value + 2.55 * percent);
}

pub(super) fn contrast(picture: &mut RgbImage, percent: f32) {
    map_values(picture, |value| {
        127.5 + (value - 127.5) * (1.0 + percent / 100.0)
    });
}

pub(super) fn gamma(picture: &mut RgbImage, gamma: f32) {
    map_values(picture, |value| 255.0 * (value / 255.0).powf(1.0 / gamma));
}

pub(super) fn saturation(picture: &mut RgbImage, percent: f32) {
    let kept = percent / 100.0;
    let row = |own: usize| {
        let mut row = LUMA.map(|weight| weight * (1.0 - kept));
        row[own] += kept;
        row
    };
    map_colours(picture, [row(0), row(1), row(2)]);
}

pub(super) fn hue(picture: &mut RgbImage, degrees: f32) {
    *picture = imageops::huerotate(picture, degrees.round() as i32);
}

/// The matrix that the W3C's Filter Effects Module gives for `sepia(1)`.
pub(super) fn sepia(picture: &mut RgbImage) {
    map_colours(
        picture,
        [
            [0.393, 0.769, 0.189],
            [0.349, 0.686, 0.168],
            [0.272, 0.534, 0.131],
        ],
    );
}

pub(super) fn invert(picture: &mut RgbImage) {
    map_values(picture, |value| 255.0 - value);
}

pub(super) fn posterise(picture: &mut RgbImage, levels: u8) {
    let steps = f32::from(levels.max(2) - 1);
    map_values(picture, |value| {
        (value / 255.0 * steps).round() / steps * 255.0
    });
}

/// Blurs by a share of the shorter side, in percent.
pub(super) fn blur(picture: &mut RgbImage, percent: f32) {
    let sigma = picture.width().min(picture.height()) as f32 * percent / 100.0;
    *picture = imageops::fast_blur(picture, sigma.max(0.3));
}

/// Unsharp mask with a blur of 0.3 % of the shorter side.
pub(super) fn sharpen(picture: &mut RgbImage, percent: f32) {
    let mut soft = picture.clone();
    blur(&mut soft, 0.3);
    for (value, soft) in picture.iter_mut().zip(soft.iter()) {
        let difference = f32::from(*value) - f32::from(*soft);
        let sharp = f32::from(*value) + difference * percent / 100.0;
        *value = sharp.round().clamp(0.0, 255.0) as u8;
    }
}

pub(super) fn noise(picture: &mut RgbImage, deviation: f32, random: &mut Random) {
    for values in picture.chunks_mut(4) {
        for (value, noise) in values.iter_mut().zip(random.normals()) {
            let noisy = f32::from(*value) + deviation * noise;
            *value = noisy.round().clamp(0.0, 255.0) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn one(rgb: [u8; 3], change: impl Fn(&mut RgbImage)) -> [u8; 3] {
        let mut picture = RgbImage::from_pixel(16, 16, Rgb(rgb));
        change(&mut picture);
        picture.get_pixel(8, 8).0
    }

    #[test]
    fn values_change_as_they_say() {
        assert_eq!(
            one([100, 200, 250], |p| brightness(p, 20.0)),
            [151, 251, 255]
        );
        assert_eq!(one([100, 128, 250], |p| contrast(p, 100.0)), [73, 129, 255]);
        assert_eq!(one([64, 0, 255], |p| gamma(p, 2.0)), [128, 0, 255]);
        assert_eq!(one([0, 100, 255], invert), [255, 155, 0]);
        assert_eq!(one([10, 100, 240], |p| posterise(p, 4)), [0, 85, 255]);
        assert_eq!(
            one([200, 100, 50], |p| saturation(p, 100.0)),
            [200, 100, 50]
        );
        assert_eq!(one([200, 100, 50], |p| saturation(p, 0.0)), [124; 3]);
        assert_eq!(one([100; 3], sepia), [135, 120, 94]);
        let turned = one([200, 50, 50], |p| hue(p, 120.0));
        assert!(turned[1] > turned[0] && turned[1] > turned[2], "{turned:?}");
        assert_eq!(one([77; 3], |p| blur(p, 5.0)), [77; 3]);
        assert_eq!(one([77; 3], |p| sharpen(p, 300.0)), [77; 3]);
    }

    #[test]
    fn blurring_lessens_and_sharpening_raises_differences() {
        let edge = RgbImage::from_fn(400, 400, |x, _| Rgb([if x < 200 { 80 } else { 160 }; 3]));
        let (mut soft, mut sharp) = (edge.clone(), edge.clone());
        blur(&mut soft, 1.0);
        sharpen(&mut sharp, 100.0);
        let across =
            |p: &RgbImage| p.get_pixel(201, 200)[0] as i32 - p.get_pixel(198, 200)[0] as i32;
        assert!(
            across(&soft) < 60 && across(&sharp) > 90,
            "{} {}",
            across(&soft),
            across(&sharp)
        );
    }

    #[test]
    fn noise_has_its_deviation() {
        let mut picture = RgbImage::from_pixel(200, 200, Rgb([128; 3]));
        noise(&mut picture, 20.0, &mut Random::new(5, 5));
        let n = picture.len() as f64;
        let mean = picture.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let variance = picture
            .iter()
            .map(|&v| (f64::from(v) - mean).powi(2))
            .sum::<f64>()
            / n;
        assert!((mean - 128.0).abs() < 0.5, "{mean}");
        assert!((variance.sqrt() - 20.0).abs() < 0.5, "{}", variance.sqrt());
    }
}
