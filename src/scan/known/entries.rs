//! The entries that are gathered: which hashes each has, who stands by it, where it came from.

use crate::bank::{BankId, ContentId, ContentSignal, ContentState, Provenance};
use crate::hash::SignalType;
use crate::index::{Carried, FactRecord, HashFacts, IndexRecord};
use crate::scan::known::KnownError;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;

/// What an entry is known by: its SHA-256 where it has one, else all its hashes.
type Key = (BankId, [u8; 32]);

/// Most hashes of one entry, as in the store. What would exceed it begins another entry, so that no hash
/// is lost, and no row costs more than this to look through.
const MOST_OF_AN_ENTRY: usize = 256;

/// What a source says of an entry.
#[derive(Debug, Clone)]
pub(super) struct Said {
    /// Which of the sources.
    pub(super) source: u32,
    /// Where in it: a line, or the number of a record; 0 where the source is the entry itself.
    pub(super) place: u64,
    /// Whether it stands by the entry, and what is thought of it.
    pub(super) provenance: Provenance,
}

#[derive(Debug)]
struct Entry {
    bank: BankId,
    signals: Vec<ContentSignal>,
    labels: BTreeSet<String>,
    said: Vec<Said>,
}

impl Entry {
    fn matches(&self) -> bool {
        let sources = self.said.iter().map(|said| &said.provenance);
        ContentState::due(false, sources) == ContentState::Active
    }

    /// How many agree that it is what it is said to be.
    fn agreeing(&self) -> usize {
        let active = (self.said.iter()).filter(|said| is_active(&said.provenance));
        let silent: BTreeSet<u32> = (active.clone())
            .filter(|said| said.provenance.opinions.is_empty())
            .map(|said| said.source)
            .collect();
        let votes = crate::bank::Votes::of(active.flat_map(|said| &said.provenance.opinions));
        votes.positive + silent.len()
    }
}

fn is_active(provenance: &Provenance) -> bool {
    provenance.status == crate::bank::SourceStatus::Active
}

/// Entries by their numbers, which begin at 1.
#[derive(Debug)]
pub(super) struct Entries {
    entries: Vec<Entry>,
    known: HashMap<Key, usize>,
    /// The entry of each record that a source names by an id of its own.
    records: HashMap<(u32, String), usize>,
    names: Vec<String>,
    hashes: u64,
    /// What was said of entries: a list that repeats itself takes memory too.
    statements: u64,
    most_hashes: u64,
}

impl Entries {
    pub(super) fn new(most_hashes: u64) -> Self {
        Self {
            entries: Vec::new(),
            known: HashMap::new(),
            records: HashMap::new(),
            names: Vec::new(),
            hashes: 0,
            statements: 0,
            most_hashes,
        }
    }

    /// Takes a source up: a list or a picture.
    pub(super) fn source(&mut self, name: String) -> u32 {
        self.names.push(name);
        u32::try_from(self.names.len() - 1).unwrap_or(u32::MAX)
    }

    /// How many entries match.
    pub(super) fn standing(&self) -> u64 {
        self.entries.iter().filter(|entry| entry.matches()).count() as u64
    }

    /// Adds what a source says of an entry. A source that names a record by an id takes back what it
    /// said of that record before.
    pub(super) fn add(
        &mut self,
        bank: BankId,
        signals: Vec<ContentSignal>,
        labels: Vec<String>,
        said: Said,
        record: Option<String>,
    ) -> Result<(), KnownError> {
        if let Some(id) = &record
            && let Some(&at) = self.records.get(&(said.source, id.clone()))
            && let Some(entry) = self.entries.get_mut(at)
        {
            let is_other = |held: &Said| {
                held.source != said.source || held.provenance.record.as_deref() != Some(id)
            };
            entry.said.retain(is_other);
            // A record that is deleted often comes without its hashes.
            if signals.is_empty() {
                entry.said.push(said);
                return Ok(());
            }
        }
        if signals.is_empty() {
            return Ok(());
        }
        let next = self.entries.len();
        let held = self.known.entry((bank, key(&signals))).or_insert(next);
        let is_full = (self.entries.get(*held))
            .is_some_and(|entry| entry.signals.len() + signals.len() > MOST_OF_AN_ENTRY);
        if is_full {
            *held = next;
        }
        let at = *held;
        if at == next {
            self.entries.push(Entry {
                bank,
                signals: Vec::new(),
                labels: BTreeSet::new(),
                said: Vec::new(),
            });
        }
        if let Some(id) = record {
            self.records.insert((said.source, id), at);
        }
        if let Some(entry) = self.entries.get_mut(at) {
            for signal in signals {
                let held = (entry.signals.iter_mut())
                    .find(|held| (held.signal, held.form) == (signal.signal, signal.form));
                match held {
                    Some(held) => held.quality = held.quality.max(signal.quality),
                    None => {
                        entry.signals.push(signal);
                        self.hashes += 1;
                    }
                }
            }
            entry.labels.extend(labels);
            entry.said.push(said);
        }
        self.statements += 1;
        let got = self.hashes.max(self.statements);
        match got > self.most_hashes {
            true => Err(KnownError::TooMany {
                got,
                most: self.most_hashes,
            }),
            false => Ok(()),
        }
    }

