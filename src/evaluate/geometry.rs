//! Steps that move pixels: resizing, cutting, padding, turning, perspective.

use super::modification::{Ground, Place};
use super::random::Random;
use fast_image_resize as fir;
use fast_image_resize::images::{Image, ImageRef};
use image::{Rgb, RgbImage, imageops};

pub(super) const WHITE: Rgb<u8> = Rgb([255; 3]);
pub(super) const BLACK: Rgb<u8> = Rgb([0; 3]);

/// A percentage of a length, as a length; at least 1.
pub(super) fn part(length: u32, percent: f32) -> u32 {
    ((length as f32 * percent / 100.0).round() as u32).max(1)
}

/// The picture at another size. Enlarging interpolates (bicubic), reducing averages first.
pub(super) fn resize(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    let (width, height) = (width.max(1), height.max(1));
    let filter = fir::FilterType::CatmullRom;
    let options = fir::ResizeOptions::new().resize_alg(fir::ResizeAlg::Convolution(filter));
    let mut out = Image::new(width, height, fir::PixelType::U8x3);
    let source = ImageRef::new(
        picture.width(),
        picture.height(),
        picture.as_raw(),
        fir::PixelType::U8x3,
    );
    let resized = source
        .ok()
        .and_then(|source| fir::Resizer::new().resize(&source, &mut out, &options).ok())
        .and_then(|()| RgbImage::from_raw(width, height, out.into_vec()));
    // Sizes and buffers agree by their making, so that the other way is never gone.
    resized.unwrap_or_else(|| {
        imageops::resize(picture, width, height, imageops::FilterType::CatmullRom)
    })
}

pub(super) fn scale(picture: &RgbImage, across: f32, down: f32) -> RgbImage {
    let (width, height) = picture.dimensions();
    resize(picture, part(width, across), part(height, down))
}

pub(super) fn crop(
    picture: &RgbImage,
    place: Place,
    percent: f32,
    random: &mut Random,
) -> RgbImage {
    let (width, height) = picture.dimensions();
    let lost = |length: u32| part(length, percent).min(length.saturating_sub(1));
    let (lost_x, lost_y) = (lost(width), lost(height));
    let (left, top, lost_x, lost_y) = match place {
        Place::Centre => (lost_x / 2, lost_y / 2, lost_x, lost_y),
        Place::Corner => {
            let corner = random.below(4);
            let left = if corner.is_multiple_of(2) { lost_x } else { 0 };
            let top = if corner < 2 { lost_y } else { 0 };
            (left, top, lost_x, lost_y)
        }
        Place::Top => (0, lost_y, 0, lost_y),
        Place::Bottom => (0, 0, 0, lost_y),
        Place::Left => (lost_x, 0, lost_x, 0),
        Place::Anywhere => {
            let left = random.below(u64::from(lost_x) + 1) as u32;
            let top = random.below(u64::from(lost_y) + 1) as u32;
            (left, top, lost_x, lost_y)
        }
    };
    imageops::crop_imm(picture, left, top, width - lost_x, height - lost_y).to_image()
}

/// The picture on a larger ground, with so many pixels on each side.
pub(super) fn pad(
    picture: &RgbImage,
    ground: Ground,
    (across, down): (u32, u32),
    random: &mut Random,
) -> RgbImage {
    let (width, height) = (picture.width() + 2 * across, picture.height() + 2 * down);
    let mut out = match ground {
        Ground::White => RgbImage::from_pixel(width, height, WHITE),
        Ground::Black => RgbImage::from_pixel(width, height, BLACK),
        Ground::Colour => RgbImage::from_pixel(width, height, colour(random)),
        Ground::Blurred => blurred_cover(picture, width, height),
    };
    imageops::replace(&mut out, picture, across.into(), down.into());
    out
}

pub(super) fn colour(random: &mut Random) -> Rgb<u8> {
    Rgb([0; 3].map(|_: u8| (32 + random.below(192)) as u8))
}

