//! What callers hand over: bytes, hashes, names of settings.

use hashgate::bank::ContentSignal;
use hashgate::hash::{Quality, Signal, SignalType};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyMemoryView};

/// Bytes that nobody changes while they are read: `bytes` themselves, a copy of what else has a buffer.
pub(crate) fn bytes(given: &Bound<'_, PyAny>) -> PyResult<PyBackedBytes> {
    if let Ok(bytes) = given.cast::<PyBytes>() {
        return Ok(PyBackedBytes::from(bytes.clone()));
    }
    let wrong = |_| {
        let kind = given.get_type();
        PyTypeError::new_err(format!(
            "give bytes, or what has a buffer, and not {kind}: open a file with mode 'rb' and read it"
        ))
    };
    let view = PyMemoryView::from(given).map_err(wrong)?;
    let copy = view.call_method0("tobytes")?;
    Ok(PyBackedBytes::from(copy.cast_into::<PyBytes>()?))
}

/// A signal type by its name.
pub(crate) fn signal_type(name: &str) -> PyResult<SignalType> {
    name.parse()
        .map_err(|_| PyValueError::new_err(format!("{name:?} is no type of hash: {}", names())))
}

fn names() -> String {
    let names = SignalType::ALL.iter().map(|kind| kind.name());
    names.collect::<Vec<_>>().join(", ")
}

/// Hashes of one type that lie behind each other in a buffer, each with its quality where the caller has a
/// byte for it: 0 to 100, or 255 for unknown.
pub(crate) fn signals(
    kind: SignalType,
    hashes: &[u8],
    qualities: Option<&[u8]>,
) -> PyResult<Vec<ContentSignal>> {
    let width = kind.byte_len();
    if !hashes.len().is_multiple_of(width) {
        return Err(PyValueError::new_err(format!(
            "{} bytes are no whole number of {kind} hashes of {width} bytes",
            hashes.len()
        )));
    }
    let count = hashes.len() / width;
    if qualities.is_some_and(|qualities| qualities.len() != count) {
        return Err(PyValueError::new_err(format!(
            "there are {count} hashes: give as many qualities, a byte each"
        )));
    }
    let quality = |at: usize| -> PyResult<Option<Quality>> {
        match qualities.and_then(|qualities| qualities.get(at)) {
            None | Some(255) => Ok(None),
            Some(&number) => Quality::new(number).map(Some).ok_or_else(|| {
                PyValueError::new_err(format!(
                    "quality {number} of hash {at}: 0 to 100, or 255 where it is not known"
                ))
            }),
        }
    };
    let each = hashes.chunks_exact(width).enumerate();
    each.map(|(at, value)| {
        let signal = Signal::from_bytes(kind, value);
        let signal = signal.map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(ContentSignal::new(signal, quality(at)?))
    })
    .collect()
}

/// One hash: its text with its type before it (`pdq:0f…`), or a PDQ hash's 64 hexadecimal digits alone.
pub(crate) fn signal(text: &str) -> PyResult<Signal> {
    let read = match text.contains(':') {
        true => text.parse::<Signal>().map_err(|error| error.to_string()),
        false => Signal::from_hex(SignalType::Pdq, text).map_err(|error| error.to_string()),
    };
    read.map_err(PyValueError::new_err)
}
