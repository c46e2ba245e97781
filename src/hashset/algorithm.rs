//! Names of algorithms: which hash a list means by a word.
//!
//! Owned here: what a word says, and what a row's words say together. A row that names its algorithm
//! is read as that one or not at all: SHA-256 digests have as many digits as PDQ hashes, and what is
//! read as the wrong one never matches.

use crate::hash::SignalType;

/// What may stand around an algorithm's name: `MD5 hash`, `Hash (MD5)`, `file_md5`, `md5sum`.
const AROUND: [&str; 15] = [
    "checksum", "content", "digest", "file", "hash", "hashwert", "hex", "image", "media", "of",
    "picture", "sum", "value", "video", "wert",
];

/// Algorithms that lists name and that are not read here, without the digits of their names.
const FOREIGN: [&str; 16] = [
    "adler", "blake", "blakeb", "blakes", "crc", "edk", "md", "ripemd", "rmd", "sha", "ssdeep",
    "tlsh", "tmk", "tmkpdqf", "vpdq", "xxh",
];

/// What tells media apart and is no algorithm, where a column is called `type`.
const MEDIA: [&str; 24] = [
    "animation",
    "audio",
    "avi",
    "bmp",
    "document",
    "file",
    "film",
    "gif",
    "heic",
    "image",
    "img",
    "jpeg",
    "jpg",
    "media",
    "mov",
    "mp4",
    "other",
    "photo",
    "picture",
    "png",
    "still",
    "video",
    "webm",
    "webp",
];

/// What a word says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// One that is read here.
    Known(SignalType),
    /// Kept, and not computed here.
    PhotoDna,
    /// One that is not read here.
    Foreign,
}

impl Algorithm {
    /// The algorithm of this name, in any case.
    pub(super) fn named(name: &str) -> Option<Self> {
        if let Some(kind) = signal_type(name) {
            return Some(Self::Known(kind));
        }
        let plain = core(name);
        if matches!(plain.as_str(), "photodna" | "pdna") {
            return Some(Self::PhotoDna);
        }
        let letters = plain.replace(|c: char| c.is_ascii_digit(), "");
        // `MD4` is one, `MD` may be anything.
        let is_foreign = FOREIGN.contains(&letters.as_str()) && plain != "md";
        is_foreign.then_some(Self::Foreign)
    }
}

/// Marks that part fields: what has one in it is no name.
const MARKS: [char; 5] = [',', ';', '|', '\t', '"'];

/// A name as small letters and digits alone; nothing where it is no name.
pub(super) fn plain(name: &str) -> String {
    if name.contains(MARKS) {
        return String::new();
    }
    let lower = name.to_lowercase();
    lower.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// A plain name without what may stand around it.
fn core(name: &str) -> String {
    let plain = plain(name);
    let mut core = plain.as_str();
    loop {
        let shorter = AROUND
            .iter()
            .find_map(|word| core.strip_prefix(word).or_else(|| core.strip_suffix(word)));
        match shorter {
            Some(shorter) => core = shorter,
            None => return core.to_owned(),
        }
    }
}

/// The signal type that a list means by a name, in any case.
///
/// Beside our own names: those of ThreatExchange (`HASH_PDQ`, `HASH_MD5`, …), of
/// python-threatexchange (`video_md5`: the MD5 of a video's file) and the usual spellings
/// (`SHA-256`, `SHA2-256`, `Hash (MD5)`, `md5sum`).
pub(super) fn signal_type(name: &str) -> Option<SignalType> {
    if let Ok(kind) = name.trim().parse() {
        return Some(kind);
    }
    match core(name).as_str() {
        "pdq" => Some(SignalType::Pdq),
        "md5" => Some(SignalType::Md5),
        "sha1" => Some(SignalType::Sha1),
        "sha256" | "sha2256" => Some(SignalType::Sha256),
        _ => None,
    }
}

/// What stands in a column that may name the row's algorithm.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    /// What the column is called.
    pub(super) column: &'a str,
    /// Whether it can be nothing but an algorithm.
    pub(super) is_sure: bool,
    /// What stands there.
    pub(super) text: &'a str,
}