/// The picture enlarged until it covers the ground, its middle, strongly blurred and a little
/// darker: what video players and stories put beside a picture.
fn blurred_cover(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    let grown =
        (width as f32 / picture.width() as f32).max(height as f32 / picture.height() as f32);
    let (inner_x, inner_y) = (
        ((width as f32 / grown).round() as u32).clamp(1, picture.width()),
        ((height as f32 / grown).round() as u32).clamp(1, picture.height()),
    );
    let (left, top) = (
        (picture.width() - inner_x) / 2,
        (picture.height() - inner_y) / 2,
    );
    let middle = imageops::crop_imm(picture, left, top, inner_x, inner_y).to_image();
    // Blurred small: the same to the eye, and cheap.
    let small = resize(&middle, (width / 8).max(8), (height / 8).max(8));
    let sigma = 0.04 * small.width().min(small.height()) as f32;
    let soft = imageops::fast_blur(&small, sigma.max(1.0));
    let mut out = resize(&soft, width, height);
    for value in out.iter_mut() {
        *value = (u16::from(*value) * 7 / 8) as u8;
    }
    out
}

/// Each pixel of a new picture taken from where `from` says, between pixels by all four; the ground
/// where that is outside.
pub(super) fn warp(
    picture: &RgbImage,
    (width, height): (u32, u32),
    ground: Rgb<u8>,
    from: impl Fn(f32, f32) -> (f32, f32),
) -> RgbImage {
    let (columns, rows) = (picture.width() as i64, picture.height() as i64);
    let raw = picture.as_raw();
    let at = |x: i64, y: i64| -> [f32; 3] {
        if x < 0 || y < 0 || x >= columns || y >= rows {
            return ground.0.map(f32::from);
        }
        let place = 3 * (y * columns + x) as usize;
        raw.get(place..place + 3)
            .map_or([0.0; 3], |p| [p[0].into(), p[1].into(), p[2].into()])
    };
    RgbImage::from_fn(width, height, |x, y| {
        // Pixels are squares: their middles lie half a step in.
        let (u, v) = from(x as f32 + 0.5, y as f32 + 0.5);
        let (u, v) = (u - 0.5, v - 0.5);
        let (left, top) = (u.floor(), v.floor());
        let (right_part, lower_part) = (u - left, v - top);
        let (left, top) = (left as i64, top as i64);
        let corners = [
            at(left, top),
            at(left + 1, top),
            at(left, top + 1),
            at(left + 1, top + 1),
        ];
        let mut rgb = [0u8; 3];
        for (channel, value) in rgb.iter_mut().enumerate() {
            let [a, b, c, d] = corners.map(|corner| corner[channel]);
            let upper = a + (b - a) * right_part;
            let lower = c + (d - c) * right_part;
            *value = (upper + (lower - upper) * lower_part).round() as u8;
        }
        Rgb(rgb)
    })
}

/// Turned clockwise about the middle, the same size.
pub(super) fn rotate(picture: &RgbImage, degrees: f32, ground: Rgb<u8>) -> RgbImage {
    let (width, height) = picture.dimensions();
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let (middle_x, middle_y) = (width as f32 / 2.0, height as f32 / 2.0);
    warp(picture, (width, height), ground, |x, y| {
        let (x, y) = (x - middle_x, y - middle_y);
        (
            middle_x + cosine * x + sine * y,
            middle_y - sine * x + cosine * y,
        )
    })
}

/// Turned, and cut to the largest rectangle of the picture's own shape that holds no ground.
pub(super) fn rotate_inside(picture: &RgbImage, degrees: f32) -> RgbImage {
    let (width, height) = picture.dimensions();
    let (w, h) = (width as f32, height as f32);
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let (sine, cosine) = (sine.abs(), cosine.abs());
    // A rectangle s·w × s·h turned by the angle has to fit into w × h.
    let share = (w / (w * cosine + h * sine)).min(h / (w * sine + h * cosine));
    let turned = rotate(picture, degrees, BLACK);
    // One pixel on each edge is mixed with the ground.
    let inner_x = ((w * share).floor() as u32)
        .saturating_sub(3)
        .clamp(1, width);
    let inner_y = ((h * share).floor() as u32)
        .saturating_sub(3)
        .clamp(1, height);
    let (left, top) = ((width - inner_x) / 2, (height - inner_y) / 2);
    imageops::crop_imm(&turned, left, top, inner_x, inner_y).to_image()
}

pub(super) fn quarters(picture: &RgbImage, turns: u8) -> RgbImage {
    match turns % 4 {
        0 => picture.clone(),
        1 => imageops::rotate90(picture),
        2 => imageops::rotate180(picture),
        _ => imageops::rotate270(picture),
    }
}

