//! Variants of pictures made here, against the hashes of the pictures that they stand for.

use super::*;
use crate::signal::pdq::PdqHasher;
use crate::signal::thumbnail::Thumbnail;

type Grey = Vec<Vec<u8>>;

/// Smooth hills of many sizes: a picture that is nowhere flat and has no edges.
fn hills(width: usize, height: usize, seed: f32) -> Grey {
    let waves: Vec<[f32; 4]> = (1..24)
        .map(|i| {
            let at = |k: f32| (i as f32 * k + seed).sin();
            [
                17.0 * at(1.7),
                17.0 * at(2.9),
                3.0 * at(4.3),
                14.0 * at(5.1),
            ]
        })
        .collect();
    let value = |x: f32, y: f32| {
        let sum: f32 = (waves.iter())
            .map(|[a, b, phase, size]| size * (a * x + b * y + phase).cos())
            .sum();
        (128.0 + sum).clamp(0.0, 255.0) as u8
    };
    (0..height)
        .map(|y| {
            let y = y as f32 / height as f32;
            (0..width)
                .map(|x| value(x as f32 / width as f32, y))
                .collect()
        })
        .collect()
}

fn size(grey: &Grey) -> (usize, usize) {
    (grey[0].len(), grey.len())
}

fn hash_of(grey: &Grey) -> PdqHash {
    let (width, height) = size(grey);
    let hashed = PdqHasher::new().hash_luma(width, height, &grey.concat());
    hashed.expect("as many bytes as pixels").hash
}

fn luma_of(grey: &Grey) -> Luma {
    let (width, height) = size(grey);
    let rgb: Vec<u8> = grey.concat().iter().flat_map(|&value| [value; 3]).collect();
    let small = Thumbnail::of_rgb(width, height, &rgb, Luma::WANTED).expect("a picture");
    Luma::new(&small).expect("it has cells")
}

fn all(grey: &Grey, shapes: VariantSet) -> Vec<Made> {
    let mut all = Vec::new();
    VariantMaker::default().make(&luma_of(grey), shapes, &mut |made| all.push(made));
    all
}

fn nearest<'a>(made: &'a [Made], hash: &PdqHash) -> (u32, &'a Made) {
    let apart = |made: &Made| {
        let bytes = made.hash.0.iter().zip(&hash.0);
        bytes.map(|(a, b)| (a ^ b).count_ones()).sum::<u32>()
    };
    let pairs = made.iter().map(|made| (apart(made), made));
    pairs.min_by_key(|(bits, _)| *bits).expect("some were made")
}

const EVERYTHING: VariantSet = VariantSet {
    dihedral: true,
    inverted: true,
    trim: true,
    uncrop: true,
    crop: true,
    cover: true,
    straighten: true,
    perspective: true,
    thorough: true,
    ..VariantSet::NONE
};

#[test]
fn turned_and_mirrored_forms_are_those_of_the_turned_picture() {
    let shapes = VariantSet {
        dihedral: true,
        ..VariantSet::NONE
    };
    for (width, height) in [(300, 200), (511, 640), (90, 90)] {
        let picture = hills(width, height, 1.0);
        let made = all(&picture, shapes);
        assert_eq!(made.len(), 7);
        let turn = |x: bool, y: bool, swap: bool| -> Grey {
            let mut turned = picture.clone();
            if x {
                turned.iter_mut().for_each(|row| row.reverse());
            }
            if y {
                turned.reverse();
            }
            if swap {
                turned = (0..width)
                    .map(|column| turned.iter().map(|row| row[column]).collect())
                    .collect();
            }
            turned
        };
        for (x, y, swap, transform) in [
            (true, false, false, Transform::FlipY),
            (false, true, false, Transform::FlipX),
            (true, true, false, Transform::Rotate180),
            (false, false, true, Transform::FlipPlus1),
            (true, true, true, Transform::FlipMinus1),
            (true, false, true, Transform::Rotate90),
            (false, true, true, Transform::Rotate270),
        ] {
            let (bits, found) = nearest(&made, &hash_of(&turn(x, y, swap)));
            assert!(bits <= 12, "{width}x{height} {transform:?}: {bits} bits");
            assert_eq!(found.variant.transform, transform, "{width}x{height}");
        }
    }
}

#[test]
fn a_crop_is_made_up_for_and_a_band_is_left_out() {
    let picture = hills(600, 400, 2.0);
    let original = hash_of(&picture);
    let middle: Grey = picture[20..380]
        .iter()
        .map(|row| row[30..570].to_vec())
        .collect();
    let made = all(&middle, EVERYTHING);
    let (bits, found) = nearest(&made, &original);
    assert!(bits <= 31, "{bits} bits as {}", found.variant);
    let text = found.variant.to_string();
    assert!(text.starts_with("uncrop_"), "{text}");

    let mut labelled = picture;
    for row in &mut labelled[360..] {
        for (x, value) in row.iter_mut().enumerate() {
            *value = if x / 9 % 2 == 0 { 255 } else { 0 };
        }
    }
    let made = all(&labelled, EVERYTHING);
    let (bits, found) = nearest(&made, &original);
    assert!(bits <= 31, "{bits} bits as {}", found.variant);
}

