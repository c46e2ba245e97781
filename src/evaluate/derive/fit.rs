//! Limits from rows: one criterion for all, and each limit of the table held against what follows from it.
//!
//! **The criterion.** A limit may be as loose as it can be while no stranger of train and tune passes because of it, a
//! margin included ([`MARGIN_SCORE`], [`MARGIN_BITS`]). "Because of it": who passes even where this limit is at its
//! strictest is another limit's doing. All others are held as the table has them.
//!
//! Whether a row passes is asked of the gate's own rules, with other numbers in them. This file refuses to have rules of
//! its own.

use super::rows::{Kind, ScoreRow};
use super::split::Split;
use crate::gate::{Evidence, Limits, Score};
use crate::hash::{Distance, PdqHash, Signal, Threshold};
use crate::rules::{RulesError, Table};
use crate::signal::pdq::Confidence;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeSet;

/// How much nearer than it is a stranger is taken to be, by its score: what re-encoding changes of a share apart of
/// 0.005.
pub const MARGIN_SCORE: f64 = 0.01;
/// The same by its distance.
pub const MARGIN_BITS: u16 = 1;

/// What a limit of the table is beside what the data allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The table is as strict as the data ask for, or stricter.
    Holds,
    /// The table is looser than the data allow, by more than the tolerance.
    Looser,
    /// No stranger came near it: the data say nothing.
    Untouched,
}

impl Verdict {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Looser => "looser",
            Self::Untouched => "untouched",
        }
    }
}

/// One limit: held in the table, derived now.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DerivedLimit {
    /// Its name in the table.
    pub name: &'static str,
    /// The value in the table.
    pub held: f64,
    /// The loosest value that the data allow; where the verdict is `untouched`, the loosest that was tried.
    pub derived: f64,
    /// By how much the table may be looser.
    pub tolerance: f64,
    /// What the table is beside the data.
    pub verdict: Verdict,
    /// Rows of strangers, of train and tune, that this limit decides about.
    pub strangers: u64,
    /// Rows of the same pictures, of train and tune, that it decides about.
    pub same: u64,
    /// Pairs of strangers of train and tune that pass by the table because of this limit.
    pub passing: u64,
    /// The same of test: they chose nothing.
    pub passing_in_test: u64,
    /// The stranger that is in the way of a looser value: two pictures, and what was done to the first.
    pub nearest: Option<String>,
}

/// The values of the table that are derived.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Held(Limits);

/// A limit that is derived: its name, how it is set, and from the loosest to the strictest value that is tried.
struct Parameter {
    name: &'static str,
    loosest: f64,
    strictest: f64,
    steps: u32,
    tolerance: f64,
    get: fn(&Limits) -> f64,
    set: fn(&mut Limits, f64),
    /// Whether it counts for matches by distance.
    near: bool,
}

