//! JPEGs of every structure that is met, and of many that hardly are, beside what Chromium and Pillow show of them.

#[path = "jpeg/codes.rs"]
mod codes;
#[path = "jpeg/writer.rs"]
mod writer;

use hashgate::hamming::distance_pdq;
use hashgate::hash::PdqHash;
use hashgate::media::{self, Limits, MediaError, Sampling, decode};
use hashgate::signal::PdqHasher;

use crate::common::{shipped_pictures, test_data};
use crate::matrix::{Right, Structure, hold};
use crate::shown::Shower;
use writer::{Model, Pieces, Plan, Scan, Tables, segment, write};

const FULL: (usize, usize) = (1, 1);

/// One of the project's pictures, small; sides that no unit divides.
fn picture(number: usize) -> image::RgbImage {
    let pictures = shipped_pictures("known");
    let (_, bytes) = &pictures[number % pictures.len()];
    let large = image::load_from_memory(bytes).expect("a picture").to_rgb8();
    let (width, height) = [(203, 141), (165, 187), (190, 133)][number % 3];
    image::imageops::resize(&large, width, height, image::imageops::FilterType::Triangle)
}

/// A sequential picture of luma and chroma, or of four inks, in one scan.
fn plan(factors: &[(usize, usize)]) -> Plan {
    let count = factors.len();
    Plan {
        model: match count {
            1 => Model::Grey,
            3 => Model::YCbCr,
            _ => Model::Cmyk,
        },
        factors: factors.to_vec(),
        names: (1..=count as u8).collect(),
        progressive: false,
        scans: vec![Scan::of(&(0..count).collect::<Vec<_>>())],
        tables: Tables::Standard,
        interval: 0,
        wide_steps: false,
    }
}

fn in_scans(plan: &Plan, scans: &[&[usize]]) -> Plan {
    Plan {
        scans: scans.iter().map(|parts| Scan::of(parts)).collect(),
        ..plan.clone()
    }
}

fn jpeg(name: String, bytes: Vec<u8>) -> Structure {
    Structure::seen(name, "image/jpeg", bytes)
}

/// The samplings of luma and chroma; libjpeg takes no more than ten blocks in a unit, and no broken ratio.
const SAMPLINGS: [[(usize, usize); 3]; 19] = [
    [FULL, FULL, FULL],
    [(2, 1), FULL, FULL],
    [(1, 2), FULL, FULL],
    [(2, 2), FULL, FULL],
    [(4, 1), FULL, FULL],
    [(1, 4), FULL, FULL],
    [(4, 2), FULL, FULL],
    [(2, 4), FULL, FULL],
    [(3, 1), FULL, FULL],
    [(1, 3), FULL, FULL],
    [(3, 2), FULL, FULL],
    [(2, 2), (2, 1), (2, 1)],
    [(2, 2), (1, 2), (1, 2)],
    [(2, 2), (2, 2), FULL],
    [(2, 2), (1, 2), (2, 1)],
    [FULL, (2, 2), (2, 2)],
    [FULL, (2, 1), (1, 2)],
    [(1, 2), (1, 2), (1, 2)],
    [(4, 1), (2, 1), FULL],
];

/// The orders of scans; the first is the usual one.
const ORDERS: [&[&[usize]]; 6] = [
    &[&[0, 1, 2]],
    &[&[0], &[1], &[2]],
    &[&[1], &[2], &[0]],
    &[&[2], &[0], &[1]],
    &[&[0], &[1, 2]],
    &[&[1, 2], &[0]],
];

