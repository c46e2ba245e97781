//! Just enough of Rust's lexical grammar to tell code from comments, strings and characters.
//!
//! It yields words and punctuation with their lines. It refuses to understand more: numbers come
//! out as words, literals and lifetimes not at all, and the text must be one that compiles.

/// One word or mark of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// An identifier, keyword or number as written, `::`, or a single other character.
    pub(crate) text: String,
    /// Its line, counted from 1.
    pub(crate) line: usize,
}

/// The code of a Rust source text, without comments (documentation included), strings,
/// characters and lifetimes.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer {
        chars: source.chars().collect(),
        at: 0,
        line: 1,
        out: Vec::new(),
    };
    lexer.run();
    lexer.out
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
    out: Vec<Token>,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn advance(&mut self) -> Option<char> {
        let next = self.peek(0)?;
        self.at += 1;
        if next == '\n' {
            self.line += 1;
        }
        Some(next)
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.advance();
        }
    }

    fn emit(&mut self, text: impl Into<String>, line: usize) {
        self.out.push(Token {
            text: text.into(),
            line,
        });
    }

    fn run(&mut self) {
        while let Some(next) = self.peek(0) {
            let line = self.line;
            match next {
                '/' if self.peek(1) == Some('/') => self.line_comment(),
                '/' if self.peek(1) == Some('*') => self.block_comment(),
                '"' => self.string(),
                '\'' => self.quote(),
                ':' if self.peek(1) == Some(':') => {
                    self.skip(2);
                    self.emit("::", line);
                }
                _ if next.is_whitespace() => self.skip(1),
                _ if next == '_' || next.is_alphanumeric() => self.word(),
                _ => {
                    self.skip(1);
                    self.emit(next, line);
                }
            }
        }
    }

    fn line_comment(&mut self) {
        while self.peek(0).is_some_and(|c| c != '\n') {
            self.advance();
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while self.peek(0).is_some() {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => {
                    depth += 1;
                    self.skip(2);
                }
                (Some('*'), Some('/')) => {
                    depth -= 1;
                    self.skip(2);
                    if depth == 0 {
                        return;
                    }
                }
                _ => self.skip(1),
            }
        }
    }

    /// From the opening quote of a string with escapes.
    fn string(&mut self) {
        self.skip(1);
        while let Some(c) = self.advance() {
            match c {
                '\\' => self.skip(1),
                '"' => return,
                _ => {}
            }
        }
    }

    /// From the `#`s or the quote of a raw string.
    fn raw_string(&mut self) {
        let mut hashes = 0_usize;
        while self.peek(0) == Some('#') {
            hashes += 1;
            self.skip(1);
        }
        self.skip(1);
        while let Some(c) = self.advance() {
            if c == '"' && (0..hashes).all(|i| self.peek(i) == Some('#')) {
                self.skip(hashes);
                return;
            }
        }
    }

    /// A character or a lifetime: a lifetime has no second quote right behind its first character.
    fn quote(&mut self) {
        if self.peek(1) == Some('\\') {
            self.skip(3);
            while self.peek(0).is_some_and(|c| c != '\'') {
                self.advance();
            }
            self.skip(1);
        } else if self.peek(2) == Some('\'') {
            self.skip(3);
        } else {
            self.skip(1);
            while self
                .peek(0)
                .is_some_and(|c| c == '_' || c.is_alphanumeric())
            {
                self.advance();
            }
        }
    }

    fn word(&mut self) {
        let line = self.line;
        let mut text = String::new();
        while let Some(c) = self.peek(0).filter(|c| *c == '_' || c.is_alphanumeric()) {
            text.push(c);
            self.advance();
        }
        match (text.as_str(), self.peek(0), self.peek(1)) {
            ("r" | "br" | "cr", Some('"'), _) | ("r" | "br" | "cr", Some('#'), Some('"' | '#')) => {
                self.raw_string();
            }
            ("b" | "c", Some('"'), _) => self.string(),
            ("b", Some('\''), _) => self.quote(),
            ("r", Some('#'), Some(c)) if c == '_' || c.is_alphabetic() => {
                self.skip(1);
                self.word();
            }
            _ => self.emit(text, line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::tokens;

    fn words(source: &str) -> Vec<String> {
        tokens(source).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_strings_and_characters_are_no_code() {
        let source = r###"
            // crate::a
            /// crate::b
            /* crate::c /* crate::d */ crate::e */
            let s = "crate::f \" crate::g";
            let r = r#"crate::h " crate::i"#;
            let b = br##"crate::j "# crate::k"##;
            let q = ['"', '\'', '\u{1F600}', b'"', b'\\'];
            fn f<'a>(x: &'a str) -> &'a str { x }
            let tail = 1;
        "###;
        let words = words(source);
        assert!(!words.iter().any(|word| word == "crate"), "{words:?}");
        assert!(words.ends_with(&["let", "tail", "=", "1", ";"].map(str::to_owned)));
    }

    #[test]
    fn raw_identifiers_keep_their_name_and_lines_are_counted() {
        let found = tokens("use r#type::x;\n/* one\ntwo */ fn");
        assert_eq!(found[1].text, "type");
        assert_eq!(found[2].text, "::");
        let last = found.last().map(|token| (token.text.as_str(), token.line));
        assert_eq!(last, Some(("fn", 3)));
    }
}