const PARAMETERS: [Parameter; 12] = [
    Parameter {
        name: "evidence.rich",
        loosest: 39.0,
        strictest: 0.0,
        steps: 39,
        tolerance: 2.0,
        get: |limits| f64::from(limits.rich),
        set: |limits, value| limits.rich = value as u8,
        near: false,
    },
    Parameter {
        name: "evidence.plain",
        loosest: 100.0,
        strictest: 21.0,
        steps: 79,
        tolerance: 2.0,
        get: |limits| f64::from(limits.plain),
        set: |limits, value| limits.plain = value as u8,
        near: false,
    },
    Parameter {
        name: "evidence.rich_apart",
        loosest: 0.3,
        strictest: 0.0,
        steps: 300,
        tolerance: 0.005,
        get: |limits| f64::from(limits.rich_apart),
        set: |limits, value| limits.rich_apart = value as f32,
        near: false,
    },
    Parameter {
        name: "evidence.plain_apart",
        loosest: 0.3,
        strictest: 0.0,
        steps: 300,
        tolerance: 0.005,
        get: |limits| f64::from(limits.plain_apart),
        set: |limits, value| limits.plain_apart = value as f32,
        near: false,
    },
    Parameter {
        name: "evidence.plain_guess",
        loosest: 31.0,
        strictest: 0.0,
        steps: 31,
        tolerance: 1.0,
        get: |limits| f64::from(limits.plain_guess.0),
        set: |limits, value| limits.plain_guess = Threshold(value as u16),
        near: true,
    },
    Parameter {
        name: "evidence.patterned_guess",
        loosest: 31.0,
        strictest: 0.0,
        steps: 31,
        tolerance: 1.0,
        get: |limits| f64::from(limits.patterned_guess.0),
        set: |limits, value| limits.patterned_guess = Threshold(value as u16),
        near: true,
    },
    Parameter {
        name: "evidence.rich_fitted",
        loosest: 0.3,
        strictest: 0.0,
        steps: 300,
        tolerance: 0.005,
        get: |limits| f64::from(limits.rich_fitted),
        set: |limits, value| limits.rich_fitted = value as f32,
        near: false,
    },
    Parameter {
        name: "evidence.plain_fitted",
        loosest: 0.8,
        strictest: 2.0,
        steps: 240,
        tolerance: 0.02,
        get: |limits| f64::from(limits.plain_fitted),
        set: |limits, value| limits.plain_fitted = value as f32,
        near: false,
    },
    Parameter {
        name: "evidence.speaks",
        loosest: 1.5,
        strictest: 0.0,
        steps: 300,
        tolerance: 0.02,
        get: |limits| f64::from(limits.speaks),
        set: |limits, value| limits.speaks = value as f32,
        near: false,
    },
    Parameter {
        name: "liberties.covered",
        loosest: 0.0,
        strictest: 6.0,
        steps: 300,
        tolerance: 0.1,
        get: |limits| limits.covered,
        set: |limits, value| limits.covered = value,
        near: false,
    },
    Parameter {
        name: "liberties.left_out",
        loosest: 0.0,
        strictest: 2.0,
        steps: 200,
        tolerance: 0.05,
        get: |limits| limits.left_out,
        set: |limits, value| limits.left_out = value,
        near: false,
    },
    Parameter {
        name: "liberties.turned",
        loosest: 0.0,
        strictest: 1.0,
        steps: 200,
        tolerance: 0.02,
        get: |limits| limits.turned,
        set: |limits, value| limits.turned = value,
        near: false,
    },
];

impl Held {
    /// The values of a table.
    ///
    /// # Errors
    /// [`RulesError`] where it lacks one.
    pub fn of(table: &Table) -> Result<Self, RulesError> {
        let mut limits = Limits::IN_FORCE;
        for parameter in &PARAMETERS {
            let value = table.limit(parameter.name).and_then(|limit| limit.number());
            let value = value.ok_or_else(|| RulesError {
                file: "src/rules/table.tsv",
                line: 1,
                reason: format!("it has no number {}: put it back", parameter.name),
            })?;
            (parameter.set)(&mut limits, value);
        }
        Ok(Self(limits))
    }

    /// The same with another value of one limit; `None` where that is none that is derived.
    #[must_use]
    pub fn with(mut self, name: &str, value: f64) -> Option<Self> {
        let parameter = PARAMETERS.iter().find(|parameter| parameter.name == name)?;
        (parameter.set)(&mut self.0, value);
        Some(self)
    }
}

/// A row as the gate's rules take it.
struct Asked<'a> {
    row: &'a ScoreRow,
    evidence: Evidence,
    /// An entry that is as much of a pattern as the row's.
    entry: Signal,
    before: Option<Score>,
}

impl<'a> Asked<'a> {
    fn new(row: &'a ScoreRow) -> Self {
        let patterned = match (row.pattern, row.all_pattern) {
            (_, true) => ALL_PATTERN,
            (true, false) => patterned(),
            (false, false) => plain(),
        };
        Self {
            row,
            evidence: Evidence {
                confidence: Confidence::NONE,
                flatness: row.flatness,
                is_small: row.small,
                is_minor: row.minor,
                is_guess: row.kind != Kind::Given,
                inverted: false,
                fitted_from: None,
            },
            entry: patterned.into(),
            before: row.before.and_then(score_of),
        }
    }

    /// Whether it passes by these limits, a margin nearer than it is where one is given.
    fn passes(&self, limits: &Limits, near: bool, (score, bits): (f64, u16)) -> bool {
        let row = self.row;
        let distance = Distance(row.distance.saturating_sub(bits));
        if near {
            let within = self
                .evidence
                .near_within_by(limits, Threshold::PDQ_DEFAULT, &self.entry);
            return within.is_some_and(|within| distance.is_within(within));
        }
        let evidence = Evidence {
            fitted_from: self
                .before
                .map(|before| limits.less_liberties(before, row.covered, row.left_out, row.turned)),
            ..self.evidence
        };
        evidence.reaches(Distance(row.distance), Distance(60), &self.entry)
            && f64::from(row.score) + (1000.0 * score).round()
                >= (1000.0 * evidence.enough_by(limits).value()).round()
    }
}

