//! What the page says in words: outcomes, reasons, forms.

use crate::gate::{Match, MatchKind, Outcome};
use crate::hash::{Sides, Transform, Variant, View};

/// What an outcome means.
pub(super) const fn meaning(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Match => "it matches something that is known",
        Outcome::NoMatch => "it was judged, and matches nothing that is known",
        Outcome::LowQuality => "there is too little in the picture to tell it by",
        Outcome::Undecodable => "it is damaged, cut short or empty",
        Outcome::Unsupported => "it is no picture, or of a kind that is not read",
        Outcome::TooLarge => "it is beyond a limit on size, pixels, memory or frames",
        Outcome::Unreadable => "its bytes could not be had",
    }
}

/// Why an entry counts as a match.
pub(super) fn reason(one: &Match) -> String {
    let kind = one.entry.signal_type();
    match one.kind {
        MatchKind::ExactDigest => format!("the same bytes ({kind})"),
        MatchKind::Near => format!("within the threshold ({kind})"),
        MatchKind::Verified => match one.seconded_by {
            Some(second) => format!("beyond the threshold, verified by all bits and {second}"),
            None => "beyond the threshold, verified by all bits".to_owned(),
        },
    }
}

/// The form of the file that matched, without numbers: forms of one kind are counted together.
pub(super) fn form(one: &Match) -> String {
    if one.kind == MatchKind::ExactDigest {
        return "the whole file".to_owned();
    }
    let variant = &one.variant;
    let mut parts = Vec::new();
    if variant.embedded {
        parts.push("the small picture within the file");
    }
    if variant.frame != 0 {
        parts.push("a later frame");
    }
    if variant.over_black {
        parts.push("over black");
    }
    if variant.alpha_ignored {
        parts.push("as if nothing were transparent");
    }
    if variant.colour_managed {
        parts.push("in the colours that a screen shows");
    }
    if variant.region != Sides::NONE {
        parts.push("without its margins");
    }
    parts.extend(match variant.view {
        View::Whole => None,
        View::Uncrop(_) => Some("taken for what a crop left"),
        View::Cover(_) => Some("without bands along its sides"),
        View::Straighten { .. } => Some("turned back by a few degrees"),
        View::Perspective { .. } => Some("as seen from a side"),
    });
    parts.extend(match variant.transform {
        Transform::Original => None,
        Transform::Displayed => Some("as it is displayed"),
        Transform::Rotate90 | Transform::Rotate180 | Transform::Rotate270 => Some("turned"),
        Transform::FlipX | Transform::FlipY | Transform::FlipPlus1 | Transform::FlipMinus1 => {
            Some("mirrored")
        }
    });
    if variant.inverted {
        parts.push("black for white");
    }
    if variant.fitted {
        parts.push("moved a little");
    }
    match parts.is_empty() {
        true => "as it is stored".to_owned(),
        false => parts.join(", "),
    }
}

/// The form of one file, with the number of the frame.
pub(super) fn form_of_one(one: &Match) -> String {
    let Variant { frame, .. } = one.variant;
    form(one).replace(
        "a later frame",
        &format!("frame {}", frame.saturating_add(1)),
    )
}
