//! JPEG XL, HEIC and AVIF. Of AVIF what Chromium shows is expected. Chromium shows neither of the others: they are held
//! to the pictures that they were made from, and a HEIC also to what Chromium shows of an AVIF of the same structure.

#[path = "heif/builder.rs"]
mod builder;

use std::path::Path;

use hashgate::signal::variants::VariantSet;
use image::RgbImage;
use image::imageops::{FilterType, resize};

use crate::common::shipped_pictures;
use crate::matrix::{Right, Structure, check_by};
use crate::shown::{Shower, Shown};
use builder::{Item, clap, code_points, file, imir, irot, item_of, nclx, profiled};

/// A file of `tests/data/formats`.
fn made(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/formats");
    std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The picture that most of them were made from.
fn source(name: &str, width: u32, height: u32) -> RgbImage {
    let pictures = shipped_pictures("known");
    let (_, bytes) = pictures
        .iter()
        .find(|(path, _)| path.ends_with(name))
        .expect("a shipped picture");
    let picture = image::load_from_memory(bytes).expect("whole").to_rgb8();
    resize(&picture, width, height, FilterType::Lanczos3)
}

fn rocket() -> RgbImage {
    source("rocket.jpg", 256, 192)
}

fn shown(picture: RgbImage) -> Shown {
    Shown {
        width: picture.width(),
        height: picture.height(),
        rgb: picture.into_raw(),
    }
}

/// Holds each file to the picture beside it.
fn hold_to(files: Vec<(String, Vec<u8>, Shown)>) {
    ready();
    let wrong: Vec<String> = files
        .iter()
        .filter_map(|(name, bytes, shown)| {
            let structure = Structure::seen(name.as_str(), "image/heic", bytes.clone());
            let frames = VariantSet {
                frames: true,
                colour_managed: true,
                ..VariantSet::NONE
            };
            let what = check_by(&structure, Some(shown), frames).err()?;
            Some(format!("{name}: {what}"))
        })
        .collect();
    eprintln!("{} files held to their sources", files.len());
    assert!(
        wrong.is_empty(),
        "{} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Names the program that decodes in isolation.
fn ready() {
    #[cfg(all(feature = "cli", target_os = "linux"))]
    hashgate::media::isolated::use_program(env!("CARGO_BIN_EXE_hashgate"));
}

/// Over white, with alpha that falls from left to right.
fn faded(picture: &RgbImage) -> RgbImage {
    let width = picture.width();
    RgbImage::from_fn(width, picture.height(), |x, y| {
        let alpha = 255 - x * 200 / (width - 1);
        let over = |part: u8| ((u32::from(part) * alpha + 255 * (255 - alpha)) / 255) as u8;
        image::Rgb(picture.get_pixel(x, y).0.map(over))
    })
}

fn grey(picture: &RgbImage, curve: impl Fn(f32) -> f32) -> RgbImage {
    let grey = image::imageops::grayscale(picture);
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let value = f32::from(grey.get_pixel(x, y).0[0]) / 255.0;
        image::Rgb([(curve(value) * 255.0 + 0.5) as u8; 3])
    })
}

#[cfg(feature = "jxl")]
#[test]
fn jpeg_xl_is_seen_as_the_picture_that_it_was_made_from() {
    let linear = |value: f32| match value {
        low if low <= 0.003_130_8 => low * 12.92,
        value => 1.055 * value.powf(1.0 / 2.4) - 0.055,
    };
    let rocket = rocket();
    let files = [
        ("rocket.jxl", rocket.clone()),
        ("rocket-container.jxl", rocket.clone()),
        ("rocket-lossless.jxl", source("rocket.jpg", 64, 48)),
        ("rocket-grey.jxl", grey(&rocket, |value| value)),
        ("rocket-linear.jxl", grey(&rocket, linear)),
        ("rocket-alpha.jxl", faded(&rocket)),
        ("rocket-turned.jxl", image::imageops::rotate90(&rocket)),
        ("moving.jxl", source("rocket.jpg", 128, 96)),
    ];
    let held = files.map(|(name, picture)| (name.to_owned(), made(name), shown(picture)));
    hold_to(held.into());
    let later = ["cat.jpg", "coffee.jpg"].map(|name| {
        let picture = source(name, 128, 96);
        (
            format!("{name} in moving.jxl"),
            made("moving.jxl"),
            shown(picture),
        )
    });
    hold_to(later.into());
}

#[cfg(feature = "jxl")]
#[test]
fn jpeg_xl_with_a_profile_is_asked_about_as_it_is_shown() {
    if !Shower::Chromium.is_here() {
        return;
    }
    let picture = source("rocket.jpg", 128, 96);
    let files = ["rocket-profile.jxl", "rocket-power.jxl"].map(|name| {
        let shown = crate::colours::shown_with(&picture, &crate::colours::profile(4.0));
        (name.to_owned(), made(name), shown.expect("shown"))
    });
    hold_to(files.into());
}

/// Files of one structure each, with what a viewer does with it: of coded items of one kind.
struct Pieces {
    whole: Item,
    quarters: Vec<Item>,
    alpha: Option<Item>,
    brand: &'static [u8; 4],
}

#[cfg(feature = "heic")]
fn heic() -> Pieces {
    Pieces {
        whole: item_of(&made("rocket.heic")),
        quarters: (0..4)
            .map(|number| item_of(&made(&format!("rocket-{number}.heic"))))
            .collect(),
        alpha: None,
        brand: b"heic",
    }
}

#[cfg(feature = "avif")]
fn avif() -> Pieces {
    Pieces {
        whole: item_of(&made("rocket.avif")),
        quarters: (0..4)
            .map(|number| item_of(&made(&format!("rocket-{number}.avif"))))
            .collect(),
        alpha: Some(item_of(&made("alpha.avif"))),
        brand: b"avif",
    }
}

/// The structures that both kinds come in.
fn structures(pieces: &Pieces) -> Vec<(String, Vec<u8>)> {
    let brand = pieces.brand;
    let mut all = Vec::new();
    let whole = || pieces.whole.clone();
    let mut add = |name: &str, bytes| all.push((format!("{} {name}", brand.escape_ascii()), bytes));
    // Turned, mirrored, cut: in the order that the standard wants.
    let turns = [None, Some(1), Some(2), Some(3)];
    let mirrors = [None, Some(0), Some(1)];
    let cuts = [None, Some([160, 192, 0, 0])];
    for turn in turns {
        for mirror in mirrors {
            for cut in cuts {
                let mut item = whole();
                if let Some([width, height, left, top]) = cut {
                    item = item.with(clap([256, 192], [width, height, left, top]));
                }
                if let Some(quarters) = turn {
                    item = item.with(irot(quarters));
                }
                if let Some(axis) = mirror {
                    item = item.with(imir(axis));
                }
                let name = format!("irot {turn:?} imir {mirror:?} clap {cut:?}");
                add(&name, file(brand, vec![item]).bytes());
            }
        }
    }
    add("in idat", file(brand, vec![whole()]).in_idat().bytes());
    for extents in [2, 5] {
        let name = format!("in {extents} extents");
        add(&name, file(brand, vec![whole()]).extents(extents).bytes());
    }
    for version in [0, 1, 2] {
        let name = format!("iloc of version {version}");
        add(&name, file(brand, vec![whole()]).iloc(version).bytes());
    }
    add("long numbers", file(brand, vec![whole()]).long().bytes());
    add(
        "behind other brands",
        file(b"mif1", vec![whole()]).compatible(brand).bytes(),
    );
    add("a hidden picture beside", {
        let hidden = pieces.quarters[0].clone().hidden();
        file(brand, vec![hidden, whole()]).primary(2).bytes()
    });
    let grid = |width, height| {
        let mut items = vec![Item::grid(2, 2, width, height)];
        items.extend(pieces.quarters.iter().map(|item| item.clone().hidden()));
        items
    };
    let made_of = |to: Vec<u16>| (*b"dimg", 1, to);
    for (width, height) in [(256, 192), (250, 180)] {
        let tiles = made_of(vec![2, 3, 4, 5]);
        let name = format!("a grid of {width} x {height}");
        add(&name, file(brand, grid(width, height)).refer(tiles).bytes());
    }
    add("a turned grid", {
        let mut items = grid(256, 192);
        items[0] = items[0].clone().with(irot(1)).with(imir(1));
        file(brand, items).refer(made_of(vec![2, 3, 4, 5])).bytes()
    });
    if let Some(alpha) = &pieces.alpha {
        for premultiplied in [false, true] {
            let items = vec![whole(), alpha.clone().alpha()];
            let mut built = file(brand, items).refer((*b"auxl", 2, vec![1]));
            if premultiplied {
                built = built.refer((*b"prem", 1, vec![2]));
            }
            add(
                &format!("alpha, premultiplied {premultiplied}"),
                built.bytes(),
            );
        }
        add("turned with alpha", {
            let items = vec![whole().with(irot(3)), alpha.clone().alpha().with(irot(3))];
            file(brand, items).refer((*b"auxl", 2, vec![1])).bytes()
        });
        add("a grid with alpha", {
            let mut items = grid(256, 192);
            items.push(alpha.clone().alpha());
            let tiles = made_of(vec![2, 3, 4, 5]);
            file(brand, items)
                .refer(tiles)
                .refer((*b"auxl", 6, vec![1]))
                .bytes()
        });
    }
    for (matrix, full) in [(1, true), (6, false), (9, true), (5, true)] {
        let name = format!("the matrix {matrix}, full range {full}");
        add(
            &name,
            file(brand, vec![whole().recoloured(nclx(matrix, full))]).bytes(),
        );
    }
    all
}

/// Files that show another picture than they store, by a profile or by code points.
fn coloured(pieces: &Pieces, is_av1: bool) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut add = |name: String, item: Item| {
        all.push((name, file(pieces.brand, vec![item]).bytes()));
    };
    // Those that brighten what is dark show how two decoders round.
    for exponent in [0.5, 1.0, 1.8, 3.0, 4.0] {
        if exponent < 1.5 && !is_av1 {
            continue;
        }
        let profile = crate::colours::profile(exponent);
        for kind in [b"prof", b"rICC"] {
            let said = pieces.whole.clone().recoloured(profiled(kind, &profile));
            add(format!("{} {exponent}", kind.escape_ascii()), said.clone());
            let both = said.with(nclx(6, true));
            add(format!("{} {exponent}, nclx", kind.escape_ascii()), both);
        }
    }
    let codes = [
        (1, 13),
        (1, 1),
        (1, 4),
        (1, 5),
        (1, 8),
        (2, 2),
        (9, 13),
        (9, 14),
        (12, 13),
        (1, 6),
    ];
    for (primaries, transfer) in codes {
        // Light alone is not brought to the curve of a screen in a stream of HEVC.
        if transfer == 8 && !is_av1 {
            continue;
        }
        let said = code_points([primaries, transfer, 6], true);
        add(
            format!("nclx {primaries} {transfer}"),
            pieces.whole.clone().recoloured(said),
        );
    }
    all
}

