//! Steps that put something beside or over a picture: text, stickers, captions, screens.

use super::geometry::{BLACK, WHITE, colour, part, resize};
use super::random::Random;
use image::{GrayImage, Luma, Rgb, RgbImage, imageops};
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster};

const NAMES: [&str; 6] = [
    "sunny_days",
    "m.harper",
    "Alex K",
    "the real deal",
    "nordwind",
    "jo.photos",
];
const LINES: [&str; 6] = [
    "when you see it",
    "look at this!!",
    "Best day of the year",
    "nobody: ... me:",
    "Throwback to last summer",
    "is this for real?",
];
const CAPITALS: [&str; 6] = [
    "ONE DOES NOT",
    "SIMPLY DO IT",
    "WHAT IF I TOLD YOU",
    "SUCH WOW",
    "TOP TEXT",
    "EVERY TIME",
];

fn pick<'a>(texts: &[&'a str], random: &mut Random) -> &'a str {
    texts.get(random.place(texts.len())).copied().unwrap_or("")
}

/// A line of text as a mask of this height: 255 where a letter is.
fn line(text: &str, height: u32) -> GrayImage {
    let glyphs: Vec<_> = text
        .chars()
        .filter_map(|c| get_raster(c, FontWeight::Bold, RasterHeight::Size32))
        .collect();
    let width: usize = glyphs.iter().map(|glyph| glyph.width()).sum();
    let mut mask = GrayImage::new(width.max(1) as u32, 32);
    let mut left = 0;
    for glyph in &glyphs {
        for (y, row) in (0u32..).zip(glyph.rows()) {
            for (x, value) in (left..).zip(row.iter()) {
                if let Some(pixel) = mask.get_pixel_mut_checked(x, y) {
                    *pixel = Luma([*value]);
                }
            }
        }
        left += glyph.width() as u32;
    }
    let wide = (mask.width() as f32 * height as f32 / 32.0)
        .round()
        .max(1.0) as u32;
    imageops::resize(&mask, wide, height.max(1), imageops::FilterType::Triangle)
}

/// The text no wider than `most`.
fn fitting_line(text: &str, height: u32, most: u32) -> GrayImage {
    let mask = line(text, height);
    if mask.width() <= most {
        return mask;
    }
    line(text, (height * most / mask.width().max(1)).max(6))
}

/// Lays a colour over the picture where the mask says, with so much of it.
fn stamp(picture: &mut RgbImage, mask: &GrayImage, at: (i64, i64), ink: Rgb<u8>, strength: f32) {
    for (x, y, cover) in mask.enumerate_pixels() {
        let (x, y) = (i64::from(x) + at.0, i64::from(y) + at.1);
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else {
            continue;
        };
        if let Some(pixel) = picture.get_pixel_mut_checked(x, y) {
            blend(pixel, ink, f32::from(cover[0]) / 255.0 * strength);
        }
    }
}

fn blend(pixel: &mut Rgb<u8>, ink: Rgb<u8>, share: f32) {
    for (value, ink) in pixel.0.iter_mut().zip(ink.0) {
        let mixed = f32::from(*value) + (f32::from(ink) - f32::from(*value)) * share;
        *value = mixed.round() as u8;
    }
}

/// Text with an edge of another colour, as subtitles and memes have it.
fn outlined(picture: &mut RgbImage, mask: &GrayImage, at: (i64, i64), ink: Rgb<u8>, edge: Rgb<u8>) {
    let width = i64::from((mask.height() / 14).max(1));
    for (x, y) in [
        (-1, -1),
        (0, -1),
        (1, -1),
        (-1, 0),
        (1, 0),
        (-1, 1),
        (0, 1),
        (1, 1),
    ] {
        stamp(
            picture,
            mask,
            (at.0 + x * width, at.1 + y * width),
            edge,
            1.0,
        );
    }
    stamp(picture, mask, at, ink, 1.0);
}

fn fill(
    picture: &mut RgbImage,
    (left, top): (u32, u32),
    (width, height): (u32, u32),
    ink: Rgb<u8>,
) {
    let right = left.saturating_add(width).min(picture.width());
    let bottom = top.saturating_add(height).min(picture.height());
    for y in top..bottom {
        for x in left..right {
            picture.put_pixel(x, y, ink);
        }
    }
}

