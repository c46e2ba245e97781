//! Gates a folder of uploads: what an upload service does for each file, before anyone sees it.
//!
//! ```sh
//! hashgate publish                      # once, on the machine that holds the banks
//! cargo run --release --example gate_uploads --no-default-features --features decode -- INDEX UPLOADS
//! ```
//!
//! Prints a line for each file. Exit code 0: all passed; 1: something was held back.

use hashgate::bank::Action;
use hashgate::gate::{Gate, GateOptions, Worker};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What the service does with an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Pass,
    Review,
    Reject,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(index), Some(uploads)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: gate_uploads INDEX_FOLDER UPLOAD_FOLDER");
        return ExitCode::from(2);
    };
    match gate_folder(&index, &uploads) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(error) => {
            eprintln!("gate_uploads: {error}");
            ExitCode::from(2)
        }
    }
}

fn gate_folder(index: &Path, uploads: &Path) -> Result<u32, Box<dyn std::error::Error>> {
    // One gate for the whole service; it is Send + Sync, so every thread shares it.
    let mut options = GateOptions::default();
    options.limits.max_file_bytes = 20 << 20;
    let gate = Gate::open_with(index, options)?;
    // One worker for each thread: the scratch memory of decoding and hashing.
    let mut worker = Worker::default();
    let mut held_back = 0;
    let mut paths: Vec<PathBuf> = std::fs::read_dir(uploads)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.sort();
    for path in paths.iter().filter(|path| path.is_file()) {
        // A service does this every second or so: a newly published index takes effect.
        gate.refresh()?;
        let upload = std::fs::read(path)?;
        let verdict = gate.check_with(&mut worker, &upload);
        let decision = match verdict.action {
            Some(Action::Block) => Decision::Reject,
            _ if verdict.passes() => Decision::Pass,
            // What could not be judged is never waved through.
            _ => Decision::Review,
        };
        if decision != Decision::Pass {
            held_back += 1;
        }
        println!("{decision:?}\t{}\t{}", verdict.outcome, path.display());
    }
    Ok(held_back)
}