/// Seen from aside: each corner of what is seen lies inside the picture by up to `percent` of the
/// sides, one pair of neighbouring corners by all of it, so that the picture fills the frame.
pub(super) fn perspective(picture: &RgbImage, percent: f32, random: &mut Random) -> RgbImage {
    let (width, height) = picture.dimensions();
    let (w, h) = (width as f32, height as f32);
    let depth = percent / 100.0;
    let tilted = random.below(4) as usize;
    let mut inset = [[0.0f32; 2]; 4];
    for (corner, inset) in inset.iter_mut().enumerate() {
        let near = corner == tilted || corner == (tilted + 1) % 4;
        let strength = if near {
            depth
        } else {
            depth * 0.35 * random.fraction()
        };
        *inset = [strength * w, strength * h];
    }
    let [a, b, c, d] = inset;
    // Where the corners of the result lie in the picture, clockwise from the upper left one.
    let corners = [
        (a[0], a[1]),
        (w - b[0], b[1]),
        (w - c[0], h - c[1]),
        (d[0], h - d[1]),
    ];
    let map = square_to_quad(corners);
    warp(picture, (width, height), BLACK, |x, y| map(x / w, y / h))
}

/// The projective map of the unit square onto a convex quadrilateral: Heckbert, "Fundamentals of
/// texture mapping and image warping", 1989, section 2.2.3.
fn square_to_quad(corners: [(f32, f32); 4]) -> impl Fn(f32, f32) -> (f32, f32) {
    let [(x0, y0), (x1, y1), (x2, y2), (x3, y3)] = corners;
    let (dx1, dy1) = (x1 - x2, y1 - y2);
    let (dx2, dy2) = (x3 - x2, y3 - y2);
    let (sum_x, sum_y) = (x0 - x1 + x2 - x3, y0 - y1 + y2 - y3);
    let area = dx1 * dy2 - dx2 * dy1;
    let g = (sum_x * dy2 - dx2 * sum_y) / area;
    let h = (dx1 * sum_y - sum_x * dy1) / area;
    let (a, b) = (x1 - x0 + g * x1, x3 - x0 + h * x3);
    let (d, e) = (y1 - y0 + g * y1, y3 - y0 + h * y3);
    move |u, v| {
        let scale = g * u + h * v + 1.0;
        ((a * u + b * v + x0) / scale, (d * u + e * v + y0) / scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Grey that grows to the right, with a red pixel at the upper left.
    fn sample() -> RgbImage {
        let mut picture = RgbImage::from_fn(200, 100, |x, y| Rgb([x as u8, x as u8, y as u8]));
        picture.put_pixel(0, 0, Rgb([255, 0, 0]));
        picture
    }

    #[test]
    fn cuts_leave_what_they_say() {
        let (picture, mut random) = (sample(), Random::new(1, 1));
        let mut cut = |place, percent| crop(&picture, place, percent, &mut random);
        let centre = cut(Place::Centre, 10.0);
        assert_eq!(centre.dimensions(), (180, 90));
        assert_eq!(centre.get_pixel(0, 0), picture.get_pixel(10, 5));
        let top = cut(Place::Top, 15.0);
        assert_eq!(top.dimensions(), (200, 85));
        assert_eq!(top.get_pixel(7, 0), picture.get_pixel(7, 15));
        let bottom = cut(Place::Bottom, 15.0);
        assert_eq!(bottom.get_pixel(0, 0), picture.get_pixel(0, 0));
        let left = cut(Place::Left, 25.0);
        assert_eq!(left.dimensions(), (150, 100));
        assert_eq!(left.get_pixel(0, 3), picture.get_pixel(50, 3));
        for _ in 0..20 {
            let corner = cut(Place::Corner, 10.0);
            assert_eq!(corner.dimensions(), (180, 90));
            let first = (corner.get_pixel(3, 3)[0], corner.get_pixel(3, 3)[2]);
            assert!(
                [3, 23].contains(&first.0) && [3, 13].contains(&first.1),
                "{first:?}"
            );
            let anywhere = cut(Place::Anywhere, 20.0);
            assert_eq!(anywhere.dimensions(), (160, 80));
            assert!(anywhere.get_pixel(3, 3)[0] <= 43);
        }
    }

    #[test]
    fn sizes_change_as_they_say() {
        let picture = sample();
        assert_eq!(scale(&picture, 50.0, 50.0).dimensions(), (100, 50));
        assert_eq!(scale(&picture, 10.0, 10.0).dimensions(), (20, 10));
        assert_eq!(scale(&picture, 400.0, 400.0).dimensions(), (800, 400));
        assert_eq!(scale(&picture, 133.0, 100.0).dimensions(), (266, 100));
        assert_eq!(resize(&picture, 0, 0).dimensions(), (1, 1));
        let half = scale(&picture, 50.0, 50.0);
        assert!(half.get_pixel(50, 20)[0].abs_diff(100) <= 1);
    }

    #[test]
    fn grounds_lie_around_the_picture() {
        let (picture, mut random) = (sample(), Random::new(1, 1));
        for ground in [
            Ground::White,
            Ground::Black,
            Ground::Colour,
            Ground::Blurred,
        ] {
            let padded = pad(&picture, ground, (40, 10), &mut random);
            assert_eq!(padded.dimensions(), (280, 120));
            assert_eq!(padded.get_pixel(40, 10), picture.get_pixel(0, 0));
            assert_eq!(padded.get_pixel(239, 109), picture.get_pixel(199, 99));
            match ground {
                Ground::White => assert_eq!(padded.get_pixel(0, 0), &WHITE),
                Ground::Black => assert_eq!(padded.get_pixel(279, 119), &BLACK),
                Ground::Colour => assert_eq!(padded.get_pixel(0, 0), padded.get_pixel(279, 119)),
                // Bright to the right as the picture is, and darker than it.
                Ground::Blurred => {
                    let (left, right) = (padded.get_pixel(5, 60)[0], padded.get_pixel(275, 60)[0]);
                    assert!(left < 40 && right > 130, "{left} {right}");
                }
            }
        }
    }

    #[test]
    fn turns_turn() {
        let picture = sample();
        let turned = quarters(&picture, 1);
        assert_eq!(turned.dimensions(), (100, 200));
        assert_eq!(turned.get_pixel(99, 0), &Rgb([255, 0, 0]), "clockwise");
        assert_eq!(quarters(&picture, 2).get_pixel(199, 99), &Rgb([255, 0, 0]));
        assert_eq!(quarters(&picture, 3).get_pixel(0, 199), &Rgb([255, 0, 0]));
        assert_eq!(rotate(&picture, 0.0, BLACK), picture);
        let slight = rotate(&picture, 10.0, WHITE);
        assert_eq!(slight.dimensions(), (200, 100));
        assert_eq!(slight.get_pixel(0, 99), &WHITE);
        assert!(
            slight.get_pixel(100, 50)[0].abs_diff(100) <= 1,
            "the middle stays"
        );
        // Clockwise: what was to the right of the middle is below it by 80·sin 10°.
        let (x, y) = (
            100.0 + 80.0 * 10f32.to_radians().cos(),
            50.0 + 80.0 * 10f32.to_radians().sin(),
        );
        assert!(slight.get_pixel(x as u32, y as u32)[0].abs_diff(180) <= 2);
        let whole = rotate(&picture, 90.0, BLACK);
        assert!(whole.get_pixel(100, 50)[0].abs_diff(100) <= 1);
    }

    #[test]
    fn a_turned_picture_that_is_cut_has_no_corners() {
        let white = RgbImage::from_pixel(300, 200, WHITE);
        for degrees in [1.0, 5.0, 10.0, 45.0] {
            let inside = rotate_inside(&white, degrees);
            assert!(inside.pixels().all(|pixel| pixel[0] > 250), "{degrees}");
            assert!(inside.width() < 300 && inside.height() < 200);
            let shape = inside.width() as f32 / inside.height() as f32;
            assert!((shape - 1.5).abs() < 0.05, "{shape}");
        }
    }

    #[test]
    fn perspective_shows_picture_only_and_moves_corners() {
        let white = RgbImage::from_pixel(300, 200, WHITE);
        let seen = perspective(&white, 10.0, &mut Random::new(3, 3));
        assert!(seen.pixels().all(|pixel| pixel[0] > 250));
        let map = square_to_quad([(10.0, 20.0), (280.0, 0.0), (300.0, 200.0), (0.0, 190.0)]);
        for ((u, v), (x, y)) in [
            ((0.0, 0.0), (10.0, 20.0)),
            ((1.0, 0.0), (280.0, 0.0)),
            ((1.0, 1.0), (300.0, 200.0)),
            ((0.0, 1.0), (0.0, 190.0)),
        ] {
            let (got_x, got_y) = map(u, v);
            assert!((got_x - x).abs() < 1e-2 && (got_y - y).abs() < 1e-2);
        }
    }
}
