//! Real pictures: one in many pixel modes, and JPEGs of every kind cut short.
#![cfg(feature = "decode")]

mod common;

use std::path::Path;

use hashgate::hash::PdqHash;
use hashgate::media::{Limits, MediaError, Picture, decode};
use hashgate::signal::pdq::PdqHasher;

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

fn read(path: &Path) -> Picture {
    decode(&std::fs::read(path).unwrap(), &Limits::default())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn pdq(width: u32, height: u32, rgb: &[u8]) -> PdqHash {
    PdqHasher::new()
        .hash_rgb(width as usize, height as usize, rgb)
        .expect("a picture has all of its pixels")
        .hash
}

fn bits_between(one: PdqHash, other: PdqHash) -> u32 {
    one.0
        .iter()
        .zip(other.0)
        .map(|(a, b)| (a ^ b).count_ones())
        .sum()
}

#[test]
fn one_picture_in_many_modes_has_one_hash() {
    let Some(data) = common::test_data() else {
        return;
    };
    let mut hashes = Vec::new();
    for path in files(&data.join("threatexchange/modes")) {
        if path.extension().is_some_and(|kind| kind == "md") {
            continue;
        }
        let picture = read(&path);
        let (width, height) = (picture.width, picture.height);
        for pixels in std::iter::once(&picture.rgb).chain(&picture.over_black) {
            hashes.push((pdq(width, height, pixels), path.clone()));
        }
    }
    assert!(hashes.len() >= 14);
    for (one, path) in &hashes {
        for (other, of) in &hashes {
            let bits = bits_between(*one, *other);
            assert!(
                bits <= 2,
                "{} and {}: {bits} bits",
                path.display(),
                of.display()
            );
        }
    }
}

const NOT_COMPARED: [&str; 3] = [
    // Turned by Pillow for what is no EXIF block: a text chunk of ImageMagick's, and XMP. Browsers
    // obey neither.
    "jxlconf__bench_oriented_brg__ref.png",
    "pillow__xmp_tags_orientation.png",
    // A slope of 32 x 32 pixels: most of its spectrum is zero but for rounding, and so its hash is
    // that rounding.
    "imagers__png__interlaced__basi2c08.png",
];

#[test]
fn awkward_files_hash_as_the_reference_decoder_has_them() {
    let Some(data) = common::test_data() else {
        return;
    };
    let mut compared = 0;
    let mut apart = Vec::new();
    for line in common::tsv(&data.join("hard/MANIFEST.tsv")) {
        let (file, expected, quality) = (&line[0], &line[10], &line[11]);
        // Flat pictures hash to noise.
        if quality.parse::<u32>().is_ok_and(|quality| quality >= 50) {
            let bytes = std::fs::read(data.join("hard").join(file)).unwrap();
            let Ok(picture) = decode(&bytes, &Limits::default()) else {
                continue;
            };
            if NOT_COMPARED.contains(&file.as_str()) {
                continue;
            }
            let hash = match picture.displayed() {
                Some((width, height, rgb)) => pdq(width, height, &rgb),
                None => pdq(picture.width, picture.height, &picture.rgb),
            };
            let expected: PdqHash = expected.parse().unwrap();
            let bits = bits_between(hash, expected);
            if bits > 6 {
                apart.push(format!("{file}: {bits} bits"));
            }
            compared += 1;
        }
    }
    assert!(apart.is_empty(), "{apart:?}");
    assert!(compared > 100, "{compared}");
}

#[test]
fn real_jpegs_cut_anywhere_are_refused_or_whole() {
    let Some(data) = common::test_data() else {
        return;
    };
    let limits = Limits::default();
    for name in [
        // Baseline, subsampled and not, grey, four inks, progressive.
        "pdq__misc-images__wee.jpg",
        "ljt__testorig.jpg",
        "ljt__testimgint.jpg",
        "sharp__low-contrast.jpg",
        "imagers__jpg__progressive__cat.jpg",
        "imagers__jpg__progressive__3.jpg",
        "libvips__sample-xyb.jpg",
        "pillow__frozenpond.mpo",
    ] {
        let bytes = std::fs::read(data.join("hard").join(name)).unwrap();
        let whole = decode(&bytes, &limits).unwrap();
        let mut refused = 0;
        for step in 1..40 {
            let mut cut = bytes[..bytes.len() * step / 40].to_vec();
            for closed in [false, true] {
                if closed {
                    cut.extend([0xff, 0xd9]);
                }
                match decode(&cut, &limits) {
                    Ok(picture) if picture == whole => {}
                    Ok(_) if closed && name.contains("progressive") => {
                        // Closed between two scans it is a complete picture of less detail.
                    }
                    Ok(_) => panic!("{name} cut at {step}/40 reads as another picture"),
                    Err(MediaError::Undecodable { .. }) => refused += 1,
                    Err(other) => panic!("{name} cut at {step}/40: {other}"),
                }
            }
        }
        assert!(refused > 30, "{name}: {refused}");
    }
}
