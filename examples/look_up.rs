//! Looks one hash up in a published index: for services that have hashes from elsewhere.
//!
//! ```sh
//! cargo run --release --example look_up --no-default-features -- INDEX pdq:HEX
//! ```
//!
//! Needs neither decoders nor RocksDB. Exit code 0: unknown; 1: known.

use hashgate::gate::Gate;
use hashgate::hash::{Distance, Signal};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [index, signal] = &arguments[..] else {
        eprintln!("usage: look_up INDEX_FOLDER SIGNAL");
        return ExitCode::from(2);
    };
    match look_up(index, signal) {
        Ok(true) => ExitCode::from(1),
        Ok(false) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("look_up: {error}");
            ExitCode::from(2)
        }
    }
}

fn look_up(index: &str, signal: &str) -> Result<bool, Box<dyn std::error::Error>> {
    let gate = Gate::open(index)?;
    let signal: Signal = signal.parse()?;
    // What the banks' policies say...
    let verdict = gate.match_signal(&signal, None);
    for found in &verdict.matches {
        println!(
            "{}: {} #{} at distance {}",
            found.action, found.bank, found.content_id, found.distance
        );
    }
    // ...and what is nearest, whatever they say.
    let nearest = gate.nearest(&signal, Distance(signal.signal_type().max_distance()), 3);
    for found in nearest.matches {
        println!(
            "near: {} #{} at {}",
            found.bank, found.content_id, found.distance
        );
    }
    Ok(verdict.action.is_some())
}
