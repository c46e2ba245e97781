//! TIFFs of every structure that people upload, beside Pillow (which reads by libtiff) and, where Pillow does not read
//! one, ImageMagick.

use hashgate::media::{Limits, decode};
use image::RgbImage;

use crate::matrix::{Right, Structure, hold};
use crate::shown::Shower;
use crate::tiff_made::*;

/// Structures, each with a content of its own, and the program that shows them.
struct Made {
    contents: Vec<RgbImage>,
    files: Vec<(Shower, Structure)>,
}

impl Made {
    fn new() -> Self {
        Self {
            contents: contents(),
            files: Vec::new(),
        }
    }

    /// What the next file shows.
    fn content(&self) -> &RgbImage {
        &self.contents[self.files.len() % self.contents.len()]
    }

    fn add(&mut self, shower: Shower, name: &str, plan: &Plan) {
        let bytes = plan.file(self.content());
        self.add_file(shower, name, bytes);
    }

    fn add_file(&mut self, shower: Shower, name: &str, bytes: Vec<u8>) {
        self.files
            .push((shower, Structure::seen(name, "image/tiff", bytes)));
    }

    /// By Pillow, save what this Pillow is known not to open.
    fn pillow(&mut self, name: &str, plan: &Plan) {
        let is_odd = plan.big_tiff && plan.big_endian
            || plan.compression == NONE
                && plan.fill_order == 2
                && matches!((plan.photometric, plan.bits), (0, 8) | (3, 1..=4))
            || plan.bits == 16 && plan.photometric == 1 && plan.big_endian;
        let shower = if is_odd {
            Shower::ImageMagick
        } else {
            Shower::Pillow
        };
        self.add(shower, name, plan);
    }

    fn magick(&mut self, name: &str, plan: &Plan) {
        self.add(Shower::ImageMagick, name, plan);
    }

    fn hold(self, least: usize) {
        assert!(self.files.len() >= least, "{} structures", self.files.len());
        let (by_pillow, others): (Vec<_>, Vec<_>) = self
            .files
            .into_iter()
            .partition(|(of, _)| *of == Shower::Pillow);
        for (shower, files) in [(Shower::Pillow, by_pillow), (Shower::ImageMagick, others)] {
            let structures: Vec<Structure> =
                files.into_iter().map(|(_, structure)| structure).collect();
            if !structures.is_empty() {
                hold(shower, &structures);
            }
        }
    }
}

#[test]
fn tiff_greys_of_every_depth() {
    let mut made = Made::new();
    for bits in [1, 2, 4, 8] {
        for photometric in [0, 1] {
            for fill_order in [1, 2] {
                for (compression, big_endian) in [(NONE, false), (PACK_BITS, true), (LZW, false)] {
                    let plan = Plan::new(photometric, bits).with(|plan| {
                        plan.fill_order = fill_order;
                        plan.compression = compression;
                        plan.big_endian = big_endian;
                    });
                    let name = format!(
                        "grey {bits} kind {photometric} fill {fill_order} by {compression}"
                    );
                    made.pillow(&name, &plan);
                }
            }
        }
    }
    for big_endian in [false, true] {
        for (compression, predictor) in
            [(NONE, 1), (LZW, 2), (DEFLATE, 2), (PACK_BITS, 1), (ZSTD, 2)]
        {
            let plan = Plan::new(1, 16).with(|plan| {
                plan.big_endian = big_endian;
                plan.compression = compression;
                plan.predictor = predictor;
            });
            made.pillow(&format!("grey 16 by {compression} {big_endian}"), &plan);
        }
        // Pillow does not turn these round, and takes 32 bits, as below 12, for 16.
        let plan = Plan::new(0, 16).with(|plan| plan.big_endian = big_endian);
        made.magick(&format!("grey 16 white is 0 {big_endian}"), &plan);
        let plan = Plan::new(1, 32).with(|plan| plan.big_endian = big_endian);
        made.magick(&format!("grey 32 {big_endian}"), &plan);
        let plan = plan.with(|plan| (plan.compression, plan.predictor) = (DEFLATE, 2));
        made.magick(&format!("grey 32 predicted {big_endian}"), &plan);
    }
    made.magick("grey 12", &Plan::new(1, 12));
    // What signed numbers of 32 bits are, each program thinks otherwise.
    let signed = Plan::new(1, 32).with(|plan| plan.number = Number::Signed);
    made.pillow("signed 32", &signed);
    if let Some((_, last)) = made.files.pop() {
        let last = last.but(Right::Unsupported("Signed"));
        made.files.push((Shower::Pillow, last));
    }
    // Not among them: 12 bits where white is 0. ImageMagick shows the negative, of 2 and 4 bits too; Pillow does not
    // open it.
    made.magick(
        "grey 12 big",
        &Plan::new(1, 12).with(|plan| plan.big_endian = true),
    );
    made.hold(60);
}

