//! Many uploads asked about together: looked at one by one, then all their queries through the index at once.
//!
//! An upload with guesses asks the index a hundred times and more, and almost none of these queries meets anything. So the
//! queries of many uploads go through each table together. An upload that meets nothing is decided at once. One that meets
//! something is checked as always, from its bytes. So the verdict is that of [`Gate::check`] in any case. This file refuses to
//! begin threads: who calls it has them.

use crate::gate::decide::conclude::conclude_with;
use crate::gate::decide::matches::Matches;
use crate::gate::decide::within::asks;
use crate::gate::wanted::Wanted;
use crate::gate::{AtHand, Extraction, Gate, Mode, Unsettled, Worker, read_file};
use crate::hash::{Distance, Signal, SignalType};
use crate::index::Index;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// PDQ hashes of an index from which on asking about several files together pays.
const PAYS_FROM: u64 = 500_000;
/// Bytes of files that are held until the index was asked about them.
const MOST_HELD: usize = 64 << 20;

/// A gate that is asked about many uploads at a time, all by one generation of its index.
///
/// [`look`](Pooled::look) at each upload, on any threads; [`ask`](Pooled::ask) about all that were looked at; and
/// [`decide`](Pooled::decide) about each, on any threads again. Memory is bounded by the number of uploads: some tens of
/// kilobytes each. Some hundred uploads at a time are enough.
///
/// It pays where the index is large and guesses are made ([`GateOptions::variants`](crate::gate::GateOptions::variants)), and few
/// uploads meet anything: those are looked at twice.
///
/// ```
/// use hashgate::gate::{Gate, GateOptions, Worker};
/// use hashgate::index::{Index, IndexRecord, PublishOptions};
///
/// let nothing = std::iter::empty::<Result<IndexRecord, std::convert::Infallible>>();
/// let index = Index::in_memory(&[], nothing, &PublishOptions::default())?;
/// let gate = Gate::over(index, GateOptions::default());
/// let uploads: [&[u8]; 2] = [b"one", b"two"];
/// let (pooled, mut worker) = (gate.pooled(), Worker::default());
/// let mut looked: Vec<_> = uploads.iter().map(|bytes| pooled.look(&mut worker, bytes)).collect();
/// pooled.ask(&mut looked);
/// for (bytes, looked) in uploads.iter().zip(looked) {
///     let verdict = pooled.decide(&mut worker, bytes, looked).settle(&gate).verdict;
///     assert_eq!(verdict, gate.check(bytes));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pooled<'g> {
    gate: &'g Gate,
    index: Arc<Index>,
    wanted: Wanted,
}

/// An upload that was looked at.
#[derive(Debug)]
pub struct Looked {
    extraction: Extraction,
    asks: Vec<(Signal, Distance)>,
    /// Whether it is known that nothing counts.
    meets_nothing: bool,
    /// Whether it has to be checked as always, whatever the index says.
    is_open: bool,
}

impl Looked {
    /// Whether it is known, as the index was asked, that nothing near it counts. Else it is looked at once more.
    #[must_use]
    pub fn meets_nothing(&self) -> bool {
        self.meets_nothing
    }
}

impl Gate {
    /// Begins to ask about many uploads, by the generation that answers now.
    #[must_use]
    pub fn pooled(&self) -> Pooled<'_> {
        let index = self.index();
        let wanted = self.wanted(&index);
        Pooled {
            gate: self,
            index,
            wanted,
        }
    }
}

