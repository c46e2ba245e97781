//! The list of pairs that somebody looked at: which of them are the same picture.

use crate::evaluate::LookedAt;
use crate::hash::PdqHash;
use anyhow::{Context, bail};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Largest list that is read, in bytes.
const MOST_BYTES: u64 = 64 << 20;

/// Reads a list: a line of tab-separated picture, entry, relation and remark each; empty lines, and
/// those that begin with `#`, are left out.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<LookedAt>> {
    let shown = path.display();
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(MOST_BYTES + 1).read_to_string(&mut text))
        .with_context(|| format!("cannot read {shown}"))?;
    if text.len() as u64 > MOST_BYTES {
        bail!("{shown} is larger than {MOST_BYTES} bytes");
    }
    let pairs = parse(&text).with_context(|| shown.to_string())?;
    if pairs.is_empty() {
        bail!("{shown} holds no pair");
    }
    Ok(pairs)
}

fn parse(text: &str) -> anyhow::Result<Vec<LookedAt>> {
    (1u64..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|(number, line)| pair(line).with_context(|| format!("line {number}")))
        .collect()
}

fn pair(line: &str) -> anyhow::Result<LookedAt> {
    let mut fields = line.split('\t').map(str::trim);
    let mut hash = |what: &str| -> anyhow::Result<PdqHash> {
        let field = fields.next().unwrap_or_default();
        field
            .parse()
            .with_context(|| format!("the {what} should be a PDQ hash of 64 hexadecimal digits"))
    };
    let (picture, entry) = (hash("picture")?, hash("entry")?);
    let same = match fields.next().unwrap_or_default() {
        "same" | "part" => true,
        "other" => false,
        given => bail!("{given:?} is none of same, part and other"),
    };
    Ok(LookedAt {
        picture,
        entry,
        same,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_and_remarks_are_left_out() {
        let (one, two) = ("0f".repeat(32), "a5".repeat(32));
        let text = format!(
            "# picture\tentry\trelation\twhat\n\n{one}\t{two}\tsame\tmirrored\n{two}\t{one}\tother\n{one}\t{one}\tpart\t\n"
        );
        let pairs = parse(&text).expect("all lines are well");
        let same: Vec<bool> = pairs.iter().map(|pair| pair.same).collect();
        assert_eq!(same, [true, false, true]);
        assert_eq!(pairs[0].picture.to_string(), one);
        assert_eq!(pairs[0].entry.to_string(), two);
    }

    #[test]
    fn bad_lines_are_named() {
        let hash = "0f".repeat(32);
        for (line, said) in [
            (format!("{hash}\t{hash}\tmaybe"), "\"maybe\" is none"),
            (format!("{hash}\t{hash}"), "\"\" is none"),
            (format!("{hash}\tabc\tsame"), "the entry should be"),
            ("abc".to_owned(), "the picture should be"),
        ] {
            let error = parse(&format!("# list\n{line}\n")).expect_err("a bad line");
            let whole = format!("{error:#}");
            assert!(whole.contains("line 2") && whole.contains(said), "{whole}");
        }
    }
}