#[test]
fn tiff_floats_and_signed_numbers() {
    let mut made = Made::new();
    for big_endian in [false, true] {
        for bits in [16, 32, 64] {
            for (photometric, compression, predictor) in
                [(1, NONE, 1), (2, LZW, 3), (1, DEFLATE, 3), (0, DEFLATE, 1)]
            {
                let plan = Plan::new(photometric, bits).with(|plan| {
                    plan.number = Number::Float;
                    plan.big_endian = big_endian;
                    plan.compression = compression;
                    plan.predictor = predictor;
                });
                // ImageMagick turns these round, and no others.
                if (photometric, bits) == (0, 16) {
                    continue;
                }
                let name = format!("float {bits} kind {photometric} by {compression} {big_endian}");
                made.magick(&name, &plan);
            }
        }
        let plan = Plan::new(1, 16).with(|plan| {
            plan.number = Number::Signed;
            plan.big_endian = big_endian;
        });
        made.magick(&format!("signed {big_endian}"), &plan);
        // Of 8 bits the bytes are shown as they are.
        let plan = plan.with(|plan| plan.bits = 8);
        made.magick(&format!("signed bytes {big_endian}"), &plan);
    }
    made.hold(20);
}

#[test]
fn tiff_layouts_and_compressions() {
    let mut made = Made::new();
    let mut turn = 0;
    for compression in [NONE, LZW, DEFLATE, OLD_DEFLATE, PACK_BITS, ZSTD] {
        for separate in [false, true] {
            for layout in 0..4 {
                turn += 1;
                let plan = Plan::new(2, 8).with(|plan| {
                    plan.compression = compression;
                    plan.separate = separate;
                    plan.big_endian = turn % 2 == 1;
                    plan.big_tiff = turn % 3 == 1;
                    if matches!(compression, LZW | DEFLATE | ZSTD) && turn % 4 < 2 {
                        plan.predictor = 2;
                    }
                    match layout {
                        0 => plan.rows = u32::MAX,
                        1 => plan.rows = 16,
                        2 => plan.tile = Some((64, 48)),
                        _ => plan.tile = Some((256, 16)),
                    }
                });
                let name = format!("rgb by {compression} separate {separate} layout {layout}");
                // Pillow's own reader takes the rows of tiles in planes for those of pixels.
                if compression == NONE && separate && layout > 1 {
                    made.magick(&name, &plan);
                } else {
                    made.pillow(&name, &plan);
                }
            }
        }
    }
    for (compression, predictor) in [(NONE, 1), (LZW, 1), (LZW, 2), (DEFLATE, 2)] {
        for big_endian in [false, true] {
            for tile in [None, Some((32, 32))] {
                let plan = Plan::new(2, 16).with(|plan| {
                    (plan.compression, plan.predictor) = (compression, predictor);
                    plan.big_endian = big_endian;
                    plan.tile = tile;
                });
                made.pillow(
                    &format!("rgb 16 by {compression} {predictor} {big_endian} {tile:?}"),
                    &plan,
                );
            }
        }
    }
    let old = Plan::new(2, 8).with(|plan| (plan.compression, plan.old_lzw) = (LZW, true));
    made.pillow("old LZW", &old);
    made.pillow(
        "old LZW grey",
        &Plan {
            photometric: 1,
            ..old
        },
    );
    let reversed = Plan::new(2, 8).with(|plan| plan.fill_order = 2);
    made.pillow("rgb reversed", &reversed);
    for compression in [LZW, DEFLATE, PACK_BITS] {
        made.pillow(
            &format!("rgb reversed by {compression}"),
            &Plan {
                compression,
                ..reversed.clone()
            },
        );
    }
    for bits in [1, 2, 4, 12] {
        made.magick(&format!("rgb {bits}"), &Plan::new(2, bits));
        made.magick(
            &format!("rgb {bits} separate"),
            &Plan::new(2, bits).with(|plan| plan.separate = true),
        );
    }
    made.magick("rgb 32", &Plan::new(2, 32));
    made.hold(60);
}

