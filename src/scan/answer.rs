//! Hashes instead of files: read line by line, asked about in batches, one answer each.

use crate::bank::{Action, ContentSignal};
use crate::gate::{Gate, Match, Nearest, Outcome, Shadow, Verdict};
use crate::hash::{Distance, Quality, Signal};
use crate::hashset::{self, ListFormat, ListRecord, MAX_LINE};
use crate::scan::ShadowRecord;
use serde::Serialize;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;

/// Most lines that are asked about together.
const BATCH: usize = 1024;

/// What is said of one hash: one JSON object.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Answer {
    /// The hash as it was given.
    pub query: String,
    /// `match`, `no_match`, or `low_quality` where the quality given is under a bank's minimum (of a
    /// question within a distance: under the usual one, and nothing matched); null where the text is
    /// not one hash.
    pub outcome: Option<Outcome>,
    /// What policy says to do, or none.
    pub action: &'static str,
    /// The matches, the nearest first.
    pub matches: Vec<Match>,
    /// Matches beyond those, where there are more than a verdict holds.
    #[serde(skip_serializing_if = "is_zero")]
    pub matches_left_out: u64,
    /// Why it is no hash, or could not be judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What other policies would have decided, where they are tried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow: Option<ShadowRecord>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Answer {
    fn bad(text: &str, reason: String) -> Self {
        Self {
            query: text.to_owned(),
            outcome: None,
            action: "none",
            matches: Vec::new(),
            matches_left_out: 0,
            error: Some(reason),
            shadow: None,
        }
    }

    fn judged(text: &str, verdict: Verdict, most: usize) -> Self {
        let action = verdict.action_name();
        let mut matches = verdict.matches;
        let left_out = match matches.len() > most {
            true => 0,
            false => verdict.matches_left_out,
        };
        matches.truncate(most);
        Self {
            query: text.to_owned(),
            outcome: Some(verdict.outcome),
            action,
            matches,
            matches_left_out: left_out,
            error: verdict.problem.map(|problem| problem.message),
            shadow: None,
        }
    }

    fn near(text: &str, quality: Option<Quality>, nearest: Nearest) -> Self {
        let Nearest {
            matches, action, ..
        } = nearest;
        // No policy decides here, so the usual minimum does.
        let least = Quality::DEFAULT_MINIMUM;
        let faint = quality.filter(|quality| matches.is_empty() && *quality < least);
        let outcome = match (faint, matches.is_empty()) {
            (Some(_), _) => Outcome::LowQuality,
            (None, true) => Outcome::NoMatch,
            (None, false) => Outcome::Match,
        };
        Self {
            query: text.to_owned(),
            outcome: Some(outcome),
            action: action.map_or("none", Action::name),
            matches,
            matches_left_out: 0,
            error: faint.map(|quality| {
                format!("PDQ quality {quality} is under {least}: there is too little in the picture to tell it by")
            }),
            shadow: None,
        }
    }

    /// Whether it matches something that is not known to be harmless.
    #[must_use]
    pub fn is_match(&self) -> bool {
        self.outcome == Some(Outcome::Match) && self.action != Action::Allow.name()
    }
}

/// How hashes are asked about.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Question<'a> {
    /// Who answers.
    pub gate: &'a Gate,
    /// Other policies that are tried out beside those in force.
    pub shadow: Option<&'a Shadow>,
    /// Everything within so many bits in enabled banks; without it the banks' policies decide.
    pub within: Option<Distance>,
    /// Most matches of a hash, the nearest ones.
    pub most: usize,
    /// The texts are lines of a list: what a list says of a hash may stand behind it.
    pub(crate) is_list: bool,
}

impl<'a> Question<'a> {
    /// The banks' policies decide, and all matches are told.
    #[must_use]
    pub const fn new(gate: &'a Gate) -> Self {
        Self {
            gate,
            shadow: None,
            within: None,
            most: usize::MAX,
            is_list: false,
        }
    }

    /// Answers for hashes as they are typed and as `hashgate hash` prints them, with their qualities where
    /// those are told. Each text is one hash: a text with anything behind it but `,QUALITY,NAME` gets an
    /// error, and so does one with a second hash. `note` is given what policy decided, before anyone is
    /// answered.
    ///
    /// # Errors
    /// What `note` says: then nobody is answered.
    pub fn ask<E>(
        &self,
        texts: &[String],
        note: impl FnOnce(&[Verdict]) -> Result<(), E>,
    ) -> Result<Vec<Answer>, E> {
        let parsed: Vec<_> = texts.iter().map(|text| parse(text, self.is_list)).collect();
        if let Some(within) = self.within {
            let answer = |(text, signal): (&String, Result<ContentSignal, String>)| match signal {
                Ok(one) => {
                    let nearest = self.gate.nearest(&one.signal, within, self.most);
                    Answer::near(text, one.quality, nearest)
                }
                Err(reason) => Answer::bad(text, reason),
            };
            return Ok(texts.iter().zip(parsed).map(answer).collect());
        }
        let good: Vec<ContentSignal> = parsed.iter().flatten().copied().collect();
        let others = match self.shadow {
            Some(shadow) => self.gate.match_signals_with(shadow, &good),
            None => Vec::new(),
        };
        let judged = self.gate.match_signals(&good);
        note(&judged)?;
        let (mut judged, mut others) = (judged.into_iter(), others.into_iter());
        let answer = |(text, signal): (&String, Result<ContentSignal, String>)| {
            let verdict = match signal.map(|_| judged.next()) {
                Ok(Some(verdict)) => verdict,
                Ok(None) => return Answer::bad(text, "it was not asked".to_owned()),
                Err(reason) => return Answer::bad(text, reason),
            };
            let decided = (verdict.outcome, verdict.action_name());
            let mut answer = Answer::judged(text, verdict, self.most);
            let other = others.next();
            answer.shadow = other.map(|other| ShadowRecord::new(other, decided));
            answer
        };
        Ok(texts.iter().zip(parsed).map(answer).collect())
    }
}

