//! The form of a transcript: what in it is typed, and what the program said.
//!
//! ```text
//! # A remark.
//! $ write list.txt
//! | a line of the file
//! $ hashgate import --bank known list.txt > out.txt
//! > a line of standard output
//! ! a line of standard error
//! = 2
//! ```
//! The last line is the exit code where it is not 0.

/// A command with what belongs to it, or remarks and empty lines (`command` is `None`).
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Lines that stay as they are.
    pub(crate) kept: Vec<String>,
    pub(crate) command: Option<String>,
    /// The lines behind `| `.
    pub(crate) input: Vec<String>,
}

/// The pieces of a transcript, without what the program said.
pub(crate) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for line in text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            pieces.push(Piece {
                command: Some(command.to_owned()),
                ..Piece::default()
            });
        } else if let Some(input) = line.strip_prefix("| ").or((line == "|").then_some("")) {
            if let Some(piece) = pieces.last_mut() {
                piece.input.push(input.to_owned());
            }
        } else if line.starts_with('#') || line.is_empty() {
            match pieces.last_mut() {
                Some(piece) if piece.command.is_none() => piece.kept.push(line.to_owned()),
                _ => pieces.push(Piece {
                    kept: vec![line.to_owned()],
                    ..Piece::default()
                }),
            }
        }
    }
    pieces
}

/// The words of a command line: parted by spaces, `'…'` holds spaces.
pub(crate) fn words(command: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    if quoted {
        return Err(format!("{command}: a quote has no end"));
    }
    words.extend(word);
    Ok(words)
}

#[test]
fn a_transcript_is_read_without_what_was_said() {
    let text = "# one\n\n$ write a\n| x\n|\n$ hashgate 'a b' c\n> said\n! warned\n= 2\n\n# end\n";
    let found = pieces(text);
    let commands: Vec<Option<&str>> = found.iter().map(|piece| piece.command.as_deref()).collect();
    assert_eq!(
        commands,
        [None, Some("write a"), Some("hashgate 'a b' c"), None]
    );
    assert_eq!(found[0].kept, ["# one", ""]);
    assert_eq!(found[1].input, ["x", ""]);
    assert_eq!(found[3].kept, ["", "# end"]);
    assert_eq!(
        words("hashgate 'a b' c ''"),
        Ok(["hashgate", "a b", "c", ""].map(str::to_owned).to_vec())
    );
    assert!(words("a 'b").is_err());
}