fn disc(picture: &mut RgbImage, centre: (f32, f32), radius: f32, ink: Rgb<u8>, strength: f32) {
    let (left, top) = (
        (centre.0 - radius).floor().max(0.0) as u32,
        (centre.1 - radius).floor().max(0.0) as u32,
    );
    let right = ((centre.0 + radius).ceil().max(0.0) as u32).min(picture.width());
    let bottom = ((centre.1 + radius).ceil().max(0.0) as u32).min(picture.height());
    for y in top..bottom {
        for x in left..right {
            let away = (x as f32 + 0.5 - centre.0).hypot(y as f32 + 0.5 - centre.1);
            let cover = (radius + 0.5 - away).clamp(0.0, 1.0);
            blend(picture.get_pixel_mut(x, y), ink, cover * strength);
        }
    }
}

fn middle(outer: u32, inner: u32) -> i64 {
    (i64::from(outer) - i64::from(inner)) / 2
}

fn short_side(picture: &RgbImage) -> u32 {
    picture.width().min(picture.height())
}

pub(super) fn text(picture: &mut RgbImage, percent: f32, random: &mut Random) {
    let height = part(short_side(picture), percent).max(6);
    let mask = fitting_line(pick(&LINES, random), height, picture.width());
    let at = (
        middle(picture.width(), mask.width()),
        middle(picture.height(), mask.height()),
    );
    outlined(picture, &mask, at, WHITE, BLACK);
}

pub(super) fn watermark(picture: &mut RgbImage, random: &mut Random) {
    let height = part(short_side(picture), 6.0).max(6);
    let mask = line(pick(&NAMES, random), height);
    let (step_x, step_y) = (i64::from(mask.width()) * 3 / 2, i64::from(height) * 3);
    let mut row = 0;
    let mut y = step_y / 2;
    while y < i64::from(picture.height()) {
        let mut x = -(row % 2) * step_x / 2;
        while x < i64::from(picture.width()) {
            stamp(picture, &mask, (x, y), WHITE, 0.35);
            x += step_x;
        }
        y += step_y;
        row += 1;
    }
}

pub(super) fn logo(picture: &mut RgbImage, percent: f32, random: &mut Random) {
    let size = part(short_side(picture), percent) as f32;
    let gap = size * 0.25;
    let (w, h) = (picture.width() as f32, picture.height() as f32);
    let corner = random.below(4);
    let near = size / 2.0 + gap;
    let centre = (
        if corner.is_multiple_of(2) {
            w - near
        } else {
            near
        },
        if corner < 2 { h - near } else { near },
    );
    let ink = colour(random);
    disc(picture, centre, size / 2.0, WHITE, 1.0);
    disc(picture, centre, size * 0.42, ink, 1.0);
    let mask = line("hg", (size * 0.5) as u32);
    let at = (
        centre.0 as i64 - i64::from(mask.width()) / 2,
        centre.1 as i64 - i64::from(mask.height()) / 2,
    );
    stamp(picture, &mask, at, WHITE, 1.0);
}

/// A bar beside the picture with one or two lines of text.
pub(super) fn caption(
    picture: &RgbImage,
    percent: f32,
    above: bool,
    random: &mut Random,
) -> RgbImage {
    let bar = part(picture.height(), percent).max(8);
    let (paper, ink) = if above {
        (WHITE, BLACK)
    } else {
        (BLACK, WHITE)
    };
    let mut out = RgbImage::from_pixel(picture.width(), picture.height() + bar, paper);
    let (text_top, picture_top) = if above {
        (0, bar)
    } else {
        (picture.height(), 0)
    };
    imageops::replace(&mut out, picture, 0, picture_top.into());
    let most = picture.width() * 9 / 10;
    for number in 0..2 {
        let mask = fitting_line(pick(&LINES, random), (bar * 2 / 5).max(6), most);
        let y = i64::from(text_top) + i64::from(bar) * (1 + 9 * number) / 20;
        stamp(
            &mut out,
            &mask,
            (i64::from(picture.width() / 20), y),
            ink,
            1.0,
        );
    }
    out
}

