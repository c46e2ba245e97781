//! One job of one program over the files of a folder, on one thread: `hashgate-peers JOB ROUNDS FOLDER`.
//!
//! Prints one JSON object: how many files gave a hash (or pixels), the seconds of each round, and the
//! process's peak memory. Each job runs in a process of its own, so that the peak is its own.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use hashgate::gate::{Extract, Extractor, Isolation, VariantSet};
use hashgate::hash::SignalType;
use hashgate::media::Limits;

const USAGE: &str = "usage: hashgate-peers hashgate-exact|hashgate-fast|image-decode|image_hasher|pdqhash ROUNDS FOLDER";

/// Whether a file's bytes gave what the job is after.
type Job = Box<dyn FnMut(&[u8]) -> bool>;

fn job(name: &str) -> Option<Job> {
    Some(match name {
        "hashgate-exact" => hashgate(false),
        "hashgate-fast" => hashgate(true),
        "image-decode" => Box::new(|bytes| black_box(image::load_from_memory(bytes)).is_ok()),
        "image_hasher" => {
            let config = image_hasher::HasherConfig::new();
            let hasher = config.preproc_dct().hash_size(8, 8).to_hasher();
            Box::new(move |bytes| {
                let picture = image::load_from_memory(bytes);
                picture.is_ok_and(|picture| {
                    !black_box(hasher.hash_image(&picture)).as_bytes().is_empty()
                })
            })
        }
        "pdqhash" => Box::new(|bytes| {
            // Its decoder panics on some files.
            let hashed = std::panic::catch_unwind(|| {
                let picture = image_of_pdqhash::load_from_memory(bytes).ok()?;
                pdqhash::generate_pdq_full_size(&picture).into()
            });
            matches!(black_box(hashed), Ok(Some(_)))
        }),
        _ => return None,
    })
}

fn hashgate(fast: bool) -> Job {
    let mut extractor = Extractor::default();
    Box::new(move |bytes| {
        let limits = Limits::default();
        let how = Extract {
            wanted: &[SignalType::Pdq],
            variants: VariantSet::NONE,
            limits: &limits,
            fast,
            memory: None,
            isolation: Isolation::default(),
        };
        let extraction = black_box(extractor.extract_with(bytes, &how));
        extraction.problem.is_none() && !extraction.signals.is_empty()
    })
}

fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries: Result<Vec<_>, _> = std::fs::read_dir(folder)?.collect();
    let mut files: Vec<PathBuf> = entries?.iter().map(std::fs::DirEntry::path).collect();
    files.retain(|path| {
        path.is_file()
            && path
                .extension()
                .is_none_or(|end| end != "tsv" && end != "md")
    });
    files.sort();
    Ok(files)
}

/// The most memory that this process ever had, in bytes; 0 where the system does not say.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| {
        line.trim()
            .trim_end_matches("kB")
            .trim()
            .parse::<u64>()
            .ok()
    });
    kilobytes.unwrap_or(0) * 1024
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, rounds, folder] = arguments.as_slice() else {
        return Err(USAGE.into());
    };
    let mut job = job(name).ok_or(USAGE)?;
    let files = files(Path::new(folder))?;
    let mut seconds = Vec::new();
    let mut done = 0;
    let mut bytes = Vec::new();
    for _ in 0..rounds.parse::<u32>()? {
        let begin = Instant::now();
        done = 0;
        for path in &files {
            bytes.clear();
            std::io::Read::read_to_end(&mut std::fs::File::open(path)?, &mut bytes)?;
            done += u32::from(job(&bytes));
        }
        seconds.push(format!("{:.6}", begin.elapsed().as_secs_f64()));
    }
    let (count, peak, seconds) = (files.len(), peak_bytes(), seconds.join(","));
    println!("{{\"files\":{count},\"done\":{done},\"seconds\":[{seconds}],\"peak_bytes\":{peak}}}");
    Ok(())
}