/// What a row says of its one value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Agreed<'a> {
    /// The algorithm; `None` where the row names none.
    pub(super) algorithm: Option<Algorithm>,
    /// Words that say something else, with their columns.
    pub(super) notes: Vec<(&'a str, &'a str)>,
}

/// What a row says of its one value; the reason where that is no algorithm that is read here, or
/// more than one.
pub(super) fn agreed<'a>(row: &[Said<'a>]) -> Result<Agreed<'a>, String> {
    let mut found: Option<(Algorithm, &str)> = None;
    let mut unknown = None;
    let mut notes = Vec::new();
    for &Said {
        column,
        is_sure,
        text,
    } in row
    {
        match Algorithm::named(text) {
            Some(Algorithm::Foreign) => return Err(not_read(text)),
            Some(one) => match found {
                Some((other, before)) if other != one => {
                    return Err(format!("the row names both {before:?} and {text:?}"));
                }
                _ => found = Some((one, text)),
            },
            None if is_sure => return Err(not_read(text)),
            None => {
                if !is_medium(text) {
                    unknown = Some(text);
                }
                notes.push((column, text));
            }
        }
    }
    match (found, unknown) {
        (None, Some(text)) => Err(not_read(text)),
        _ => Ok(Agreed {
            algorithm: found.map(|(one, _)| one),
            notes,
        }),
    }
}

/// Whether a row that has hashes in columns of their own names another algorithm than all of these.
pub(super) fn contradicts(row: &[Said<'_>], held: &[SignalType]) -> Option<String> {
    let other = |said: &&Said<'_>| match Algorithm::named(said.text) {
        Some(Algorithm::Known(kind)) => !held.is_empty() && !held.contains(&kind),
        _ => false,
    };
    let said = row.iter().find(other)?;
    let held: Vec<&str> = held.iter().map(|kind| kind.name()).collect();
    Some(format!(
        "the row names {:?} and holds {}",
        said.text,
        held.join(", ")
    ))
}

/// The algorithm that a field behind a bare value names, and the field.
pub(super) fn behind(rest: &str) -> Option<(Algorithm, &str)> {
    let fields = rest.split([',', ';', '|', '\t']).map(str::trim);
    let mut named = fields.filter_map(|field| Some((Algorithm::named(field)?, field)));
    named.next()
}

/// Fails where a field behind a value names another algorithm than the one it is read as.
pub(super) fn check_behind(kind: SignalType, rest: &str) -> Result<(), String> {
    match behind(rest) {
        Some((named, field)) if named != Algorithm::Known(kind) => Err(format!(
            "expected {kind} hashes, and the row names {field:?}"
        )),
        _ => Ok(()),
    }
}

/// Why a row is refused that names this.
pub(super) fn not_read(name: &str) -> String {
    let given: String = name.chars().take(40).collect();
    crate::hash::UnknownSignalType { given }.to_string()
}

