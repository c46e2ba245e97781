//! A record while its fields are read: what it holds so far, and what of it cannot be used.

use crate::bank::{ContentSignal, OpaqueSignal, Opinion, SourceStatus};
use crate::hash::{Form, Quality, Signal, SignalType};
use crate::hashset::record::{Sink, Tally};
use crate::hashset::{BadLine, ListRecord, algorithm, value};
use std::ops::ControlFlow;

/// A record while its fields are read.
#[derive(Debug, Default)]
pub(in crate::hashset) struct Entry {
    pub(in crate::hashset) signals: Vec<ContentSignal>,
    pub(in crate::hashset) opaque: Vec<OpaqueSignal>,
    pub(in crate::hashset) labels: Vec<String>,
    pub(in crate::hashset) record_id: Option<String>,
    pub(in crate::hashset) status: SourceStatus,
    pub(in crate::hashset) opinions: Vec<Opinion>,
    pub(in crate::hashset) metadata: Notes,
    /// What of it cannot be used although the rest can.
    pub(in crate::hashset) faults: Vec<String>,
}

/// What else a record says, as `name=value; name=value` of at most [`Notes::MOST`] bytes.
#[derive(Debug, Default)]
pub(in crate::hashset) struct Notes(String);

impl Notes {
    /// Most bytes that are kept of what a record says beside what its format names.
    pub(in crate::hashset) const MOST: usize = 4096;

    pub(in crate::hashset) fn add(&mut self, name: &str, text: &str) {
        if text.is_empty() || self.0.len() >= Self::MOST {
            return;
        }
        if !self.0.is_empty() {
            self.0.push_str("; ");
        }
        for part in [name, "=", text] {
            let room = Self::MOST.saturating_sub(self.0.len());
            let mut end = part.len().min(room);
            while !part.is_char_boundary(end) {
                end -= 1;
            }
            self.0.push_str(part.get(..end).unwrap_or_default());
        }
        if self.0.len() + 3 > Self::MOST {
            self.0.push('…');
        }
    }

    fn text(self) -> Option<String> {
        value::text(&self.0)
    }
}

impl Entry {
    /// Takes a hash of a type that a list names; one of a kind that cannot be computed here is
    /// kept as it stands, one that is malformed is a fault.
    pub(in crate::hashset) fn signal(&mut self, kind: &str, text: &str, quality: Option<Quality>) {
        match algorithm::signal_type(kind) {
            Some(kind) => self.hash(kind, text, quality),
            None => self.opaque(&opaque_kind(kind), text),
        }
    }

    /// Takes a hash of a known type.
    pub(in crate::hashset) fn hash(
        &mut self,
        kind: SignalType,
        text: &str,
        quality: Option<Quality>,
    ) {
        if text.is_empty() {
            return;
        }
        match value::value(kind, text) {
            Ok(signal) => self.keep(signal, quality),
            Err(reason) => self.faults.push(format!("{kind}: {reason}")),
        }
    }

    pub(in crate::hashset) fn keep(&mut self, signal: Signal, quality: Option<Quality>) {
        self.keep_form(signal, quality, None);
    }

    /// Takes a hash of a form of the item.
    pub(in crate::hashset) fn keep_form(
        &mut self,
        signal: Signal,
        quality: Option<Quality>,
        form: Option<Form>,
    ) {
        let is_pdq = signal.as_pdq().is_some();
        self.signals.push(ContentSignal {
            form: form.filter(|_| is_pdq),
            ..ContentSignal::new(signal, quality.filter(|_| is_pdq))
        });
    }

    /// Keeps a signal that cannot be computed here.
    pub(in crate::hashset) fn opaque(&mut self, kind: &str, text: &str) {
        let one = OpaqueSignal {
            kind: kind.to_owned(),
            value: text.to_owned(),
        };
        if !text.is_empty() && !self.opaque.contains(&one) {
            self.opaque.push(one);
        }
    }

    pub(in crate::hashset) fn label(&mut self, label: &str) {
        if !label.is_empty() && !self.labels.iter().any(|known| known == label) {
            self.labels.push(label.to_owned());
        }
    }

    pub(in crate::hashset) fn opinion(
        &mut self,
        owner: impl Into<String>,
        view: crate::bank::View,
    ) {
        self.opinions.push(Opinion {
            owner: owner.into(),
            view,
        });
    }

    /// Gives the record to the sink, and its faults before it.
    pub(in crate::hashset) fn give(
        self,
        place: Place<'_>,
        tally: &mut Tally,
        sink: &mut Sink<'_>,
    ) -> ControlFlow<()> {
        let takes_back = self.status != SourceStatus::Active && self.record_id.is_some();
        let is_usable = !self.signals.is_empty() || !self.opaque.is_empty() || takes_back;
        let mut faults = self.faults;
        if !is_usable && faults.is_empty() {
            faults.push("the record has no hash".to_owned());
        }
        let is_partial = !faults.is_empty();
        if is_partial {
            let mut reason = faults.join("; ");
            if is_usable {
                reason.push_str("; what else it holds is read");
            }
            tally.bad += 1;
            place.bad(reason, sink)?;
        }
        if !is_usable {
            return ControlFlow::Continue(());
        }
        tally.used += 1;
        sink(Ok(ListRecord {
            line: place.line,
            number: Some(place.number),
            signals: self.signals,
            opaque: self.opaque,
            labels: self.labels,
            metadata: self.metadata.text(),
            record_id: self.record_id,
            status: self.status,
            opinions: self.opinions,
            is_partial,
        }))
    }
}

/// Where a record stands.
#[derive(Clone, Copy)]
pub(in crate::hashset) struct Place<'a> {
    pub(in crate::hashset) line: u64,
    pub(in crate::hashset) number: u64,
    pub(in crate::hashset) bytes: &'a [u8],
}

impl Place<'_> {
    pub(in crate::hashset) fn bad(&self, reason: String, sink: &mut Sink<'_>) -> ControlFlow<()> {
        sink(Err(BadLine {
            number: Some(self.number),
            ..BadLine::new(self.line, reason, self.bytes)
        }))
    }
}

/// The name under which a kind of signal is kept that cannot be computed here.
fn opaque_kind(name: &str) -> String {
    let plain = name.trim().to_ascii_lowercase();
    let plain = plain.strip_prefix("hash_").unwrap_or(&plain);
    match plain {
        "pdna" | "photo_dna" => "photodna".to_owned(),
        other => other.chars().take(64).collect(),
    }
}
