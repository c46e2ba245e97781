//! Hashes instead of files: read line by line, asked about in batches, one answer each.

use crate::bank::{Action, ContentSignal};
use crate::gate::{Gate, Match, Outcome, Shadow, Verdict};
use crate::hash::Distance;
use crate::hashset::{self, ListFormat, MAX_LINE};
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
    /// `match`, `no_match`, or `low_quality` where the quality given is under a bank's minimum;
    /// null where the line is no hash.
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
            error: verdict.error,
            shadow: None,
        }
    }

    fn near(text: &str, (matches, action): (Vec<Match>, Option<Action>)) -> Self {
        let outcome = match matches.is_empty() {
            true => Outcome::NoMatch,
            false => Outcome::Match,
        };
        Self {
            query: text.to_owned(),
            outcome: Some(outcome),
            action: action.map_or("none", Action::name),
            matches,
            matches_left_out: 0,
            error: None,
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
        }
    }

    /// Answers for hashes as they are typed, as lists have them and as `hashgate hash` prints them, with
    /// their qualities where those are told. `note` is given what policy decided, before anyone is
    /// answered.
    ///
    /// # Errors
    /// What `note` says: then nobody is answered.
    pub fn ask<E>(
        &self,
        texts: &[String],
        note: impl FnOnce(&[Verdict]) -> Result<(), E>,
    ) -> Result<Vec<Answer>, E> {
        let parsed: Vec<_> = texts.iter().map(|text| parse(text)).collect();
        if let Some(within) = self.within {
            let answer = |(text, signal): (&String, Result<ContentSignal, String>)| match signal {
                Ok(one) => Answer::near(text, self.gate.nearest(&one.signal, within, self.most)),
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

fn parse(text: &str) -> Result<ContentSignal, String> {
    let mut found = Err("there is no hash in it".to_owned());
    let read = hashset::read(text.as_bytes(), ListFormat::Typed, &mut |row| {
        found = match row {
            Ok(record) => match record.signals[..] {
                [signal, ..] => Ok(signal),
                [] => Err("there is no hash in it".to_owned()),
            },
            Err(bad) => Err(bad.reason),
        };
        ControlFlow::Break(())
    });
    read.map_err(|error| error.to_string())?;
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_as_it_is_typed_and_what_is_none_says_why() {
        let md5 = "md5:d41d8cd98f00b204e9800998ecf8427e";
        let signal = parse(md5).unwrap().signal;
        assert_eq!(signal.to_string(), md5);
        assert_eq!(
            parse("d41d8cd98f00b204e9800998ecf8427e").unwrap().signal,
            signal
        );
        for text in ["", "# nothing", "md5:12", "hello"] {
            assert!(!parse(text).unwrap_err().is_empty(), "{text:?}");
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
