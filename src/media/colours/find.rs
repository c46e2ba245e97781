//! What a file says of its colours, from what stands before its pixels.

use std::io::Read;

use flate2::read::ZlibDecoder;

use crate::media::bmp::{self, Light};
#[cfg(any(feature = "heic", feature = "avif"))]
use crate::media::heif;
use crate::media::{Format, format, psd, tiff};
#[cfg(feature = "jxl")]
use crate::media::{frames, jxl};

/// The longest profile that is read.
const MOST_BYTES: usize = 2 << 20;
/// So many chunks or segments are looked at.
const MOST_PARTS: usize = 4096;
/// The values of gamma, in hundred-thousandths, that are believed: a tenth to ten times that of a screen.
const GAMMAS: std::ops::RangeInclusive<u32> = 1_000..=1_000_000;

/// The code point that says nothing.
const UNSPECIFIED: u8 = 2;

/// What a file says of its colours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// An ICC profile.
    Icc(Vec<u8>),
    /// Code points of ITU-T H.273.
    Code { primaries: u8, transfer: u8 },
    /// PNG's `gAMA` and, as x and y in hundred-thousandths, `cHRM`: white, red, green, blue.
    Gamma {
        gamma: u32,
        chromaticities: Option<[[u32; 2]; 4]>,
    },
}

impl Told {
    /// Bytes of memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Icc(bytes) => bytes.len(),
            _ => 0,
        }
    }
}

/// What this file says of its colours; `None` where it says nothing, or that they are a screen's.
pub(super) fn told(bytes: &[u8]) -> Option<Told> {
    match bytes {
        [0xff, 0xd8, ..] => jpeg(bytes),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', rest @ ..] => png(rest),
        [b'R', b'I', b'F', b'F', ..] if bytes.get(8..12) == Some(b"WEBP") => webp(bytes),
        [b'B', b'M', ..] => bitmap(bytes),
        [b'8', b'B', b'P', b'S', ..] => whole(psd::profile(bytes)?),
        _ => match format::sniff(bytes)? {
            Format::Tiff => tiff::profile(bytes, MOST_BYTES).map(Told::Icc),
            #[cfg(feature = "jxl")]
            Format::JpegXl => {
                let profile = || Ok(jxl::profile(bytes));
                let profile = frames::guarded(Format::JpegXl, profile).ok().flatten()?;
                (profile.len() <= MOST_BYTES).then_some(Told::Icc(profile))
            }
            #[cfg(any(feature = "heic", feature = "avif"))]
            format @ (Format::Heic | Format::Avif) => items(format, bytes),
            _ => None,
        },
    }
}

/// A profile as it stands, where it is not too long.
fn whole(profile: &[u8]) -> Option<Told> {
    (profile.len() <= MOST_BYTES).then(|| Told::Icc(profile.to_vec()))
}

/// A bitmap's profile, or what was measured of its light.
fn bitmap(bytes: &[u8]) -> Option<Told> {
    match bmp::light(bytes)? {
        Light::Profile(profile) => whole(profile),
        Light::Measured { power, ends } => {
            const WHOLE: u64 = 100_000;
            let gamma = (WHOLE << 16).checked_div(u64::from(power))?;
            let gamma = u32::try_from(gamma).ok()?;
            let share = |parts: [u64; 3]| -> Option<[u32; 2]> {
                let sum = parts.iter().sum();
                let one = |part: u64| (part * WHOLE).checked_div(sum).map(|share| share as u32);
                Some([one(parts[0])?, one(parts[1])?])
            };
            let [red, green, blue] = ends.map(|end| end.map(u64::from));
            let white = [0, 1, 2].map(|at| red[at] + green[at] + blue[at]);
            let all = [share(white)?, share(red)?, share(green)?, share(blue)?];
            let is_sound = all.iter().all(|&[_, y]| y > 0) && GAMMAS.contains(&gamma);
            is_sound.then_some(Told::Gamma {
                gamma,
                chromaticities: Some(all),
            })
        }
    }
}

/// What a HEIF says of its primary picture.
#[cfg(any(feature = "heic", feature = "avif"))]
fn items(format: Format, bytes: &[u8]) -> Option<Told> {
    const SRGB: u16 = 13;
    const LINEAR: u16 = 8;
    let colour = match heif::profile(bytes)? {
        heif::Profile::Icc(profile) => return whole(profile),
        heif::Profile::Code(colour) => colour,
    };
    let transfer = match colour.transfer {
        // The decoder of AV1 has encoded it already.
        LINEAR if format == Format::Avif => SRGB,
        other => other,
    };
    let known = |code: u16, other: u8| match u8::try_from(code) {
        Ok(UNSPECIFIED) | Err(_) => other,
        Ok(code) => code,
    };
    Some(Told::Code {
        primaries: known(colour.primaries, 1),
        transfer: known(transfer, SRGB as u8),
    })
}