fn sampled() -> Vec<Structure> {
    let mut structures = Vec::new();
    for (number, factors) in SAMPLINGS.iter().enumerate() {
        for (order, scans) in ORDERS.iter().enumerate() {
            let mut plan = in_scans(&plan(factors), scans);
            plan.interval = [0, 0, 1, 7, 0, 3][(number + order) % 6];
            plan.tables = [
                Tables::Standard,
                Tables::Made,
                Tables::MadeApart,
                Tables::LeftOut,
            ][(number + 3 * order) % 4];
            let name = format!("{factors:?} in {scans:?}, restarts {}", plan.interval);
            structures.push(jpeg(name, write(&picture(number), &plan).bytes()));
        }
    }
    for factors in [
        [(4, 4), FULL, FULL],
        [(3, 3), FULL, FULL],
        [(4, 4), (2, 2), (2, 2)],
    ] {
        let plan = in_scans(&plan(&factors), ORDERS[1]);
        structures.push(jpeg(
            format!("{factors:?}"),
            write(&picture(1), &plan).bytes(),
        ));
    }
    for factors in [FULL, (2, 2), (1, 2), (4, 3)] {
        let name = format!("grey {factors:?}");
        structures.push(jpeg(name, write(&picture(2), &plan(&[factors])).bytes()));
    }
    structures
}

/// Scripts of progressive pictures of three components.
fn scripts() -> Vec<(&'static str, Vec<Scan>)> {
    let bits =
        |parts: &[usize], first, last, high, low| Scan::bits(parts, (first, last), high, low);
    let each = |first, last, high, low| [0, 1, 2].map(|part| bits(&[part], first, last, high, low));
    let all = [0, 1, 2];
    let usual = [
        vec![bits(&all, 0, 0, 0, 1), bits(&[0], 1, 5, 0, 2)],
        vec![bits(&[2], 1, 63, 0, 1), bits(&[1], 1, 63, 0, 1)],
        vec![bits(&[0], 6, 63, 0, 2), bits(&[0], 1, 63, 2, 1)],
        vec![bits(&all, 0, 0, 1, 0), bits(&[2], 1, 63, 1, 0)],
        vec![bits(&[1], 1, 63, 1, 0), bits(&[0], 1, 63, 1, 0)],
    ];
    vec![
        ("usual", usual.concat()),
        (
            "bands",
            [
                vec![bits(&all, 0, 0, 0, 0)],
                each(1, 9, 0, 0).to_vec(),
                each(10, 63, 0, 0).to_vec(),
            ]
            .concat(),
        ),
        (
            "means apart",
            [each(0, 0, 0, 0), each(1, 63, 0, 0)].concat(),
        ),
        (
            "means apart and refined",
            [
                each(0, 0, 0, 2),
                each(1, 63, 0, 1),
                each(0, 0, 2, 1),
                each(0, 0, 1, 0),
                each(1, 63, 1, 0),
            ]
            .concat(),
        ),
        (
            "luma, then chroma",
            [
                vec![bits(&[0], 0, 0, 0, 0), bits(&[1, 2], 0, 0, 0, 1)],
                vec![bits(&[1, 2], 0, 0, 1, 0)],
                each(1, 63, 0, 0).to_vec(),
            ]
            .concat(),
        ),
        (
            "not refined",
            [vec![bits(&all, 0, 0, 0, 0)], each(1, 63, 0, 1).to_vec()].concat(),
        ),
    ]
}

fn progressive() -> Vec<Structure> {
    let mut structures = Vec::new();
    for (number, factors) in SAMPLINGS
        .iter()
        .enumerate()
        .filter(|(at, _)| at % 2 == 1 || *at < 4)
    {
        for (at, (name, scans)) in scripts().into_iter().enumerate() {
            let plan = Plan {
                progressive: true,
                scans,
                tables: [Tables::Made, Tables::MadeApart][at % 2],
                interval: [0, 5, 0][(number + at) % 3],
                ..plan(factors)
            };
            let name = format!(
                "progressive {factors:?}, {name}, restarts {}",
                plan.interval
            );
            structures.push(jpeg(name, write(&picture(number), &plan).bytes()));
        }
    }
    structures
}

fn jfif() -> Vec<u8> {
    segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0")
}

fn adobe(transform: u8) -> Vec<u8> {
    segment(0xee, &[&b"Adobe\0\x64\0\0\0\0"[..], &[transform]].concat())
}

