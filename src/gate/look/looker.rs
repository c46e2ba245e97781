//! Looking without an index: bytes in, [`Seen`] out. The first half of the gate by itself.

use crate::gate::decide::eyes::Eyes;
use crate::gate::look::at_hand::{AtHand, Looking};
use crate::gate::look::seen::{Seen, Sight};
use crate::gate::terms::{upload_in, upload_of};
use crate::gate::{Extraction, Extractor, Isolation, MemoryBudget, Mode, VariantSet};
use crate::hash::SignalType;
use crate::media::Limits;
use std::sync::Arc;

/// How whoever has no index looks at an input.
///
/// [`Gate::look_options`](crate::gate::Gate::look_options) says how to look for a gate.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LookOptions {
    /// Bounds on what a decoder may spend.
    pub limits: Limits,
    /// Which forms of a picture are asked about.
    pub variants: VariantSet,
    /// Signal types to look for besides `pdq`: the digests by default. Those that an index holds and that were not
    /// looked for make an upload count as not judged.
    pub signals: Vec<SignalType>,
    /// Whether JPEGs are hashed from their pixels or their coefficients. By default from pixels: who has no index
    /// cannot know whether the difference matters, so [`Mode::Auto`] looks twice where it reads coefficients.
    pub mode: Mode,
    /// The shorter side, in pixels, from which [`Mode::Auto`] reads the coefficients of a JPEG.
    pub auto_from: Option<u16>,
    /// Memory that is shared with other decoders.
    pub memory: Option<Arc<MemoryBudget>>,
    /// Whether small luma pictures (some 100 KB each, four at most) come along, by which guesses can be fitted to what
    /// they nearly meet. Without them some copies are not found that a gate finds which has the bytes:
    /// [`Verdict::unfitted`](crate::gate::Verdict::unfitted) counts the entries.
    pub fitting: bool,
    /// What runs in a process of its own.
    pub isolation: Isolation,
}

impl Default for LookOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            variants: VariantSet::default(),
            signals: vec![SignalType::Md5, SignalType::Sha1, SignalType::Sha256],
            mode: Mode::Exact,
            auto_from: None,
            memory: None,
            fitting: false,
            isolation: Isolation::default(),
        }
    }
}

impl LookOptions {
    /// Sets the bounds on what a decoder may spend.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets which forms of a picture are asked about.
    #[must_use]
    pub fn variants(mut self, variants: VariantSet) -> Self {
        self.variants = variants;
        self
    }

    /// Sets which signal types are looked for besides `pdq`.
    #[must_use]
    pub fn signals(mut self, signals: impl Into<Vec<SignalType>>) -> Self {
        self.signals = signals.into();
        self
    }

    /// Sets whether JPEGs are hashed from their pixels or their coefficients.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Sets the memory that is shared with other decoders.
    #[must_use]
    pub fn memory(mut self, memory: Arc<MemoryBudget>) -> Self {
        self.memory = Some(memory);
        self
    }

    /// Sets what runs in a process of its own.
    #[must_use]
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.isolation = isolation;
        self
    }

    /// Sets whether small luma pictures come along.
    #[must_use]
    pub fn fitting(mut self, fitting: bool) -> Self {
        self.fitting = fitting;
        self
    }
}

/// Looks at an input, for a gate elsewhere to decide: [`Gate::decide`](crate::gate::Gate::decide). Never panics and
/// never fails: what could not be judged is in it.
///
/// ```
/// use hashgate::gate::{LookOptions, Seen, look};
/// let seen = look(b"no picture", &LookOptions::default());
/// let text = serde_json::to_string(&seen)?;
/// let read: Seen = serde_json::from_str(&text)?;
/// assert_eq!(read, seen);
/// assert!(read.first().problem.is_some());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[must_use]
pub fn look(bytes: &[u8], options: &LookOptions) -> Seen {
    look_with(&mut Extractor::default(), bytes, options)
}

/// As [`look`], with the scratch of a thread that looks at many.
#[must_use]
pub fn look_with(extractor: &mut Extractor, bytes: &[u8], options: &LookOptions) -> Seen {
    let is_wanted = |kind: &SignalType| *kind == SignalType::Pdq || options.signals.contains(kind);
    let wanted: Vec<SignalType> = SignalType::ALL.into_iter().filter(is_wanted).collect();
    let mut limits = options.limits.clone();
    if let Some(memory) = &options.memory {
        limits.max_decoder_bytes = limits.max_decoder_bytes.min(memory.total());
    }
    let look = Looking {
        wanted: &wanted,
        variants: options.variants,
        limits: &limits,
        mode: options.mode,
        auto_from: options.auto_from,
        memory: options.memory.as_deref(),
        isolation: options.isolation,
        beside: false,
    };
    let (first, mut eyes) = AtHand::look(bytes, look, extractor);
    let sight = |extraction: Extraction, eyes: &AtHand<'_>| Sight {
        extraction,
        pictures: match options.fitting {
            true => eyes.extractor().held().to_vec(),
            false => Vec::new(),
        },
    };
    let first = sight(first, &eyes);
    let exact = match first.extraction.fast && eyes.has_exact() {
        true => eyes.exact(&first.extraction),
        false => None,
    };
    let exact = exact.map(|extraction| sight(extraction, &eyes));
    extractor.forget();
    let upload = upload_in(&first.extraction.signals).unwrap_or_else(|| upload_of(bytes));
    let fitting = options.fitting;
    Seen::new(
        (wanted, fitting),
        (upload, bytes.len() as u64),
        first,
        exact,
    )
}