/// Gives lines as they come: as many together as have come already, up to a thousand or so, so that long
/// lists are asked about in batches and nobody waits for an answer. Empty lines are passed over.
///
/// # Errors
/// Where the input cannot be read; what `ask` says.
pub fn for_each_batch<R: Read, E: From<io::Error>>(
    mut input: BufReader<R>,
    mut ask: impl FnMut(&[String]) -> Result<(), E>,
) -> Result<(), E> {
    let mut texts = Vec::new();
    while let Some(text) = next_line(&mut input)? {
        if !text.is_empty() {
            texts.push(text);
        }
        if texts.len() >= BATCH || !input.buffer().contains(&b'\n') {
            ask(&texts)?;
            texts.clear();
        }
    }
    ask(&texts)
}

/// The next line without its ends; of an overlong one the beginning, which is no hash.
fn next_line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let longest = MAX_LINE as u64 + 2;
    let read = Read::take(&mut *input, longest).read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if read as u64 == longest && line.last() != Some(&b'\n') {
        // What is left of it is no hash of its own.
        input.skip_until(b'\n')?;
    }
    Ok(Some(String::from_utf8_lossy(&line).trim().to_owned()))
}

/// Digits of the shortest hash.
const SHORTEST: usize = 16;

/// Why a text with more than one hash is refused.
const MANY: &str = "there is more than one hash in it: send one hash a text";
/// Why a text is refused that goes on behind its hash.
const BEHIND: &str =
    "only `,QUALITY` or `,QUALITY,NAME` may stand behind the hash: send one hash a text";

