//! What a file says of its colours, from what stands before its pixels.

use std::io::Read;

use flate2::read::ZlibDecoder;

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
        _ => None,
    }
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
                let profile = after.get(..length)?;
                return (length <= MOST_BYTES).then(|| Told::Icc(profile.to_vec()));
            }
            b"VP8X" => {}
            _ => return None,
        }
        rest = after.get(length.checked_add(length % 2)?..)?;
    }
    None
}