    /// The records of the index, and where its entries came from.
    pub(super) fn into_records(
        self,
        carried: &Carried,
    ) -> (
        impl Iterator<Item = Result<FactRecord, Infallible>>,
        Sources,
    ) {
        let sources = Sources {
            names: self.names,
            places: (self.entries.iter())
                .map(|entry| {
                    let standing = entry.said.iter().find(|said| is_active(&said.provenance));
                    standing.map_or((u32::MAX, 0), |said| (said.source, said.place))
                })
                .collect(),
        };
        let records = (self.entries.into_iter())
            .zip(1u64..)
            .filter(|(entry, _)| entry.matches())
            .flat_map(move |(entry, number)| {
                let facts =
                    carried.facts(entry.labels.iter().map(String::as_str), entry.agreeing());
                let bank = entry.bank;
                entry.signals.into_iter().map(move |held| {
                    Ok(FactRecord {
                        record: IndexRecord {
                            bank,
                            content: ContentId(number),
                            signal: held.signal,
                            quality: held.quality,
                        },
                        facts,
                        of_hash: HashFacts {
                            form: held.form,
                            reach: None,
                        },
                    })
                })
            });
        (records, sources)
    }
}

/// What an entry is known by, as 32 bytes.
fn key(signals: &[ContentSignal]) -> [u8; 32] {
    let of_bytes: Vec<_> = (signals.iter())
        .filter(|held| held.signal.signal_type() == SignalType::Sha256)
        .collect();
    let mut texts: Vec<String> = match *of_bytes {
        [one] => vec![one.signal.to_string()],
        _ => signals.iter().map(|held| held.signal.to_string()).collect(),
    };
    texts.sort_unstable();
    texts.dedup();
    let mut digest = Sha256::new();
    for text in texts {
        digest.update(text.as_bytes());
        digest.update(b"\n");
    }
    digest.finalize().into()
}

/// Where the entries of an index in memory came from.
#[derive(Debug, Default)]
pub struct Sources {
    names: Vec<String>,
    /// Source and place of each entry; entry 1 stands first.
    places: Vec<(u32, u64)>,
}

impl Sources {
    /// Where an entry came from: the path of a known picture, or a list with the line or record,
    /// as `list.csv:12`.
    #[must_use]
    pub fn of(&self, content: ContentId) -> Option<String> {
        let at = usize::try_from(content.0).ok()?.checked_sub(1)?;
        let &(source, place) = self.places.get(at)?;
        let name = self.names.get(usize::try_from(source).ok()?)?;
        Some(match place {
            0 => name.clone(),
            place => format!("{name}:{place}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Signal;

    fn said() -> Said {
        Said {
            source: 0,
            place: 1,
            provenance: Provenance::default(),
        }
    }

    fn signal(text: &str) -> ContentSignal {
        let signal: Signal = text.parse().expect("a hash");
        ContentSignal::new(signal, None)
    }

    fn add(entries: &mut Entries, signals: Vec<ContentSignal>) -> Result<(), KnownError> {
        entries.add(BankId(1), signals, Vec::new(), said(), None)
    }

    #[test]
    fn a_list_that_repeats_one_hash_is_bounded_too() {
        let mut entries = Entries::new(3);
        let one = || vec![signal("md5:d41d8cd98f00b204e9800998ecf8427e")];
        for _ in 0..3 {
            add(&mut entries, one()).expect("within the limit");
        }
        assert_eq!(entries.standing(), 1, "it is one entry");
        let refused = add(&mut entries, one());
        assert!(matches!(
            refused,
            Err(KnownError::TooMany { got: 4, most: 3 })
        ));
    }

    #[test]
    fn an_entry_that_is_full_goes_on_as_another_and_loses_no_hash() {
        let mut entries = Entries::new(10_000);
        let file = signal(&format!("sha256:{}", "ab".repeat(32)));
        for number in 0..600u32 {
            let other = signal(&format!("md5:{number:032x}"));
            add(&mut entries, vec![file, other]).expect("within the limit");
        }
        assert_eq!(entries.standing(), 3);
        let carried = Carried::default();
        let (records, _) = entries.into_records(&carried);
        let hashes: BTreeSet<Signal> = records
            .map(|record| record.unwrap().record.signal)
            .collect();
        assert_eq!(hashes.len(), 601);
    }
}