/// The chunks before the pixels (PNG, third edition, clause 11.3.2).
fn png(mut rest: &[u8]) -> Option<Told> {
    let (mut gamma, mut chromaticities) = (None, None);
    let (mut icc, mut code, mut is_srgb) = (None, None, false);
    for _ in 0..MOST_PARTS {
        let Some((head, after)) = rest.split_first_chunk::<8>() else {
            break;
        };
        let &[a, b, c, d, kind @ ..] = head;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let Some(data) = after.get(..length) else {
            break;
        };
        match &kind {
            b"IDAT" | b"IEND" => break,
            b"gAMA" => gamma = four(data, 0).or(gamma),
            b"cHRM" => chromaticities = pairs(data).or(chromaticities),
            b"sRGB" => is_srgb = true,
            b"cICP" => code = data.first_chunk::<4>().copied().or(code),
            b"iCCP" => icc = unpacked(data).or(icc),
            _ => {}
        }
        rest = after.get(length + 4..).unwrap_or_default();
    }
    if let Some([primaries, transfer, 0, _]) = code
        && ![primaries, transfer].contains(&UNSPECIFIED)
    {
        return Some(Told::Code {
            primaries,
            transfer,
        });
    }
    if let Some(profile) = icc {
        return Some(Told::Icc(profile));
    }
    let gamma = gamma.filter(|gamma| !is_srgb && GAMMAS.contains(gamma))?;
    Some(Told::Gamma {
        gamma,
        chromaticities,
    })
}

/// PNG's profile: a name, a zero, the method 0, and zlib data.
fn unpacked(data: &[u8]) -> Option<Vec<u8>> {
    let end = data.iter().take(80).position(|&byte| byte == 0)?;
    let packed = data.get(end + 2..)?;
    let mut profile = Vec::new();
    let most = MOST_BYTES as u64 + 1;
    ZlibDecoder::new(packed)
        .take(most)
        .read_to_end(&mut profile)
        .ok()?;
    (profile.len() <= MOST_BYTES).then_some(profile)
}

/// Eight numbers: x and y of white, red, green and blue.
fn pairs(data: &[u8]) -> Option<[[u32; 2]; 4]> {
    let mut all = [[0; 2]; 4];
    for (at, pair) in all.iter_mut().enumerate() {
        *pair = [four(data, at * 8)?, four(data, at * 8 + 4)?];
    }
    // x and y are shares of a whole, and y divides.
    let is_sound = |&[x, y]: &[u32; 2]| x <= 100_000 && (1..=100_000).contains(&y);
    all.iter().all(is_sound).then_some(all)
}

fn four(data: &[u8], at: usize) -> Option<u32> {
    let four = data.get(at..at + 4)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*four))
}

/// The segments before the first scan; a profile may be spread over several (ICC.1, annex B.4).
fn jpeg(bytes: &[u8]) -> Option<Told> {
    const NAME: &[u8] = b"ICC_PROFILE\0";
    let mut parts: Vec<(u8, &[u8])> = Vec::new();
    let mut count = 0;
    let mut at = 2;
    for _ in 0..MOST_PARTS {
        let Some(&[mark, code, high, low]) = bytes.get(at..).and_then(|rest| rest.first_chunk())
        else {
            break;
        };
        if mark != 0xff {
            break;
        }
        match code {
            // Fill bytes.
            0xff => {
                at += 1;
                continue;
            }
            0xda | 0xd9 => break,
            0x01 | 0xd0..=0xd8 => {
                at += 2;
                continue;
            }
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes([high, low]));
        let Some(segment) = bytes.get(at + 4..at + 2 + length.max(2)) else {
            break;
        };
        if code == 0xe2
            && let Some(&[number, of, ref part @ ..]) = segment.strip_prefix(NAME)
        {
            count = of;
            parts.push((number, part));
        }
        at += 2 + length.max(2);
    }
    parts.sort_by_key(|&(number, _)| number);
    let is_whole = !parts.is_empty()
        && parts.len() == usize::from(count)
        && parts.iter().zip(1_u8..).all(|(part, at)| part.0 == at);
    let length: usize = parts.iter().map(|(_, part)| part.len()).sum();
    (is_whole && length <= MOST_BYTES).then(|| {
        let parts: Vec<&[u8]> = parts.into_iter().map(|(_, part)| part).collect();
        Told::Icc(parts.concat())
    })
}

/// The profile's chunk, which stands before the pixels.
fn webp(bytes: &[u8]) -> Option<Told> {
    let mut rest = bytes.get(12..)?;
    for _ in 0..MOST_PARTS {
        let (head, after) = rest.split_first_chunk::<8>()?;
        let &[k0, k1, k2, k3, a, b, c, d] = head;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        match &[k0, k1, k2, k3] {
            b"ICCP" => {
                return whole(after.get(..length)?);
            }
            b"VP8X" => {}
            _ => return None,
        }
        rest = after.get(length.checked_add(length % 2)?..)?;
    }
    None
}
