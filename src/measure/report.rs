//! What every report of figures can do.

use serde::Serialize;
use std::io::{self, Write};

/// What a measurement has found out; its JSON is the type itself.
pub trait Report: Serialize {
    /// Writes it for people.
    ///
    /// # Errors
    /// What writing fails with.
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()>;

    /// It as one HTML page with plots, which holds all it shows.
    fn page(&self) -> String;
}
