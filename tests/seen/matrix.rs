//! Holds this program's verdicts to what other programs show: whoever uploads a file whose picture is known is stopped.

use std::convert::Infallible;

use hashgate::bank::{Action, Bank, BankId, ContentId, Policy};
use hashgate::gate::{Gate, GateOptions, Outcome};
use hashgate::hash::Distance;
use hashgate::index::{Index, IndexRecord, PublishOptions};
use hashgate::media::Limits;
use hashgate::signal::PdqHasher;
use hashgate::signal::variants::VariantSet;

use crate::shown::{File, Shower, Shown};

/// How far, in bits, a file's hash may lie from that of the picture that is shown.
const NEAR: Distance = Distance(10);

/// What is right for a file of one structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// Its picture is asked about as it is shown.
    Seen,
    /// It is shown, and a stated reason keeps it from being judged: the words stand in the verdict.
    Unsupported(&'static str),
    /// The program that shows it takes it for damaged, and so does this one.
    Refused,
}

/// A file of one structure.
pub(crate) struct Structure {
    pub(crate) file: File,
    pub(crate) right: Right,
}

impl Structure {
    pub(crate) fn seen(name: impl Into<String>, media_type: &'static str, bytes: Vec<u8>) -> Self {
        Self {
            file: File {
                name: name.into(),
                bytes,
                media_type,
            },
            right: Right::Seen,
        }
    }

    pub(crate) fn but(mut self, right: Right) -> Self {
        self.right = right;
        self
    }
}

/// Holds each structure to what `shower` shows of it, and panics with a list of all that is wrong. At most 2 % may be
/// shown there and not judged here.
pub(crate) fn hold(shower: Shower, structures: &[Structure]) {
    if !shower.is_here() {
        return;
    }
    let files: Vec<File> = structures.iter().map(|one| one.file.clone()).collect();
    let mut wrong = Vec::new();
    let (mut shown_there, mut left_out) = (0, 0);
    for (structure, shown) in structures.iter().zip(shower.show(&files)) {
        shown_there += usize::from(shown.is_some());
        left_out += usize::from(shown.is_some() && structure.right != Right::Seen);
        if let Err(what) = check(structure, shown.as_ref()) {
            wrong.push(format!("{}: {what}", structure.file.name));
        }
    }
    eprintln!(
        "{} structures, {shown_there} shown by {shower:?}, {left_out} of them not judged by name",
        structures.len()
    );
    assert!(
        wrong.is_empty(),
        "{} of {} structures are wrong:\n{}",
        wrong.len(),
        structures.len(),
        wrong.join("\n")
    );
    assert!(
        left_out * 50 <= structures.len(),
        "{left_out} structures are shown there and not judged here"
    );
}

/// The forms that a viewer may show, and no guesses.
pub(crate) const FORMS: VariantSet = VariantSet {
    displayed: true,
    over_black: true,
    alpha_ignored: true,
    colour_managed: true,
    ..VariantSet::NONE
};

/// What is wrong with a structure, of which another program shows this, by a query without guesses.
pub(crate) fn check(structure: &Structure, shown: Option<&Shown>) -> Result<(), String> {
    check_by(structure, shown, FORMS)
}

/// The same by a query that makes these variants of an upload.
pub(crate) fn check_by(
    structure: &Structure,
    shown: Option<&Shown>,
    variants: VariantSet,
) -> Result<(), String> {
    let gate_of = |shown| gate_by(shown, variants);
    match (structure.right, shown) {
        (Right::Refused, None) => {
            let verdict = gate_of(None).check(&structure.file.bytes);
            match verdict.outcome {
                Outcome::Undecodable | Outcome::Unsupported => Ok(()),
                other => Err(format!("{other:?}, and nobody else shows it")),
            }
        }
        (Right::Refused, Some(_)) => Err("it is shown, so it is no damaged file".to_owned()),
        (_, None) => Err("the other program shows nothing".to_owned()),
        (Right::Unsupported(words), Some(_)) => {
            let verdict = gate_of(None).check(&structure.file.bytes);
            let said = verdict.error().unwrap_or_default();
            match verdict.outcome {
                Outcome::Unsupported if said.contains(words) => Ok(()),
                other => Err(format!("{other:?}: {said}")),
            }
        }
        (Right::Seen, Some(shown)) => {
            let verdict = gate_of(Some(shown)).check(&structure.file.bytes);
            let nearest = verdict.matches.iter().map(|one| one.distance).min();
            match (verdict.outcome, nearest) {
                (Outcome::Match, Some(distance)) if distance <= NEAR => Ok(()),
                (outcome, _) => Err(format!(
                    "{outcome:?} {}: not within {NEAR} bits of the {} x {} pixels that are shown",
                    verdict.error().unwrap_or_default(),
                    shown.width,
                    shown.height
                )),
            }
        }
    }
}

/// A gate that knows what is shown, and asks about uploads in all forms without guesses.
pub(crate) fn gate_of(shown: Option<&Shown>) -> Gate {
    gate_by(shown, FORMS)
}

/// The same, and about the small picture that a file brings along.
pub(crate) fn gate_with_embedded(shown: &Shown) -> Gate {
    let embedded = true;
    gate_by(Some(shown), VariantSet { embedded, ..FORMS })
}

fn gate_by(shown: Option<&Shown>, variants: VariantSet) -> Gate {
    let bank = Bank {
        id: BankId(1),
        name: "known".parse().expect("a name"),
        policy: Policy::new(Action::Block),
    };
    let records = shown.map(|shown| {
        let (width, height) = (shown.width as usize, shown.height as usize);
        let hashed = PdqHasher::default()
            .hash_rgb(width, height, &shown.rgb)
            .expect("a picture");
        IndexRecord {
            bank: BankId(1),
            content: ContentId(1),
            signal: hashed.hash.into(),
            quality: Some(hashed.quality),
        }
    });
    let records = records.into_iter().map(Ok::<_, Infallible>);
    let index = Index::in_memory(&[bank], records, &PublishOptions::default());
    let options = GateOptions::default()
        .variants(variants)
        .limits(Limits::default());
    Gate::over(index.expect("an index"), options)
}