fn coloured() -> Vec<Structure> {
    let mut structures = Vec::new();
    for marked in [false, true] {
        for transform in [None, Some(0), Some(1), Some(2)] {
            for names in [
                &[0, 1, 2][..],
                &[1, 2, 3],
                b"RGB",
                &[1, 2, 3, 4],
                b"CMYK",
                &[9],
            ] {
                for halved in [false, true] {
                    let luma = if halved { (2, 2) } else { FULL };
                    let mut factors = vec![FULL; names.len()];
                    factors[0] = luma;
                    if names.len() == 4 {
                        factors[3] = luma;
                    }
                    let is_rgb = transform == Some(0) || (names == b"RGB" && transform.is_none());
                    let model = match names.len() {
                        1 => Model::Grey,
                        3 if is_rgb && !marked => Model::Rgb,
                        3 => Model::YCbCr,
                        _ if matches!(transform, None | Some(0)) => Model::Cmyk,
                        _ => Model::Ycck,
                    };
                    let plan = Plan {
                        model,
                        names: names.to_vec(),
                        ..plan(&factors)
                    };
                    let mut pieces = write(&picture(names.len()), &plan);
                    if let Some(transform) = transform {
                        pieces = pieces.first(adobe(transform));
                    }
                    if marked {
                        pieces = pieces.first(jfif());
                    }
                    let name =
                        format!("{names:?}, JFIF {marked}, Adobe {transform:?}, halved {halved}");
                    structures.push(jpeg(name, pieces.bytes()));
                }
            }
        }
    }
    structures
}

/// An Exif block that turns the picture.
fn exif(orientation: u8) -> Vec<u8> {
    let mut block =
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0".to_vec();
    block[25] = orientation;
    segment(0xe1, &block)
}

/// A change to a file's pieces.
type Change = Box<dyn Fn(&mut Pieces)>;

/// What is odd about a file, and is no reason for any program not to show it.
fn oddities() -> Vec<(&'static str, Change)> {
    fn insert(marker: u8, piece: &[u8]) -> Change {
        let piece = piece.to_vec();
        Box::new(move |pieces| {
            let at = pieces.at(marker);
            pieces.0.insert(at, piece.clone());
        })
    }
    let scan_header = |bytes: [u8; 3]| -> Change {
        Box::new(move |pieces: &mut Pieces| {
            for piece in pieces.0.iter_mut().filter(|piece| piece[1] == 0xda) {
                let behind = 5 + 2 * usize::from(piece[4]);
                piece[behind..behind + 3].copy_from_slice(&bytes);
            }
        })
    };
    let comments: Vec<u8> = (0..500_u16)
        .flat_map(|at| segment(0xfe, &at.to_be_bytes()))
        .collect();
    let zeros = segment(0xfe, &[0; 65_000]).repeat(3);
    vec![
        ("no end", Box::new(|pieces| drop(pieces.0.pop()))),
        (
            "data behind the end",
            Box::new(|pieces| pieces.0.push(b"\xff\xd8\xff\xc0 and more".to_vec())),
        ),
        ("scan header 0 64 255", scan_header([0, 64, 255])),
        ("scan header 0 0 0", scan_header([0, 0, 0])),
        ("scan header 5 9 33", scan_header([5, 9, 0x21])),
        ("bytes before tables", insert(0xdb, b"words")),
        ("bytes before the frame", insert(0xc0, &[0; 9])),
        ("bytes before a scan", insert(0xda, b"\0\x01\x02")),
        ("fill bytes before the frame", insert(0xc0, &[0xff; 7])),
        ("fill bytes before the end", insert(0xd9, &[0xff; 3])),
        ("bytes before the end", insert(0xd9, b"\x12\x34")),
        ("a restart in the headers", insert(0xc0, b"\xff\xd3")),
        ("a segment of no length", insert(0xdb, b"\xff\xe5\0\0")),
        ("a segment of length 1", insert(0xdb, b"\xff\xeb\0\x01")),
        ("an empty segment", insert(0xdb, b"\xff\xe1\0\x02")),
        ("a short JFIF", insert(0xdb, &segment(0xe0, b"JFIF\0"))),
        ("a short Adobe", insert(0xdb, &segment(0xee, b"Adobe\0"))),
        ("an Adobe of transform 9", insert(0xdb, &adobe(9))),
        (
            "a short profile",
            insert(0xdb, &segment(0xe2, b"ICC_PROFILE\0")),
        ),
        (
            "an odd Photoshop block",
            insert(0xdb, &segment(0xed, b"Photoshop 3.0\0")),
        ),
        ("many comments", insert(0xdb, &comments)),
        ("long comments", insert(0xda, &zeros)),
        (
            "a height behind the scan that is not asked for",
            insert(0xd9, &segment(0xdc, &[0, 9])),
        ),
        (
            "extended",
            Box::new(|pieces| {
                let at = pieces.at(0xc0);
                pieces.0[at][1] = 0xc1;
            }),
        ),
        (
            "tables of other steps between scans",
            Box::new(|pieces| {
                // Behind the first scan: those that have begun keep theirs.
                let at = pieces.at(0xda) + 1;
                let mut steps = pieces.0[pieces.at(0xdb)].clone();
                if pieces.0[at..].iter().all(|piece| piece[1] != 0xda) {
                    steps[5..].fill(77);
                }
                pieces.0.insert(at, steps);
            }),
        ),
        (
            "a restart interval that is given up",
            Box::new(|pieces| {
                let at = pieces.at(0xda);
                pieces.0.insert(at, segment(0xdd, &[0, 0]));
                pieces.0.insert(at, segment(0xdd, &[0, 7]));
            }),
        ),
        (
            "a film's mark",
            insert(0xdb, &segment(0xe0, b"AVI1\0\0\0\0")),
        ),
    ]
}

