//! Apple's icons, and what Pillow shows of them: browsers do not read them. What Pillow does not read either is held to
//! the picture that was written.

use crate::content::Content;
use crate::matrix::{Structure, check, hold};
use crate::png;
use crate::shown::{Shower, Shown};

fn icon(name: &str, entries: &[(&[u8; 4], Vec<u8>)]) -> Structure {
    let mut list = Vec::new();
    for (mark, data) in entries {
        list.extend(*mark);
        list.extend((data.len() as u32 + 8).to_be_bytes());
        list.extend(data);
    }
    let mut out = b"icns".to_vec();
    out.extend((list.len() as u32 + 8).to_be_bytes());
    out.extend(list);
    Structure::seen(format!("icns {name}"), "image/icns", out)
}

fn pixels(content: &Content) -> impl Iterator<Item = (usize, usize)> {
    let (width, height) = (content.width, content.height);
    (0..height).flat_map(move |y| (0..width).map(move |x| (x, y)))
}

fn plane(content: &Content, channel: usize) -> Vec<u8> {
    pixels(content)
        .map(|(x, y)| content.at(x, y)[channel])
        .collect()
}

fn slope(content: &Content) -> Vec<u8> {
    pixels(content)
        .map(|(x, _)| (x + 100).min(255) as u8)
        .collect()
}

/// Runs of three and more, and bytes as they are.
fn pack(plane: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < plane.len() {
        let same = plane[at..]
            .iter()
            .take(130)
            .take_while(|&&one| one == plane[at])
            .count();
        if same > 2 {
            out.extend([(same + 125) as u8, plane[at]]);
            at += same;
            continue;
        }
        let mut length = 1;
        while length < 128
            && at + length < plane.len()
            && plane[at + length..]
                .windows(3)
                .next()
                .is_none_or(|three| three != [three[0]; 3])
        {
            length += 1;
        }
        out.push((length - 1) as u8);
        out.extend(&plane[at..at + length]);
        at += length;
    }
    out
}

fn packed(content: &Content) -> Vec<u8> {
    (0..3)
        .flat_map(|channel| pack(&plane(content, channel)))
        .collect()
}

fn plain(content: &Content) -> Vec<u8> {
    content.rgb().to_vec()
}

/// As the entry of 128 pixels has it.
fn behind_zeros(data: Vec<u8>) -> Vec<u8> {
    [vec![0; 4], data].concat()
}

#[test]
fn entries_and_masks_are_as_pillow_shows_them() {
    let mut all = Vec::new();
    for number in [0, 1] {
        let of = |side| Content::sized(number, side, side);
        let (large, middle, small) = (of(128), of(48), of(32));
        let file = png::plain(&of(256));
        let mut add = |name: &str, entries: &[(&[u8; 4], Vec<u8>)]| {
            all.push(icon(&format!("{number} {name}"), entries));
        };
        add("PNG", &[(b"ic08", file.clone())]);
        add(
            "PNG beside others",
            &[
                (b"il32", packed(&small)),
                (b"l8mk", slope(&small)),
                (b"ic08", file.clone()),
            ],
        );
        add("PNG for fine screens", &[(b"ic13", file.clone())]);
        add("128 packed", &[(b"it32", behind_zeros(packed(&large)))]);
        add("128 plain", &[(b"it32", behind_zeros(plain(&large)))]);
        add(
            "128 with alpha",
            &[
                (b"it32", behind_zeros(packed(&large))),
                (b"t8mk", slope(&large)),
            ],
        );
        add(
            "alpha before its colours",
            &[
                (b"t8mk", slope(&large)),
                (b"it32", behind_zeros(plain(&large))),
            ],
        );
        add("48 packed", &[(b"ih32", packed(&middle))]);
        add(
            "48 with alpha",
            &[(b"ih32", packed(&middle)), (b"h8mk", slope(&middle))],
        );
        add(
            "a table and a name",
            &[
                (b"TOC ", vec![0; 8]),
                (b"name", b"x".to_vec()),
                (b"it32", behind_zeros(packed(&large))),
            ],
        );
    }
    hold(Shower::Pillow, &all);
}

#[test]
fn what_others_do_not_read_is_what_was_written() {
    let content = Content::sized(1, 48, 48);
    let shown = Shown {
        width: 48,
        height: 48,
        rgb: content.rgb().to_vec(),
    };
    let opaque = pack(&vec![255; 48 * 48]);
    let argb = [&b"ARGB"[..], &opaque, &packed(&content)].concat();
    let mut jpeg = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 95);
    let picture = image::RgbImage::from_raw(48, 48, content.rgb().to_vec());
    picture
        .expect("a picture")
        .write_with_encoder(encoder)
        .expect("a JPEG");
    let entry = |data: &[u8]| [b"ih32", &(data.len() as u32 + 8).to_be_bytes()[..], data].concat();
    let structures = [
        icon("ARGB", &[(b"SB24", argb)]),
        icon("JPEG", &[(b"ic07", jpeg)]),
        icon(
            "a dark one",
            &[(b"\xfd\xd9\x2f\xa8", entry(&packed(&content)))],
        ),
    ];
    for structure in &structures {
        assert_eq!(
            check(structure, Some(&shown)),
            Ok(()),
            "{}",
            structure.file.name
        );
    }
    // Numbers of Apple's colours are near those that they stand for.
    let numbers = pixels(&content).map(|(x, y)| {
        let [red, green, blue] = content
            .at(x, y)
            .map(|value| (255 - u32::from(value) + 25) / 51);
        (red * 36 + green * 6 + blue).min(214) as u8
    });
    let eight = icon("256 colours", &[(b"ich8", numbers.collect())]);
    let rounded = |value: u8| ((u32::from(value) + 25) / 51 * 51) as u8;
    let rgb = content.rgb().iter().map(|&value| rounded(value)).collect();
    let shown = Shown { rgb, ..shown };
    assert_eq!(check(&eight, Some(&shown)), Ok(()));
}
