//! What people wrote about an item.

use super::{corrupt, decode, encode};
use crate::bank::ContentId;
use crate::store::{Remarks, StoreError};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct RemarksV1<'a> {
    note: Option<&'a str>,
    content_id: Option<&'a str>,
    content_uri: Option<&'a str>,
    json: Option<&'a str>,
    enabled_from: Option<u64>,
}

pub(in crate::store) fn encode_remarks(remarks: &Remarks) -> Vec<u8> {
    encode(&RemarksV1 {
        note: remarks.note.as_deref(),
        content_id: remarks.content_id.as_deref(),
        content_uri: remarks.content_uri.as_deref(),
        json: remarks.json.as_deref(),
        enabled_from: remarks.enabled_from,
    })
}

pub(in crate::store) fn decode_remarks(id: ContentId, bytes: &[u8]) -> Result<Remarks, StoreError> {
    let read: RemarksV1<'_> = decode(bytes).map_err(corrupt("remarks on content item", id))?;
    Ok(Remarks {
        note: read.note.map(str::to_owned),
        content_id: read.content_id.map(str::to_owned),
        content_uri: read.content_uri.map(str::to_owned),
        json: read.json.map(str::to_owned),
        enabled_from: read.enabled_from,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_version_1_stay() {
        let remarks = Remarks {
            note: Some("n".to_owned()),
            content_uri: Some("u".to_owned()),
            enabled_from: Some(300),
            ..Remarks::default()
        };
        let bytes = encode_remarks(&remarks);
        assert_eq!(bytes, *b"\x01\x01\x01n\x00\x01\x01u\x00\x01\xac\x02");
        assert_eq!(decode_remarks(ContentId(1), &bytes).unwrap(), remarks);
        assert!(
            decode_remarks(ContentId(1), b"\x02").is_err(),
            "a newer version"
        );
        assert!(decode_remarks(ContentId(1), &bytes[..5]).is_err());
    }
}
