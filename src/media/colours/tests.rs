//! Files as they say what their colours are, and what comes of it.

use super::*;
use proptest::prelude::*;

/// A PNG's beginning with these chunks before the pixels.
fn png(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in chunks {
        bytes.extend((data.len() as u32).to_be_bytes());
        bytes.extend(*kind);
        bytes.extend(data);
        bytes.extend([0; 4]);
    }
    bytes.extend([0, 0, 0, 0, b'I', b'D', b'A', b'T']);
    bytes
}

fn gamma(value: u32) -> (&'static [u8; 4], Vec<u8>) {
    (b"gAMA", value.to_be_bytes().to_vec())
}

fn icc(profile: &ColorProfile) -> (&'static [u8; 4], Vec<u8>) {
    use std::io::Write as _;
    let mut data = b"a name\0\0".to_vec();
    let mut zlib = flate2::write::ZlibEncoder::new(&mut data, flate2::Compression::fast());
    zlib.write_all(&profile.encode().unwrap()).unwrap();
    zlib.finish().unwrap();
    (b"iCCP", data)
}

/// A JPEG's beginning with a profile in so many segments.
fn jpeg(profile: &[u8], segments: usize) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8];
    let size = profile.len().div_ceil(segments).max(1);
    for (at, part) in profile.chunks(size).enumerate() {
        bytes.extend([0xff, 0xe2]);
        bytes.extend((part.len() as u16 + 16).to_be_bytes());
        bytes.extend(b"ICC_PROFILE\0");
        bytes.extend([at as u8 + 1, segments as u8]);
        bytes.extend(part);
    }
    bytes.extend([0xff, 0xda, 0, 2]);
    bytes
}

fn shown(bytes: &[u8], stored: [u8; 3]) -> Option<[u8; 3]> {
    let mut rgb = stored.to_vec();
    Profiles::default().colours(bytes)?.apply(&mut rgb);
    Some([rgb[0], rgb[1], rgb[2]])
}

#[test]
fn a_gamma_far_from_a_screens_makes_another_picture() {
    // Linear light: the value is encoded with the sRGB curve.
    let linear = shown(&png(&[gamma(100_000)]), [55, 55, 55]).unwrap();
    assert!(
        linear.iter().all(|value| (127..=130).contains(value)),
        "{linear:?}"
    );
    let dark = shown(&png(&[gamma(2_000)]), [200, 200, 200]).unwrap();
    assert!(dark.iter().all(|&value| value < 10), "{dark:?}");
    for near in [45_455, 45_454, 42_000, 50_000] {
        assert_eq!(shown(&png(&[gamma(near)]), [9; 3]), None, "{near}");
    }
    for odd in [0, 1, 999, u32::MAX] {
        assert_eq!(shown(&png(&[gamma(odd)]), [9; 3]), None, "{odd}");
    }
}

#[test]
fn what_counts_more_overrules() {
    let srgb = (b"sRGB", vec![0]);
    assert_eq!(shown(&png(&[gamma(100_000), srgb]), [9; 3]), None);
    let mut light = ColorProfile::new_srgb();
    let curve = ToneReprCurve::Parametric(vec![1.0]);
    light.red_trc = Some(curve.clone());
    light.green_trc = Some(curve.clone());
    light.blue_trc = Some(curve);
    light.cicp = None;
    let by_profile = shown(&png(&[gamma(2_000), icc(&light)]), [55, 55, 55]).unwrap();
    assert!(by_profile[0] > 120, "{by_profile:?}");
    // 16: perceptual quantisation, 9: BT.2020.
    let code = (b"cICP", vec![9, 16, 0, 1]);
    assert!(shown(&png(&[icc(&light), code]), [128; 3]).is_some());
    // 1 and 13: sRGB itself.
    let code = (b"cICP", vec![1, 13, 0, 1]);
    assert_eq!(shown(&png(&[icc(&light), code]), [128; 3]), None);
}

#[test]
fn profiles_of_screens_and_cameras_are_near() {
    for profile in [
        ColorProfile::new_srgb(),
        ColorProfile::new_display_p3(),
        ColorProfile::new_adobe_rgb(),
    ] {
        let bytes = profile.encode().unwrap();
        assert_eq!(shown(&jpeg(&bytes, 1), [9; 3]), None);
    }
}

#[test]
fn a_profile_in_several_segments_is_joined() {
    let mut light = ColorProfile::new_srgb();
    let curve = ToneReprCurve::Parametric(vec![1.0]);
    light.red_trc = Some(curve.clone());
    light.green_trc = Some(curve.clone());
    light.blue_trc = Some(curve);
    light.cicp = None;
    let bytes = light.encode().unwrap();
    let whole = shown(&jpeg(&bytes, 1), [55, 90, 120]);
    assert!(whole.is_some());
    assert_eq!(shown(&jpeg(&bytes, 3), [55, 90, 120]), whole);
    // One of the segments is missing.
    let mut cut = jpeg(&bytes, 3);
    cut.drain(2..2 + 4 + 14 + bytes.len().div_ceil(3));
    assert_eq!(shown(&cut, [55, 90, 120]), None);
    let mut profiles = Profiles::default();
    for _ in 0..20 {
        assert!(profiles.colours(&jpeg(&bytes, 2)).is_some());
    }
    assert_eq!(profiles.seen.len(), 1);
}

proptest! {
    #[test]
    fn no_profile_does_harm(at in 0_usize..600, value: u8, cut in 0_usize..700) {
        let mut profile = ColorProfile::new_adobe_rgb().encode().unwrap();
        if let Some(byte) = profile.get_mut(at) {
            *byte = value;
        }
        profile.truncate(cut);
        let mut rgb = vec![7; 30];
        for bytes in [jpeg(&profile, 1), png(&[(b"iCCP", profile.clone())])] {
            if let Some(colours) = Profiles::default().colours(&bytes) {
                colours.apply(&mut rgb);
            }
        }
        prop_assert_eq!(rgb.len(), 30);
    }
}