fn odd() -> Vec<Structure> {
    let whole = plan(&[(2, 2), FULL, FULL]);
    let apart = in_scans(&whole, ORDERS[1]);
    let left_out = Plan {
        tables: Tables::LeftOut,
        ..plan(&[(2, 1), FULL, FULL])
    };
    let wide = Plan {
        wide_steps: true,
        ..plan(&[(1, 2), FULL, FULL])
    };
    let mut structures = Vec::new();
    for (base, plan) in [
        ("whole", whole),
        ("apart", apart),
        ("left out", left_out),
        ("wide", wide),
    ] {
        for (number, (name, change)) in oddities().into_iter().enumerate() {
            // Browsers wait for more scans then, and show what they have of the last one.
            if name == "no end" && base == "apart" {
                continue;
            }
            let mut pieces = write(&picture(number), &plan);
            change(&mut pieces);
            let structure = jpeg(format!("{base}, {name} ({number})"), pieces.bytes());
            // It has no JPEG's first three bytes.
            let is_none = name == "bytes before tables";
            structures.push(if is_none {
                structure.but(Right::Refused)
            } else {
                structure
            });
        }
    }
    structures
}

/// Files that change what an earlier scan has brought: two pictures in one.
fn overwritten() -> Vec<Structure> {
    let mut structures = Vec::new();
    for (number, order) in [ORDERS[0], ORDERS[1], ORDERS[4]].into_iter().enumerate() {
        let plan = in_scans(&plan(&[(2, 2), FULL, FULL]), order);
        let resized = |number| {
            image::imageops::resize(
                &picture(number),
                203,
                141,
                image::imageops::FilterType::Triangle,
            )
        };
        let (mut pieces, other) = (write(&resized(0), &plan), write(&resized(1), &plan));
        let scans = other.0.into_iter().filter(|piece| piece[1] == 0xda);
        let end = pieces.at(0xd9);
        pieces.0.splice(end..end, scans);
        structures.push(jpeg(
            format!("two pictures in one, {number}"),
            pieces.bytes(),
        ));
    }
    structures
}

#[test]
fn every_sampling_and_order_of_scans_is_seen() {
    let structures = sampled();
    assert!(structures.len() >= 120);
    hold(Shower::Chromium, &structures);
    hold(Shower::Pillow, &structures);
}

#[test]
fn every_progressive_script_is_seen() {
    let structures = progressive();
    assert!(structures.len() >= 60);
    hold(Shower::Chromium, &structures);
}

#[test]
fn colours_are_what_their_marks_say() {
    let structures = coloured();
    assert!(structures.len() >= 90);
    hold(Shower::Chromium, &structures);
}

