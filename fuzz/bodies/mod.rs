//! What the fuzz targets do with their input, and what `cargo test` does with inputs by chance
//! (`tests/index_fuzz.rs`): one code for both.

pub(crate) mod search_oracle;
pub(crate) mod segment_open;

use hashgate::bank::{Action, Bank, BankId, Policy};
use hashgate::hash::{Signal, SignalType};

/// Reads an input byte by byte; behind its end everything is 0.
pub(crate) struct Input<'a> {
    bytes: &'a [u8],
}

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.bytes
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.bytes.split_first() else {
            return 0;
        };
        self.bytes = rest;
        first
    }

    pub(crate) fn word(&mut self) -> usize {
        usize::from(self.byte()) << 8 | usize::from(self.byte())
    }

    /// One of `choices`.
    pub(crate) fn choose<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()]
    }
}

pub(crate) fn banks() -> Vec<Bank> {
    (0..4)
        .map(|id| Bank {
            id: BankId(id),
            name: format!("bank-{id}").parse().expect("a name"),
            policy: Policy::new(Action::Review),
        })
        .collect()
}

/// A hash of few centres with few flips, so that queries meet records.
pub(crate) fn signal(input: &mut Input<'_>, kind: SignalType) -> Signal {
    let centre = input.byte() % 4;
    let mut bytes: Vec<u8> = (0..kind.byte_len() as u8)
        .map(|place| centre.wrapping_mul(0x55) ^ place.wrapping_mul(centre))
        .collect();
    let flips = input.byte() % 12;
    for _ in 0..flips {
        let bit = input.word() % (8 * bytes.len());
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    Signal::from_bytes(kind, &bytes).expect("as many bytes as the type has")
}