/// The one hash of a text. Nothing of a text is passed over: a hash that was not looked up would read as clean.
fn parse(text: &str, is_list: bool) -> Result<ContentSignal, String> {
    if text.trim_end().contains(['\n', '\r']) {
        return Err("there is a line break in it: send one hash a text".to_owned());
    }
    let mut found = Err("there is no hash in it".to_owned());
    let mut rows = 0;
    let read = hashset::read(text.as_bytes(), ListFormat::Typed, &mut |row| {
        rows += 1;
        found = match row {
            _ if rows > 1 => Err(MANY.to_owned()),
            Ok(record) => one_of(&record, is_list),
            Err(bad) => Err(bad.reason),
        };
        match rows {
            1 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    });
    read.map_err(|error| error.to_string())?;
    found
}

/// The one hash of a row, and its quality.
fn one_of(record: &ListRecord, is_list: bool) -> Result<ContentSignal, String> {
    let mut signal = match record.signals[..] {
        [signal] => signal,
        [] => return Err("there is no hash in it".to_owned()),
        _ => return Err(MANY.to_owned()),
    };
    let behind = record.metadata.as_deref().unwrap_or_default();
    let (number, name) = match signal.quality {
        Some(_) => ("", behind),
        None => behind.split_once(',').unwrap_or((behind, "")),
    };
    let number = number.trim();
    let is_told = number.bytes().all(|byte| byte.is_ascii_digit());
    if is_told && !number.is_empty() {
        let quality: Result<Quality, _> = number.parse();
        match quality {
            Ok(quality) if signal.signal.as_pdq().is_some() => signal.quality = Some(quality),
            Ok(_) => {}
            // What follows a hash in a list may be a number of another kind.
            Err(_) if is_list => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    if !is_list && !is_told {
        return Err(match has_hash(behind, None) {
            true => MANY.to_owned(),
            false => BEHIND.to_owned(),
        });
    }
    // In a list the third field is a file's name, and files may be called by their hashes.
    let known = is_list.then_some(&signal.signal);
    let is_name = is_list && is_told && behind.contains(',') | signal.quality.is_some();
    match !is_name && has_hash(if is_told { name } else { behind }, known) {
        true => Err(MANY.to_owned()),
        false => Ok(signal),
    }
}

/// Whether a word of a text reads as a hash, other than the one that is known.
fn has_hash(text: &str, known: Option<&Signal>) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || "+/=:._-".contains(c);
    let is_hash = |word: &str| {
        let word = word.strip_prefix("0x").unwrap_or(word);
        let mut is_hash = false;
        if word.len() >= SHORTEST {
            // Of memory, and no line is longer than the text was.
            let _ = hashset::read(word.as_bytes(), ListFormat::Typed, &mut |row| {
                let signals = row.map(|record| record.signals).unwrap_or_default();
                is_hash |= signals.iter().any(|one| Some(&one.signal) != known);
                ControlFlow::Continue(())
            });
        }
        is_hash
    };
    let mut words = text.split(|c| !is_part(c));
    words.any(|word| {
        let value = word.rsplit(['=', ':']).next().unwrap_or(word);
        is_hash(word) || is_hash(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_as_it_is_typed_and_what_is_none_says_why() {
        let md5 = "md5:d41d8cd98f00b204e9800998ecf8427e";
        let signal = parse(md5, false).unwrap().signal;
        assert_eq!(signal.to_string(), md5);
        assert_eq!(
            parse("d41d8cd98f00b204e9800998ecf8427e", false)
                .unwrap()
                .signal,
            signal
        );
        for text in ["", "# nothing", "md5:12", "hello"] {
            assert!(!parse(text, false).unwrap_err().is_empty(), "{text:?}");
        }
    }

    #[test]
    fn a_text_is_one_hash_and_nothing_behind_it_is_passed_over() {
        let (x, k) = ("0f".repeat(32), "3c".repeat(32));
        let md5 = "d41d8cd98f00b204e9800998ecf8427e";
        for behind in [
            format!("\n{k}"),
            format!("\r{k}"),
            format!("\n\n# x\n{k},100,b"),
            format!(",{k}"),
            format!(" {k}"),
            format!(";pdq:{k}"),
            format!(",100,{k}"),
            format!(",100,a b \"{k}\""),
            format!(",,{k}"),
            format!(",100,a,{}", k.to_uppercase()),
            format!(",100 md5:{md5}"),
            format!(",100,md5={md5}"),
            ",a.jpg".to_owned(),
            " and more".to_owned(),
        ] {
            for first in [&*x, md5] {
                let reason = parse(&format!("{first}{behind}"), false).unwrap_err();
                assert!(reason.contains("one hash a text"), "{behind:?}: {reason}");
            }
        }
        assert!(parse(&format!("{x},101"), false).is_err());
        for (behind, quality) in [
            ("", None),
            ("\n", None),
            (",", None),
            (",10", Some(10)),
            (",10,", Some(10)),
            (",10,a b, c.jpg", Some(10)),
            (",,a.jpg", None),
        ] {
            let read = parse(&format!("{x}{behind}"), false).unwrap();
            assert_eq!(read.quality.map(|q| q.get()), quality, "{behind:?}");
            assert!(
                parse(&format!("md5:{md5}{behind}"), false).is_ok(),
                "{behind:?}"
            );
        }
    }

    #[test]
    fn lines_of_lists_may_say_more_of_their_hash_and_hide_no_other() {
        let (x, md5) = ("0f".repeat(32), "d41d8cd98f00b204e9800998ecf8427e");
        for line in [
            format!("{md5}  a b.jpg"),
            format!("{md5} *{md5}"),
            format!("md5 {md5} 'a collab' POSITIVE_CLASS"),
            format!("MD5 (a.jpg) = {md5}"),
            format!("{x},100,{md5}"),
            format!("md5:{md5},,{x}"),
            format!("{x} 2024"),
        ] {
            assert!(parse(&line, true).is_ok(), "{line}");
        }
        for line in [
            format!("{x} {md5}"),
            format!("{md5},{x}"),
            format!("{x}\r{md5}"),
        ] {
            assert!(parse(&line, true).is_err(), "{line}");
        }
    }

    #[test]
    fn lines_come_in_batches_and_an_overlong_one_is_one_line() {
        let long = "a".repeat(3 * MAX_LINE);
        let text = format!("one\n\n  two \r\n{long}\nthree");
        let mut lines = Vec::new();
        let input = BufReader::with_capacity(1 << 20, text.as_bytes());
        let read = for_each_batch(input, |batch| {
            lines.extend_from_slice(batch);
            Ok::<_, io::Error>(())
        });
        read.unwrap();
        assert_eq!(lines.len(), 4);
        assert_eq!(
            (&*lines[0], &*lines[1], &*lines[3]),
            ("one", "two", "three")
        );
        assert!(lines[2].len() > MAX_LINE && lines[2].len() < long.len());
        let many = "x\n".repeat(3 * BATCH + 5);
        let mut sizes = Vec::new();
        let read = for_each_batch(
            BufReader::with_capacity(1 << 20, many.as_bytes()),
            |batch| {
                sizes.push(batch.len());
                Ok::<_, io::Error>(())
            },
        );
        read.unwrap();
        assert_eq!(sizes.iter().sum::<usize>(), 3 * BATCH + 5);
        assert!(sizes.iter().all(|&size| size <= BATCH), "{sizes:?}");
    }
}
