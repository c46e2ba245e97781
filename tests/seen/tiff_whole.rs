//! Whole TIFFs: their pages and what hangs below them, cameras' raw files, files of the field, and what is refused.

use std::ops::ControlFlow;

use hashgate::media::{Limits, MediaError, Orientation, Picture, decode, decode_frames};

use crate::common::test_data;
use crate::matrix::{Structure, check, gate_of, hold};
use crate::shown::{Shower, Shown};
use crate::tiff_made::*;

#[test]
fn tiff_files_of_the_field_show_their_namesake() {
    let Some(data) = test_data() else {
        return;
    };
    let folder = data.join("field");
    let coffee = image::open(folder.join("known/coffee.png"))
        .expect("a picture")
        .to_rgb8();
    let shown = Shown {
        width: coffee.width(),
        height: coffee.height(),
        rgb: coffee.into_raw(),
    };
    let mut seen = 0;
    for entry in std::fs::read_dir(folder.join("tiff")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("a file");
        let name = path.display().to_string();
        let structure = Structure::seen(name.clone(), "image/tiff", bytes);
        if name.contains("alpha") {
            // It is smaller than the known picture, and fades out: 20 bits from that, whoever reads it.
            hold(Shower::Pillow, &[structure]);
        } else {
            assert_eq!(check(&structure, Some(&shown)), Ok(()), "{name}");
        }
        seen += 1;
    }
    assert!(seen >= 8, "{seen} files");
}

/// What is visited, and how it ends.
fn visited(bytes: &[u8]) -> (Vec<Picture>, Result<(), MediaError>) {
    let mut pictures = Vec::new();
    let ended = decode_frames(bytes, &Limits::default(), &mut |picture| {
        pictures.push(picture);
        ControlFlow::Continue(())
    });
    (pictures, ended.map(|_| ()))
}

fn numbers(pictures: &[Picture]) -> Vec<(u32, u32, u32)> {
    pictures
        .iter()
        .map(|picture| (picture.frame, picture.width, picture.height))
        .collect()
}

#[test]
fn tiff_pages_and_what_hangs_below_them_are_all_visited() {
    let picture = |width| image::imageops::thumbnail(&contents()[0], width, 40);
    let mut file = Writer::new(false, false);
    let below = Plan::new(2, 8).page(&mut file, &picture(33));
    let (below, _) = file.directory(&below);
    let first =
        Plan::new(2, 8).with(|plan| plan.more = vec![(330, Values::Long(vec![below as u32]))]);
    let unread = Plan::new(2, 8).with(|plan| plan.more = vec![(259, Values::Short(vec![34_887]))]);
    let small = Plan::new(1, 8).with(|plan| plan.more = vec![(254, Values::Long(vec![1]))]);
    let pages = [
        first.page(&mut file, &picture(30)),
        unread.page(&mut file, &picture(31)),
        small.page(&mut file, &picture(32)),
    ];
    let bytes = file.pages(&pages);
    let (pictures, ended) = visited(&bytes);
    assert_eq!(numbers(&pictures), [(0, 30, 40), (2, 32, 40), (3, 33, 40)]);
    assert!(
        matches!(&ended, Err(MediaError::Unsupported { what }) if what.contains("LERC")),
        "{ended:?}"
    );
    let one = decode(&bytes, &Limits::default()).expect("the first page");
    assert_eq!(numbers(&[one]), [(0, 30, 40)]);

    // No later page stands for a first one that cannot be read.
    let mut file = Writer::new(true, true);
    let pages = [
        unread.page(&mut file, &picture(31)),
        small.page(&mut file, &picture(32)),
    ];
    let bytes = file.pages(&pages);
    let (pictures, ended) = visited(&bytes);
    assert_eq!(numbers(&pictures), [(1, 32, 40)]);
    assert!(matches!(ended, Err(MediaError::Unsupported { .. })));
    assert!(matches!(
        decode(&bytes, &Limits::default()),
        Err(MediaError::Unsupported { .. })
    ));
}

