//! A line of text with minisign's signature of it behind it: the form of small signed files.

use minisign::{PublicKey, SecretKey, SignatureBox};
use std::error::Error;
use std::io::Cursor;

/// Why a file is no line that a key signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// It has not the form.
    #[error("{problem}")]
    Unreadable {
        /// What is wrong with it.
        problem: String,
    },
    /// The signature does not hold.
    #[error("its signature is not by this key, or it was changed")]
    Untrusted,
}

/// Why a text is no signature of minisign's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// A line of it is missing, or is not as long as it must be.
    #[error("it is cut off, or was changed")]
    Form,
    /// It cannot be decoded.
    #[error(transparent)]
    Decode(#[from] minisign::PError),
}

/// A signature as minisign writes it into a file: a comment, 74 bytes, another comment and 64 bytes, these in base64.
///
/// Minisign's crate panics where there are fewer bytes, so their number is looked at first.
///
/// # Errors
/// [`SignatureError`].
pub fn signature(text: &str) -> Result<SignatureBox, SignatureError> {
    let mut lines = text.lines().map(str::trim).skip(1).step_by(2);
    let has = |line: Option<&str>, length: usize, end: &str| {
        let digits = line.and_then(|line| line.strip_suffix(end));
        digits.is_some_and(|digits| digits.len() + end.len() == length && !digits.ends_with('='))
    };
    match has(lines.next(), 100, "=") && has(lines.next(), 88, "==") {
        true => Ok(SignatureBox::from_string(text)?),
        false => Err(SignatureError::Form),
    }
}

/// A line with the signature of its bytes and of a comment behind it. The line must hold no line end.
///
/// # Errors
/// What minisign says.
pub fn sign_line(
    line: &str,
    key: &SecretKey,
    comment: &str,
) -> Result<String, Box<dyn Error + Send + Sync>> {
    let mut text = format!("{line}\n");
    let signature = minisign::sign(None, key, Cursor::new(&text), Some(comment), None)?;
    text.push_str(&signature.into_string());
    Ok(text)
}

/// The line of a file that [`sign_line`] made, if this key signed it.
///
/// # Errors
/// [`LineError`].
pub fn signed_line<'a>(bytes: &'a [u8], key: &PublicKey) -> Result<&'a str, LineError> {
    let unreadable = |problem: String| LineError::Unreadable { problem };
    let text = std::str::from_utf8(bytes).map_err(|_| unreadable("it is no text".to_owned()))?;
    let end = text.find('\n').map(|at| at + 1);
    let (line, signature) = end
        .and_then(|end| text.split_at_checked(end))
        .ok_or_else(|| unreadable("it has no signature".to_owned()))?;
    let signature = self::signature(signature)
        .map_err(|error| unreadable(format!("its signature: {error}")))?;
    minisign::verify(key, &signature, Cursor::new(line), true, false, false)
        .map_err(|_| LineError::Untrusted)?;
    Ok(line.trim_end_matches('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use minisign::KeyPair;

    #[test]
    fn only_the_line_that_the_key_signed_is_given() {
        let key = KeyPair::generate_unencrypted_keypair().unwrap();
        let other = KeyPair::generate_unencrypted_keypair().unwrap();
        let signed = sign_line("{\"a\":1}", &key.sk, "a comment").unwrap();
        assert_eq!(
            signed_line(signed.as_bytes(), &key.pk).unwrap(),
            "{\"a\":1}"
        );
        let refused = signed_line(signed.as_bytes(), &other.pk);
        assert!(matches!(refused, Err(LineError::Untrusted)), "{refused:?}");
        for at in 0..8 {
            let mut changed = signed.clone().into_bytes();
            changed[at] ^= 1;
            assert!(signed_line(&changed, &key.pk).is_err(), "changed at {at}");
        }
        let comment = signed.replace("a comment", "a Comment");
        assert!(signed_line(comment.as_bytes(), &key.pk).is_err());
        for end in 0..signed.trim_end().len() {
            let cut = &signed.as_bytes()[..end];
            assert!(signed_line(cut, &key.pk).is_err(), "cut at {end}");
        }
        let end = signed.trim_end().len() - 24;
        let padded = format!("{}  {}==", &signed[..end - 64], &signed[end - 64..end - 4]);
        assert!(signed_line(padded.as_bytes(), &key.pk).is_err());
        // Whatever is left out or is another, nothing panics.
        for at in 0..signed.len() {
            let mut less = signed.clone().into_bytes();
            less.remove(at);
            let _ = signed_line(&less, &key.pk);
            for byte in [b'=', b'\n', b' ', b'A'] {
                let mut changed = signed.clone().into_bytes();
                changed[at] = byte;
                let _ = signed_line(&changed, &key.pk);
            }
        }
    }
}
