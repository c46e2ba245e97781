//! The format `tx`: a signal type and a hash a line, the local file of python-threatexchange.
//!
//! | line | read as |
//! | --- | --- |
//! | `type hex`, `type:hex`, `type,hex` | a hash of that type |
//! | `hex` of 64, 32 or 40 digits | `pdq`, `md5` or `sha1` |
//! | either, and more behind a blank or a comma | the hash and metadata; behind a PDQ hash `,quality,…` as in the format `pdq` |

use crate::bank::ContentSignal;
use crate::hashset::lines::Parsed;
use crate::hashset::value;

pub(super) fn parse(line: &str) -> Result<Parsed, String> {
    let (signal, rest) = match split_type(line) {
        Some((name, rest)) => {
            let kind = value::signal_type(name)
                .map_or_else(|| name.parse(), Ok)
                .map_err(|error: crate::hash::UnknownSignalType| error.to_string())?;
            let (word, rest) = value::first_word(rest);
            (value::value(kind, word)?, rest)
        }
        None => {
            let (word, rest) = value::first_word(line);
            (value::bare(word)?, rest)
        }
    };
    let (quality, metadata) = if signal.as_pdq().is_some() {
        value::pdq_tail(rest)?
    } else {
        (None, value::text(rest))
    };
    Ok(Parsed {
        signal: ContentSignal::new(signal, quality),
        metadata,
    })
}

/// The name of a type before a value; `None` where the line begins with a bare value.
pub(super) fn split_type(line: &str) -> Option<(&str, &str)> {
    let end = line.find(|c: char| c == ':' || c == ',' || c.is_whitespace())?;
    let (name, rest) = line.split_at(end);
    let rest = rest.trim_start_matches(|c: char| c == ':' || c == ',' || c.is_whitespace());
    (value::signal_type(name).is_some() || value::bare_type(name).is_none()).then_some((name, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

    fn read(line: &str) -> Result<(String, Option<String>), String> {
        let parsed = parse(line)?;
        Ok((parsed.signal.signal.to_string(), parsed.metadata))
    }

    #[test]
    fn types_stand_before_a_blank_a_colon_or_a_comma() {
        let want = Ok((format!("md5:{MD5}"), None));
        for line in [
            format!("md5 {MD5}"),
            format!("md5:{MD5}"),
            format!("MD5 : {MD5}"),
            format!("video_md5\t{MD5}"),
            format!("md5,{}", MD5.to_uppercase()),
            MD5.to_owned(),
        ] {
            assert_eq!(read(&line), want, "{line}");
        }
        let (signal, metadata) = read(&format!("md5 {MD5} 'a collab' POSITIVE_CLASS")).unwrap();
        assert_eq!(signal, format!("md5:{MD5}"));
        assert_eq!(metadata.as_deref(), Some("'a collab' POSITIVE_CLASS"));
    }

    #[test]
    fn what_cannot_be_told_is_refused_with_the_repair() {
        let reason = |line: &str| read(line).unwrap_err();
        assert!(reason("photodna 00ff").contains("known are pdq, md5"));
        assert!(reason("8f373714acfcf4d0").contains("TYPE:HEX"));
        assert!(reason("md5").contains("TYPE:HEX"));
        assert!(reason("md5 ").contains("TYPE:HEX") || reason("md5 ").contains("expected 32"));
        assert!(reason("pdq:00").contains("expected 64"));
    }

    #[test]
    fn quality_behind_pdq_is_read() {
        let hex = "0f".repeat(32);
        for line in [format!("pdq {hex},87,x"), format!("{hex},87,x")] {
            let parsed = parse(&line).unwrap();
            assert_eq!(parsed.signal.quality.map(|q| q.get()), Some(87));
            assert_eq!(parsed.metadata.as_deref(), Some("x"));
        }
    }
}
