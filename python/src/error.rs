//! Errors with their causes, as Python raises them.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use std::error::Error;

pyo3::create_exception!(
    pyhashgate,
    HashgateError,
    PyException,
    "What went wrong, in words; its cause, where there is one, is `__cause__`."
);
pyo3::create_exception!(
    pyhashgate,
    IndexFolderError,
    HashgateError,
    "An index folder that cannot be opened or read."
);
pyo3::create_exception!(
    pyhashgate,
    NotJudgedError,
    HashgateError,
    "A picture that could not be hashed or compared; `args` are the message, the outcome and the kind of problem."
);

/// An exception with the same chain of causes as the error.
pub(crate) fn raised(
    py: Python<'_>,
    error: &(dyn Error + 'static),
    new: impl Fn(String) -> PyErr,
) -> PyErr {
    let said = error.to_string();
    let raised = new(said.clone());
    let mut cause = error.source();
    // An error that says only what its cause says is not told twice.
    while let Some(inner) = cause.filter(|inner| inner.to_string() == said) {
        cause = inner.source();
    }
    if let Some(cause) = cause {
        raised.set_cause(py, Some(self::raised(py, cause, HashgateError::new_err)));
    }
    raised
}
