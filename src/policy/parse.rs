//! Reading a policy file, every word with the line that it stands in.
//!
//! A file that says something that is not known is refused as a whole: a rule that is passed
//! over would be a missed match, or a false one. All faults are named, not only the first.

use crate::bank::{Action, BankName, Policy, Quarantine, Said, Scope, Setting, Share, Verified};
use crate::hash::{Quality, SignalType, Threshold};
use crate::policy::nearest::nearest;
use crate::policy::{PolicyFile, Section};
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Something in a policy file that cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1 on.
    pub line: u32,
    /// What it is, and how to repair it.
    pub problem: String,
}

/// A policy file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct FileError {
    /// The file's name.
    pub name: String,
    /// What is wrong with it, by lines: at most [`FileError::MOST`].
    pub faults: Vec<Fault>,
}

impl FileError {
    /// Most faults that are named.
    pub const MOST: usize = 32;
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.faults.iter().enumerate() {
            let newline = if number == 0 { "" } else { "\n" };
            write!(
                f,
                "{newline}{}:{}: {}",
                self.name, fault.line, fault.problem
            )?;
        }
        Ok(())
    }
}

impl PolicyFile {
    /// Most bytes of a policy file.
    pub const MAX_BYTES: usize = 1 << 20;

    /// Reads a policy file; `name` is what messages call it. An empty one says nothing.
    ///
    /// # Errors
    /// [`FileError`]: words that are not known, values that cannot be, each with its line.
    pub fn parse(name: &str, text: &str) -> Result<Self, FileError> {
        let mut parser = Parser {
            lines: std::iter::once(0)
                .chain(text.match_indices('\n').map(|(at, _)| at + 1))
                .collect(),
            faults: Vec::new(),
            file: Self {
                name: name.to_owned(),
                ..Self::default()
            },
        };
        if text.len() > Self::MAX_BYTES {
            let problem = format!("{} bytes are too many: {}", text.len(), Self::MAX_BYTES);
            parser.faults.push(Fault { line: 1, problem });
        } else {
            match DeTable::parse(text) {
                Ok(table) => parser.top(table.get_ref()),
                Err(error) => {
                    let at = error.span().unwrap_or(0..0);
                    parser.fault(&at, error.message().trim());
                }
            }
        }
        let Parser {
            mut faults, file, ..
        } = parser;
        if faults.is_empty() {
            return Ok(file);
        }
        faults.sort_by_key(|fault| fault.line);
        faults.truncate(FileError::MOST);
        Err(FileError {
            name: name.to_owned(),
            faults,
        })
    }
}

struct Parser {
    /// Where each line begins.
    lines: Vec<usize>,
    faults: Vec<Fault>,
    file: PolicyFile,
}

type Value<'a> = Spanned<DeValue<'a>>;

/// What stands at the top of a file: sections, and what is said of no bank.
const TOP: [&str; 7] = [
    "bank", "label", "type", "defaults", "carry", "unread", "service",
];

impl Parser {
    fn line(&self, at: &Range<usize>) -> u32 {
        let line = self.lines.partition_point(|&begin| begin <= at.start);
        u32::try_from(line).unwrap_or(u32::MAX)
    }

    fn fault(&mut self, at: &Range<usize>, problem: impl Into<String>) {
        let line = self.line(at);
        let problem = problem.into();
        self.faults.push(Fault { line, problem });
    }

