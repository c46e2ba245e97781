//! Hashes of a picture's bytes or pixels, and how far two are apart.

use crate::error::{HashgateError, NotJudgedError, raised};
use crate::given;
use crate::working::run_alone;
use hashgate::bank::Policy;
use hashgate::gate::compare::{self as sides, Side};
use hashgate::gate::{Extraction, Extractor, Problem, VariantSet};
use hashgate::hamming;
use hashgate::hash::{SignalType, Threshold};
use hashgate::media::Limits;
use hashgate::signal::{PdqHasher, imagehash};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::cell::RefCell;
use std::collections::BTreeMap;

thread_local! {
    /// What one thread hashes with.
    static EXTRACTOR: RefCell<Extractor> = RefCell::default();
}

/// What could not be judged, as Python raises it: message, outcome, kind.
fn not_judged(problem: &Problem) -> PyErr {
    let kind = serde_json::to_value(problem.kind).unwrap_or_default();
    let kind = kind.as_str().unwrap_or("other").to_owned();
    NotJudgedError::new_err((problem.message.clone(), problem.outcome.name(), kind))
}

/// The hashes of one picture.
#[pyclass(frozen, module = "pyhashgate")]
pub(crate) struct Hashes {
    extraction: Extraction,
}

#[pymethods]
impl Hashes {
    /// The hashes: the type's name to hexadecimal text.
    #[getter]
    fn signals(&self) -> BTreeMap<&'static str, String> {
        let signals = self.extraction.signals.iter();
        signals
            .map(|signal| (signal.signal_type().name(), signal.hex()))
            .collect()
    }

    /// The 32 bytes of the PDQ hash; None where it was not asked for.
    #[getter]
    fn pdq<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        let mut signals = self.extraction.signals.iter();
        let pdq = signals.find(|signal| signal.signal_type() == SignalType::Pdq)?;
        Some(PyBytes::new(py, pdq.as_bytes()))
    }

    /// PDQ quality, 0 to 100. Below 50 there is too little in the picture to match it by.
    #[getter]
    fn quality(&self) -> Option<u8> {
        self.extraction.quality.map(|quality| quality.get())
    }

    fn __repr__(&self) -> String {
        let signals = self.extraction.signals.iter();
        let signals: Vec<String> = signals.map(|signal| format!("'{signal}'")).collect();
        format!(
            "Hashes({}, quality={})",
            signals.join(", "),
            self.quality()
                .map_or("None".to_owned(), |quality| quality.to_string())
        )
    }
}

/// The hashes of a picture's bytes, of its first frame, upright, over white where it is transparent.
#[pyfunction]
#[pyo3(signature = (data, signals = None))]
pub(crate) fn hash(
    py: Python<'_>,
    data: &Bound<'_, PyAny>,
    signals: Option<Vec<String>>,
) -> PyResult<Hashes> {
    let bytes = given::bytes(data)?;
    let names = signals.unwrap_or_else(|| vec!["pdq".to_owned()]);
    let wanted: Vec<SignalType> = names
        .iter()
        .map(|name| given::signal_type(name))
        .collect::<PyResult<_>>()?;
    let extraction = run_alone(py, || {
        EXTRACTOR.with_borrow_mut(|extractor| {
            extractor.extract(&bytes, &wanted, VariantSet::NONE, &Limits::default())
        })
    })?;
    match &extraction.problem {
        // Digests of a file that is no picture are there all the same.
        Some(problem) if wanted.iter().any(|kind| !has(&extraction, *kind)) => {
            Err(not_judged(problem))
        }
        _ => Ok(Hashes { extraction }),
    }
}

fn has(extraction: &Extraction, kind: SignalType) -> bool {
    let mut signals = extraction.signals.iter();
    signals.any(|signal| signal.signal_type() == kind)
}

/// Most pixels that are handed over as pixels: what `hash` takes of a file, too.
const MOST_PIXELS: usize = 100_000_000;

fn shaped(width: usize, height: usize, rgb: &[u8]) -> PyResult<()> {
    let pixels = width.checked_mul(height);
    match pixels {
        Some(pixels @ 1..=MOST_PIXELS) if rgb.len() == 3 * pixels => Ok(()),
        Some(1..=MOST_PIXELS) => Err(PyValueError::new_err(format!(
            "{} bytes are no {width} x {height} pixels of three bytes",
            rgb.len()
        ))),
        _ => Err(PyValueError::new_err(format!(
            "{width} x {height} pixels: 1 to {MOST_PIXELS} in all"
        ))),
    }
}

