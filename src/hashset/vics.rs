//! The format `vics`: Project VIC's and other lists in the VICS data model, 1.3 and 2.0.
//!
//! In 2.0 `value` holds the media, in 1.3 it holds cases whose `Media` holds them; both are read,
//! and so is a bare array of media.
//!
//! | field | read as |
//! | --- | --- |
//! | `MD5`, `SHA1`, `SHA256`, `PDQ` | hashes |
//! | `PhotoDNA`, `AlternativeHashes` (`HashName`, `HashValue`) | hashes where their names are known, else kept and not matched |
//! | `MediaID` | the record's id; without it, the MD5 |
//! | `Category` | the label `category:N`. What a number means depends on the country, and lists hold numbers too that mean "not pertinent": import what a bank is for |
//! | `Tags`, `Series` | labels |
//! | `Miniature`, `Thumbnails` and the like, anywhere in a record | passed over unread, whatever their size: they are pictures |

use crate::hash::SignalType;
use crate::hashset::json::{Entry, Fields};

/// The arrays that hold records, or cases with records.
pub(super) const ARRAYS: [&str; 2] = ["value", "Media"];

/// What the names of embedded pictures have in them, in small letters.
const PICTURES: [&[u8]; 3] = [b"miniature", b"thumb", b"preview"];

/// Whether a field of this name holds an embedded picture.
pub(super) fn is_picture(name: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    let has = |part: &&[u8]| memchr::memmem::find(&lower, part).is_some();
    PICTURES.iter().any(has)
}

pub(super) fn parse(mut fields: Fields) -> Result<Entry, String> {
    let mut entry = Entry::default();
    let md5 = fields.text("MD5");
    let id = fields.text("MediaID").filter(|id| id != "0");
    entry.record_id = id.or_else(|| md5.as_deref().map(str::to_ascii_lowercase));
    let hashes = [
        (SignalType::Md5, md5),
        (SignalType::Sha1, fields.text("SHA1")),
        (SignalType::Sha256, fields.text("SHA256")),
        (SignalType::Pdq, fields.text("PDQ")),
    ];
    for (kind, text) in hashes {
        if let Some(text) = text {
            entry.hash(kind, &text, None);
        }
    }
    if let Some(value) = fields.text("PhotoDNA") {
        entry.opaque("photodna", &value);
    }
    for mut other in fields.objects("AlternativeHashes") {
        let (name, value) = (other.text("HashName"), other.text("HashValue"));
        if let (Some(name), Some(value)) = (name, value) {
            entry.signal(&name, &value, None);
        }
    }
    if let Some(category) = fields.text("Category") {
        entry.label(&format!("category:{category}"));
    }
    for name in ["Tags", "Series"] {
        for text in fields.texts(name) {
            text.split([',', ';'])
                .for_each(|label| entry.label(label.trim()));
        }
    }
    let navigation = |name: &str| name.contains("odata.");
    let mut rest = fields.split(navigation);
    for mut file in rest.objects("MediaFiles") {
        let _ = file.take("MD5");
        file.split(navigation).rest(&mut entry);
    }
    rest.rest(&mut entry);
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use crate::hashset::{ListFormat, read};
    use std::ops::ControlFlow;

    #[test]
    fn embedded_pictures_of_any_size_lose_no_record() {
        const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";
        let picture = "/9j/4AAQSkZJRg".repeat(200_000);
        for embedded in [
            format!(r#""Miniature":"{picture}""#),
            format!(r#""miniature" : "{picture}""#),
            format!(r#""Thumbnails":["{picture}","{picture}"]"#),
            format!(r#""ThumbnailData":{{"Width":3,"Data":"{picture}"}}"#),
            format!(r#""MediaFiles":[{{"FileName":"a.jpg","Thumbnail":"{picture}"}}]"#),
        ] {
            let list = format!(
                r#"{{"value":[{{{embedded},"MediaID":1,"MD5":"{MD5}"}},
                {{"MediaID":2,"MD5":"{MD5}",{embedded}}}]}}"#
            );
            let mut ids = Vec::new();
            read(list.as_bytes(), ListFormat::Vics, &mut |row| {
                let record = row.unwrap();
                assert_eq!(record.signals[0].signal.hex(), MD5);
                assert!(!record.metadata.unwrap_or_default().contains("/9j/"));
                ids.extend(record.record_id);
                ControlFlow::Continue(())
            })
            .unwrap();
            assert_eq!(ids, ["1", "2"], "{embedded:.30}");
        }
    }
}
