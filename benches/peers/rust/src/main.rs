//! One job of one program over the files of a folder, on one thread: `hashgate-peers JOB ROUNDS FOLDER`.
//!
//! Prints one JSON object: how many files gave a hash (or pixels), the seconds of each round, the process's peak
//! memory and, where a job compares hashes, in how many bits they differ. Each job runs in a process of its own, so
//! that the peak is its own.

#[cfg(feature = "yume-pdq")]
mod yume;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hashgate::gate::{Extract, Extractor, Isolation, VariantSet};
use hashgate::hash::SignalType;
use hashgate::media::Limits;
use hashgate::signal::pdq::PdqHasher;

const USAGE: &str = "usage: hashgate-peers hashgate-exact|hashgate-fast|hashgate-512|image-decode|image_hasher|pdqhash|\
                     yume-pdq|yume-pdq-512 ROUNDS FOLDER";

/// What became of one file.
#[derive(Default)]
struct Done {
    /// Whether its bytes gave what the job is after.
    is_good: bool,
    /// The time that counts, where that is not all from the file to the end.
    counted: Option<Duration>,
    /// In how many bits its hash differs from that of hashgate.
    bits_off: Option<u32>,
}

impl From<bool> for Done {
    fn from(is_good: bool) -> Self {
        Self {
            is_good,
            ..Self::default()
        }
    }
}

type Job = Box<dyn FnMut(&[u8]) -> Done>;

fn job(name: &str) -> Option<Job> {
    Some(match name {
        "hashgate-exact" => hashgate(false),
        "hashgate-fast" => hashgate(true),
        "hashgate-512" => hashgate_512(),
        #[cfg(feature = "yume-pdq")]
        "yume-pdq-512" => yume::of_512(),
        #[cfg(feature = "yume-pdq")]
        "yume-pdq" => yume::whole(),
        "image-decode" => {
            Box::new(|bytes| black_box(image::load_from_memory(bytes)).is_ok().into())
        }
        "image_hasher" => {
            let config = image_hasher::HasherConfig::new();
            let hasher = config.preproc_dct().hash_size(8, 8).to_hasher();
            Box::new(move |bytes| {
                let picture = image::load_from_memory(bytes);
                picture
                    .is_ok_and(|picture| {
                        !black_box(hasher.hash_image(&picture)).as_bytes().is_empty()
                    })
                    .into()
            })
        }
        "pdqhash" => Box::new(|bytes| {
            // Its decoder panics on some files.
            let hashed = std::panic::catch_unwind(|| {
                let picture = image_of_pdqhash::load_from_memory(bytes).ok()?;
                pdqhash::generate_pdq_full_size(&picture).into()
            });
            matches!(black_box(hashed), Ok(Some(_))).into()
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
        (extraction.problem.is_none() && !extraction.signals.is_empty()).into()
    })
}

/// What yume-pdq takes: 512 by 512 grey pixels, 0 to 255.
const SIDE: u32 = 512;

/// A file's picture as grey pixels, scaled as yume-pdq's own example does it.
fn grey_512(bytes: &[u8]) -> Option<image::GrayImage> {
    let picture = image::load_from_memory(bytes).ok()?;
    let filter = image::imageops::FilterType::Triangle;
    Some(picture.resize_exact(SIDE, SIDE, filter).to_luma8())
}

/// The picture as grey pixels, then hashed by `hash`, which says what counts of it. It is given the values as numbers, and as
/// red, green and blue.
fn of_512(mut hash: impl FnMut(&[f32], &[u8]) -> Done + 'static) -> Job {
    Box::new(move |bytes| {
        let Some(grey) = grey_512(bytes) else {
            return false.into();
        };
        let values: Vec<f32> = grey.iter().map(|&value| f32::from(value)).collect();
        let rgb: Vec<u8> = grey.iter().flat_map(|&value| [value; 3]).collect();
        hash(&values, &rgb)
    })
}

/// Hashing alone.
fn hashgate_512() -> Job {
    let mut hasher = PdqHasher::default();
    let side = SIDE as usize;
    of_512(move |_, rgb| {
        let begin = Instant::now();
        let is_good = black_box(hasher.hash_rgb(side, side, rgb)).is_ok();
        Done {
            is_good,
            counted: Some(begin.elapsed()),
            bits_off: None,
        }
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
    let (mut bytes, mut bits_off) = (Vec::new(), Vec::new());
    for _ in 0..rounds.parse::<u32>()? {
        let mut spent = Duration::ZERO;
        done = 0;
        bits_off.clear();
        for path in &files {
            let begin = Instant::now();
            bytes.clear();
            std::io::Read::read_to_end(&mut std::fs::File::open(path)?, &mut bytes)?;
            let one = job(&bytes);
            done += u32::from(one.is_good);
            spent += one.counted.unwrap_or_else(|| begin.elapsed());
            bits_off.extend(one.bits_off);
        }
        seconds.push(format!("{:.6}", spent.as_secs_f64()));
    }
    let (count, peak, seconds) = (files.len(), peak_bytes(), seconds.join(","));
    let bits = match bits_off.len() {
        0 => String::new(),
        count => {
            let mean = f64::from(bits_off.iter().sum::<u32>()) / count as f64;
            let most = bits_off.iter().max().unwrap_or(&0);
            let equal = bits_off.iter().filter(|&&bits| bits == 0).count();
            format!(",\"bits_off\":{{\"mean\":{mean:.2},\"max\":{most},\"equal\":{equal}}}")
        }
    };
    println!(
        "{{\"files\":{count},\"done\":{done},\"seconds\":[{seconds}],\"peak_bytes\":{peak}{bits}}}"
    );
    Ok(())
}
