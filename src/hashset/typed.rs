//! The format `tx`: a signal type and a hash a line, the local file of python-threatexchange.
//!
//! | line | read as |
//! | --- | --- |
//! | `type hex`, `type:hex`, `type,hex` | a hash of that type |
//! | `TYPE (file) = hex` | the same, as the tools of BSD print it |
//! | `hex,type` | the same |
//! | `hex` of 64, 32 or 40 digits | `pdq`, `md5` or `sha1` |
//! | either, and more behind a blank or a comma | the hash and metadata; behind a PDQ hash `,quality,…` as in the format `pdq` |

use crate::bank::ContentSignal;
use crate::hash::Signal;
use crate::hashset::algorithm::{self, Algorithm};
use crate::hashset::lines::Parsed;
use crate::hashset::value;

pub(super) fn parse(line: &str) -> Result<Parsed, String> {
    let (signal, rest) = match named(line) {
        Some(named) => {
            let kind = algorithm::signal_type(named.name)
                .ok_or_else(|| algorithm::not_read(named.name))?;
            (value::value(kind, named.value)?, named.rest)
        }
        None => {
            let (word, rest) = value::first_word(line);
            (unnamed(word, rest)?, rest)
        }
    };
    algorithm::check_behind(signal.signal_type(), rest)?;
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

/// A value before which no type stands: one behind it may say it, or else its length does.
fn unnamed(word: &str, rest: &str) -> Result<Signal, String> {
    match algorithm::behind(rest) {
        Some((Algorithm::Known(kind), _)) => value::value(kind, word),
        Some((_, field)) => Err(algorithm::not_read(field)),
        None => value::bare(word),
    }
}

/// A line that begins with the name of a type.
pub(super) struct NamedLine<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
    /// What stands behind the value; or, where `md5 --tag` printed it, the file's name.
    pub(super) rest: &'a str,
}

/// The parts of a line that begins with the name of a type; `None` where it begins with a bare value.
pub(super) fn named(line: &str) -> Option<NamedLine<'_>> {
    if let Some(tagged) = tagged(line) {
        return Some(tagged);
    }
    let is_between = |c: char| matches!(c, ':' | ',' | ';' | '|') || c.is_whitespace();
    let end = line.find(is_between)?;
    let (name, rest) = line.split_at(end);
    let (value, rest) = value::first_word(rest.trim_start_matches(is_between));
    let is_name = algorithm::signal_type(name).is_some() || value::bare_type(name).is_none();
    is_name.then_some(NamedLine { name, value, rest })
}

/// `MD5 (a.jpg) = hex`, as the tools of BSD and `--tag` print it, and `MD5(a.jpg)= hex`, as OpenSSL.
fn tagged(line: &str) -> Option<NamedLine<'_>> {
    let (name, rest) = line.split_once('(')?;
    let (file, value) = rest.rsplit_once(')')?;
    let value = value.trim_start().strip_prefix('=')?.trim();
    let name = name.trim();
    Algorithm::named(name).map(|_| NamedLine {
        name,
        value,
        rest: file,
    })
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
            format!("MD5;{MD5}"),
            format!("MD5|{MD5}"),
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
    fn types_may_stand_elsewhere() {
        let sha256 = "0f".repeat(32);
        let want = |file: &str| Ok((format!("sha256:{sha256}"), Some(file.to_owned())));
        assert_eq!(
            read(&format!("SHA256 (a (1).jpg) = {sha256}")),
            want("a (1).jpg")
        );
        assert_eq!(read(&format!("SHA2-256(a.jpg)= {sha256}")), want("a.jpg"));
        assert_eq!(read(&format!("{sha256},SHA-256")), want("SHA-256"));
        assert_eq!(
            read(&format!("{sha256};a.jpg;sha256")),
            want("a.jpg;sha256")
        );
        for line in [
            format!("SHA512 (a.jpg) = {sha256}"),
            format!("SHA1 (a.jpg) = {MD5}"),
            format!("{sha256};SHA-512"),
            format!("{sha256},md5"),
            format!("md5 {MD5},sha1"),
        ] {
            assert!(read(&line).is_err(), "{line}");
        }
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