#[test]
fn what_is_odd_is_seen_as_browsers_show_it() {
    let structures = odd();
    assert!(structures.len() >= 100);
    hold(Shower::Chromium, &structures);
    hold(Shower::Chromium, &overwritten());
}

#[test]
fn other_codings_are_named_and_parts_of_pictures_refused() {
    let cut = |keep: usize, plan: &Plan| {
        let mut pieces = write(&picture(0), plan);
        let at = pieces.at(0xda);
        let piece = &mut pieces.0[at];
        piece.truncate(piece.len() * keep / 100);
        pieces
    };
    let two = plan(&[(2, 2), FULL, FULL]);
    for (marker, words) in [
        (0xc9, "arithmetic coding"),
        (0xca, "arithmetic coding"),
        (0xc3, "lossless or hierarchical"),
        (0xc5, "lossless or hierarchical"),
    ] {
        let mut pieces = write(&picture(0), &two);
        let at = pieces.at(0xc0);
        pieces.0[at][1] = marker;
        assert_unsupported(&pieces.bytes(), words);
    }
    for (place, value, words) in [(4, 12, "12 bits a sample"), (9, 2, "2 colour components")] {
        let mut pieces = write(&picture(0), &two);
        let at = pieces.at(0xc0);
        pieces.0[at][place] = value;
        assert_unsupported(&pieces.bytes(), words);
    }
    // Browsers show the part that is there. It is not the picture, so nobody judges it.
    for plan in [&two, &in_scans(&two, ORDERS[1])] {
        for keep in [30, 90] {
            assert!(decode(&cut(keep, plan).bytes(), &Limits::default()).is_err());
        }
    }
}

fn assert_unsupported(bytes: &[u8], words: &str) {
    match decode(bytes, &Limits::default()) {
        Err(MediaError::Unsupported { what }) => assert!(what.contains(words), "{what}"),
        other => panic!("{words}: {other:?}"),
    }
}

#[test]
fn pictures_are_turned_as_browsers_turn_them() {
    if !Shower::Chromium.is_here() {
        return;
    }
    let plan = plan(&[(2, 2), FULL, FULL]);
    let mut files = Vec::new();
    for (base, plan) in [
        ("whole", plan.clone()),
        ("apart", in_scans(&plan, ORDERS[1])),
    ] {
        let written = || write(&picture(0), &plan);
        for orientation in 1..=8 {
            let bytes = written().first(exif(orientation)).bytes();
            files.push(jpeg(format!("{base}, turned {orientation}"), bytes).file);
        }
        for (first, second) in [(8, 3), (1, 6), (0, 6)] {
            let bytes = written().first(exif(second)).first(exif(first)).bytes();
            files.push(jpeg(format!("{base}, turned {first} and {second}"), bytes).file);
        }
        let mut late = written();
        let at = late.at(0xda);
        late.0.insert(at, exif(6));
        files.push(jpeg(format!("{base}, turned behind the frame"), late.bytes()).file);
        let mut padded = exif(6);
        padded[9] = 0xff;
        let bytes = written().first(padded).bytes();
        files.push(jpeg(format!("{base}, a pad that is not 0"), bytes).file);
    }
    for (file, shown) in files.iter().zip(Shower::Chromium.show(&files)) {
        let shown = shown.expect("it is shown");
        let read = decode(&file.bytes, &Limits::default()).expect("it is decoded");
        let stored = (read.width, read.height, read.rgb.clone());
        let (width, height, rgb) = read.displayed().unwrap_or(stored);
        assert_eq!(
            (width, height),
            (shown.width, shown.height),
            "{}",
            file.name
        );
        let wanted = hashed(shown.width, shown.height, &shown.rgb);
        let bits = distance_pdq(&hashed(width, height, &rgb), &wanted).0;
        assert!(bits <= 10, "{}: {bits} bits", file.name);
    }
}

/// The hash of some pixels, which has to mean something.
fn hashed(width: u32, height: u32, rgb: &[u8]) -> PdqHash {
    let hashed = PdqHasher::default().hash_rgb(width as usize, height as usize, rgb);
    let hashed = hashed.expect("a picture");
    assert!(hashed.quality.get() >= 50);
    hashed.hash
}

