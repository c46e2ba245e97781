//! The known word that is nearest to a mistyped one.

/// The candidate that differs least, where that is little enough for a slip of the fingers.
pub(super) fn nearest<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    // What is long is no slip, and comparing it costs the product of the lengths.
    let given: Vec<char> = given.chars().take(64).collect();
    let apart = |word: &str| distance(&given, &word.chars().collect::<Vec<_>>());
    let near = known.iter().map(|word| (apart(word), *word));
    let (apart, word) = near.min_by_key(|(apart, _)| *apart)?;
    (apart <= 1 + given.len().max(word.len()) / 3).then_some(word)
}

/// How many letters must be put in, left out or changed.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (number, left) in a.iter().enumerate() {
        let mut diagonal = number;
        let mut before = number + 1;
        for (cell, right) in row.iter_mut().skip(1).zip(b) {
            let change = diagonal + usize::from(left != right);
            diagonal = *cell;
            *cell = change.min(before + 1).min(diagonal + 1);
            before = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = number + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_told_from_other_words() {
        let known = ["action", "threshold", "threshold64", "min_quality", "share"];
        for (given, expected) in [
            ("treshold", Some("threshold")),
            ("threshhold64", Some("threshold64")),
            ("min-quality", Some("min_quality")),
            ("shares", Some("share")),
            ("acton", Some("action")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(given, &known), expected, "{given}");
        }
        assert_eq!(nearest("x", &[]), None);
    }

    #[test]
    fn distances_are_edits() {
        let apart = |a: &str, b: &str| {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            distance(&letters(a), &letters(b))
        };
        assert_eq!(apart("kitten", "sitting"), 3);
        assert_eq!(
            (apart("", "abc"), apart("abc", ""), apart("a", "a")),
            (3, 3, 0)
        );
    }
}
