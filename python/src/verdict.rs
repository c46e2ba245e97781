//! `Verdict` and `Match`, as Python reads them.

use hashgate::gate;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Text that a value is written as.
fn written(value: &impl serde::Serialize) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| PyValueError::new_err(error.to_string()))
}

fn hash_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// What the gate says of one upload or hash.
///
/// Ask `passes`, not `action`: what could not be judged has no action, and must not pass.
#[pyclass(frozen, eq, module = "pyhashgate")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict(pub(crate) Arc<gate::Verdict>);

impl From<gate::Verdict> for Verdict {
    fn from(verdict: gate::Verdict) -> Self {
        Self(Arc::new(verdict))
    }
}

#[pymethods]
impl Verdict {
    /// Whether the upload may go on: it was judged, and no bank that it matches holds it back.
    #[getter]
    fn passes(&self) -> bool {
        self.0.passes()
    }

    /// What became of it: 'match', 'no_match', 'low_quality', 'undecodable', 'unsupported', 'too_large' or 'unreadable'.
    #[getter]
    fn outcome(&self) -> &'static str {
        self.0.outcome.name()
    }

    /// What the banks' policies say to do: 'block', 'review', 'report', 'allow'; None where nothing matched.
    #[getter]
    fn action(&self) -> Option<&'static str> {
        self.0.action.map(|_| self.0.action_name())
    }

    /// The hashes of the input as stored: the type's name to hexadecimal text.
    #[getter]
    fn signals(&self) -> BTreeMap<&'static str, String> {
        let signals = self.0.signals.iter();
        signals
            .map(|signal| (signal.signal_type().name(), signal.hex()))
            .collect()
    }

    /// PDQ quality, 0 to 100; None where no picture was hashed.
    #[getter]
    fn quality(&self) -> Option<u8> {
        self.0.quality.map(|quality| quality.get())
    }

    /// The matches, nearest first, 1,000 at most.
    #[getter]
    fn matches(&self) -> Vec<Match> {
        self.0.matches.iter().cloned().map(Match).collect()
    }

    /// How many further matches are not listed, at least. They did count.
    #[getter]
    fn matches_left_out(&self) -> u64 {
        self.0.matches_left_out
    }

    /// Why it, or a part of it, could not be judged, in words.
    #[getter]
    fn error(&self) -> Option<&str> {
        self.0.error()
    }

    /// The same for programs: 'damaged', 'not_decoded', 'pixels', 'frames', 'defect' and others.
    #[getter]
    fn error_kind(&self) -> PyResult<Option<String>> {
        let kind = self.0.problem.as_ref().map(|problem| problem.kind);
        let text = kind.map(|kind| written(&kind)).transpose()?;
        Ok(text.map(|text| text.trim_matches('"').to_owned()))
    }

    /// How PDQ was computed: 'exact', 'fast' (it may be a few bits off), or None where no picture was hashed.
    #[getter]
    fn mode(&self) -> Option<&'static str> {
        self.0.mode_name()
    }

    /// Whether it is reviewed because all entries that would have blocked it are quarantined.
    #[getter]
    fn quarantined(&self) -> bool {
        self.0.quarantined
    }

    /// Whether it is reviewed, and would pass, because of parts that were not looked at.
    #[getter]
    fn held_unread(&self) -> bool {
        self.0.held_unread
    }

    /// The generation of the index that answered.
    #[getter]
    fn generation(&self) -> u64 {
        self.0.generation
    }

    /// The whole verdict as JSON, in the documented schema of hashgate's verdicts.
    fn to_json(&self) -> PyResult<String> {
        written(&*self.0)
    }

    /// A verdict that `to_json` wrote. Each field is checked.
    #[staticmethod]
    fn from_json(text: &str) -> PyResult<Self> {
        let read = serde_json::from_str::<gate::Verdict>(text);
        let read = read.map_err(|error| PyValueError::new_err(format!("no verdict: {error}")))?;
        Ok(read.into())
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        let made_by = slf.get_type().getattr("from_json")?;
        Ok((made_by, (slf.get().to_json()?,)))
    }

    fn __hash__(&self) -> PyResult<u64> {
        Ok(hash_of(&self.to_json()?))
    }

    fn __repr__(&self) -> String {
        let verdict = &self.0;
        let mut text = format!("Verdict(outcome='{}'", verdict.outcome);
        if self.action().is_some() {
            text.push_str(&format!(", action='{}'", verdict.action_name()));
        }
        if let Some(nearest) = verdict.matches.first() {
            text.push_str(&format!(
                ", bank='{}', distance={}",
                nearest.bank, nearest.distance
            ));
        }
        if let Some(error) = verdict.error() {
            text.push_str(&format!(", error={error:?}"));
        }
        text.push(')');
        text
    }
}

