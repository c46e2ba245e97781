//! The small luma pictures of one input, held while it is decided about: guesses at them can be looked at again.
//!
//! They live in memory, and are forgotten with the input. Nothing here writes one down.

use crate::gate::Extraction;
use crate::gate::decide::eyes::Eyes;
use crate::hash::{Hash64, PdqHash, SignalType, Transform, Variant};
use crate::signal::imagehash;
#[cfg(feature = "decode")]
use crate::signal::imghash;
use crate::signal::variants::{Look, Luma, Made, VariantMaker};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Pictures that are held of one input.
pub(crate) const MOST_HELD: usize = 4;

/// A picture of which guesses were made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Held {
    /// As stored.
    pub(crate) form: Variant,
    /// Whether it is held as displayed, which is otherwise.
    pub(crate) is_displayed: bool,
    pub(crate) luma: Arc<Luma>,
}

/// The pictures of the input at hand, with the scratch to look at guesses at them.
#[derive(Default)]
pub(crate) struct Pictures {
    pub(crate) maker: VariantMaker,
    held: Vec<Held>,
    /// What guesses looked like that were fitted, by their hashes.
    fitted: Vec<(PdqHash, Look)>,
}

impl Pictures {
    /// Those that were held elsewhere.
    pub(crate) fn of(held: &[Held]) -> Self {
        Self {
            held: held.to_vec(),
            ..Self::default()
        }
    }

    /// The pictures that are held.
    #[cfg(feature = "decode")]
    pub(crate) fn held(&self) -> &[Held] {
        &self.held
    }

    /// Holds one more, where there is room.
    #[cfg(feature = "decode")]
    pub(crate) fn hold(&mut self, picture: impl FnOnce() -> Held) {
        if self.held.len() < MOST_HELD {
            self.held.push(picture());
        }
    }

    /// Forgets the last input's pictures.
    #[cfg(feature = "decode")]
    pub(crate) fn forget(&mut self) {
        self.held.clear();
        self.fitted.clear();
    }
}

/// Of pictures that are at hand, and were looked at exactly.
impl Eyes for Pictures {
    fn has_exact(&self) -> bool {
        false
    }

    fn exact(&mut self, _: &Extraction) -> Option<Extraction> {
        None
    }

    fn can_look_again(&self) -> bool {
        true
    }

    fn fit(&mut self, variant: &Variant, entry: &PdqHash) -> Option<Made> {
        let Self { maker, held, .. } = self;
        let luma = luma_of(held, variant)?;
        let fitted = catch_unwind(AssertUnwindSafe(|| maker.fit(luma, variant, entry)));
        let fitted = fitted.unwrap_or_else(|_| {
            tracing::error!(
                "a guess could not be fitted (a defect of this program; please report it)"
            );
            *maker = VariantMaker::default();
            None
        })?;
        let look = fitted.look().map(|look| (fitted.hash, look));
        self.fitted.extend(look);
        Some(fitted)
    }

    fn hashes(
        &mut self,
        hash: &PdqHash,
        variant: &Variant,
        kinds: &[SignalType],
    ) -> Vec<(SignalType, Hash64)> {
        let Self {
            maker,
            held,
            fitted,
        } = self;
        let hashed = catch_unwind(AssertUnwindSafe(|| {
            let fitted = fitted.iter().find(|(held, _)| held == hash);
            let look = match fitted.filter(|_| variant.fitted) {
                Some((_, look)) => look.clone(),
                None => maker.look(luma_of(held, variant)?, variant)?,
            };
            hashes_of(&look, kinds)
        }));
        hashed
            .unwrap_or_else(|_| {
                tracing::error!(
                    "a guess could not be hashed again (a defect of this program; please report it)"
                );
                *maker = VariantMaker::default();
                None
            })
            .unwrap_or_default()
    }
}

/// The 64-bit hashes of a small picture; without the feature `decode` those of the `img_hash` family are not computed.
fn hashes_of(look: &Look, kinds: &[SignalType]) -> Option<Vec<(SignalType, Hash64)>> {
    #[cfg_attr(
        not(feature = "decode"),
        expect(unused_mut, reason = "more hashes follow with the feature")
    )]
    let mut all = imagehash(Look::SIDE, Look::SIDE, look.rgb(), kinds).ok()?;
    #[cfg(feature = "decode")]
    for &kind in kinds {
        let side = Look::SIDE as u32;
        let hash = imghash(side, side, look.rgb(), kind).ok()?;
        all.extend(hash.map(|hash| (kind, hash)));
    }
    Some(all)
}

/// Whether two forms are of the same picture: the frame, what it was laid over, its colours, whose it is.
pub(crate) fn is_of_same(a: &Variant, b: &Variant) -> bool {
    let picture = |one: &Variant| Variant {
        frame: one.frame,
        over_black: one.over_black,
        alpha_ignored: one.alpha_ignored,
        colour_managed: one.colour_managed,
        embedded: one.embedded,
        ..Variant::ORIGINAL
    };
    picture(a) == picture(b)
}

/// The picture that a guess is of, as the guess takes it.
fn luma_of<'a>(held: &'a [Held], variant: &Variant) -> Option<&'a Luma> {
    let held = held.iter().find(|held| is_of_same(&held.form, variant))?;
    let as_stored = held.is_displayed && variant.transform == Transform::Original;
    (!as_stored).then_some(&*held.luma)
}
