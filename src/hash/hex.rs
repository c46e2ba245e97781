//! Hexadecimal text to bytes and back; both cases read, lower case written.

use std::path::Path;

/// Why a text is not the hexadecimal form of so many bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HexError {
    /// The text has the wrong number of characters.
    #[error("expected {expected} hexadecimal characters, got {got}")]
    Length {
        /// Characters that the type needs.
        expected: usize,
        /// Characters that the text has.
        got: usize,
    },
    /// A character is not one of `0-9a-fA-F`.
    #[error("character {position} is not a hexadecimal digit")]
    Character {
        /// Position of the first wrong byte, counted from 1.
        position: usize,
    },
}

/// Reads exactly `N` bytes from `2 * N` hexadecimal digits of either case.
///
/// # Errors
/// [`HexError`] where the length or a character is wrong.
pub fn decode<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return Err(HexError::Length {
            expected: 2 * N,
            got: text.chars().count(),
        });
    }
    let mut bytes = [0u8; N];
    let mut seen = 0;
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let &[high, low] = pair else { continue };
        let (high, low) = (VALUES[usize::from(high)], VALUES[usize::from(low)]);
        seen |= high | low;
        *byte = (high << 4) | (low & 15);
    }
    // Looked at once, behind the loop: lists are long, and wrong characters are few.
    if seen & NO_DIGIT != 0 {
        let is_wrong = |&digit: &u8| VALUES[usize::from(digit)] == NO_DIGIT;
        let position = digits.iter().position(is_wrong).unwrap_or_default() + 1;
        return Err(HexError::Character { position });
    }
    Ok(bytes)
}

/// In the place of the value of a character that is no digit; no value has this bit.
const NO_DIGIT: u8 = 0x80;

/// The value of each character that is a hexadecimal digit.
static VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value as usize];
        values[digit as usize] = value;
        values[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    values
};

/// Writes bytes as lower-case hexadecimal digits.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 * bytes.len());
    for &byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)] as char);
        text.push(DIGITS[usize::from(byte & 15)] as char);
    }
    text
}

/// The bytes of a path in hexadecimal, where they are no text: what a record has beside the name that people
/// read, so that the file is found again.
#[must_use]
pub fn of_path(path: &Path) -> Option<String> {
    let is_text = path.to_str().is_some();
    (!is_text).then(|| encode(path.as_os_str().as_encoded_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_cases_are_read_and_lower_case_is_written() {
        assert_eq!(decode::<3>("00aFfe"), Ok([0x00, 0xaf, 0xfe]));
        assert_eq!(encode(&[0x00, 0xaf, 0xfe]), "00affe");
    }

    #[test]
    fn errors_name_the_place() {
        assert_eq!(
            decode::<2>("12"),
            Err(HexError::Length {
                expected: 4,
                got: 2
            })
        );
        assert_eq!(
            decode::<2>("12g4"),
            Err(HexError::Character { position: 3 })
        );
        assert_eq!(
            decode::<1>("é"),
            Err(HexError::Character { position: 1 }),
            "a character of several bytes is not a digit"
        );
    }
}
