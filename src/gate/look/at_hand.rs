//! An input whose bytes are at hand: looked at, and again as often as deciding asks.

use crate::gate::decide::eyes::Eyes;
use crate::gate::look::collected::Enough;
use crate::gate::{Extract, Extraction, Extractor, Isolation, MemoryBudget, Mode, VariantSet};
use crate::hash::{Hash64, PdqHash, Signal, SignalType, Variant};
use crate::media::{self, Limits};
use crate::signal::variants::Made;

/// How an input is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looking<'a> {
    pub(crate) wanted: &'a [SignalType],
    pub(crate) variants: VariantSet,
    pub(crate) limits: &'a Limits,
    pub(crate) mode: Mode,
    pub(crate) auto_from: Option<u16>,
    pub(crate) memory: Option<&'a MemoryBudget>,
    pub(crate) isolation: Isolation,
    /// Whether digests may be computed on a thread of their own.
    pub(crate) beside: bool,
}

/// An input whose bytes are at hand, with the scratch of the thread that looks at it.
pub(crate) struct AtHand<'a> {
    bytes: &'a [u8],
    how: Extract<'a>,
    mode: Mode,
    extractor: &'a mut Extractor,
}

impl<'a> AtHand<'a> {
    /// Takes the first look.
    pub(crate) fn look(
        bytes: &'a [u8],
        look: Looking<'a>,
        extractor: &'a mut Extractor,
    ) -> (Extraction, Self) {
        let at_hand = Self::new(bytes, look, extractor);
        let first = (at_hand.extractor).extract_beside(bytes, &at_hand.how, look.beside);
        (first, at_hand)
    }

    /// As [`AtHand::look`] at bytes whose digests are there, until what was seen is enough.
    pub(crate) fn look_until(
        bytes: &'a [u8],
        look: Looking<'a>,
        extractor: &'a mut Extractor,
        (digests, enough): (Vec<Signal>, Enough<'_>),
    ) -> (Extraction, Self) {
        let at_hand = Self::new(bytes, look, extractor);
        let first = (at_hand.extractor).extract_until(bytes, &at_hand.how, digests, enough);
        (first, at_hand)
    }

    fn new(bytes: &'a [u8], look: Looking<'a>, extractor: &'a mut Extractor) -> Self {
        let how = Extract {
            wanted: look.wanted,
            variants: look.variants,
            limits: look.limits,
            fast: match look.mode {
                Mode::Exact => false,
                Mode::Fast => true,
                Mode::Auto => {
                    let from = look.auto_from.unwrap_or(media::SAMPLING_PAYS_FROM);
                    media::is_worth_sampling(bytes, from)
                }
            },
            memory: look.memory,
            isolation: look.isolation,
        };
        Self {
            bytes,
            how,
            mode: look.mode,
            extractor,
        }
    }

    /// The small pictures that were held at the last look.
    pub(crate) fn extractor(&self) -> &Extractor {
        self.extractor
    }
}

impl Eyes for AtHand<'_> {
    fn has_exact(&self) -> bool {
        self.mode == Mode::Auto
    }

    fn exact(&mut self, first: &Extraction) -> Option<Extraction> {
        let extractor = &mut self.extractor;
        Some(extractor.extract_exactly(self.bytes, &self.how, first))
    }

    fn can_look_again(&self) -> bool {
        true
    }

    fn fit(&mut self, variant: &Variant, entry: &PdqHash) -> Option<Made> {
        self.extractor.pictures().fit(variant, entry)
    }

    fn hashes(
        &mut self,
        hash: &PdqHash,
        variant: &Variant,
        kinds: &[SignalType],
    ) -> Vec<(SignalType, Hash64)> {
        self.extractor.pictures().hashes(hash, variant, kinds)
    }
}
