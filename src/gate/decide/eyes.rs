//! What deciding may ask of whoever has the picture, beyond the first look.
//!
//! Deciding needs an index and looking needs the picture, and the two can be in different processes. This trait is
//! all that passes between them. It is implemented where the bytes are at hand, and by what was seen elsewhere.

use crate::gate::Extraction;
use crate::hash::{Hash64, PdqHash, SignalType, Variant};
use crate::signal::variants::Made;

/// Looks at one input again.
pub(crate) trait Eyes {
    /// Whether the pixels can be asked where hashes from coefficients leave a doubt.
    fn has_exact(&self) -> bool;

    /// What the pixels say, where the first look was at the coefficients. From here on guesses are of the pixels.
    fn exact(&mut self, first: &Extraction) -> Option<Extraction>;

    /// Whether guesses can be looked at again: [`Eyes::fit`] and [`Eyes::hashes`] say nothing where not.
    fn can_look_again(&self) -> bool;

    /// Fits a guess to an entry. `None` where that is no guess that can be fitted.
    fn fit(&mut self, variant: &Variant, entry: &PdqHash) -> Option<Made>;

    /// The 64-bit hashes, of these types, of a guess.
    fn hashes(
        &mut self,
        hash: &PdqHash,
        variant: &Variant,
        kinds: &[SignalType],
    ) -> Vec<(SignalType, Hash64)>;
}