/// Other projects' files, where the test data are at hand: those that have enough in them to be told by.
#[cfg(all(feature = "avif", feature = "cli", target_os = "linux"))]
fn hard() -> Vec<(String, Vec<u8>)> {
    let Some(data) = crate::common::test_data() else {
        return Vec::new();
    };
    let plain = [
        "colors-animated",
        "draw_points",
        "poc_b",
        "32Bit-72dpi",
        "star.avifs",
    ];
    let files = std::fs::read_dir(data.join("hard")).expect("the folder");
    let mut files: Vec<_> = files
        .map(|file| file.expect("a file").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|end| end == "avif" || end == "avifs")
        })
        .map(|path| (path.display().to_string(), path))
        .filter(|(name, _)| !plain.iter().any(|plain| name.contains(plain)))
        .map(|(name, path)| (name, std::fs::read(path).expect("readable")))
        .collect();
    files.sort();
    files
}

#[cfg(all(feature = "avif", feature = "cli", target_os = "linux"))]
#[test]
fn avif_is_seen_as_chromium_shows_it() {
    ready();
    let plain = [
        "rocket.avif",
        "rocket-10.avif",
        "rocket-12.avif",
        "rocket-lossless.avif",
        "rocket-alpha.avif",
        "rocket-grid.avif",
        "rocket-grey.avif",
        "moving.avifs",
    ];
    let mut all: Vec<Structure> = plain
        .into_iter()
        .map(|name| Structure::seen(name, "image/avif", made(name)))
        .collect();
    let built = structures(&avif())
        .into_iter()
        .chain(coloured(&avif(), true));
    all.extend(built.map(|(name, bytes)| Structure::seen(name, "image/avif", bytes)));
    for (name, bytes) in hard() {
        let right = match name.contains("p3pq") {
            true => Right::Unsupported("high dynamic range"),
            false => Right::Seen,
        };
        all.push(Structure::seen(name, "image/avif", bytes).but(right));
    }
    crate::matrix::hold(Shower::Chromium, &all);
}

