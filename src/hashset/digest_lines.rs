//! The formats `md5`, `sha1` and `sha256`: a digest a line, as `md5sum` and its siblings print it.
//!
//! What stands behind the digest, after a blank or a comma, is metadata: usually a file's name. A row
//! that names another algorithm there is refused.

use crate::bank::ContentSignal;
use crate::hash::SignalType;
use crate::hashset::lines::Parsed;
use crate::hashset::{algorithm, value};

pub(super) fn parse(kind: SignalType) -> impl Fn(&str) -> Result<Parsed, String> {
    move |line| {
        let (word, rest) = value::first_word(line);
        let signal = value::value(kind, word)?;
        algorithm::check_behind(kind, rest)?;
        Ok(Parsed {
            signal: ContentSignal::new(signal, None),
            metadata: value::text(rest),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_behind_the_digest_is_metadata() {
        let hex = "AB".repeat(20);
        let parsed = parse(SignalType::Sha1)(&format!("{hex} *a, b.jpg")).unwrap();
        assert_eq!(parsed.signal.signal.hex(), hex.to_lowercase());
        assert_eq!(parsed.metadata.as_deref(), Some("*a, b.jpg"));
        assert!(parse(SignalType::Sha256)(&hex).is_err());
        assert!(parse(SignalType::Sha1)(&format!("{hex};SHA-1")).is_ok());
        let reason = parse(SignalType::Sha1)(&format!("{hex};RIPEMD-160;x")).map(drop);
        assert!(reason.unwrap_err().contains("RIPEMD-160"));
    }
}