/// How far, in bits, what is decoded of a file lies from a picture.
fn apart(name: &str, bytes: &[u8], picture: &image::RgbImage) -> u16 {
    let read = decode(bytes, &Limits::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
    let wanted = hashed(picture.width(), picture.height(), picture.as_raw());
    distance_pdq(&hashed(read.width, read.height, &read.rgb), &wanted).0
}

#[test]
fn what_browsers_do_not_show_and_others_do_is_read() {
    let two = plan(&[(2, 2), FULL, FULL]);
    let small = picture(0);
    let mut second = write(&small, &two);
    second.0.insert(1, vec![0xff, 0xd8]);
    let mut files = vec![("a second start".to_owned(), second)];
    for order in [ORDERS[0], ORDERS[1], ORDERS[4]] {
        let mut open = write(&small, &in_scans(&two, order));
        let frame = open.at(0xc0);
        let height = open.0[frame].splice(5..7, [0, 0]).collect::<Vec<u8>>();
        let behind = open.at(0xda) + 1;
        open.0.insert(behind, segment(0xdc, &height));
        files.push((format!("a height behind {order:?}"), open));
    }
    for factors in [
        [(3, 1), (2, 1), FULL],
        [(3, 2), (2, 1), (1, 2)],
        [(4, 3), (3, 2), (3, 4)],
    ] {
        for order in [ORDERS[0], ORDERS[1]] {
            let pieces = write(&small, &in_scans(&plan(&factors), order));
            files.push((format!("{factors:?} in {order:?}"), pieces));
        }
    }
    for (name, pieces) in files {
        let bits = apart(&name, &pieces.bytes(), &small);
        assert!(bits <= 10, "{name}: {bits} bits");
    }
}

#[test]
fn files_of_the_field_show_what_they_are_named_for() {
    let Some(data) = test_data() else {
        return;
    };
    let field = data.join("field");
    let mut read = 0;
    for entry in std::fs::read_dir(field.join("jpeg")).expect("the files") {
        let path = entry.expect("a file").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let known = if name.contains("rocket") {
            "rocket.png"
        } else {
            "coffee.png"
        };
        let known = image::open(field.join("known").join(known))
            .expect("a picture")
            .to_rgb8();
        let bits = apart(&name, &std::fs::read(&path).expect("its bytes"), &known);
        assert!(bits <= 10, "{name}: {bits} bits");
        read += 1;
    }
    assert!(read >= 16);
}

#[test]
fn the_fast_way_agrees_or_says_nothing() {
    let mut sampled_some = 0;
    let large = |structures: Vec<(Plan, usize)>| {
        structures.into_iter().map(|(plan, number)| {
            let picture = image::imageops::resize(
                &picture(number),
                460,
                430,
                image::imageops::FilterType::Triangle,
            );
            write(&picture, &plan)
        })
    };
    let mut plans = Vec::new();
    for (number, factors) in SAMPLINGS.iter().enumerate() {
        for order in [0, 1 + number % 5] {
            plans.push((in_scans(&plan(factors), ORDERS[order]), number));
        }
        if number < 5 {
            for (_, scans) in scripts() {
                plans.push((
                    Plan {
                        progressive: true,
                        scans,
                        tables: Tables::Made,
                        ..plan(factors)
                    },
                    number,
                ));
            }
        }
    }
    for (number, pieces) in large(plans).enumerate() {
        let mut files = vec![pieces.bytes()];
        files.push(pieces.first(adobe(0)).bytes());
        for bytes in files {
            let limits = Limits::default();
            let Some(fast) = media::sample_with(&bytes, &limits, Sampling::default()) else {
                continue;
            };
            sampled_some += 1;
            let exact = decode(&bytes, &limits).expect("what is sampled decodes");
            let fast = PdqHasher::new().hash_samples(&fast.stored).expect("a hash");
            let bits = distance_pdq(&fast.hash, &hashed(exact.width, exact.height, &exact.rgb)).0;
            assert!(bits <= 4, "{number}: {bits} bits");
        }
    }
    assert!(sampled_some >= 10, "{sampled_some}");
}