pub(super) fn sticker(picture: &mut RgbImage, percent: f32, random: &mut Random) {
    let size = part(short_side(picture), percent) as f32;
    let free = |length: u32, at: f32| size / 2.0 + (length as f32 - size).max(0.0) * at;
    let centre = (
        free(picture.width(), 0.15 + 0.7 * random.fraction()),
        free(picture.height(), 0.15 + 0.7 * random.fraction()),
    );
    // A smiling face.
    let (skin, dark) = (Rgb([255, 205, 50]), Rgb([70, 45, 10]));
    disc(picture, centre, size * 0.5, Rgb([225, 160, 20]), 1.0);
    disc(picture, centre, size * 0.47, skin, 1.0);
    for side in [-1.0, 1.0] {
        let eye = (centre.0 + side * size * 0.17, centre.1 - size * 0.1);
        disc(picture, eye, size * 0.07, dark, 1.0);
    }
    disc(
        picture,
        (centre.0, centre.1 + size * 0.12),
        size * 0.24,
        dark,
        1.0,
    );
    disc(
        picture,
        (centre.0, centre.1 + size * 0.04),
        size * 0.26,
        skin,
        1.0,
    );
}

pub(super) fn meme_text(picture: &mut RgbImage, random: &mut Random) {
    let height = part(picture.height(), 12.0).max(8);
    let (width, whole) = picture.dimensions();
    for bottom in [false, true] {
        let mask = fitting_line(pick(&CAPITALS, random), height, width * 19 / 20);
        let edge = i64::from(whole / 40);
        let y = if bottom {
            i64::from(whole - mask.height().min(whole)) - edge
        } else {
            edge
        };
        outlined(
            picture,
            &mask,
            (middle(width, mask.width()), y),
            WHITE,
            BLACK,
        );
    }
}

pub(super) fn meme_frame(picture: &RgbImage, random: &mut Random) -> RgbImage {
    let (width, height) = picture.dimensions();
    let border = part(short_side(picture), 10.0);
    let rule = (border / 10).max(1);
    let foot = part(height, 22.0);
    let mut out = RgbImage::from_pixel(width + 2 * border, height + border + foot, BLACK);
    let around = 2 * rule;
    fill(
        &mut out,
        (border - around, border - around),
        (width + 2 * around, height + 2 * around),
        WHITE,
    );
    fill(
        &mut out,
        (border - rule, border - rule),
        (width + 2 * rule, height + 2 * rule),
        BLACK,
    );
    imageops::replace(&mut out, picture, border.into(), border.into());
    let full = out.width();
    let mut y = i64::from(height + border + foot / 6);
    for (text, size) in [
        (pick(&CAPITALS, random), foot / 3),
        (pick(&LINES, random), foot / 6),
    ] {
        let mask = fitting_line(text, size.max(6), full * 9 / 10);
        stamp(&mut out, &mask, (middle(full, mask.width()), y), WHITE, 1.0);
        y += i64::from(foot * 2 / 5);
    }
    out
}

/// A phone's screen, 9 to 19.5, with the picture as wide as the screen or as high as what is free.
pub(super) fn screenshot(picture: &RgbImage, dark: bool, random: &mut Random) -> RgbImage {
    let width = 720;
    let height = 1560;
    let (paper, ink) = if dark {
        (Rgb([16, 16, 18]), Rgb([235; 3]))
    } else {
        (WHITE, Rgb([25; 3]))
    };
    let soft = if dark {
        Rgb([60, 60, 66])
    } else {
        Rgb([215, 218, 222])
    };
    let mut out = RgbImage::from_pixel(width, height, paper);
    // Status: the time, signal and battery.
    stamp(&mut out, &line("12:47", 30), (36, 22), ink, 1.0);
    for bar in 0..4 {
        fill(
            &mut out,
            (560 + 12 * bar, 46 - 6 * bar),
            (8, 6 + 6 * bar),
            ink,
        );
    }
    fill(&mut out, (636, 26), (52, 26), ink);
    fill(&mut out, (640, 30), (30, 18), paper);
    // The head of an app.
    fill(&mut out, (0, 150), (width, 2), soft);
    disc(&mut out, (64.0, 108.0), 28.0, colour(random), 1.0);
    stamp(
        &mut out,
        &line(pick(&NAMES, random), 32),
        (108, 92),
        ink,
        1.0,
    );
    for dot in 0..3 {
        disc(&mut out, (670.0, 96.0 + 12.0 * dot as f32), 4.0, ink, 1.0);
    }
    let (top, bottom) = (152 + random.below(80) as u32, height - 300);
    let share = (width as f32 / picture.width() as f32)
        .min((bottom - top) as f32 / picture.height() as f32);
    let (inner_x, inner_y) = (
        (picture.width() as f32 * share).round() as u32,
        (picture.height() as f32 * share).round() as u32,
    );
    let inner = resize(picture, inner_x, inner_y);
    imageops::replace(&mut out, &inner, middle(width, inner.width()), top.into());
    // What people say below it, and the keys of the app.
    let mut y = top + inner.height() + 30;
    for place in 0..3 {
        disc(
            &mut out,
            (60.0 + 90.0 * place as f32, y as f32 + 24.0),
            20.0,
            soft,
            1.0,
        );
        disc(
            &mut out,
            (60.0 + 90.0 * place as f32, y as f32 + 24.0),
            14.0,
            paper,
            1.0,
        );
    }
    y += 80;
    while y + 60 < height - 120 {
        let text = line(pick(&LINES, random), 30);
        stamp(&mut out, &text, (40, y.into()), ink, 1.0);
        y += 56;
    }
    fill(&mut out, (0, height - 110), (width, 2), soft);
    for key in 0..5 {
        disc(
            &mut out,
            (72.0 + 144.0 * key as f32, (height - 64) as f32),
            22.0,
            soft,
            1.0,
        );
    }
    fill(&mut out, (240, height - 18), (240, 8), ink);
    out
}

