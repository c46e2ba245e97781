//! Adds, removes, publishes and queries as the input says; every answer must be that of brute force.

use super::{Input, banks, signal};
use hashgate::bank::{BankId, ContentId};
use hashgate::hamming::naive;
use hashgate::hash::{Distance, Family, Quality, Signal, SignalType};
use hashgate::index::{
    Hit, Index, IndexHandle, IndexRecord, Memory, PublishOptions, Strategy, publish, publish_delta,
};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::Path;

const KINDS: [SignalType; 3] = [SignalType::Pdq, SignalType::Phash, SignalType::Md5];

type Item = (BankId, ContentId);

/// What is in force, what is to be published next, and the index of it.
struct World<'a> {
    folder: &'a Path,
    options: PublishOptions<'a>,
    in_force: BTreeMap<Item, Vec<IndexRecord>>,
    added: Vec<IndexRecord>,
    removed: BTreeSet<Item>,
    handle: Option<IndexHandle>,
}

/// Runs one input.
///
/// # Panics
/// Where an answer is not that of brute force.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let home = tempfile::tempdir().expect("a folder");
    let mut world = World {
        folder: home.path(),
        options: PublishOptions {
            linear_below: input.choose(&[8192, 8192, 16, 0]),
            ..PublishOptions::default()
        },
        in_force: BTreeMap::new(),
        added: Vec::new(),
        removed: BTreeSet::new(),
        handle: None,
    };
    for _ in 0..200 {
        if input.is_empty() {
            break;
        }
        match input.byte() % 8 {
            0..=3 => world.add(&mut input),
            4 => {
                let item = item(&mut input);
                world.removed.insert(item);
            }
            5 => world.publish(input.byte().is_multiple_of(4)),
            6 => world.ask(&mut input),
            _ => world.ask_many(&mut input),
        }
    }
    world.publish(false);
    let mut all = Input::new(data);
    world.ask(&mut all);
    world.ask_many(&mut all);
    let report = hashgate::index::verify(home.path()).expect("a manifest");
    assert!(
        report.is_sound() && report.stale.is_empty() && report.foreign.len() <= 1,
        "{report:?}"
    );
}

fn item(input: &mut Input<'_>) -> Item {
    let bank = BankId(u32::from(input.byte() % 4));
    (bank, ContentId(u64::from(input.byte() % 32)))
}

impl World<'_> {
    fn add(&mut self, input: &mut Input<'_>) {
        let (bank, content) = item(input);
        let kind = input.choose(&KINDS);
        self.added.push(IndexRecord {
            bank,
            content,
            signal: signal(input, kind),
            quality: Quality::new(input.byte()),
        });
    }

    fn publish(&mut self, whole: bool) {
        for item in &self.removed {
            self.in_force.remove(item);
        }
        for record in &self.added {
            self.in_force.remove(&(record.bank, record.content));
        }
        for &record in &self.added {
            let item = (record.bank, record.content);
            self.in_force.entry(item).or_default().push(record);
        }
        let removed = std::mem::take(&mut self.removed);
        let added = std::mem::take(&mut self.added);
        if whole || self.handle.is_none() {
            let records = self.in_force.values().flatten().copied();
            let records = records.map(Ok::<_, Infallible>);
            publish(self.folder, &banks(), records, &self.options).expect("published");
        } else {
            let added = added.into_iter().map(Ok::<_, Infallible>);
            publish_delta(self.folder, &banks(), added, removed, &self.options).expect("published");
        }
        match &self.handle {
            Some(handle) => assert!(handle.refresh().expect("opened")),
            None => self.handle = Some(IndexHandle::open(self.folder).expect("opened")),
        }
    }

    /// Everything within `radius`, by brute force.
    fn expected(&self, query: &Signal, radius: Distance) -> Vec<Hit> {
        let mut best: BTreeMap<(Signal, Item), Option<Quality>> = BTreeMap::new();
        for record in self.in_force.values().flatten() {
            let key = (record.signal, (record.bank, record.content));
            let quality = best.entry(key).or_default();
            *quality = (*quality).max(record.quality);
        }
        let of_kind = best
            .into_iter()
            .filter(|((signal, _), _)| signal.signal_type() == query.signal_type());
        let mut hits: Vec<Hit> = of_kind
            .map(|((signal, (bank, content)), quality)| Hit {
                bank,
                content,
                signal,
                distance: Distance(naive::distance(signal.as_bytes(), query.as_bytes()) as u16),
                quality,
                form: None,
                reach: None,
            })
            .filter(|hit| match query.signal_type().family() {
                Family::Digest => hit.distance.0 == 0,
                _ => hit.distance <= radius,
            })
            .collect();
        hits.sort_by_key(|hit| (hit.distance, hit.bank, hit.content, hit.signal));
        hits
    }

    fn index(&self, input: &mut Input<'_>) -> Option<Index> {
        self.handle.as_ref()?;
        let memory = input.choose(&[Memory::Mmap, Memory::Populate, Memory::Copy]);
        let strategy = input.choose(&[Strategy::Planned, Strategy::Tables, Strategy::Scan]);
        let index = Index::open_with(self.folder, memory).expect("opened");
        Some(index.with_strategy(strategy))
    }

    fn ask(&self, input: &mut Input<'_>) {
        let Some(index) = self.index(input) else {
            return;
        };
        let kind = input.choose(&KINDS);
        let query = signal(input, kind);
        let radius = Distance(u16::from(input.byte()) % 80);
        let limit = usize::from(input.byte() % 8);
        let expected = self.expected(&query, radius);
        assert_eq!(index.search(&query, radius), expected);
        let first = &expected[..expected.len().min(limit)];
        let limited = index.search_limited(&query, radius, limit);
        assert_eq!(limited.hits, first);
        assert_eq!(limited.complete, expected.len() <= limit);
        assert_eq!(index.nearest(&query, limit, radius), first);
        if let Some(handle) = &self.handle {
            assert_eq!(handle.load().search(&query, radius), expected);
        }
    }

    fn ask_many(&self, input: &mut Input<'_>) {
        let Some(index) = self.index(input) else {
            return;
        };
        let radius = Distance(u16::from(input.byte()) % 80);
        let limit = usize::from(input.byte() % 8);
        let queries: Vec<Signal> = (0..input.byte() % 80)
            .map(|_| {
                let kind = input.choose(&KINDS);
                signal(input, kind)
            })
            .collect();
        let batch = index.search_batch(&queries, radius);
        let limited = index.search_batch_limited(&queries, radius, limit);
        assert_eq!((batch.len(), limited.len()), (queries.len(), queries.len()));
        let mut told = vec![Vec::new(); queries.len()];
        index.visit_batch(&queries, radius, |place, hit| told[place].push(hit));
        for (told, hits) in told.iter_mut().zip(&batch) {
            told.sort_unstable();
            told.dedup();
            assert_eq!(told, hits);
        }
        for (query, (hits, limited)) in queries.iter().zip(batch.iter().zip(&limited)) {
            let expected = self.expected(query, radius);
            assert_eq!(hits, &expected);
            assert_eq!(limited.hits, expected[..expected.len().min(limit)]);
            assert_eq!(limited.complete, expected.len() <= limit);
        }
    }
}
