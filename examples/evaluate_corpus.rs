//! Measures how many modified copies of a folder's pictures are found, through the library:
//!
//! ```sh
//! cargo run --release --no-default-features --features evaluate --example evaluate_corpus -- \
//!     FOLDER [--benign LIST] [--modifications quick] [--variants none,standard] [--sample N]
//! ```
//!
//! The command `hashgate evaluate` does the same and more, and needs all features.

use hashgate::bank::{Action, Policy};
use hashgate::evaluate::{BenignEntry, CorpusFile, Modifications, Plan, Watch, evaluate};
use hashgate::gate::{Mode, VariantSet};
use hashgate::hash::SignalType;
use hashgate::hashset::Sample;
use hashgate::media::Limits;
use std::error::Error;
use std::io::Write;
use std::sync::atomic::AtomicBool;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("give a folder of pictures")?;
    let mut modifications: Modifications = "standard".parse()?;
    let (mut benign, mut sample) = (None, usize::MAX);
    let mut variants = vec![("none".to_owned(), VariantSet::NONE)];
    while let (Some(name), Some(value)) = (arguments.next(), arguments.next()) {
        match &*name {
            "--modifications" => modifications = value.parse()?,
            "--benign" => benign = Some((value.clone(), read_list(&value)?)),
            "--sample" => sample = value.parse()?,
            "--variants" => {
                variants = (value.split(','))
                    .map(|name| Ok((name.to_owned(), name.parse()?)))
                    .collect::<Result<_, Box<dyn Error>>>()?;
            }
            _ => return Err(format!("unknown argument {name}").into()),
        }
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.ends_with(".tsv") {
            files.push(CorpusFile {
                path: entry.path(),
                name,
            });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    // Evenly over the folder.
    let step = files.len().div_ceil(sample.max(1)).max(1);
    let files: Vec<CorpusFile> = files.into_iter().step_by(step).collect();
    let plan = Plan {
        seed: 1,
        modifications,
        variants,
        signals: vec![SignalType::Pdq],
        policy: Policy::new(Action::Block),
        mode: Mode::Exact,
        limits: Limits::default(),
        working_side: 1024,
        same_within: 47,
        looked_at: Vec::new(),
        calibrated: false,
        jobs: std::thread::available_parallelism()?.get(),
    };
    let never = AtomicBool::new(false);
    let watch = Watch {
        stop: &never,
        progress: &|done, total| {
            if done % 500 == 0 {
                let _ = writeln!(std::io::stderr(), "{done} of {total}");
            }
        },
    };
    let list = (benign.as_ref()).map(|(name, entries)| (name.as_str(), entries.as_slice()));
    let report = evaluate(&plan, &folder, &files, list, watch)?;
    let mut out = std::io::stdout().lock();
    for result in &report.results {
        writeln!(
            out,
            "--variants {}: {:.1} % found",
            result.variants,
            100.0 * result.recall.value
        )?;
        if let Some(benign) = &result.false_flags_benign {
            writeln!(
                out,
                "  {} wrong flags against the benign list",
                benign.pairs
            )?;
        }
        writeln!(
            out,
            "  {} against other pictures",
            result.false_flags_corpus.pairs
        )?;
        for flag in result.false_flags.iter().take(20) {
            writeln!(
                out,
                "  wrong: {} {} as {} at {} ({} {})",
                flag.file, flag.modification, flag.variant, flag.distance, flag.against, flag.entry
            )?;
        }
        for one in &result.by_modification {
            let percent = 100.0 * one.recall.value;
            let median = one
                .median_distance
                .map_or("> 63".to_owned(), |bits| bits.to_string());
            writeln!(
                out,
                "  {:32} {percent:6.1} %  median {median}",
                one.modification
            )?;
        }
    }
    std::fs::write("evaluation.json", serde_json::to_string_pretty(&report)?)?;
    Ok(())
}

fn read_list(path: &str) -> Result<Vec<BenignEntry>, Box<dyn Error>> {
    let sample = Sample::read(path.as_ref())?;
    if let Some(line) = sample.first_bad {
        let bad = sample.bad_lines;
        writeln!(
            std::io::stderr(),
            "{path}: {bad} lines left out; the first: {line}"
        )?;
    }
    Ok(sample.entries)
}