#[test]
fn tiff_alpha_and_other_extra_samples() {
    let mut made = Made::new();
    for extra in [
        vec![0],
        vec![1],
        vec![2],
        vec![999],
        vec![0, 0],
        vec![1, 0],
        vec![2, 0],
        vec![2, 0, 0],
    ] {
        for compression in [NONE, LZW] {
            let plan = Plan::new(2, 8).with(|plan| {
                plan.extra.clone_from(&extra);
                plan.compression = compression;
            });
            made.pillow(&format!("rgb with {extra:?} by {compression}"), &plan);
        }
    }
    for extra in [0, 1, 2] {
        for big_endian in [false, true] {
            let plan = Plan::new(2, 16).with(|plan| {
                plan.extra = vec![extra];
                plan.big_endian = big_endian;
            });
            made.pillow(&format!("rgb 16 with {extra} {big_endian}"), &plan);
        }
        let plan = Plan::new(2, 8).with(|plan| {
            plan.extra = vec![extra];
            plan.separate = true;
            plan.compression = DEFLATE;
        });
        made.pillow(&format!("rgb separate with {extra}"), &plan);
    }
    let silent = Plan::new(2, 8).with(|plan| (plan.extra, plan.says_extra) = (vec![2], false));
    made.pillow("rgb with a fourth sample of which nothing is said", &silent);
    made.pillow(
        "grey with alpha",
        &Plan::new(1, 8).with(|plan| plan.extra = vec![2]),
    );
    made.magick(
        "grey multiplied by alpha",
        &Plan::new(1, 8).with(|plan| plan.extra = vec![1]),
    );
    made.magick(
        "grey 16 with alpha",
        &Plan::new(1, 16).with(|plan| plan.extra = vec![2]),
    );
    // Not among them: grey with alpha where white is 0. Pillow does not open it, ImageMagick shows the negative, and
    // what reads by libtiff's own colours turns it round as it is meant.
    made.pillow(
        "palette with alpha",
        &Plan::new(3, 8).with(|plan| plan.extra = vec![2]),
    );
    made.hold(30);
}

#[test]
fn tiff_palettes_inks_and_chroma() {
    let mut made = Made::new();
    for bits in [1, 2, 4, 8] {
        for fill_order in [1, 2] {
            let plan = Plan::new(3, bits).with(|plan| plan.fill_order = fill_order);
            made.pillow(&format!("palette {bits} fill {fill_order}"), &plan);
            let plan = plan.with(|plan| (plan.compression, plan.big_endian) = (PACK_BITS, true));
            made.pillow(&format!("palette {bits} fill {fill_order} packed"), &plan);
        }
        // Pillow takes the upper bytes alone.
        let careless = Plan::new(3, bits).with(|plan| plan.careless_map = true);
        made.magick(&format!("palette {bits} of 8 bit"), &careless);
    }
    let tiled = Plan::new(3, 8).with(|plan| (plan.tile, plan.compression) = (Some((48, 32)), LZW));
    made.pillow("palette in tiles", &tiled);
    for (bits, compression) in [(8, NONE), (8, LZW), (16, NONE), (16, DEFLATE)] {
        for separate in [false, true] {
            let plan = Plan::new(5, bits).with(|plan| {
                (plan.compression, plan.separate) = (compression, separate);
                plan.tile = separate.then_some((64, 64));
            });
            let shower = if separate && compression == NONE {
                Shower::ImageMagick
            } else {
                Shower::Pillow
            };
            made.add(
                shower,
                &format!("ink {bits} by {compression} separate {separate}"),
                &plan,
            );
        }
    }
    made.pillow(
        "ink with one more",
        &Plan::new(5, 8).with(|plan| plan.extra = vec![0]),
    );
    let named = Plan::new(5, 8).with(|plan| plan.more = vec![(332, Values::Short(vec![1]))]);
    made.pillow("ink by its name", &named);
    for subsampling in [(2, 1), (1, 2), (2, 2), (4, 1), (4, 2), (4, 4)] {
        for tile in [None, Some((32, 32))] {
            let plan = Plan::new(6, 8).with(|plan| {
                (plan.compression, plan.tile, plan.rows) = (LZW, tile, 36);
                plan.subsampling = subsampling;
            });
            // The common library loses its way in blocks of 4 x 4 at an uneven edge.
            if subsampling != (4, 4) {
                made.pillow(&format!("chroma {subsampling:?} {tile:?}"), &plan);
            } else if tile.is_none() {
                let even = image::imageops::crop_imm(made.content(), 0, 0, 160, 112).to_image();
                made.add_file(Shower::Pillow, "chroma (4, 4)", plan.file(&even));
            }
            // No program here shows the same without packing: it is the same picture.
            let content = made.content();
            let packed = decode(&plan.file(content), &Limits::default());
            let plain = decode(
                &plan
                    .clone()
                    .with(|plan| plan.compression = NONE)
                    .file(content),
                &Limits::default(),
            );
            assert!(
                packed.is_ok() && packed == plain,
                "{subsampling:?} {tile:?}: {plain:?}"
            );
        }
    }
    let silent = Plan::new(6, 8).with(|plan| {
        (plan.subsampling, plan.without) = ((2, 2), vec![530]);
        (plan.compression, plan.rows) = (LZW, 36);
    });
    made.pillow("chroma of which nothing is said", &silent);
    made.magick("chroma of every pixel", &Plan::new(6, 8));
    let ranged = Plan::new(6, 8).with(|plan| {
        let codes = [16, 235, 128, 240, 128, 240].map(|code| (code, 1));
        plan.more = vec![
            (
                529,
                Values::Ratio(vec![(2126, 10_000), (7152, 10_000), (722, 10_000)]),
            ),
            (532, Values::Ratio(codes.to_vec())),
        ];
    });
    made.magick("chroma of another range", &ranged);
    made.magick(
        "chroma in planes",
        &Plan::new(6, 8).with(|plan| plan.separate = true),
    );
    for compression in [NONE, LZW] {
        made.pillow(
            &format!("Lab by {compression}"),
            &Plan::new(8, 8).with(|plan| plan.compression = compression),
        );
    }
    // Not among them: the Lab of ICC, which ImageMagick takes to be under another white; and ink with alpha, which it
    // lays over another ground.
    made.hold(45);
}