#[test]
fn tiff_directories_that_lead_back_end_the_file() {
    let mut file = Writer::new(false, false);
    let page = Plan::new(1, 8).page(
        &mut file,
        &image::imageops::thumbnail(&contents()[0], 30, 20),
    );
    let mut bytes = file.pages(&[page]);
    let first: [u8; 4] = bytes[4..8].try_into().expect("four bytes");
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&first);
    let (pictures, ended) = visited(&bytes);
    assert_eq!(numbers(&pictures), [(0, 30, 20)]);
    assert_eq!(ended, Ok(()));
}

#[test]
fn tiff_raw_files_of_cameras_give_their_previews_the_largest_first() {
    let content = &contents()[0];
    let picture = |width, height| image::imageops::thumbnail(content, width, height);
    let mosaic = |file: &mut Writer| {
        let plan =
            Plan::new(1, 16).with(|plan| plan.more = vec![(262, Values::Short(vec![32_803]))]);
        let page = plan.page(file, &picture(90, 60));
        file.directory(&page).0 as u32
    };
    let mut file = Writer::new(false, false);
    let sensor = mosaic(&mut file);
    let jpeg = jpeg_of(&picture(80, 50), false);
    let at = file.blob(&jpeg) as u32;
    let preview = [
        (259, Values::Short(vec![OLD_JPEG])),
        (513, Values::Long(vec![at])),
        (514, Values::Long(vec![jpeg.len() as u32])),
    ];
    let preview = file.directory(&preview).0 as u32;
    let strip = jpeg_of(&picture(60, 40), false);
    let at = file.blob(&strip) as u32;
    let strip = [
        (259, Values::Short(vec![OLD_JPEG])),
        (273, Values::Long(vec![at])),
        (279, Values::Long(vec![strip.len() as u32])),
    ];
    let strip = file.directory(&strip).0 as u32;
    let thumbnail = Plan::new(2, 8).with(|plan| {
        plan.more = vec![
            (274, Values::Short(vec![6])),
            (330, Values::Long(vec![sensor, strip, preview])),
        ];
    });
    let page = thumbnail.page(&mut file, &picture(40, 30));
    let bytes = file.pages(&[page]);
    let (pictures, ended) = visited(&bytes);
    assert_eq!(ended, Ok(()));
    assert_eq!(numbers(&pictures), [(0, 80, 50), (1, 60, 40), (2, 40, 30)]);
    // The mosaic is named: the previews may show something else.
    let unread = gate_of(None).check(&bytes).unread;
    let named: Vec<_> = unread.iter().map(|one| (&*one.what, one.bytes)).collect();
    assert_eq!(named, [("a camera's raw data", 90 * 60 * 2)]);
    assert!(
        pictures
            .iter()
            .all(|picture| picture.orientation == Orientation::Rotate90)
    );

    let mut file = Writer::new(true, false);
    let plan = Plan::new(1, 16).with(|plan| plan.more = vec![(262, Values::Short(vec![34_892]))]);
    let page = plan.page(&mut file, &picture(90, 60));
    let (pictures, ended) = visited(&file.pages(&[page]));
    assert!(pictures.is_empty());
    assert!(
        matches!(&ended, Err(MediaError::Unsupported { what }) if what.contains("without a preview"))
    );
}

#[test]
fn tiff_old_jpeg_that_is_whole_is_read_and_in_parts_is_named() {
    let content = &contents()[3];
    let (width, height) = content.dimensions();
    let jpeg = jpeg_of(content, false);
    let mut file = Writer::new(false, false);
    let at = file.blob(&jpeg) as u32;
    let length = jpeg.len() as u32;
    let entries = |strip: u32, whole: bool| {
        let mut entries = vec![
            (256, Values::Long(vec![width])),
            (257, Values::Long(vec![height])),
            (259, Values::Short(vec![OLD_JPEG])),
            (262, Values::Short(vec![6])),
            (273, Values::Long(vec![strip])),
            (279, Values::Long(vec![length - (strip - at)])),
        ];
        if whole {
            entries.push((513, Values::Long(vec![at])));
            entries.push((514, Values::Long(vec![length])));
        }
        entries
    };
    let pages = [
        entries(at, false),
        entries(at + 700, true),
        entries(at + 700, false),
    ];
    let (pictures, ended) = visited(&file.pages(&pages));
    assert_eq!(numbers(&pictures), [(0, width, height), (1, width, height)]);
    assert_eq!(pictures[0].rgb, pictures[1].rgb);
    assert!(
        matches!(&ended, Err(MediaError::Unsupported { what }) if what.contains("old-style JPEG in parts"))
    );
}

