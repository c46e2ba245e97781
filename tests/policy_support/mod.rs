//! Small indexes with policies, and questions to them.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part of it"
)]

use hashgate::bank::{Bank, BankId, ContentId, Policy};
use hashgate::gate::{Gate, GateOptions, Verdict};
use hashgate::hash::PdqHash;
use hashgate::index::{
    Carried, FactRecord, HashFacts, IndexRecord, PublishOptions, publish, verify,
};
use hashgate::policy::PolicyFile;
use std::convert::Infallible;
use std::path::Path;

/// An entry: bank, number, hash, labels, how many sources agree.
pub type Entry<'a> = (u32, u64, PdqHash, &'a [&'a str], usize);

pub fn bank(id: u32, name: &str, policy: Policy) -> Bank {
    Bank {
        id: BankId(id),
        name: name.parse().unwrap(),
        policy,
    }
}

/// Lays a policy file over banks.
pub fn lay(text: &str, mut banks: Vec<Bank>) -> (PolicyFile, Vec<Bank>) {
    let file = PolicyFile::parse("config.toml", text).unwrap();
    for bank in &mut banks {
        bank.policy = file.lay_over(bank);
    }
    (file, banks)
}

pub fn records<'a>(
    carried: &'a Carried,
    entries: &'a [Entry<'a>],
) -> impl Iterator<Item = Result<FactRecord, Infallible>> + 'a {
    entries
        .iter()
        .map(|&(bank, content, hash, labels, sources)| {
            Ok(FactRecord {
                record: IndexRecord {
                    bank: BankId(bank),
                    content: ContentId(content),
                    signal: hash.into(),
                    quality: None,
                },
                facts: carried.facts(labels.iter().copied(), sources),
                of_hash: HashFacts::default(),
            })
        })
}

pub fn put(folder: &Path, banks: &[Bank], entries: &[Entry<'_>]) -> Carried {
    let carried = Carried::by(banks, &[], false).unwrap();
    let options = PublishOptions {
        carried: Some(&carried),
        ..PublishOptions::default()
    };
    publish(folder, banks, records(&carried, entries), &options).unwrap();
    assert!(verify(folder).unwrap().is_sound());
    carried
}

pub fn open(folder: &Path, at: u64) -> Gate {
    let options = GateOptions::default().at(at);
    Gate::open_with(folder, options).unwrap()
}

/// A hash with so many bits set, from the first on.
pub fn bits(first: usize, count: usize) -> PdqHash {
    let mut hash = [0; 32];
    for bit in first..first + count {
        hash[bit / 8] |= 1 << (bit % 8);
    }
    PdqHash(hash)
}

pub fn ask(gate: &Gate, hash: PdqHash) -> Verdict {
    gate.match_signal(&hash.into(), None)
}
