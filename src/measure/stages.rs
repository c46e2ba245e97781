//! What of a file's time goes where: reading, decoding, hashing, searching.
//!
//! The gate does all of it in one go, so each stage is run by itself, in one thread: the file is
//! read; its pictures are decoded and dropped; the gate's own extraction runs, which decodes again,
//! and what it takes beyond decoding is hashing; then its queries are asked.

use crate::gate::{Extractor, Gate, read_file};
use crate::hash::SignalType;
use crate::media;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Seconds of one thread that the stages of all files take together.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Stages {
    /// From the file to memory.
    pub read: f64,
    /// Bytes to pixels.
    pub decode: f64,
    /// Pixels and bytes to hashes of every variant, with what it takes to make the variants.
    pub hash: f64,
    /// Hashes to matches.
    pub search: f64,
}

impl Stages {
    /// In their order, with their names.
    pub(super) fn parts(&self) -> [(&'static str, f64); 4] {
        [
            ("read", self.read),
            ("decode", self.decode),
            ("hash", self.hash),
            ("search", self.search),
        ]
    }
}

/// Goes through the files so many times; of each file and stage the quickest time counts.
pub(super) fn measure(
    gate: &Gate,
    files: &[PathBuf],
    runs: usize,
    stop: &AtomicBool,
    tell: &dyn Fn(usize),
) -> Stages {
    let mut stages = Stages::default();
    let mut worker = Worker {
        extractor: Extractor::default(),
        wanted: gate.wanted(&gate.index()).at_once,
        bytes: Vec::new(),
    };
    for (at, path) in files.iter().enumerate() {
        tell(at);
        let mut best = [Duration::MAX; 4];
        for _ in 0..runs.max(1) {
            if stop.load(Ordering::Relaxed) {
                return stages;
            }
            for (best, time) in best.iter_mut().zip(worker.one(gate, path)) {
                *best = time.min(*best);
            }
        }
        let [read, decode, hash, search] = best.map(|time| time.as_secs_f64());
        stages.read += read;
        stages.decode += decode;
        stages.hash += hash;
        stages.search += search;
    }
    stages
}

struct Worker {
    extractor: Extractor,
    wanted: Vec<SignalType>,
    bytes: Vec<u8>,
}

impl Worker {
    fn one(&mut self, gate: &Gate, path: &std::path::Path) -> [Duration; 4] {
        let options = gate.options();
        let begun = Instant::now();
        let read_in = read_file(path, options.limits.max_file_bytes, &mut self.bytes);
        let read = begun.elapsed();
        if read_in.is_err() {
            return [read, Duration::ZERO, Duration::ZERO, Duration::ZERO];
        }
        let begun = Instant::now();
        if options.variants.frames {
            let drop_it = &mut |_| ControlFlow::Continue(());
            let _ = media::decode_frames(&self.bytes, &options.limits, drop_it);
        } else {
            let _ = media::decode(&self.bytes, &options.limits);
        }
        let decode = begun.elapsed();
        let begun = Instant::now();
        let extraction =
            self.extractor
                .extract(&self.bytes, &self.wanted, options.variants, &options.limits);
        let extract = begun.elapsed();
        let begun = Instant::now();
        for query in &extraction.queries {
            let _ = std::hint::black_box(gate.match_signal(&query.signal, query.quality));
        }
        [
            read,
            decode,
            extract.saturating_sub(decode),
            begun.elapsed(),
        ]
    }
}