/// The PDQ hash (32 bytes) and its quality (0 to 100) of pixels: three bytes each, red, green, blue, row by row.
#[pyfunction]
pub(crate) fn hash_pixels<'py>(
    py: Python<'py>,
    width: usize,
    height: usize,
    rgb: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyBytes>, u8)> {
    let rgb = given::bytes(rgb)?;
    shaped(width, height, &rgb)?;
    let hashed = run_alone(py, || PdqHasher::new().hash_rgb(width, height, &rgb))?;
    let hashed = hashed.map_err(|error| raised(py, &error, HashgateError::new_err))?;
    let signal = hashgate::hash::Signal::from(hashed.hash);
    Ok((PyBytes::new(py, signal.as_bytes()), hashed.quality.get()))
}

/// A 64-bit hash of pixels as the Python package imagehash computes it ('ahash', 'dhash' or 'phash' and others, by
/// hashgate's names), in hexadecimal.
#[pyfunction]
pub(crate) fn image_hash(
    py: Python<'_>,
    width: usize,
    height: usize,
    rgb: &Bound<'_, PyAny>,
    signal_type: &str,
) -> PyResult<String> {
    let kind = given::signal_type(signal_type)?;
    let rgb = given::bytes(rgb)?;
    shaped(width, height, &rgb)?;
    let hashed = run_alone(py, || imagehash(width, height, &rgb, &[kind]))?;
    let hashed = hashed.map_err(|error| raised(py, &error, HashgateError::new_err))?;
    let hashed = hashed.first().map(|(_, hash)| *hash).ok_or_else(|| {
        PyValueError::new_err(format!("{signal_type} is not computed from pixels here"))
    })?;
    Ok(hashgate::hash::Signal::from_hash64(kind, hashed).hex())
}

/// How many bits two hashes of one type differ by. Each is the type and hexadecimal digits (`pdq:0f…`), or the 64
/// digits of a PDQ hash alone.
#[pyfunction]
pub(crate) fn distance(a: &str, b: &str) -> PyResult<u16> {
    let (a, b) = (given::signal(a)?, given::signal(b)?);
    let bits = hamming::distance(&a, &b);
    let bits = bits.ok_or_else(|| {
        PyValueError::new_err(format!(
            "a {} and a {} have no distance: give two of one type, which is no digest",
            a.signal_type(),
            b.signal_type()
        ))
    })?;
    Ok(bits.0)
}

/// How far two pictures or hashes are apart.
#[pyclass(frozen, module = "pyhashgate", get_all)]
pub(crate) struct Comparison {
    /// The type of hash by which they were compared.
    signal_type: String,
    /// 'match', 'no_match', or 'low_quality' where a picture is too plain to be told by PDQ.
    verdict: &'static str,
    /// How many bits they differ by; None for digests that differ.
    distance: Option<u16>,
    /// Up to how many bits they match.
    threshold: u16,
    /// Whether the two are the same file, byte by byte, as far as their digests tell.
    same_bytes: bool,
}

#[pymethods]
impl Comparison {
    fn __repr__(&self) -> String {
        let distance = self
            .distance
            .map_or("None".to_owned(), |distance| distance.to_string());
        format!(
            "Comparison(verdict='{}', distance={distance}, threshold={}, signal_type='{}')",
            self.verdict, self.threshold, self.signal_type
        )
    }
}

/// Compares two pictures (bytes) or hashes (text).
#[pyfunction]
#[pyo3(signature = (a, b, threshold = None))]
pub(crate) fn compare(
    py: Python<'_>,
    a: &Bound<'_, PyAny>,
    b: &Bound<'_, PyAny>,
    threshold: Option<u16>,
) -> PyResult<Comparison> {
    let failed = |error: sides::CompareError| match &error {
        sides::CompareError::File { problem, .. } => not_judged(problem),
        other => PyValueError::new_err(other.to_string()),
    };
    let side = |given: &Bound<'_, PyAny>| -> PyResult<Side> {
        if let Ok(text) = given.extract::<String>() {
            return Ok(given::signal(&text)?.into());
        }
        let bytes = given::bytes(given)?;
        run_alone(py, || Side::of_bytes(&bytes, &Limits::default()))?.map_err(failed)
    };
    let (a, b) = (side(a)?, side(b)?);
    let widest = threshold.unwrap_or(0) <= Policy::MAX_PDQ_THRESHOLD.0.max(256);
    if !widest {
        return Err(PyValueError::new_err("a threshold has 0 to 256 bits"));
    }
    let told = sides::compare(&a, &b, threshold.map(Threshold)).map_err(failed)?;
    Ok(Comparison {
        signal_type: told.signal_type.to_string(),
        verdict: told.verdict.name(),
        distance: told.distance.map(|distance| distance.0),
        threshold: told.threshold,
        same_bytes: told.same_bytes,
    })
}
