//! An index that is in memory only: for one scan against lists and pictures that nobody wants to keep.
//!
//! Owns how records become an open generation without a folder. Refuses to write anything.

use crate::bank::Bank;
use crate::hamming::Kernel;
use crate::index::manifest::{Manifest, SegmentRecord};
use crate::index::publish::read_records;
use crate::index::{FactRecord, Index, Progress, PublishError, PublishOptions, Stage, Strategy};
use crate::segment::{BuildError, Memory, SegmentBuilder};
use std::path::PathBuf;
use std::sync::Arc;

impl Index {
    /// The generation number of an index in memory: it was never published.
    pub const UNPUBLISHED: u64 = 0;

    /// Builds an index of these records in memory and opens it. Nothing comes onto a disk; what it held is
    /// gone when it is dropped. It is searched as a published one, with the same answers.
    ///
    /// The rules for records are those of [`publish`](crate::index::publish()). Of the options count
    /// [`carried`](PublishOptions::carried), [`unread`](PublishOptions::unread), [`progress`](PublishOptions::progress),
    /// [`linear_below`](PublishOptions::linear_below) and
    /// [`segment_records`](PublishOptions::segment_records). Ten million PDQ hashes take 1.3 GB, and
    /// twice that while it is built.
    ///
    /// # Errors
    /// [`PublishError`]: the source's own error, a bank that is not among `banks`, policies that ask for
    /// what is not carried, more hashes than a segment can number.
    pub fn in_memory<E, R: Into<FactRecord>>(
        banks: &[Bank],
        records: impl Iterator<Item = Result<R, E>>,
        options: &PublishOptions<'_>,
    ) -> Result<Self, PublishError<E>> {
        let kernel = Kernel::detect().map_err(|error| PublishError::Base(error.into()))?;
        let mut report = |done, total| {
            if let Some(progress) = options.progress {
                progress(Progress {
                    stage: Stage::Building,
                    done,
                    total: Some(total),
                });
            }
        };
        let mut built = Vec::new();
        let mut open = |builder: SegmentBuilder| -> Result<(), BuildError> {
            built.push(builder.open_in_memory(Self::UNPUBLISHED, &mut report)?);
            Ok(())
        };
        let empty = || SegmentBuilder::new().linear_below(options.linear_below);
        let mut builder = empty();
        read_records(&mut builder, banks, records, options, |full| {
            Ok(open(std::mem::replace(full, empty()))?)
        })?;
        if !builder.is_empty() {
            open(builder)?;
        }
        let carried = options.carried.cloned().unwrap_or_default();
        let segment_records = built.iter().enumerate().map(|(number, (_, summary))| {
            SegmentRecord::of(format!("segment {number} in memory"), summary)
        });
        let manifest = Manifest {
            format: Manifest::format_for(banks, &carried, options.unread),
            generation: Self::UNPUBLISHED,
            created_at: 0,
            program_version: options.program_version.to_owned(),
            store_revision: 0,
            store_mark: None,
            carried,
            unread: options.unread,
            banks: banks.to_vec(),
            segments: segment_records.collect(),
        };
        manifest.check_policies().map_err(PublishError::Policies)?;
        Ok(Self {
            folder: PathBuf::new(),
            manifest,
            segments: (built.into_iter())
                .map(|(segment, _)| Arc::new(segment))
                .collect(),
            gone_banks: Vec::new(),
            kernel,
            strategy: Strategy::default(),
            memory: Memory::Copy,
            stamp: None,
        })
    }

    /// Whether this index is in memory only, and so has no folder.
    #[must_use]
    pub fn is_in_memory(&self) -> bool {
        self.folder.as_os_str().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bank::{Action, BankId, ContentId, Policy};
    use crate::hash::{Distance, PdqHash, Signal};
    use crate::index::{IndexHandle, IndexRecord, publish};
    use std::convert::Infallible;

    fn bank() -> Bank {
        Bank {
            id: BankId(3),
            name: "known".parse().expect("a name"),
            policy: Policy::new(Action::Block),
        }
    }

    fn records(count: u64) -> impl Iterator<Item = Result<IndexRecord, Infallible>> + Clone {
        (0..count).map(|number| {
            let mut hash = PdqHash::ZERO;
            let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            for byte in &mut hash.0 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                *byte = (state >> 56) as u8;
            }
            Ok(IndexRecord {
                bank: BankId(3),
                content: ContentId(number),
                signal: Signal::from(hash),
                quality: None,
            })
        })
    }

    #[test]
    fn it_answers_as_a_published_one_does_in_one_segment_and_in_several() {
        for (count, segment_records) in [(0, 100), (300, 1 << 20), (300, 64)] {
            let options = PublishOptions {
                segment_records,
                linear_below: 16,
                ..PublishOptions::default()
            };
            let home = tempfile::tempdir().expect("a folder");
            let folder = home.path().join("index");
            publish(&folder, &[bank()], records(count), &options).expect("it is published");
            let published = Index::open(&folder).expect("it opens");
            let held = Index::in_memory(&[bank()], records(count), &options).expect("it is built");
            assert!(held.is_in_memory() && !published.is_in_memory());
            assert_eq!(held.generation(), Index::UNPUBLISHED);
            assert_eq!(held.stats().types, published.stats().types);
            assert_eq!(held.stats().segments, published.stats().segments);
            for record in records(count).step_by(7) {
                let Ok(record) = record;
                for distance in [0, 31, 110] {
                    let distance = Distance(distance);
                    let hits = held.search(&record.signal, distance);
                    assert_eq!(hits, published.search(&record.signal, distance));
                    assert!(hits.iter().any(|hit| hit.content == record.content));
                }
            }
        }
    }

    #[test]
    fn it_has_nothing_to_follow() {
        let index = Index::in_memory(&[bank()], records(3), &PublishOptions::default());
        let handle = IndexHandle::new(index.expect("it is built"));
        assert!(!handle.refresh().expect("there is no folder to look at"));
        assert_eq!(handle.load().stats().types.len(), 1);
    }

    #[test]
    fn what_publishing_refuses_is_refused() {
        let unknown = Index::in_memory(&[], records(1), &PublishOptions::default());
        assert!(matches!(unknown, Err(PublishError::UnknownBank { .. })));
        let failing = std::iter::once(Err::<IndexRecord, _>("the list ends here"));
        let failed = Index::in_memory(&[bank()], failing, &PublishOptions::default());
        assert!(matches!(
            failed,
            Err(PublishError::Source("the list ends here"))
        ));
        let mut asks = bank();
        asks.policy.min_sources = 2;
        let refused = Index::in_memory(&[asks], records(1), &PublishOptions::default());
        assert!(matches!(refused, Err(PublishError::Policies(_))));
    }
}
