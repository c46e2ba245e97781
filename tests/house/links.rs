//! The links of the project's Markdown: each that stays inside the project must lead somewhere.
//!
//! Links to other sites are not followed: a test asks no network.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

/// The links of one Markdown text, as written, with their lines: inline links and pictures,
/// reference definitions, and `href` and `src` of embedded HTML. Code is no text.
pub(crate) fn links(markdown: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (line, text) in prose(markdown) {
        let bare = without_code(text);
        for (at, _) in bare.match_indices("](") {
            let target = &bare[at + 2..];
            let end = target.find([')', ' ', '"']).unwrap_or(target.len());
            found.push((line, target[..end].trim_matches(['<', '>']).to_owned()));
        }
        if let Some(rest) = bare.trim_start().strip_prefix('[')
            && let Some((label, target)) = rest.split_once("]: ")
            && !label.contains(']')
        {
            let target = target.split_whitespace().next().unwrap_or_default();
            found.push((line, target.trim_matches(['<', '>']).to_owned()));
        }
        for attribute in ["href=\"", "src=\""] {
            for (at, _) in bare.match_indices(attribute) {
                let target = &bare[at + attribute.len()..];
                let end = target.find('"').unwrap_or(target.len());
                found.push((line, target[..end].to_owned()));
            }
        }
    }
    found
}

/// The anchors that a forge gives to the headings of a Markdown text.
pub(crate) fn anchors(markdown: &str) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut found = Vec::new();
    for (_, text) in prose(markdown) {
        let hashes = text.chars().take_while(|c| *c == '#').count();
        if (1..=6).contains(&hashes) && text[hashes..].starts_with(' ') {
            let slug = slug(&text[hashes..]);
            let count = seen.entry(slug.clone()).or_default();
            found.push(if *count == 0 {
                slug
            } else {
                format!("{slug}-{count}")
            });
            *count += 1;
        }
        for attribute in ["id=\"", "name=\""] {
            for (at, _) in text.match_indices(attribute) {
                let rest = &text[at + attribute.len()..];
                found.push(rest[..rest.find('"').unwrap_or(rest.len())].to_owned());
            }
        }
    }
    found
}

/// What is broken in one Markdown file of the project at `root`: links to files that are not
/// there, to headings that are not there, and out of the project.
pub(crate) fn broken(root: &Path, file: &Path) -> std::io::Result<Vec<String>> {
    let markdown = std::fs::read_to_string(root.join(file))?;
    let mut found = Vec::new();
    for (line, link) in links(&markdown) {
        let elsewhere = link.starts_with("mailto:") || link.starts_with("//");
        // `crate::room::Item` in a document that rustdoc reads is rustdoc's to check.
        if link.is_empty() || elsewhere || link.contains("://") || link.contains("::") {
            continue;
        }
        let at = format!("{}:{line}: `{link}`", file.display());
        let (path, anchor) = link.split_once('#').unwrap_or((link.as_str(), ""));
        let target = if path.is_empty() {
            file.to_owned()
        } else {
            let from = file.parent().unwrap_or(Path::new(""));
            match normal(&from.join(path)) {
                Some(target) => target,
                None => {
                    found.push(format!("{at} leads out of the project"));
                    continue;
                }
            }
        };
        let full = root.join(&target);
        if !full.exists() {
            found.push(format!("{at}: there is no {}", target.display()));
        } else if !anchor.is_empty() && target.extension().is_some_and(|e| e == "md") {
            let there = anchors(&std::fs::read_to_string(&full)?);
            if !there.iter().any(|known| known == anchor) {
                let there = there.join(", ");
                found.push(format!("{at}: no such heading; there are: {there}"));
            }
        }
    }
    Ok(found)
}

/// The lines outside fenced code blocks, with their numbers from 1.
fn prose(markdown: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fence: Option<&str> = None;
    markdown.lines().enumerate().filter_map(move |(i, line)| {
        let text = line.trim_start();
        let mark = ["```", "~~~"]
            .into_iter()
            .find(|mark| text.starts_with(mark));
        match (fence, mark) {
            (None, Some(_)) => fence = mark,
            (Some(open), Some(close)) if open == close => fence = None,
            (None, None) => return Some((i + 1, line)),
            _ => {}
        }
        None
    })
}

/// A line without its inline code.
fn without_code(line: &str) -> String {
    let parts: Vec<&str> = line.split('`').collect();
    let last = parts.len() - 1;
    parts
        .iter()
        .enumerate()
        // An even part is text; so is what follows a backtick that nothing closes.
        .filter(|(i, _)| i % 2 == 0 || (*i == last && last % 2 == 1))
        .map(|(_, part)| *part)
        .collect()
}

/// A heading's anchor as forges make it: lower case, spaces to hyphens, punctuation dropped.
fn slug(heading: &str) -> String {
    let mut text = String::new();
    let mut rest = heading.trim();
    // A link in a heading counts by its text only.
    while let Some(at) = rest.find("](") {
        text.push_str(&rest[..at]);
        rest = rest[at..].split_once(')').map_or("", |(_, rest)| rest);
    }
    text.push_str(rest);
    text.to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            _ if c.is_alphanumeric() => Some(c),
            _ => None,
        })
        .collect()
}

/// A path without `.` and `..`; `None` where it leaves the folder it is relative to.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => out.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !out.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::{anchors, broken, links};
    use std::path::Path;

    #[test]
    fn links_are_found_in_every_form_and_code_is_left_alone() {
        let markdown = "[a](one.md) ![b](two.png \"title\") `[c](three.md)`\n\
            ```sh\n[d](four.md)\n```\n\
            [ref]: five.md\n<img src=\"six.png\">\n<a href=\"seven.md#x\">y</a>\n";
        let found: Vec<String> = links(markdown).into_iter().map(|(_, link)| link).collect();
        assert_eq!(
            found,
            ["one.md", "two.png", "five.md", "six.png", "seven.md#x"]
        );
    }

    #[test]
    fn headings_become_anchors() {
        let markdown = "# I have a hash, where does it go?\n## `scan` & co\n## `scan` & co\n\
            ```\n# not one\n```\n### See [the format](x.md)\n#no\n<a id=\"by-hand\"></a>\n";
        assert_eq!(
            anchors(markdown),
            [
                "i-have-a-hash-where-does-it-go",
                "scan--co",
                "scan--co-1",
                "see-the-format",
                "by-hand"
            ]
        );
    }

    #[test]
    fn a_broken_link_is_caught_and_a_sound_one_is_not() {
        let root = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(root.path().join("docs")).expect("a folder");
        let write = |name: &str, text: &str| {
            std::fs::write(root.path().join(name), text).expect("a file");
        };
        write("top.md", "# Here\n");
        write(
            "docs/page.md",
            "# Page\n[1](../top.md) [2](../top.md#here) [3](#page) [4](.) [5](https://example.org/x.md) [b](crate::hash)\n\
             [6](none.md)\n[7](../top.md#there)\n[8](../../outside.md)\n[9](/etc/hosts)\n",
        );
        let found = broken(root.path(), Path::new("docs/page.md")).expect("readable");
        let lines: Vec<&str> = found
            .iter()
            .filter_map(|message| message.split(':').nth(1))
            .collect();
        assert_eq!(lines, ["3", "4", "5", "6"], "{found:#?}");
    }
}
