//! Names from outside, as a line of text may hold them.

use std::borrow::Cow;

/// Control characters of a name, which could drive a terminal, as escapes.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        let escape = |c: char| {
            if c.is_control() {
                c.escape_default().collect::<String>()
            } else {
                c.to_string()
            }
        };
        Cow::Owned(text.chars().map(escape).collect())
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn what_drives_a_terminal_is_written_as_an_escape() {
        assert_eq!(escaped("a\u{1b}[31mb\nc"), "a\\u{1b}[31mb\\nc");
        assert!(matches!(escaped("plain ü"), std::borrow::Cow::Borrowed(_)));
    }
}
