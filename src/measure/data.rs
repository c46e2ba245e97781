//! The hashes of one index and the queries that it is asked, made or given.

use super::distribution::{Distribution, Maker, flip, uniform};
use super::error::MeasureError;
use crate::evaluate::random::Random;
use crate::hash::{Distance, Signal, SignalType};
use rayon::prelude::*;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

/// Hashes that are made between two looks at whether to stop.
const CHUNK: u64 = 1 << 18;
/// Streams of queries begin here.
const QUERIES: u64 = 1 << 52;
/// How often a query that was already asked is made anew.
const ATTEMPTS: u32 = 64;

/// Hashes of one type, back to back; content item N is the hash at N.
pub(super) struct Hashes {
    kind: SignalType,
    bytes: Vec<u8>,
}

impl Hashes {
    pub(super) fn new(kind: SignalType) -> Self {
        Self {
            kind,
            bytes: Vec::new(),
        }
    }

    /// Takes one more, which must be of the type.
    pub(super) fn push(&mut self, signal: &Signal) {
        self.bytes.extend_from_slice(signal.as_bytes());
    }

    pub(super) fn kind(&self) -> SignalType {
        self.kind
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len() / self.kind.byte_len()
    }

    pub(super) fn get(&self, at: usize) -> Option<Signal> {
        let length = self.kind.byte_len();
        let begin = at.checked_mul(length)?;
        signal(self.kind, self.bytes.get(begin..begin + length)?)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Signal> {
        let values = self.bytes.chunks_exact(self.kind.byte_len());
        values.filter_map(|value| signal(self.kind, value))
    }
}

/// One question, and the content item that the answer must name where one was planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) signal: Signal,
    pub(super) planted: Option<u64>,
}

fn signal(kind: SignalType, value: &[u8]) -> Option<Signal> {
    Signal::from_bytes(kind, value).ok()
}

/// Makes the hashes of an index, on all of rayon's threads.
pub(super) fn make(
    maker: &Maker,
    stop: &AtomicBool,
    tell: &dyn Fn(u64),
) -> Result<Hashes, MeasureError> {
    let length = maker.kind.byte_len();
    let mut hashes = Hashes::new(maker.kind);
    hashes.bytes.reserve_exact(maker.size as usize * length);
    let mut done = 0;
    while done < maker.size {
        if stop.load(Ordering::Relaxed) {
            return Err(MeasureError::Stopped);
        }
        let end = maker.size.min(done + CHUNK);
        let begin = hashes.bytes.len();
        let more = (end - done) as usize * length;
        hashes.bytes.resize(begin + more, 0);
        if let Some(places) = hashes.bytes.get_mut(begin..) {
            places
                .par_chunks_exact_mut(length)
                .enumerate()
                .with_min_len(1024)
                .for_each(|(at, place)| place.copy_from_slice(&maker.hash(done + at as u64)));
        }
        done = end;
        tell(done);
    }
    Ok(hashes)
}

/// Different queries, every second one a hash of the index with 0 to `radius` bits flipped, the
/// others of the same law and in no index. Fewer than `count` where no more different ones are found.
pub(super) fn queries(maker: &Maker, count: usize, radius: Distance) -> Vec<Query> {
    let stream = QUERIES + u64::from(radius.0);
    let mut random = Random::new(maker.seed, stream);
    let first = (maker.distribution == Distribution::Duplicates).then_some(0);
    let mut strangers = u64::from(radius.0) << 32;
    different(count, |at| {
        if at % 2 == 0 {
            strangers += 1;
            return Some(Query {
                signal: signal(maker.kind, &maker.stranger(strangers))?,
                planted: None,
            });
        }
        // The first one planted is the hash that half of the items share.
        let number = first
            .filter(|_| at == 1)
            .unwrap_or_else(|| maker.planted(&mut random));
        let mut value = maker.hash(number);
        flip(
            &mut value,
            random.below(u64::from(radius.0) + 1),
            &mut random,
        );
        Some(Query {
            signal: signal(maker.kind, &value)?,
            planted: Some(number),
        })
    })
}