/// A post on a page: margins, a name, two lines, the picture, buttons.
pub(super) fn post(picture: &RgbImage, random: &mut Random) -> RgbImage {
    let (width, height) = picture.dimensions();
    let margin = part(width, 6.0);
    let head = part(width, 26.0);
    let foot = part(width, 14.0);
    let mut out = RgbImage::from_pixel(width + 2 * margin, height + head + foot, WHITE);
    let unit = (width / 24).max(6);
    let radius = unit as f32 * 1.2;
    disc(
        &mut out,
        (margin as f32 + radius, radius * 1.5),
        radius,
        colour(random),
        1.0,
    );
    let ink = Rgb([25; 3]);
    let beside = i64::from(margin) + (radius * 2.6) as i64;
    stamp(
        &mut out,
        &line(pick(&NAMES, random), unit),
        (beside, i64::from(unit * 2 / 3)),
        ink,
        1.0,
    );
    stamp(
        &mut out,
        &line("3 hrs", unit * 3 / 4),
        (beside, i64::from(unit * 2)),
        Rgb([120; 3]),
        1.0,
    );
    for number in 0..2u32 {
        let mask = fitting_line(pick(&LINES, random), unit, width);
        stamp(
            &mut out,
            &mask,
            (
                margin.into(),
                i64::from(unit * 7 / 2 + number * unit * 5 / 4),
            ),
            ink,
            1.0,
        );
    }
    imageops::replace(&mut out, picture, margin.into(), head.into());
    for button in 0..3u32 {
        let left = margin + button * width / 3;
        fill(
            &mut out,
            (left, height + head + foot / 3),
            (width / 3 - width / 20, foot / 3),
            Rgb([228, 230, 235]),
        );
    }
    out
}

