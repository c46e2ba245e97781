//! A source's own data: what members put there, take back, and what merely no longer appears. Every change has a time and
//! a number of its own, so that a server can sort by either. Time stands still unless it is moved.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

/// Live hashes: the name of the signal type (`pdq`, `md5`, `sha1`, …) and small hexadecimal digits.
pub type Hashes = BTreeSet<(String, String)>;

/// The types whose hashes are searched. The others are kept and match nothing.
pub const SEARCHED: [&str; 4] = ["pdq", "md5", "sha1", "sha256"];

/// When a source begins, unless it is told otherwise: November 2023.
const BEGIN: u64 = 1_700_000_000;

/// A small generator (SplitMix64), so that every run is the same.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// Once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub fn hex(&mut self, digits: usize) -> String {
        let digit = |random: &mut Self| char::from(b"0123456789abcdef"[random.below(16)]);
        (0..digits).map(|_| digit(self)).collect()
    }

    /// A hash that could be one of a photo: as many bits are set as not.
    pub fn pdq(&mut self) -> String {
        let word = self.hex(32);
        let other = word.chars().map(|c| match c.to_digit(16) {
            Some(digit) => char::from_digit(15 - digit, 16).unwrap_or('0'),
            None => '0',
        });
        let other: String = other.collect();
        word + &other
    }

    pub fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    /// Like `xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx`.
    pub fn uuid(&mut self) -> String {
        let hex = self.hex(30);
        let (a, b, c, d, e) = (
            &hex[..8],
            &hex[8..12],
            &hex[12..15],
            &hex[15..18],
            &hex[18..],
        );
        format!("{a}-{b}-4{c}-8{d}-{e}")
    }
}

/// What a source keeps one of for each key.
pub trait Record: Clone + Debug + Send + 'static {
    type Key: Clone + Ord + Debug + Send;

    fn key(&self) -> Self::Key;

    /// The key as one text, by which a fault can be meant for the page that has it.
    fn name(&self) -> String;

    /// A new one. Now and then it says what another one says, under a key of its own.
    fn fresh(random: &mut Random, other: Option<&Self>) -> Self;

    /// It is renewed under its key, and is live afterwards.
    fn renew(&mut self, random: &mut Random);

    /// It is taken back: it stays where it is and says so.
    fn withdraw(&mut self, random: &mut Random);

    fn is_live(&self) -> bool;

    /// Whether it is no record at all, and only stands where one would.
    fn is_rubbish(&self) -> bool;

    /// What it says, while it is live. Of any type.
    fn hashes(&self) -> Vec<(String, String)>;
}

/// A record, and when it was last changed.
#[derive(Debug, Clone)]
pub struct Kept<R> {
    pub record: R,
    /// Seconds since 1970.
    pub stamp: u64,
    /// Changes are numbered through.
    pub serial: u64,
}

/// What happened in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Put,
    Renewed,
    Withdrawn,
    Expired,
}

/// The source.
#[derive(Debug, Clone)]
pub struct Model<R: Record> {
    /// Whether some of what is drawn is rubbish.
    pub has_rubbish: bool,
    kept: BTreeMap<R::Key, Kept<R>>,
    expired: BTreeMap<R::Key, R>,
    now: u64,
    asked: Option<u64>,
    serial: u64,
}

impl<R: Record> Default for Model<R> {
    fn default() -> Self {
        Self {
            has_rubbish: true,
            kept: BTreeMap::new(),
            expired: BTreeMap::new(),
            now: BEGIN,
            asked: None,
            serial: 0,
        }
    }
}

impl<R: Record> Model<R> {
    /// The time that the next change has.
    pub fn now(&self) -> u64 {
        self.now
    }

    pub fn set_now(&mut self, at: u64) {
        self.now = at;
    }

    /// Somebody has asked for all until this time. What changes from here on is later than it, and not by more than a
    /// second: so who asks for all until that time some seconds ago will be told of it soon.
    pub fn asked_until(&mut self, at: u64) {
        self.asked = self.asked.max(Some(at));
        self.now = self.now.max(at + 1);
    }

    /// Puts a record, or another one in its place.
    pub fn put(&mut self, record: R) {
        self.serial += 1;
        let key = record.key();
        self.expired.remove(&key);
        let kept = Kept {
            record,
            stamp: self.now,
            serial: self.serial,
        };
        self.kept.insert(key, kept);
    }