#[test]
fn a_picture_within_a_picture_is_cut_out_at_its_edges() {
    let inner = hills(240, 160, 3.0);
    let known = hash_of(&inner);
    let pasted = |ground: &dyn Fn(usize, usize) -> u8| -> Grey {
        (0..400_usize)
            .map(|y| {
                (0..500_usize)
                    .map(|x| match (x.checked_sub(130), y.checked_sub(90)) {
                        (Some(x), Some(y)) if x < 240 && y < 160 => inner[y][x],
                        _ => ground(x, y),
                    })
                    .collect()
            })
            .collect()
    };
    let busy = hills(500, 400, 9.0);
    let grounds: [&dyn Fn(usize, usize) -> u8; 3] =
        [&|_, _| 255, &|_, _| 40, &|x, y| busy[y][x].wrapping_add(90)];
    let shapes = VariantSet {
        trim: true,
        ..VariantSet::NONE
    };
    for (number, ground) in grounds.iter().enumerate() {
        let made = all(&pasted(ground), shapes);
        let (bits, found) = nearest(&made, &known);
        assert!(
            bits <= 20,
            "ground {number}: {bits} bits as {}",
            found.variant
        );
        let out = found.variant.region;
        let edges = [out.left, out.top, out.right, out.bottom];
        for (edge, expected) in edges.into_iter().zip([260, 225, 260, 375]) {
            assert!(edge.abs_diff(expected) <= 4, "ground {number}: {edges:?}");
        }
    }
}

#[test]
fn fitting_finds_what_lies_between_the_steps_and_under_a_sticker() {
    let picture = hills(600, 400, 2.0);
    let original = hash_of(&picture);
    let stranger = hash_of(&hills(600, 400, 6.0));
    // Moved by what lies between steps of the ladder, and with a bright box over it.
    let mut copy: Grey = picture[10..390]
        .iter()
        .map(|row| row[40..590].to_vec())
        .collect();
    for row in &mut copy[120..230] {
        row[300..420].fill(240);
    }
    let luma = luma_of(&copy);
    let mut maker = VariantMaker::default();
    let mut fit = |entry| {
        let made = maker.fit(&luma, &Variant::ORIGINAL, entry);
        let made = made.expect("a guess that can be fitted");
        assert!(made.variant.fitted);
        nearest(std::slice::from_ref(&made), entry).0
    };
    let before = {
        let bits = hash_of(&copy).0.into_iter().zip(original.0);
        bits.map(|(a, b)| (a ^ b).count_ones()).sum::<u32>()
    };
    let after = fit(&original);
    assert!(after + 30 <= before, "{before} to {after} bits");
    assert!(fit(&stranger) > 60);
    let negative = Variant {
        inverted: true,
        ..Variant::ORIGINAL
    };
    assert!(maker.fit(&luma, &negative, &original).is_none());
}

#[test]
fn a_placement_is_where_the_guess_samples() {
    let picture = hills(360, 240, 7.0);
    let luma = luma_of(&picture);
    let mut maker = VariantMaker::default();
    let mut checked = 0;
    let all = all(&picture, EVERYTHING);
    let views = all.iter().filter(|made| {
        let variant = &made.variant;
        !variant.inverted && !matches!(variant.view, View::Cover(_))
    });
    for made in views.step_by(9) {
        let placed = fit::samples(
            maker.kernel,
            &luma,
            &made.variant,
            (&mut maker.part, &mut maker.scratch),
        );
        let hash = placed.map(|samples| spectrum::hash(&maker.kernel.spectrum(&samples)));
        let bits = nearest(std::slice::from_ref(made), &hash.expect("placed")).0;
        assert!(bits <= 24, "{}: {bits} bits", made.variant);
        checked += 1;
    }
    assert!(checked > 60);
}

#[test]
fn every_size_is_taken_and_the_number_of_variants_is_bounded() {
    for (width, height) in [(1, 1), (3, 900), (5, 5), (64, 64), (1500, 8), (700, 700)] {
        let made = all(&hills(width, height, 4.0), EVERYTHING);
        assert!(
            (400..=VariantMaker::MOST).contains(&made.len()),
            "{width}x{height}: {}",
            made.len()
        );
        let flat = vec![vec![77; width]; height];
        assert!(all(&flat, EVERYTHING).len() <= VariantMaker::MOST);
    }
    assert!(all(&hills(64, 64, 4.0), VariantSet::NONE).is_empty());
}

#[test]
fn drawings_are_flat_and_textures_are_not() {
    let flatness =
        |grey: &Grey| VariantMaker::default().make(&luma_of(grey), VariantSet::NONE, &mut |_| {});
    let mut drawing = vec![vec![255; 300]; 300];
    for row in &mut drawing[100..200] {
        row[50..250].fill(30);
    }
    assert!(flatness(&drawing) > 0.9);
    assert!(flatness(&hills(300, 300, 5.0)) < 0.2);
}