fn score_of(thousandths: i16) -> Option<Score> {
    Score::from_value(f64::from(thousandths) / 1000.0)
}

/// Stripes, and nothing else.
const ALL_PATTERN: PdqHash = PdqHash([0x5a; 32]);

/// Stripes with a little besides.
fn patterned() -> PdqHash {
    let mut some = ALL_PATTERN;
    for (at, byte) in some.0.iter_mut().enumerate() {
        match at % 4 {
            0 => *byte ^= 1 << (at / 4),
            1 => *byte ^= 1 << (at / 4 * 3 % 8),
            _ => {}
        }
    }
    some
}

/// No pattern at all.
fn plain() -> PdqHash {
    let mut hash = PdqHash::ZERO;
    for (byte, at) in hash.0.iter_mut().zip(1u32..) {
        *byte = (at.wrapping_mul(2_654_435_761) >> 21) as u8;
    }
    hash
}

/// Derives every limit from rows, and holds those of the table against it.
pub(super) fn derive(rows: &[ScoreRow], held: &Held, names: &[String]) -> Vec<DerivedLimit> {
    let asked: Vec<Asked<'_>> = rows.iter().map(Asked::new).collect();
    PARAMETERS
        .par_iter()
        .map(|parameter| one(parameter, &asked, &held.0, names))
        .collect()
}