/// The picture, smaller, on a ground full of shapes and writing.
pub(super) fn picture_in_picture(
    picture: &RgbImage,
    percent: f32,
    random: &mut Random,
) -> RgbImage {
    let (width, height) = picture.dimensions();
    let mut out = RgbImage::from_pixel(width, height, colour(random));
    let short = short_side(picture) as f32;
    for _ in 0..90 {
        let ink = colour(random);
        let (x, y) = (
            random.fraction() * width as f32,
            random.fraction() * height as f32,
        );
        let size = short * (0.02 + 0.12 * random.fraction());
        match random.below(3) {
            0 => disc(&mut out, (x, y), size, ink, 0.9),
            1 => fill(
                &mut out,
                (x as u32, y as u32),
                ((size * 2.0) as u32, size as u32),
                ink,
            ),
            _ => {
                let mask = line(pick(&LINES, random), (size * 0.5).max(8.0) as u32);
                stamp(&mut out, &mask, (x as i64 - 40, y as i64), ink, 1.0);
            }
        }
    }
    let inner = resize(picture, part(width, percent), part(height, percent));
    let free = |outer: u32, inner: u32, random: &mut Random| {
        random.below(u64::from(outer.saturating_sub(inner)) + 1) as i64
    };
    let x = free(width, inner.width(), random);
    let y = free(height, inner.height(), random);
    imageops::replace(&mut out, &inner, x, y);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> RgbImage {
        RgbImage::from_fn(400, 300, |x, y| Rgb([(x / 2) as u8, (y / 2) as u8, 128]))
    }

    /// Share of pixels that differ.
    fn changed(a: &RgbImage, b: &RgbImage) -> f32 {
        let differing = a.pixels().zip(b.pixels()).filter(|(a, b)| a != b).count();
        differing as f32 / (a.width() * a.height()) as f32
    }

    /// Where the picture lies in a larger one, unscaled.
    fn holds(outer: &RgbImage, inner: &RgbImage, (left, top): (u32, u32)) -> bool {
        inner
            .enumerate_pixels()
            .all(|(x, y, pixel)| outer.get_pixel(left + x, top + y) == pixel)
    }

    #[test]
    fn what_lies_over_a_picture_covers_its_share() {
        let random = || Random::new(2, 9);
        let after = |change: &dyn Fn(&mut RgbImage)| {
            let mut one = picture();
            change(&mut one);
            assert_eq!(one.dimensions(), (400, 300));
            changed(&one, &picture())
        };
        // A disc of 30 % of 300 pixels covers π·45² of 120,000.
        let share = after(&|p| sticker(p, 30.0, &mut random()));
        assert!((0.050..0.056).contains(&share), "{share}");
        let share = after(&|p| logo(p, 20.0, &mut random()));
        assert!((0.022..0.026).contains(&share), "{share}");
        let share = after(&|p| text(p, 10.0, &mut random()));
        assert!((0.02..0.12).contains(&share), "{share}");
        let share = after(&|p| meme_text(p, &mut random()));
        assert!((0.05..0.3).contains(&share), "{share}");
        let share = after(&|p| watermark(p, &mut random()));
        assert!((0.05..0.4).contains(&share), "{share}");
    }

    #[test]
    fn what_lies_beside_a_picture_leaves_it_whole() {
        let (inner, mut random) = (picture(), Random::new(2, 9));
        let above = caption(&inner, 15.0, true, &mut random);
        assert_eq!(above.dimensions(), (400, 345));
        assert!(holds(&above, &inner, (0, 45)));
        assert!(
            above.pixels().take(400 * 45).any(|pixel| pixel == &BLACK),
            "it is written on"
        );
        let below = caption(&inner, 15.0, false, &mut random);
        assert!(holds(&below, &inner, (0, 0)));
        let framed = meme_frame(&inner, &mut random);
        assert_eq!(framed.dimensions(), (460, 396));
        assert!(holds(&framed, &inner, (30, 30)));
        let posted = post(&inner, &mut random);
        assert!(holds(&posted, &inner, (24, 104)));
    }

    #[test]
    fn screens_hold_the_picture_as_wide_as_they_are() {
        for dark in [false, true] {
            let screen = screenshot(&picture(), dark, &mut Random::new(4, 4));
            assert_eq!(screen.dimensions(), (720, 1560));
            // Grows to the right in red, somewhere in the upper half.
            let rows = (160..700).filter(|&y| {
                let red = |x| screen.get_pixel(x, y)[0];
                red(100) < red(350) && red(350) < red(650)
            });
            assert!(rows.count() >= 440, "most of its 540 rows lie there");
        }
    }

    #[test]
    fn a_picture_in_a_picture_has_its_size() {
        let white = RgbImage::from_pixel(400, 300, WHITE);
        let busy = picture_in_picture(&white, 50.0, &mut Random::new(4, 4));
        assert_eq!(busy.dimensions(), (400, 300));
        let white = busy.pixels().filter(|pixel| *pixel == &WHITE).count();
        assert_eq!(white, 200 * 150, "no colour of the ground is white");
    }

    #[test]
    fn letters_are_drawn_and_unknown_ones_left_out() {
        let mask = line("Il", 32);
        assert_eq!(mask.height(), 32);
        assert!(mask.pixels().any(|pixel| pixel[0] > 200));
        assert_eq!(line("", 20).height(), 20);
        assert_eq!(line("a\u{1f600}", 32).width(), line("a", 32).width());
    }
}