    fn unknown(&mut self, key: &Spanned<std::borrow::Cow<'_, str>>, known: &[&str], of: &str) {
        let given = key.get_ref();
        let meant = match nearest(given, known) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("known are {}", known.join(", ")),
        };
        let given: String = given.chars().take(64).collect();
        let problem = format!("unknown key `{}` in {of}: {meant}", given.escape_debug());
        self.fault(&key.span(), problem);
    }

    /// The table that a value must be.
    fn table<'v, 'a>(&mut self, value: &'v Value<'a>, what: &str) -> Option<&'v DeTable<'a>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            let kind = value.get_ref().type_str();
            self.fault(
                &value.span(),
                format!("{what} is a section, not of type {kind}"),
            );
        }
        table
    }

    fn top(&mut self, table: &DeTable<'_>) {
        for (key, value) in table.iter() {
            match key.get_ref().as_ref() {
                "defaults" => {
                    let Some(table) = self.table(value, "[defaults]") else {
                        continue;
                    };
                    self.section(table, "[defaults]", None, Scope::default(), &[]);
                }
                "bank" => self.banks(value),
                "label" => self.labels(value, None, "label"),
                "type" => self.types(value, None, &Scope::default(), "type"),
                "carry" => self.carry(value),
                "unread" => self.unread(value),
                // What a service reads of the same file; policy has no part in it.
                "service" => {
                    self.table(value, "[service]");
                }
                _ => self.unknown(key, &TOP, "the file"),
            }
        }
    }

    fn banks(&mut self, value: &Value<'_>) {
        let Some(table) = self.table(value, "[bank.NAME]") else {
            return;
        };
        for (key, value) in table.iter() {
            let name = key.get_ref().as_ref();
            if let Err(error) = BankName::from_str(name) {
                self.fault(&key.span(), error.to_string());
                continue;
            }
            let of = format!("[bank.{name}]");
            let Some(table) = self.table(value, &of) else {
                continue;
            };
            let scope = Scope {
                of_bank: true,
                ..Scope::default()
            };
            self.section(table, &of, Some(name), scope.clone(), &["label", "type"]);
            if let Some(labels) = table.get("label") {
                self.labels(labels, Some(name), &format!("bank.{name}.label"));
            }
            if let Some(types) = table.get("type") {
                self.types(types, Some(name), &scope, &format!("bank.{name}.type"));
            }
        }
    }

    fn labels(&mut self, value: &Value<'_>, bank: Option<&str>, of: &str) {
        let Some(table) = self.table(value, &format!("[{of}.LABEL]")) else {
            return;
        };
        for (key, value) in table.iter() {
            let label = key.get_ref().as_ref();
            if label.is_empty() || label.len() > Policy::MAX_LABEL {
                let most = Policy::MAX_LABEL;
                self.fault(&key.span(), format!("a label has 1 to {most} bytes"));
                continue;
            }
            let of = format!("{of}.{}", label.escape_debug());
            let Some(table) = self.table(value, &format!("[{of}]")) else {
                continue;
            };
            let scope = Scope {
                of_bank: bank.is_some(),
                label: Some(label.to_owned()),
                signal_type: None,
            };
            self.section(table, &format!("[{of}]"), bank, scope.clone(), &["type"]);
            if let Some(types) = table.get("type") {
                self.types(types, bank, &scope, &format!("{of}.type"));
            }
        }
    }

    fn types(&mut self, value: &Value<'_>, bank: Option<&str>, scope: &Scope, of: &str) {
        let Some(table) = self.table(value, &format!("[{of}.TYPE]")) else {
            return;
        };
        for (key, value) in table.iter() {
            let name = key.get_ref().as_ref();
            let Ok(kind) = SignalType::from_str(name) else {
                let known = SignalType::ALL.map(SignalType::name);
                self.unknown(key, &known, &format!("[{of}]"));
                continue;
            };
            let of = format!("[{of}.{kind}]");
            let Some(table) = self.table(value, &of) else {
                continue;
            };
            let scope = Scope {
                signal_type: Some(kind),
                ..scope.clone()
            };
            self.section(table, &of, bank, scope, &[]);
        }
    }

    /// Reads what a section says; `below` are the keys of sections in it, which are read elsewhere.
    fn section(
        &mut self,
        table: &DeTable<'_>,
        of: &str,
        bank: Option<&str>,
        scope: Scope,
        below: &[&str],
    ) {
        let mut say = Vec::new();
        for (key, value) in table.iter() {
            let name = key.get_ref().as_ref();
            if below.contains(&name) {
                continue;
            }
            if !Setting::NAMES.contains(&name) {
                let known = [&Setting::NAMES[..], below].concat();
                self.unknown(key, &known, of);
                continue;
            }
            let read = setting(name, value.get_ref()).and_then(|set| {
                set.check().map_err(|error| error.to_string())?;
                may_say(set, &scope)?;
                Ok(set)
            });
            match read {
                Ok(set) => say.push(Said {
                    set,
                    line: self.line(&key.span()),
                }),
                Err(problem) => self.fault(&key.span(), format!("`{name}` in {of}: {problem}")),
            }
        }
        if !say.is_empty() {
            say.sort_by_key(|said| said.line);
            self.file.sections.push(Section {
                bank: bank.map(str::to_owned),
                scope,
                say,
            });
        }
    }

    fn unread(&mut self, value: &Value<'_>) {
        let text = value.get_ref().as_str().unwrap_or_default();
        match text.parse() {
            Ok(policy) => self.file.unread = Some(policy),
            Err(_) => self.fault(&value.span(), "`unread` is \"pass\" or \"review\""),
        }
    }

    fn carry(&mut self, value: &Value<'_>) {
        let Some(table) = self.table(value, "[carry]") else {
            return;
        };
        for (key, value) in table.iter() {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("sources", DeValue::Boolean(sources)) => self.file.carry_sources = *sources,
                ("labels", DeValue::Array(labels)) => {
                    let mut all = BTreeSet::new();
                    for label in labels.iter() {
                        match label.get_ref().as_str() {
                            Some(text) if !text.is_empty() && text.len() <= Policy::MAX_LABEL => {
                                all.insert(text.to_owned());
                            }
                            _ => {
                                let most = Policy::MAX_LABEL;
                                let problem = format!("a label is a text of 1 to {most} bytes");
                                self.fault(&label.span(), problem);
                            }
                        }
                    }
                    self.file.carry_labels = all.into_iter().collect();
                }
                ("sources", _) => self.fault(&value.span(), "`sources` is true or false"),
                ("labels", _) => self.fault(&value.span(), "`labels` is a list of texts"),
                _ => self.unknown(key, &["labels", "sources"], "[carry]"),
            }
        }
    }
}