#[test]
fn tiff_what_is_not_read_is_named() {
    let content = &contents()[3];
    let base = || Plan::new(2, 8);
    let short = |tag, value| vec![(tag, Values::Short(vec![value]))];
    let cases = [
        ("LERC", base().with(|plan| plan.more = short(259, 34_887))),
        ("WebP", base().with(|plan| plan.more = short(259, 50_001))),
        (
            "JPEG 2000",
            base().with(|plan| plan.more = short(259, 34_712)),
        ),
        (
            "compression 12345",
            base().with(|plan| plan.more = short(259, 12_345)),
        ),
        (
            "whole words",
            Plan::new(0, 1).with(|plan| plan.more = short(259, 32_771)),
        ),
        (
            "mask",
            Plan::new(1, 8).with(|plan| plan.more = short(262, 4)),
        ),
        ("ITU Lab", base().with(|plan| plan.more = short(262, 10))),
        ("LogLuv", base().with(|plan| plan.more = short(262, 32_845))),
        (
            "colours of kind 77",
            base().with(|plan| plan.more = short(262, 77)),
        ),
        (
            "inks",
            Plan::new(5, 8).with(|plan| plan.more = short(332, 2)),
        ),
        (
            "predictor 9",
            base().with(|plan| {
                plan.compression = LZW;
                plan.more = short(317, 9);
            }),
        ),
        (
            "complex",
            Plan::new(1, 32).with(|plan| plan.more = short(339, 6)),
        ),
        (
            "Signed",
            Plan::new(1, 32).with(|plan| plan.number = Number::Signed),
        ),
        (
            "different ways",
            base().with(|plan| {
                plan.more = vec![(258, Values::Short(vec![5, 6, 5]))];
            }),
        ),
        (
            "64 bits",
            Plan::new(1, 8).with(|plan| plan.more = short(258, 64)),
        ),
        (
            "predicted",
            Plan::new(1, 4).with(|plan| {
                plan.compression = LZW;
                plan.more = short(317, 2);
            }),
        ),
        (
            "samples a pixel",
            base().with(|plan| plan.more = short(277, 400)),
        ),
    ];
    for (words, plan) in cases {
        let ended = decode(&plan.file(content), &Limits::default());
        assert!(
            matches!(&ended, Err(MediaError::Unsupported { what }) if what.contains(words)),
            "{words}: {ended:?}"
        );
    }
}

#[test]
fn tiff_data_that_end_early_are_no_picture() {
    let content = &contents()[3];
    for (photometric, bits, compression) in [
        (2, 8, NONE),
        (2, 8, LZW),
        (2, 8, DEFLATE),
        (2, 8, PACK_BITS),
        (2, 8, ZSTD),
        (0, 1, FAX_RUNS),
        (0, 1, FAX_3),
        (0, 1, FAX_4),
        (6, 8, JPEG),
    ] {
        let plan = Plan::new(photometric, bits).with(|plan| {
            (plan.compression, plan.rows) = (compression, u32::MAX);
        });
        let whole = decode(&plan.file(content), &Limits::default()).expect("a whole file");
        let cut = |keep: u32| {
            let plan = plan
                .clone()
                .with(|plan| plan.more = vec![(279, Values::Long(vec![keep]))]);
            decode(&plan.file(content), &Limits::default())
        };
        // What is not packed is as long as it has to be, whatever the file says.
        for keep in [1, 40, 300] {
            match cut(keep) {
                Ok(picture) => assert!(compression == NONE && picture == whole, "{compression}"),
                Err(error) => assert!(matches!(error, MediaError::Undecodable { .. }), "{error}"),
            }
        }
    }
}