#[cfg(all(feature = "avif", feature = "cli", target_os = "linux"))]
#[test]
fn every_frame_of_an_avif_is_asked_about() {
    let frames = ["rocket.jpg", "cat.jpg", "coffee.jpg"].map(|name| {
        let picture = source(name, 128, 96);
        (
            format!("{name} in moving.avifs"),
            made("moving.avifs"),
            shown(picture),
        )
    });
    hold_to(frames.into());
}

#[cfg(feature = "heic")]
#[test]
fn heic_is_seen_as_the_picture_that_it_was_made_from() {
    let rocket = rocket();
    let mut files = vec![
        (
            "rocket.heic".to_owned(),
            made("rocket.heic"),
            shown(rocket.clone()),
        ),
        (
            "rocket-444.heic".to_owned(),
            made("rocket-444.heic"),
            shown(rocket.clone()),
        ),
        (
            "rocket-alpha.heic".to_owned(),
            made("rocket-alpha.heic"),
            shown(faded(&rocket)),
        ),
    ];
    let pieces = heic();
    // A second picture, an item that stands for another one, and a small form, each asked about.
    let second = file(
        b"heic",
        vec![pieces.whole.clone(), pieces.quarters[2].clone()],
    );
    let corner = image::imageops::crop_imm(&rocket, 0, 96, 128, 96).to_image();
    files.push((
        "a second picture".to_owned(),
        second.bytes(),
        shown(corner.clone()),
    ));
    let small = file(
        b"heic",
        vec![pieces.whole.clone(), pieces.quarters[2].clone()],
    );
    let small = small.refer((*b"thmb", 2, vec![1]));
    files.push(("a small form".to_owned(), small.bytes(), shown(corner)));
    let stands_for = vec![
        Item::identity().with(irot(2)),
        pieces.whole.clone().hidden(),
    ];
    let stands_for = file(b"heic", stands_for).refer((*b"dimg", 1, vec![2]));
    let turned = image::imageops::rotate180(&rocket);
    files.push((
        "an item for another".to_owned(),
        stands_for.bytes(),
        shown(turned),
    ));
    hold_to(files);
}

#[cfg(all(feature = "heic", feature = "avif", target_os = "linux"))]
#[test]
fn a_heic_is_seen_as_chromium_shows_an_avif_of_the_same_structure() {
    if !Shower::Chromium.is_here() {
        return;
    }
    let mut twins = avif();
    twins.alpha = None;
    let mut twins_made = structures(&twins);
    twins_made.extend(coloured(&twins, false));
    let twins = twins_made;
    let shown = Shower::Chromium.show(
        &twins
            .iter()
            .map(|(name, bytes)| Structure::seen(name.as_str(), "image/avif", bytes.clone()).file)
            .collect::<Vec<_>>(),
    );
    let files = structures(&heic())
        .into_iter()
        .chain(coloured(&heic(), false));
    let files = files.zip(shown);
    let files = files.map(|((name, bytes), shown)| {
        let shown = shown.unwrap_or_else(|| panic!("{name}: Chromium shows nothing of its twin"));
        (name, bytes, shown)
    });
    hold_to(files.collect());
}