#[test]
fn tiff_faxes() {
    let mut made = Made::new();
    for photometric in [0, 1] {
        for fill_order in [1, 2] {
            for (compression, fax_options) in [
                (FAX_RUNS, 0),
                (FAX_3, 0),
                (FAX_3, 1),
                (FAX_3, 4),
                (FAX_3, 5),
                (FAX_4, 0),
            ] {
                let plan = Plan::new(photometric, 1).with(|plan| {
                    (plan.compression, plan.fax_options) = (compression, fax_options);
                    plan.fill_order = fill_order;
                    plan.big_endian = fill_order == 2;
                });
                made.pillow(
                    &format!(
                        "fax {compression} {fax_options} kind {photometric} fill {fill_order}"
                    ),
                    &plan,
                );
            }
        }
    }
    let one = Plan::new(0, 1).with(|plan| (plan.compression, plan.rows) = (FAX_4, u32::MAX));
    made.pillow("fax 4 of one strip", &one);
    made.pillow(
        "fax 4 in tiles",
        &Plan {
            tile: Some((64, 64)),
            ..one
        },
    );
    made.hold(26);
}

#[test]
fn tiff_jpegs() {
    let mut made = Made::new();
    for tables in [false, true] {
        for tile in [None, Some((64, 48))] {
            for (photometric, separate) in
                [(1, false), (6, false), (2, false), (2, true), (0, false)]
            {
                let plan = Plan::new(photometric, 8).with(|plan| {
                    plan.compression = JPEG;
                    (plan.separate, plan.tables, plan.tile, plan.rows) =
                        (separate, tables, tile, 40);
                    plan.big_endian = tables;
                });
                let name =
                    format!("jpeg kind {photometric} separate {separate} tables {tables} {tile:?}");
                // Luma and chroma that the file calls RGB are shown as such: little is left of most pictures.
                let coffee = made.contents[3].clone();
                match (photometric, separate) {
                    (2, false) => made.add_file(Shower::Pillow, &name, plan.file(&coffee)),
                    _ => made.pillow(&name, &plan),
                }
            }
        }
    }
    made.hold(20);
}

#[test]
fn tiff_turned_and_careless_files() {
    let mut made = Made::new();
    for value in 1..=8 {
        let plan = Plan::new(2, 8).with(|plan| {
            plan.more = vec![(274, Values::Short(vec![value]))];
            plan.big_tiff = value % 2 == 0;
        });
        // Pillow turns a TIFF while it loads it; the script would turn it again.
        made.magick(&format!("turned {value}"), &plan);
    }
    for compression in [NONE, LZW, DEFLATE] {
        let base =
            Plan::new(2, 8).with(|plan| (plan.compression, plan.rows) = (compression, u32::MAX));
        let named = |tags: &[u16]| Plan {
            without: tags.to_vec(),
            ..base.clone()
        };
        made.pillow(&format!("no rows by {compression}"), &named(&[278]));
        made.magick(&format!("no lengths by {compression}"), &named(&[279]));
        if compression == NONE {
            let strips = Plan {
                rows: 40,
                ..named(&[279])
            };
            made.pillow("no lengths of strips", &strips);
        }
        made.pillow(&format!("no planar by {compression}"), &named(&[284, 266]));
        let one = Plan {
            more: vec![(258, Values::Short(vec![8]))],
            ..base.clone()
        };
        made.pillow(&format!("one depth by {compression}"), &one);
    }
    made.pillow(
        "no compression",
        &Plan::new(2, 8).with(|plan| plan.without = vec![259]),
    );
    made.pillow(
        "grey without a number of samples",
        &Plan::new(1, 8).with(|plan| plan.without = vec![277]),
    );
    made.hold(20);
}