/// As [`queries`] for given hashes; those that are not planted are taken from `held_out`.
pub(super) fn queries_of_given(
    hashes: &Hashes,
    held_out: &[Signal],
    count: usize,
    radius: Distance,
    seed: u64,
) -> Vec<Query> {
    let mut random = Random::new(seed, QUERIES + u64::from(radius.0));
    let mut strangers = held_out.iter();
    let count = count.min(2 * held_out.len().max(1));
    different(count, |at| {
        if at % 2 == 0 {
            return Some(Query {
                signal: *strangers.next()?,
                planted: None,
            });
        }
        let number = random.place(hashes.len());
        let mut value = hashes.get(number)?.as_bytes().to_vec();
        flip(
            &mut value,
            random.below(u64::from(radius.0) + 1),
            &mut random,
        );
        Some(Query {
            signal: signal(hashes.kind, &value)?,
            planted: Some(number as u64),
        })
    })
}

fn different(count: usize, mut make: impl FnMut(usize) -> Option<Query>) -> Vec<Query> {
    let mut seen = HashSet::with_capacity(count);
    let mut queries = Vec::with_capacity(count);
    for at in 0..count {
        let fresh = (0..ATTEMPTS).find_map(|_| make(at).filter(|query| seen.insert(query.signal)));
        queries.extend(fresh);
    }
    queries
}

/// Takes up to `most` hashes out of a list, at most a tenth of it, evenly; gives them and the rest.
pub(super) fn hold_out(given: Hashes, most: usize) -> (Vec<Signal>, Hashes) {
    let take = most.min(given.len() / 10);
    if take == 0 {
        return (Vec::new(), given);
    }
    let every = given.len() / take;
    let mut rest = Hashes::new(given.kind);
    let mut held_out = Vec::with_capacity(take);
    for (at, signal) in given.iter().enumerate() {
        if at % every == 0 && held_out.len() < take {
            held_out.push(signal);
        } else {
            rest.push(&signal);
        }
    }
    (held_out, rest)
}

/// Queries that touch all of an index evenly, to be asked before measuring; none is measured.
pub(super) fn warm_up(kind: SignalType, count: usize, seed: u64) -> Vec<Signal> {
    let mut random = Random::new(seed, QUERIES - 1);
    (0..count)
        .filter_map(|_| signal(kind, &uniform(kind, &mut random)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hamming;

    fn made(distribution: Distribution, size: u64) -> (Maker, Hashes) {
        let maker = Maker::new(SignalType::Pdq, distribution, size, 1);
        let hashes = make(&maker, &AtomicBool::new(false), &|_| ()).unwrap();
        (maker, hashes)
    }

    #[test]
    fn half_of_the_queries_are_planted_within_the_radius_and_none_is_asked_twice() {
        for distribution in [Distribution::Uniform, Distribution::Duplicates] {
            let (maker, hashes) = made(distribution, 3_000);
            assert_eq!(hashes.len(), 3_000);
            let radius = Distance(31);
            let queries = queries(&maker, 500, radius);
            assert_eq!(queries.len(), 500);
            let distinct: HashSet<_> = queries.iter().map(|query| query.signal).collect();
            assert_eq!(distinct.len(), 500);
            let planted: Vec<_> = queries
                .iter()
                .filter_map(|query| Some((query, query.planted?)))
                .collect();
            assert_eq!(planted.len(), 250);
            for (query, number) in planted {
                let met = hashes.get(number as usize).unwrap();
                assert!(hamming::distance(&query.signal, &met).unwrap() <= radius);
            }
        }
    }

    #[test]
    fn fewer_queries_come_where_there_are_no_more() {
        let (maker, _) = made(Distribution::Duplicates, 20);
        let queries = queries(&maker, 200, Distance(0));
        assert!((100..130).contains(&queries.len()), "{}", queries.len());
    }

    #[test]
    fn what_is_held_out_is_not_in_the_index() {
        let (_, hashes) = made(Distribution::Uniform, 1_000);
        let (held_out, rest) = hold_out(hashes, 64);
        assert_eq!((held_out.len(), rest.len()), (64, 936));
        assert!(rest.iter().all(|signal| !held_out.contains(&signal)));
        let queries = queries_of_given(&rest, &held_out, 1_000, Distance(31), 1);
        assert_eq!(queries.len(), 128);
    }

    #[test]
    fn a_stop_is_heard() {
        let maker = Maker::new(SignalType::Pdq, Distribution::Uniform, 10, 1);
        assert!(make(&maker, &AtomicBool::new(true), &|_| ()).is_err());
    }
}