/// Whether a section may say this.
fn may_say(set: Setting, scope: &Scope) -> Result<(), String> {
    let of_all = !scope.of_bank && scope.label.is_none();
    match set {
        Setting::Action(_) | Setting::Enabled(_) if of_all => {
            Err("say it of a bank or a label, not of everything".to_owned())
        }
        // Whoever sends a list says which labels it has.
        Setting::Action(Action::Allow) if !scope.of_bank => Err(
            "a label of any list would let uploads pass: allow it in a bank, [bank.NAME.label.…]"
                .to_owned(),
        ),
        _ => match scope.signal_type {
            Some(kind) if !set.speaks_of(kind) => Err(match set {
                Setting::Threshold(_) if kind.max_distance() == 64 => {
                    format!("of {kind}, a 64-bit hash, say threshold64")
                }
                _ => format!("it says nothing of {kind} hashes"),
            }),
            _ => Ok(()),
        },
    }
}

/// The setting of this name with this value.
fn setting(name: &str, value: &DeValue<'_>) -> Result<Setting, String> {
    let expected = |what: &str| format!("expected {what}, got type {}", value.type_str());
    let whole = || whole(value).ok_or_else(|| expected("a whole number of 0 or more"));
    let text = || value.as_str().ok_or_else(|| expected("a text in quotes"));
    let small = |number: u64| u16::try_from(number).unwrap_or(u16::MAX);
    Ok(match name {
        "action" => Setting::Action(text()?.parse().map_err(|error| format!("{error}"))?),
        "threshold" => Setting::Threshold(Threshold(small(whole()?))),
        "threshold64" => Setting::Threshold64(Threshold(small(whole()?))),
        "min_quality" => {
            let number = u8::try_from(whole()?).unwrap_or(u8::MAX);
            Setting::MinQuality(Quality::try_from(number).map_err(|error| error.to_string())?)
        }
        "enabled" => Setting::Enabled(value.as_bool().ok_or_else(|| expected("true or false"))?),
        "verified_action" => {
            let verified: Verified = text()?.parse().map_err(|error| format!("{error}"))?;
            Setting::VerifiedAction(verified)
        }
        "min_sources" => Setting::MinSources(u32::try_from(whole()?).unwrap_or(u32::MAX)),
        "share" => {
            let percent = match value {
                DeValue::Float(number) => number.as_str().parse().ok(),
                _ => Some(self::whole(value).ok_or_else(|| expected("per cent"))? as f64),
            };
            let share = percent.and_then(Share::from_percent);
            Setting::Share(share.ok_or("a share is 0 to 100 per cent, with up to two decimals")?)
        }
        "quarantine" => Setting::Quarantine(quarantine(value)?),
        _ => return Err("it is not known".to_owned()),
    })
}

/// A whole number of 0 or more.
fn whole(value: &DeValue<'_>) -> Option<u64> {
    let number = value.as_integer()?;
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn quarantine(value: &DeValue<'_>) -> Result<Option<Quarantine>, String> {
    const FORM: &str = "give { uploads = N, seconds = S } or \"off\"";
    if value.as_str() == Some("off") {
        return Ok(None);
    }
    let table = value.as_table().ok_or(FORM)?;
    let mut found = [None; 2];
    for (key, value) in table.iter() {
        let place = match key.get_ref().as_ref() {
            "uploads" => 0,
            "seconds" => 1,
            other => return Err(format!("unknown key `{}`: {FORM}", other.escape_debug())),
        };
        let number = whole(value.get_ref()).and_then(|number| u32::try_from(number).ok());
        if let Some(held) = found.get_mut(place) {
            *held = Some(number.ok_or(FORM)?);
        }
    }
    match found {
        [Some(uploads), Some(seconds)] => Ok(Some(Quarantine { uploads, seconds })),
        _ => Err(FORM.to_owned()),
    }
}

#[cfg(test)]
mod tests;