    /// Takes a record back. Whether it was there and live.
    pub fn withdraw(&mut self, key: &R::Key) -> bool {
        self.change(key, |record, random| match record.is_live() {
            true => {
                record.withdraw(random);
                true
            }
            false => false,
        })
    }

    /// Changes a record in its place, as of now. Whether it was there and `how` has changed it.
    pub fn change(&mut self, key: &R::Key, how: impl FnOnce(&mut R, &mut Random) -> bool) -> bool {
        let Some(kept) = self.kept.get_mut(key) else {
            return false;
        };
        let mut random = Random::new(self.serial);
        let is_changed = how(&mut kept.record, &mut random);
        if is_changed {
            self.serial += 1;
            kept.stamp = self.now;
            kept.serial = self.serial;
        }
        is_changed
    }

    /// A record no longer appears, and nothing says that it was there. Whether it was.
    pub fn expire(&mut self, key: &R::Key) -> bool {
        let removed = self.kept.remove(key);
        let was_there = removed.is_some();
        if let Some(kept) = removed.filter(|kept| kept.record.is_live()) {
            self.expired.insert(key.clone(), kept.record);
        }
        was_there
    }

    /// One change by chance. Of a hundred, about 55 put a new record, 25 renew one, live or taken back, 13 take one back,
    /// and with 7 one no longer appears. Most have the second of the change before them.
    pub fn step(&mut self, random: &mut Random) -> Change {
        if random.once_in(3) {
            let latest = self.asked.map_or(u64::MAX, |asked| asked + 1);
            self.now = (self.now + 1 + random.below(90) as u64).min(latest.max(self.now));
        }
        let choice = random.below(100);
        let key = self.any(random);
        match key {
            Some(key) if choice < 25 => {
                self.change(&key, |record, random| {
                    record.renew(random);
                    true
                });
                Change::Renewed
            }
            Some(key) if choice < 38 && self.withdraw(&key) => Change::Withdrawn,
            Some(key) if (38..45).contains(&choice) && self.expire(&key) => Change::Expired,
            key => {
                let other = key.and_then(|key| self.kept.get(&key));
                let fresh = self.drawn(random, other.map(|kept| &kept.record));
                self.put(fresh);
                Change::Put
            }
        }
    }

    pub fn steps(&mut self, random: &mut Random, count: usize) {
        for _ in 0..count {
            self.step(random);
        }
    }

    /// So many new records.
    pub fn fill(&mut self, random: &mut Random, count: usize) {
        for _ in 0..count {
            let fresh = self.drawn(random, None);
            self.put(fresh);
        }
    }

    fn drawn(&self, random: &mut Random, other: Option<&R>) -> R {
        loop {
            let fresh = R::fresh(random, other);
            if self.has_rubbish || !fresh.is_rubbish() {
                return fresh;
            }
        }
    }

    /// Any key that is there.
    pub fn any(&self, random: &mut Random) -> Option<R::Key> {
        let at = random.below(self.kept.len());
        self.kept.keys().nth(at).cloned()
    }

    pub fn get(&self, key: &R::Key) -> Option<&Kept<R>> {
        self.kept.get(key)
    }

    /// All that appears, live or taken back, by key.
    pub fn all(&self) -> impl Iterator<Item = &Kept<R>> {
        self.kept.values()
    }

    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// The latest change.
    pub fn latest(&self) -> u64 {
        self.all().map(|kept| kept.stamp).max().unwrap_or(0)
    }

    /// The records that are live.
    pub fn live_records(&self) -> impl Iterator<Item = &R> {
        let all = self.all().map(|kept| &kept.record);
        all.filter(|record| record.is_live())
    }

    /// All hashes of live records, of any type.
    pub fn live(&self) -> Hashes {
        self.live_records().flat_map(R::hashes).collect()
    }

    /// Those of [`live`](Self::live) that are searched.
    pub fn searched(&self) -> Hashes {
        searched(self.live())
    }

    /// Hashes of records that were live and no longer appear, and that no other record has: who only follows what is new
    /// may have them still, and loses them when it asks for all.
    pub fn expired(&self) -> Hashes {
        let live = self.live();
        let expired = self.expired.values().flat_map(R::hashes);
        expired.filter(|hash| !live.contains(hash)).collect()
    }
}

/// Those that are searched.
pub fn searched(hashes: Hashes) -> Hashes {
    let is_searched = |(kind, _): &(String, String)| SEARCHED.contains(&kind.as_str());
    hashes.into_iter().filter(is_searched).collect()
}
