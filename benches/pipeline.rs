//! The whole pipeline: files on disk to verdicts, through a published index.
//!
//! Uses the project's own pictures, so that it runs anywhere. Every round asserts its counts.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hashgate::bank::{Action, Bank, BankId, ContentId, Policy};
use hashgate::gate::{Extractor, Gate, Outcome, VariantSet, Worker, read_file};
use hashgate::hash::SignalType;
use hashgate::index::{IndexRecord, PublishOptions, publish};
use hashgate::media::Limits;
use hashgate::scan::{Options, for_each_file};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

fn pictures(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/pictures")
        .join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("readable").path())
        .collect();
    paths.sort();
    paths
}

fn published(folder: &Path) -> Gate {
    let limits = Limits::default();
    let mut extractor = Extractor::default();
    let mut bytes = Vec::new();
    let bank = Bank {
        id: BankId(1),
        name: "known".parse().expect("a name"),
        policy: Policy::new(Action::Block),
    };
    let mut records = Vec::new();
    for (number, path) in (1..).zip(pictures("known")) {
        read_file(&path, limits.max_file_bytes, &mut bytes).expect("readable");
        let hashes = extractor.extract(&bytes, &[SignalType::Pdq], VariantSet::NONE, &limits);
        assert_eq!(hashes.problem, None, "{}", path.display());
        records.extend(hashes.signals.iter().map(|&signal| {
            Ok::<_, Infallible>(IndexRecord {
                bank: bank.id,
                content: ContentId(number),
                signal,
                quality: hashes.quality,
            })
        }));
    }
    publish(
        folder,
        &[bank],
        records.into_iter(),
        &PublishOptions::default(),
    )
    .expect("published");
    Gate::open(folder).expect("opened")
}

fn pipeline(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let gate = published(folder.path());
    let uploads = pictures("uploads");
    let bytes: u64 = uploads
        .iter()
        .map(|path| path.metadata().expect("there").len())
        .sum();
    let mut group = criterion.benchmark_group("pipeline");
    group.throughput(Throughput::Bytes(bytes)).sample_size(10);
    let mut expected = None;
    for jobs in [1, 2] {
        let options = Options {
            jobs,
            ordered: false,
            follow_links: false,
        };
        group.bench_function(format!("{jobs} jobs"), |bencher| {
            bencher.iter(|| {
                let mut matched = 0;
                let finished = for_each_file::<_, _, rayon::ThreadPoolBuildError>(
                    &uploads,
                    options,
                    &AtomicBool::new(false),
                    Worker::default,
                    |worker, path| gate.check_file(worker, path).verdict.outcome,
                    |done| {
                        matched += u32::from(done.result == Ok(Outcome::Match));
                        Ok(())
                    },
                )
                .expect("threads");
                assert!(!finished.interrupted);
                assert!(matched > 0);
                assert_eq!(*expected.get_or_insert(matched), matched);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, pipeline);
criterion_main!(benches);