fn is_medium(text: &str) -> bool {
    let plain = text.trim().trim_start_matches('.').to_lowercase();
    // `image/jpeg` is one too.
    let kind = plain.split('/').next().unwrap_or_default();
    let kind = kind.strip_suffix('s').unwrap_or(kind);
    MEDIA.contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_known_by_the_names_that_lists_use() {
        use SignalType::{ImghashMean, Md5, Pdq, Phash, Sha1, Sha256};
        for (kind, names) in [
            (Pdq, &["pdq", "HASH_PDQ", "PDQ_Hash", "Hash (PDQ)"][..]),
            (
                Md5,
                &[
                    "video_md5",
                    "HASH_VIDEO_MD5",
                    "MD5 Hash",
                    "Hash (MD5)",
                    "md5sum",
                    "MD5-Hash",
                    "FileMD5",
                    "MD5 hash value",
                    "Hashwert MD5",
                    " Md5 ",
                    "md5:",
                ],
            ),
            (
                Sha1,
                &[
                    "sha 1",
                    "SHA-1",
                    "Sha1",
                    "SHA_1",
                    "sha1sum",
                    "SHA1 checksum",
                ],
            ),
            (
                Sha256,
                &[
                    "SHA-256",
                    "sha256",
                    "SHA2-256",
                    "SHA_256",
                    "SHA-2 256",
                    "Hash (SHA-256)",
                ],
            ),
            (ImghashMean, &["imghash_mean"]),
            (Phash, &["pHash"]),
        ] {
            for name in names {
                assert_eq!(signal_type(name), Some(kind), "{name}");
            }
        }
        for name in [
            "photodna",
            "hash",
            "",
            "SHA-512",
            "SHA",
            "SHA3-256",
            "SHA-512/256",
            "thumbnail md5",
            "MD5 match",
            "pdq quality",
            "parent_sha1",
            "md5;hash",
            "file",
        ] {
            assert_eq!(signal_type(name), None, "{name}");
        }
    }

    #[test]
    fn algorithms_that_are_not_read_are_known_as_such() {
        for name in [
            "SHA-512",
            "SHA",
            "sha2",
            "SHA3-256",
            "SHA-512/256",
            "MD4",
            "CRC32",
            "RIPEMD-160",
            "BLAKE2b",
            "blake3",
            "TMK+PDQF",
            "tlsh",
            "vPDQ",
            "xxh64",
        ] {
            assert_eq!(Algorithm::named(name), Some(Algorithm::Foreign), "{name}");
        }
        for name in ["PhotoDNA", "pdna", "HASH_PHOTODNA"] {
            assert_eq!(Algorithm::named(name), Some(Algorithm::PhotoDna), "{name}");
        }
        for name in ["image", "A1", "", "7", "MD", "a.jpg", "md5.jpg"] {
            assert_eq!(Algorithm::named(name), None, "{name}");
        }
    }

    fn said(is_sure: bool, text: &str) -> Said<'_> {
        Said {
            column: "c",
            is_sure,
            text,
        }
    }

    #[test]
    fn a_row_is_read_as_what_it_names_or_not_at_all() {
        let of = |row: &[Said<'_>]| agreed(row).map(|agreed| agreed.algorithm);
        let sha256 = Ok(Some(Algorithm::Known(SignalType::Sha256)));
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[said(true, "SHA-256")]), sha256);
        assert_eq!(of(&[said(false, "SHA-256"), said(true, "sha256")]), sha256);
        assert_eq!(of(&[said(false, "image"), said(true, "sha256")]), sha256);
        assert_eq!(of(&[said(false, "series 7"), said(true, "sha256")]), sha256);
        assert_eq!(of(&[said(false, "image/jpeg")]), Ok(None));
        assert_eq!(of(&[said(false, "Videos")]), Ok(None));
        for row in [
            &[said(true, "image")][..],
            &[said(true, "SHA-512")],
            &[said(false, "SHA-512")],
            &[said(false, "x")],
            &[said(true, "md5"), said(false, "sha1")],
            &[said(true, "md5"), said(false, "crc32")],
        ] {
            let reason = of(row).unwrap_err();
            assert!(
                row.iter().any(|said| reason.contains(said.text)),
                "{reason}"
            );
        }
    }

    #[test]
    fn columns_of_digests_and_a_type_that_none_of_them_has_contradict() {
        let held = [SignalType::Md5, SignalType::Sha1];
        assert_eq!(contradicts(&[said(false, "SHA-1")], &held), None);
        assert_eq!(contradicts(&[said(false, "image")], &held), None);
        assert_eq!(contradicts(&[said(false, "md5")], &[]), None);
        let reason = contradicts(&[said(false, "SHA-256")], &held).unwrap();
        assert!(
            reason.contains("SHA-256") && reason.contains("md5, sha1"),
            "{reason}"
        );
    }

    #[test]
    fn a_field_behind_a_value_may_name_it() {
        assert_eq!(
            behind("a.jpg;SHA-256"),
            Some((Algorithm::Known(SignalType::Sha256), "SHA-256"))
        );
        assert_eq!(behind("*a b.jpg"), None);
        assert!(check_behind(SignalType::Md5, "MD5, x").is_ok());
        assert!(check_behind(SignalType::Pdq, "100,b.jpg").is_ok());
        let reason = check_behind(SignalType::Pdq, "SHA-512").unwrap_err();
        assert!(reason.contains("SHA-512"), "{reason}");
    }
}
