//! For which part of the questions each kind of hash is asked about on HMA's paths, where this node keeps banks.
//!
//! Owns the switches, and their file (`signal_types.json` in the home folder). They hold on this node. Our own paths
//! go by the policies of banks alone.

use crate::hash::SignalType;
use serde_json::{Map, Value, json};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// The kinds that have a switch, by HMA's names.
pub(super) const KINDS: [(&str, SignalType); 2] =
    [("pdq", SignalType::Pdq), ("video_md5", SignalType::Md5)];

/// The switches, each 0 to 1.
#[derive(Debug)]
pub(super) struct Switches([AtomicU64; KINDS.len()]);

impl Default for Switches {
    fn default() -> Self {
        Self(KINDS.map(|_| AtomicU64::new(1_f64.to_bits())))
    }
}

/// Whether a number can be one.
pub(super) fn is_ratio(ratio: f64) -> bool {
    (0.0..=1.0).contains(&ratio)
}

impl Switches {
    fn of(&self, kind: SignalType) -> Option<&AtomicU64> {
        let mut all = KINDS.iter().zip(&self.0);
        all.find(|((_, known), _)| *known == kind)
            .map(|(_, switch)| switch)
    }

    /// For which part of the questions a kind is asked about; kinds without a switch are asked about always.
    pub(super) fn ratio(&self, kind: SignalType) -> f64 {
        let switch = self.of(kind);
        switch.map_or(1.0, |switch| f64::from_bits(switch.load(Ordering::Relaxed)))
    }

    /// As HMA lists them.
    pub(super) fn shown(&self) -> Value {
        let told = |(name, kind)| json!({ "name": name, "enabled_ratio": self.ratio(kind) });
        Value::Array(KINDS.map(told).to_vec())
    }

    /// Reads the file; without one all are on. The error says what is wrong with it.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let switches = Self::default();
        let text = match std::fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(switches),
            read => read.map_err(|error| format!("{}: {error}", path.display()))?,
        };
        let bad = |what: &str| format!("{}: {what}", path.display());
        let read: Map<String, Value> =
            serde_json::from_slice(&text).map_err(|error| bad(&error.to_string()))?;
        for (name, ratio) in read {
            let switch = KINDS.iter().find(|(known, _)| *known == name);
            let switch = switch.and_then(|(_, kind)| switches.of(*kind));
            match (switch, ratio.as_f64()) {
                (Some(switch), Some(ratio)) if is_ratio(ratio) => {
                    switch.store(ratio.to_bits(), Ordering::Relaxed);
                }
                _ => return Err(bad("each kind of hash has a number from 0 to 1")),
            }
        }
        Ok(switches)
    }

    /// Sets one, on disk first.
    #[cfg(feature = "curation")]
    pub(super) fn set(
        &self,
        path: &Path,
        kind: SignalType,
        ratio: f64,
    ) -> Result<(), crate::files::ReplaceError> {
        let told = KINDS.map(|(name, known)| {
            let ratio = if known == kind {
                ratio
            } else {
                self.ratio(known)
            };
            (name.to_owned(), json!(ratio))
        });
        let told = Value::Object(told.into_iter().collect());
        crate::files::replace(path, |to| {
            std::io::Write::write_all(to, told.to_string().as_bytes())
        })?;
        if let Some(switch) = self.of(kind) {
            switch.store(ratio.to_bits(), Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_says_something_else_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("signal_types.json");
        let all_on = Switches::read(&path).expect("none is needed");
        assert_eq!(all_on.ratio(SignalType::Pdq), 1.0);
        assert_eq!(all_on.ratio(SignalType::Sha1), 1.0, "it has no switch");
        std::fs::write(&path, r#"{"pdq": 0.25, "video_md5": 0}"#).expect("written");
        let read = Switches::read(&path).expect("it is one");
        let ratios = [SignalType::Pdq, SignalType::Md5].map(|kind| read.ratio(kind));
        assert_eq!(ratios, [0.25, 0.0]);
        #[cfg(feature = "curation")]
        {
            read.set(&path, SignalType::Md5, 0.5).expect("set");
            let again = Switches::read(&path).expect("it is one");
            let ratios = [SignalType::Pdq, SignalType::Md5].map(|kind| again.ratio(kind));
            assert_eq!(ratios, [0.25, 0.5]);
        }
        for bad in [
            "",
            "[]",
            r#"{"pdq": 2}"#,
            r#"{"pdq": "1"}"#,
            r#"{"phash": 1}"#,
        ] {
            std::fs::write(&path, bad).expect("written");
            assert!(Switches::read(&path).is_err(), "{bad}");
        }
    }
}
