//! Writing the policies in force as a policy file.

use crate::bank::{Bank, Rule, Said, Scope, Setting, UnreadPolicy};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// All that is said of these banks, as a policy file that says the same: each line with where it
/// comes from. What is done about parts that were not looked at is given too, where that is said, and what labels and
/// facts are carried besides.
#[must_use]
pub fn write(
    banks: &[Bank],
    unread: Option<UnreadPolicy>,
    carry_labels: &[String],
    carry_sources: bool,
) -> String {
    let mut text = String::new();
    // Before the sections: a key behind one would be of it.
    if let Some(policy) = unread {
        let _ = writeln!(text, "unread = \"{policy}\"\n");
    }
    for bank in banks {
        let name = key(bank.name.as_str());
        let policy = &bank.policy;
        let layer = policy.layer.as_deref();
        text.push_str(&format!("[bank.{name}]\n"));
        for set in policy.settings() {
            let over = layer
                .and_then(|layer| (layer.over.iter()).find(|over| over.own.name() == set.name()));
            let from = match (over, layer) {
                (Some(over), Some(layer)) => format!("{}:{}", layer.file, over.line),
                _ => "store".to_owned(),
            };
            line(&mut text, set, &from);
        }
        for paused in &policy.paused {
            let until = crate::clock::time(paused.until);
            let _ = writeln!(
                text,
                "# entry {} matches nothing until {until}",
                paused.content
            );
        }
        text.push('\n');
        // What is said of a type in all banks is said of it in this one.
        let mut of_type: BTreeMap<String, Vec<Said>> = BTreeMap::new();
        let file = layer.map_or("", |layer| layer.file.as_str());
        for rule in policy.rules() {
            match (&rule.scope.label, rule.scope.signal_type) {
                (None, Some(kind)) => {
                    let said = of_type.entry(kind.name().to_owned()).or_default();
                    // The more specific comes later and wins.
                    said.retain(|held| {
                        rule.say
                            .iter()
                            .all(|said| said.set.name() != held.set.name())
                    });
                    said.extend(&rule.say);
                }
                _ if rule.scope.of_bank => {
                    let of = section(&rule.scope);
                    say(&mut text, &format!("bank.{name}.{of}"), &rule.say, file);
                }
                _ => {}
            }
        }
        for (kind, said) in of_type {
            say(&mut text, &format!("bank.{name}.type.{kind}"), &said, file);
        }
    }
    let mut written: BTreeSet<String> = BTreeSet::new();
    for bank in banks {
        let file = bank.policy.layer.as_deref().map_or("", |layer| &layer.file);
        let of_all = |rule: &&Rule| !rule.scope.of_bank && rule.scope.label.is_some();
        for rule in bank.policy.rules().iter().filter(of_all) {
            let of = section(&rule.scope);
            if written.insert(of.clone()) {
                say(&mut text, &of, &rule.say, file);
            }
        }
    }
    if !carry_labels.is_empty() || carry_sources {
        let labels: Vec<String> = carry_labels.iter().map(|label| quoted(label)).collect();
        let _ = writeln!(text, "[carry]\nlabels = [{}]", labels.join(", "));
        let _ = writeln!(text, "sources = {carry_sources}");
    }
    text
}

fn say(text: &mut String, of: &str, said: &[Said], file: &str) {
    let _ = writeln!(text, "[{of}]");
    for said in said {
        line(text, said.set, &format!("{file}:{}", said.line));
    }
    text.push('\n');
}

fn line(text: &mut String, set: Setting, from: &str) {
    let said = format!("{} = {set}", set.name());
    // A name cannot end the comment.
    let from = from.escape_debug();
    let _ = writeln!(text, "{said:<40} # {from}");
}

/// A scope as the section of a bank or of the file.
fn section(scope: &Scope) -> String {
    let label = (scope.label.as_deref()).map(|label| format!("label.{}", key(label)));
    let kind = scope.signal_type.map(|kind| format!("type.{kind}"));
    let parts: Vec<String> = label.into_iter().chain(kind).collect();
    parts.join(".")
}

/// A key, in quotes where it needs them.
fn key(text: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match !text.is_empty() && text.chars().all(bare) {
        true => text.to_owned(),
        false => quoted(text),
    }
}

/// A text in quotes.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