impl Pooled<'_> {
    /// Looks at an upload. Never panics and never fails.
    pub fn look(&self, worker: &mut Worker, bytes: &[u8]) -> Looked {
        let looking = self.gate.looking(&self.wanted);
        let (mut first, _) = AtHand::look(bytes, looking, &mut worker.extractor);
        worker.extractor.forget();
        let has_met = self.wanted.catch_up(&self.index, bytes, &mut first);
        let terms = self.gate.terms(&self.index, (bytes, &first.signals), None);
        let has_exact = self.gate.options().mode == Mode::Auto;
        let asks = asks(&terms, &first, has_exact).filter(|_| !has_met);
        Looked {
            is_open: asks.is_none(),
            asks: asks.unwrap_or_default(),
            extraction: first,
            meets_nothing: false,
        }
    }

    /// Asks the index which of these uploads meet anything that could count. On rayon's threads: call it in the pool that shall
    /// work.
    pub fn ask(&self, looked: &mut [Looked]) {
        // One search has one radius.
        let mut by_radius: BTreeMap<Distance, (Vec<Signal>, Vec<usize>)> = BTreeMap::new();
        for (place, one) in looked.iter_mut().enumerate() {
            one.meets_nothing = !one.is_open;
            for (signal, radius) in std::mem::take(&mut one.asks) {
                let (signals, places) = by_radius.entry(radius).or_default();
                signals.push(signal);
                places.push(place);
            }
        }
        for (radius, (signals, places)) in by_radius {
            let answers = self.index.search_batch_limited(&signals, radius, 1);
            for (place, answer) in places.into_iter().zip(answers) {
                if let Some(one) = looked.get_mut(place).filter(|_| !answer.hits.is_empty()) {
                    one.meets_nothing = false;
                }
            }
        }
    }

    /// Decides about an upload that was looked at, and asked about. The bytes are those that were looked at; quarantine is left
    /// to [`Unsettled::settle`].
    pub fn decide(&self, worker: &mut Worker, bytes: &[u8], looked: Looked) -> Unsettled<'static> {
        let Looked {
            extraction,
            meets_nothing,
            ..
        } = looked;
        if !meets_nothing {
            return self
                .gate
                .check_by(&self.index, &mut worker.extractor, bytes, None);
        }
        let terms = self
            .gate
            .terms(&self.index, (bytes, &extraction.signals), None);
        let concluded = conclude_with(&terms, extraction, Matches::default());
        let mut unsettled = Unsettled::new(concluded, None, bytes.len() as u64);
        self.wanted.name(bytes, unsettled.verdicts());
        unsettled
    }
}

/// A file on its way through [`Gate::check_files_later`].
enum Held {
    Done(Box<Unsettled<'static>>),
    Looked(Vec<u8>, Looked),
}

impl Gate {
    /// Whether [`check_files_later`](Self::check_files_later) is quicker for several files than
    /// [`check_file_later`](Self::check_file_later) for each, where few of them meet anything: guesses are made, and the index is large.
    #[must_use]
    pub fn pools(&self) -> bool {
        let pdq = |types: &crate::index::TypeStats| types.signal_type == SignalType::Pdq;
        let index = self.index();
        let hashes = index
            .signal_types()
            .iter()
            .find(|types| pdq(types))
            .map(|types| types.hashes);
        self.options().variants.any() && hashes.unwrap_or_default() >= PAYS_FROM
    }

    /// Judges the contents of files, in their order; their queries go through the index together. Each verdict is that of
    /// [`check_file_later`](Self::check_file_later). Some ten files at a time are enough. The bytes of files are held meanwhile, up to 64 MiB of
    /// them.
    pub fn check_files_later(
        &self,
        worker: &mut Worker,
        paths: &[impl AsRef<Path>],
    ) -> Vec<Unsettled<'static>> {
        let pooled = self.pooled();
        let max_bytes = self.options().limits.max_file_bytes;
        let mut all = Vec::with_capacity(paths.len());
        let (mut held, mut bytes) = (Vec::new(), 0_usize);
        for path in paths {
            let mut buffer = Vec::new();
            held.push(match read_file(path, max_bytes, &mut buffer) {
                Err(problem) => Held::Done(Box::new(self.unread(&pooled.index, problem, None))),
                Ok(()) => {
                    let looked = pooled.look(worker, &buffer);
                    match looked.is_open {
                        true => Held::Done(Box::new(pooled.decide(worker, &buffer, looked))),
                        false => {
                            bytes = bytes.saturating_add(buffer.len());
                            Held::Looked(buffer, looked)
                        }
                    }
                }
            });
            if bytes > MOST_HELD {
                pooled.settle_held(worker, &mut held, &mut all);
                bytes = 0;
            }
        }
        pooled.settle_held(worker, &mut held, &mut all);
        all
    }
}

impl Pooled<'_> {
    /// Asks about what is held, and decides about each.
    fn settle_held(
        &self,
        worker: &mut Worker,
        held: &mut Vec<Held>,
        all: &mut Vec<Unsettled<'static>>,
    ) {
        let (mut looked, mut rest) = (Vec::new(), Vec::new());
        for one in held.drain(..) {
            rest.push(match one {
                Held::Done(done) => Err(done),
                Held::Looked(bytes, one) => {
                    looked.push(one);
                    Ok(bytes)
                }
            });
        }
        self.ask(&mut looked);
        let mut looked = looked.into_iter();
        for one in rest {
            match one {
                Err(done) => all.push(*done),
                Ok(bytes) => {
                    let looked = looked.next();
                    all.extend(looked.map(|looked| self.decide(worker, &bytes, looked)));
                }
            }
        }
    }
}
