//! Ctrl-C and its kin: asked to stop, a command ends after the piece it is at.

use crate::cli::output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Becomes true when the process is asked to stop (SIGINT, SIGTERM, SIGHUP).
///
/// A second request ends the process at once: what is on disk is consistent at every moment.
pub(crate) fn on_request() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if asked.swap(true, Ordering::Relaxed) {
            std::process::exit(2);
        }
        output::warn(
            "hashgate: stopping after what is under way; press Ctrl-C again to stop at once",
        );
    })?;
    Ok(stop)
}
