//! Real pictures: one in many pixel modes, and JPEGs of every kind cut short.
#![cfg(feature = "decode")]

mod common;

use std::path::Path;

use hashgate::media::{Limits, MediaError, Picture, decode};

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

/// The mean of each of 16 x 16 fields, in luma: what survives any change of pixel mode.
fn fields(picture: &Picture) -> Vec<f64> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let mut sums = vec![(0.0, 0.0); 16 * 16];
    for (at, pixel) in picture.rgb.chunks_exact(3).enumerate() {
        let field = (at / width * 16 / height) * 16 + at % width * 16 / width;
        let luma =
            0.299 * f64::from(pixel[0]) + 0.587 * f64::from(pixel[1]) + 0.114 * f64::from(pixel[2]);
        sums[field].0 += luma;
        sums[field].1 += 1.0;
    }
    sums.into_iter().map(|(sum, count)| sum / count).collect()
}

#[test]
fn one_picture_in_many_modes_is_one_picture() {
    let Some(data) = common::test_data() else {
        return;
    };
    let mut modes: Vec<_> = files(&data.join("threatexchange/modes"))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|kind| kind != "md"))
        .map(|path| (fields(&read(&path)), path))
        .collect();
    assert_eq!(modes.len(), 14);
    let (original, _) = modes.remove(0);
    for (other, path) in modes {
        let mean = original
            .iter()
            .zip(&other)
            .map(|(a, b)| (a - b).abs())
            .sum::<f64>()
            / 256.0;
        assert!(mean < 2.0, "{}: {mean:.2} of 255 off", path.display());
    }
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