/// One entry of a bank that an upload matches.
#[pyclass(frozen, eq, module = "pyhashgate")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Match(gate::Match);

#[pymethods]
impl Match {
    /// The bank's name.
    #[getter]
    fn bank(&self) -> &str {
        self.0.bank.as_str()
    }

    /// The entry's number.
    #[getter]
    fn content_id(&self) -> u64 {
        self.0.content_id.0
    }

    /// Why it counts: 'exact', 'near' or 'verified'.
    #[getter]
    fn kind(&self) -> &'static str {
        self.0.kind.name()
    }

    /// The type of hash that met.
    #[getter]
    fn signal_type(&self) -> &'static str {
        self.0.entry.signal_type().name()
    }

    /// The entry's hash, in hexadecimal.
    #[getter]
    fn hash(&self) -> String {
        self.0.entry.hex()
    }

    /// The upload's hash that met it, in hexadecimal.
    #[getter]
    fn query(&self) -> String {
        self.0.query.hex()
    }

    /// The form of the upload that met it: 'original', or a guess at the original such as 'mirror'.
    #[getter]
    fn variant(&self) -> String {
        self.0.variant.to_string()
    }

    /// How many bits the two differ by.
    #[getter]
    fn distance(&self) -> u16 {
        self.0.distance.0
    }

    /// The largest distance that is a match by the bank's policy.
    #[getter]
    fn threshold(&self) -> u16 {
        self.0.threshold.0
    }

    /// How alike the two are by how sure each bit is, -1 to 1; None where there was no picture to tell.
    #[getter]
    fn score(&self) -> Option<f64> {
        self.0.score.map(|score| score.value())
    }

    /// What the bank's policy says to do: 'block', 'review', 'report', 'allow'.
    #[getter]
    fn action(&self) -> PyResult<String> {
        Ok(written(&self.0.action)?.trim_matches('"').to_owned())
    }

    /// The type of a second hash that agrees, where the score alone was not enough.
    #[getter]
    fn seconded_by(&self) -> Option<&'static str> {
        self.0.seconded_by.map(|kind| kind.name())
    }

    /// The rule of labels or types that counted for the entry; None where the bank's own policy did.
    #[getter]
    fn rule(&self) -> Option<&str> {
        self.0.rule.as_deref()
    }

    /// Whether the entry is quarantined, so that it is reviewed where it would have blocked.
    #[getter]
    fn quarantined(&self) -> bool {
        self.0.quarantined
    }

    /// The form of the known item that the entry's hash is of; None for the item as it was given.
    #[getter]
    fn entry_form(&self) -> PyResult<Option<String>> {
        let text = self.0.entry_form.as_ref().map(written).transpose()?;
        Ok(text.map(|text| text.trim_matches('"').to_owned()))
    }

    /// How many bits the entry may safely reach, as calibration found; None where it was not calibrated.
    #[getter]
    fn reach(&self) -> Option<u16> {
        let bits = self.0.reach.and_then(|reach| reach.bits());
        bits.map(|bits| bits.0)
    }

    /// The match as JSON, as it stands in a verdict.
    fn to_json(&self) -> PyResult<String> {
        written(&self.0)
    }

    fn __hash__(&self) -> PyResult<u64> {
        Ok(hash_of(&self.to_json()?))
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let made_by = slf.get_type().getattr("from_json")?;
        let given = PyTuple::new(slf.py(), [slf.get().to_json()?])?;
        Ok((made_by, given))
    }

    /// A match that `to_json` wrote.
    #[staticmethod]
    fn from_json(text: &str) -> PyResult<Self> {
        let read = serde_json::from_str::<gate::Match>(text);
        read.map(Self)
            .map_err(|error| PyValueError::new_err(format!("no match: {error}")))
    }

    fn __repr__(&self) -> PyResult<String> {
        Ok(format!(
            "Match(bank='{}', content_id={}, kind='{}', distance={}, action='{}')",
            self.0.bank,
            self.0.content_id,
            self.0.kind.name(),
            self.0.distance,
            self.action()?
        ))
    }
}
