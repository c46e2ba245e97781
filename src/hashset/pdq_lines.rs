//! The format `pdq`: a PDQ hash a line, as plain lists and the PDQ command-line tools write it.
//!
//! | line | read as |
//! | --- | --- |
//! | `hex` | the hash |
//! | `hex,anything` or `hex anything` | the hash and metadata |
//! | `hex,quality,filename` | the hash, its quality where the second field is a whole number, metadata |
//! | `hash=hex,norm=…,quality=…,filename=…` | the hash, its quality, metadata |

use crate::bank::ContentSignal;
use crate::hash::SignalType;
use crate::hashset::lines::Parsed;
use crate::hashset::{algorithm, value};

/// Before the hash where the tools are asked for details.
pub(super) const DETAILS: &str = "hash=";

pub(super) fn parse(line: &str) -> Result<Parsed, String> {
    let (details, line) = match line.strip_prefix(DETAILS) {
        Some(line) => (true, line),
        None => (false, line),
    };
    let (word, rest) = value::first_word(line);
    let signal = value::value(SignalType::Pdq, word)?;
    algorithm::check_behind(SignalType::Pdq, rest)?;
    let (quality, metadata) = if details {
        let named = rest
            .split(',')
            .find_map(|field| field.trim().strip_prefix("quality="));
        (named.map(value::quality).transpose()?, value::text(rest))
    } else {
        value::pdq_tail(rest)?
    };
    Ok(Parsed {
        signal: ContentSignal::new(signal, quality),
        metadata,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    type Read = Result<(Option<u8>, Option<String>), String>;

    fn read(rest: &str) -> Read {
        let parsed = parse(&format!("{HEX}{rest}"))?;
        assert_eq!(parsed.signal.signal.to_string(), format!("pdq:{HEX}"));
        Ok((parsed.signal.quality.map(|q| q.get()), parsed.metadata))
    }

    #[test]
    fn a_number_before_a_third_field_is_the_quality() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(read(""), Ok((None, None)));
        assert_eq!(read(",100,b.jpg"), Ok((Some(100), text("b.jpg"))));
        assert_eq!(read(", 0 ,a,b"), Ok((Some(0), text("a,b"))));
        assert_eq!(read(",7,"), Ok((Some(7), None)));
        assert_eq!(read(",7"), Ok((None, text("7"))), "no third field");
        assert_eq!(read(",x,7"), Ok((None, text("x,7"))));
        assert_eq!(read("  b.jpg"), Ok((None, text("b.jpg"))));
        let reason = read(",101,b.jpg").unwrap_err();
        assert!(reason.contains("from 0 to 100"), "{reason}");
        assert!(read(",99999999999999999999,b.jpg").is_err());
    }

    #[test]
    fn details_of_the_tools_are_read() {
        let line = format!("hash={HEX},norm=128,delta=0,quality=98,filename=b.jpg");
        let parsed = parse(&line).unwrap();
        assert_eq!(parsed.signal.quality.map(|q| q.get()), Some(98));
        assert_eq!(
            parsed.metadata.as_deref(),
            Some("norm=128,delta=0,quality=98,filename=b.jpg")
        );
        assert!(parse(&format!("hash={HEX},quality=-1")).is_err());
    }

    #[test]
    fn other_types_are_refused_with_the_reason() {
        assert!(parse(&format!("PDQ:{HEX}")).is_ok());
        let reason = parse(&format!("sha256:{HEX}")).map(drop).unwrap_err();
        assert!(reason.contains("expected pdq"), "{reason}");
        let reason = parse(&format!("{HEX},SHA-256")).map(drop).unwrap_err();
        assert!(reason.contains("SHA-256"), "{reason}");
        let reason = parse("d41d8cd98f00b204e9800998ecf8427e")
            .map(drop)
            .unwrap_err();
        assert!(
            reason.contains("expected 64") && reason.contains("got 32"),
            "{reason}"
        );
    }
}