fn one(parameter: &Parameter, rows: &[Asked<'_>], held: &Limits, names: &[String]) -> DerivedLimit {
    let with = |value: f64| {
        let mut limits = *held;
        (parameter.set)(&mut limits, value);
        limits
    };
    let step = (parameter.strictest - parameter.loosest) / f64::from(parameter.steps);
    let value = |at: u32| {
        // To six digits: what steps add up to is no value of a table.
        (1e6 * (parameter.loosest + step * f64::from(at))).round() / 1e6
    };
    let (loosest, strictest) = (with(parameter.loosest), with(parameter.strictest));
    let margin = (MARGIN_SCORE, MARGIN_BITS);
    let passes =
        |row: &Asked<'_>, limits: &Limits, margin| row.passes(limits, parameter.near, margin);
    // What this limit has a say in, however loose it is.
    let decided: Vec<&Asked<'_>> = (rows.iter())
        .filter(|row| passes(row, &loosest, margin) && !passes(row, &strictest, margin))
        .collect();
    let of = |is_test: bool, same: bool| {
        decided
            .iter()
            .copied()
            .filter(move |row| (row.row.split == Split::Test) == is_test && row.row.same == same)
    };
    let strangers: Vec<&Asked<'_>> = of(false, false).collect();
    let free = (0..=parameter.steps).find(|&at| {
        let limits = with(value(at));
        !strangers.iter().any(|row| passes(row, &limits, margin))
    });
    let free = free.unwrap_or(parameter.steps);
    let derived = value(free);
    let nearest = (free.checked_sub(1)).and_then(|before| {
        let limits = with(value(before));
        strangers.iter().find(|row| passes(row, &limits, margin))
    });
    let name = |number: u32| names.get(number as usize).map_or("?", String::as_str);
    let held_value = (parameter.get)(held);
    let beyond = match parameter.loosest > parameter.strictest {
        true => held_value - derived,
        false => derived - held_value,
    };
    let pairs = |is_test: bool| {
        let none = (0.0, 0);
        let passing = of(is_test, false)
            .filter(|row| passes(row, held, none) && !passes(row, &strictest, none));
        let pairs: BTreeSet<(u32, u32)> =
            passing.map(|row| (row.row.upload, row.row.entry)).collect();
        pairs.len() as u64
    };
    DerivedLimit {
        name: parameter.name,
        held: rounded(held_value),
        derived,
        tolerance: parameter.tolerance,
        verdict: match nearest {
            None => Verdict::Untouched,
            Some(_) if beyond > parameter.tolerance + 1e-6 => Verdict::Looser,
            Some(_) => Verdict::Holds,
        },
        strangers: strangers.len() as u64,
        same: of(false, true).count() as u64,
        passing: pairs(false),
        passing_in_test: pairs(true),
        nearest: nearest.map(|row| {
            let ScoreRow {
                upload,
                change,
                entry,
                variant,
                ..
            } = row.row;
            format!(
                "{} ({change}, {variant}) and {}",
                name(*upload),
                name(*entry)
            )
        }),
    }
}

/// A single as the table writes it.
fn rounded(value: f64) -> f64 {
    (1e6 * value).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(same: bool, flatness: u8, score: i16, split: Split) -> ScoreRow {
        ScoreRow {
            upload: 0,
            change: "none".to_owned(),
            entry: 1,
            split,
            same,
            kind: Kind::Guess,
            variant: "original".to_owned(),
            flatness,
            small: false,
            minor: false,
            pattern: false,
            all_pattern: false,
            distance: 45,
            score,
            before: None,
            covered: 0.0,
            left_out: 0.0,
            turned: false,
        }
    }

    fn limit<'a>(limits: &'a [DerivedLimit], name: &str) -> &'a DerivedLimit {
        limits
            .iter()
            .find(|limit| limit.name == name)
            .expect("it is derived")
    }

    fn held() -> Held {
        Held::of(&Table::read().expect("the table")).expect("it has all")
    }

    #[test]
    fn the_table_has_every_limit_and_the_code_has_its_values() {
        assert_eq!(held(), Held(Limits::IN_FORCE));
        assert!(held().with("evidence.rich", 7.0).is_some());
        assert!(held().with("evidence.other", 7.0).is_none());
    }

    #[test]
    fn a_stranger_holds_a_limit_and_one_of_test_does_not() {
        let names = ["a".to_owned(), "b".to_owned()];
        let rows = vec![
            row(true, 5, 900, Split::Train),
            row(false, 5, 660, Split::Train),
            row(false, 5, 800, Split::Test),
        ];
        let limits = derive(&rows, &held(), &names);
        let rich = limit(&limits, "evidence.rich_apart");
        // 0.66 and the margin of 0.01 are a share apart of 0.165: the next step is free.
        assert_eq!(rich.derived, 0.164);
        assert_eq!(
            (rich.verdict, rich.strangers, rich.same),
            (Verdict::Holds, 1, 1)
        );
        assert_eq!((rich.passing, rich.passing_in_test), (0, 1));
        assert_eq!(rich.nearest.as_deref(), Some("a (none, original) and b"));
        let plain = limit(&limits, "evidence.plain_apart");
        assert_eq!((plain.verdict, plain.strangers), (Verdict::Untouched, 0));

        let looser = held().with("evidence.rich_apart", 0.18).expect("it is one");
        let limits = derive(&rows, &looser, &names);
        let rich = limit(&limits, "evidence.rich_apart");
        assert_eq!((rich.verdict, rich.passing), (Verdict::Looser, 1));
    }

    #[test]
    fn guesses_near_plain_pictures_hold_the_limit_of_bits() {
        let names = ["a".to_owned(), "b".to_owned()];
        let mut near = row(false, 80, 700, Split::Tune);
        near.distance = 21;
        let limits = derive(&[near.clone()], &held(), &names);
        let plain = limit(&limits, "evidence.plain_guess");
        assert_eq!((plain.derived, plain.verdict), (19.0, Verdict::Looser));
        assert_eq!(limit(&limits, "evidence.patterned_guess").strangers, 0);
        near.pattern = true;
        let limits = derive(&[near], &held(), &names);
        assert_eq!(limit(&limits, "evidence.patterned_guess").derived, 19.0);
    }

    #[test]
    fn fitted_guesses_are_judged_by_what_spoke_before() {
        let names = ["a".to_owned(), "b".to_owned()];
        let mut fitted = row(false, 90, 850, Split::Train);
        fitted.kind = Kind::Fitted;
        fitted.before = Some(700);
        let limits = derive(&[fitted], &held(), &names);
        // 1.25 - 0.631 * 0.7 = 0.808: it passes, and would not from 0.86 + 0.4417 on.
        let plain = limit(&limits, "evidence.plain_fitted");
        assert_eq!((plain.verdict, plain.passing), (Verdict::Looser, 1));
        assert!((plain.derived - 1.305).abs() < 1e-9, "{}", plain.derived);
    }
}
