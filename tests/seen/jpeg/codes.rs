//! Scans as symbols and bits, and the Huffman codes that they are written with.

use super::writer::{Plan, Scan};

/// One thing in a scan's data.
#[derive(Clone, Copy)]
pub(crate) enum Token {
    /// A symbol of the table of this class (0 for means, 1 for all else) and place.
    Symbol(usize, usize, u8),
    Bits(u32, u32),
    Restart(u8),
}

/// The blocks of a component, unit by unit, given whether it stands alone in its scan.
pub(crate) type Units<'a> = &'a dyn Fn(usize, bool) -> Vec<Vec<[i32; 64]>>;

/// Cuts a scan into symbols.
pub(crate) fn tokens(plan: &Plan, scan: &Scan, units: Units<'_>) -> Vec<Token> {
    let alone = scan.parts.len() == 1;
    let parts: Vec<_> = scan
        .parts
        .iter()
        .map(|&part| (part, units(part, alone)))
        .collect();
    let mut writer = Scanner {
        tokens: Vec::new(),
        predictors: [0; 4],
        ended: 0,
        ended_bits: Vec::new(),
    };
    for unit in 0..parts[0].1.len() {
        if plan.interval > 0 && unit > 0 && unit % plan.interval == 0 {
            writer.end_bands(plan.slot(scan.parts[0]));
            writer.predictors = [0; 4];
            let number = (unit / plan.interval - 1) % 8;
            writer.tokens.push(Token::Restart(0xd0 + number as u8));
        }
        for (part, units) in &parts {
            for block in &units[unit] {
                let slot = plan.slot(*part);
                match (plan.progressive, scan.band.0, scan.high) {
                    (false, _, _) => {
                        writer.mean(*part, slot, block[0]);
                        writer.sequential(slot, block);
                    }
                    (true, 0, 0) => writer.mean(*part, slot, block[0] >> scan.low),
                    (true, 0, _) => {
                        let bit = (block[0] >> scan.low) as u32 & 1;
                        writer.tokens.push(Token::Bits(bit, 1));
                    }
                    (true, _, 0) => writer.first(slot, scan, block),
                    (true, _, _) => writer.refined(slot, scan, block),
                }
            }
        }
    }
    writer.end_bands(plan.slot(scan.parts[0]));
    writer.tokens
}

struct Scanner {
    tokens: Vec<Token>,
    predictors: [i32; 4],
    ended: u32,
    ended_bits: Vec<u32>,
}

fn size_of(value: i32) -> u32 {
    32 - value.unsigned_abs().leading_zeros()
}

impl Scanner {
    fn symbol(&mut self, class: usize, slot: usize, symbol: u32) {
        self.tokens.push(Token::Symbol(class, slot, symbol as u8));
    }

    fn value(&mut self, value: i32) {
        let size = size_of(value);
        let raw = if value < 0 {
            value + (1 << size) - 1
        } else {
            value
        };
        self.tokens.push(Token::Bits(raw as u32, size));
    }

    fn bits(&mut self, bits: &[u32]) {
        self.tokens
            .extend(bits.iter().map(|&bit| Token::Bits(bit, 1)));
    }

    fn mean(&mut self, part: usize, slot: usize, value: i32) {
        let difference = value - self.predictors[part];
        self.predictors[part] = value;
        self.symbol(0, slot, size_of(difference));
        self.value(difference);
    }

    fn sequential(&mut self, slot: usize, block: &[i32; 64]) {
        let mut run = 0;
        for &value in &block[1..] {
            if value == 0 {
                run += 1;
                continue;
            }
            while run > 15 {
                self.symbol(1, slot, 0xf0);
                run -= 16;
            }
            self.symbol(1, slot, run << 4 | size_of(value));
            self.value(value);
            run = 0;
        }
        if run > 0 {
            self.symbol(1, slot, 0);
        }
    }

    /// Writes that the bands of so many blocks have ended, and the bits of what is refined in them.
    fn end_bands(&mut self, slot: usize) {
        if self.ended > 0 {
            let size = 31 - self.ended.leading_zeros();
            self.symbol(1, slot, size << 4);
            self.tokens
                .push(Token::Bits(self.ended - (1 << size), size));
            self.ended = 0;
            let bits = std::mem::take(&mut self.ended_bits);
            self.bits(&bits);
        }
    }

    fn end_one_more(&mut self, slot: usize) {
        self.ended += 1;
        if self.ended == 0x7fff {
            self.end_bands(slot);
        }
    }

    fn first(&mut self, slot: usize, scan: &Scan, block: &[i32; 64]) {
        let mut run = 0;
        for &value in &block[scan.band.0..=scan.band.1] {
            let value = value / (1 << scan.low);
            if value == 0 {
                run += 1;
                continue;
            }
            self.end_bands(slot);
            while run > 15 {
                self.symbol(1, slot, 0xf0);
                run -= 16;
            }
            self.symbol(1, slot, run << 4 | size_of(value));
            self.value(value);
            run = 0;
        }
        if run > 0 {
            self.end_one_more(slot);
        }
    }

    fn refined(&mut self, slot: usize, scan: &Scan, block: &[i32; 64]) {
        let amounts: Vec<u32> = block
            .iter()
            .map(|value| value.unsigned_abs() >> scan.low)
            .collect();
        let band = scan.band.0..=scan.band.1;
        let last_new = band.clone().rev().find(|&at| amounts[at] == 1).unwrap_or(0);
        let mut run = 0;
        let mut bits = Vec::new();
        for at in band {
            if amounts[at] == 0 {
                run += 1;
                continue;
            }
            while run > 15 && at <= last_new {
                self.end_bands(slot);
                self.symbol(1, slot, 0xf0);
                self.bits(&std::mem::take(&mut bits));
                run -= 16;
            }
            if amounts[at] > 1 {
                bits.push(amounts[at] & 1);
                continue;
            }
            self.end_bands(slot);
            self.symbol(1, slot, run << 4 | 1);
            self.tokens.push(Token::Bits(u32::from(block[at] > 0), 1));
            self.bits(&std::mem::take(&mut bits));
            run = 0;
        }
        if run > 0 || !bits.is_empty() {
            self.ended_bits.extend(bits);
            self.end_one_more(slot);
        }
    }
}

/// One table: how many codes there are of each length, and their symbols.
#[derive(Clone)]
struct Listed {
    counts: [u8; 16],
    symbols: Vec<u8>,
}

/// The tables of a scan, by class and place.
pub(crate) struct Codes {
    tables: [[Option<Listed>; 4]; 2],
}

impl Codes {
    /// Those of ITU-T T.81, annex K.3.
    pub(crate) fn standard() -> Self {
        let of = |counts: [u8; 16], symbols: Vec<u8>| Some(Listed { counts, symbols });
        let dc = |counts| of(counts, (0..12).collect());
        let hex = |text: &str| {
            let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
            (0..text.len()).step_by(2).map(digit).collect::<Vec<u8>>()
        };
        // Behind the symbols of the shorter codes come all others in order.
        let whole = |start: &str| {
            let mut symbols = hex(start);
            let all = (0..16_u8).flat_map(|run| (1..=10).map(move |size| run << 4 | size));
            let others: Vec<u8> = all.filter(|symbol| !symbols.contains(symbol)).collect();
            symbols.extend(others);
            symbols
        };
        let luma =
            whole("01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282");
        let chroma = whole(
            "000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f1",
        );
        Self {
            tables: [
                [
                    dc([0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]),
                    dc([0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0]),
                    None,
                    None,
                ],
                [
                    of([0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125], luma),
                    of([0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119], chroma),
                    None,
                    None,
                ],
            ],
        }
    }

    /// The shortest for what is to be written.
    pub(crate) fn made_for(tokens: &[Token]) -> Self {
        let mut counts = vec![[[0_u64; 257]; 4]; 2];
        for token in tokens {
            if let Token::Symbol(class, slot, symbol) = *token {
                counts[class][slot][usize::from(symbol)] += 1;
            }
        }
        let table = |class: usize, slot: usize| Listed::for_counts(&counts[class][slot]);
        Self {
            tables: [0, 1].map(|class| [0, 1, 2, 3].map(|slot| table(class, slot))),
        }
    }

    /// What a segment says of them.
    pub(crate) fn definition(&self) -> Vec<u8> {
        let mut data = Vec::new();
        for (class, tables) in self.tables.iter().enumerate() {
            for (slot, table) in tables.iter().enumerate() {
                if let Some(table) = table {
                    data.push((class << 4 | slot) as u8);
                    data.extend(table.counts);
                    data.extend(&table.symbols);
                }
            }
        }
        data
    }

    /// The data of a scan.
    pub(crate) fn written(&self, tokens: &[Token]) -> Vec<u8> {
        let codes = self.tables.each_ref().map(|tables| {
            tables
                .each_ref()
                .map(|table| table.as_ref().map(Listed::codes))
        });
        let mut bits = BitWriter::default();
        for token in tokens {
            match *token {
                Token::Symbol(class, slot, symbol) => {
                    let codes = codes[class][slot].as_ref().expect("a table");
                    let (code, length) = codes[usize::from(symbol)];
                    assert!(length > 0, "symbol {symbol:#x} has no code");
                    bits.put(code, length);
                }
                Token::Bits(value, count) => bits.put(value, count),
                Token::Restart(marker) => {
                    bits.pad();
                    bits.bytes.extend([0xff, marker]);
                }
            }
        }
        bits.pad();
        bits.bytes
    }
}

impl Listed {
    /// Huffman's codes for these counts, of at most 16 bits, none of ones only. `None` where nothing is counted.
    fn for_counts(counts: &[u64; 257]) -> Option<Self> {
        let mut counts = *counts;
        if counts.iter().all(|&count| count == 0) {
            return None;
        }
        loop {
            // The last is no symbol; it takes the code of ones only.
            counts[256] = 1;
            let mut nodes: Vec<(u64, Vec<usize>)> = (0..257)
                .filter(|&at| counts[at] > 0)
                .map(|at| (counts[at], vec![at]))
                .collect();
            let mut lengths = [0_usize; 257];
            while nodes.len() > 1 {
                nodes.sort_by_key(|node| std::cmp::Reverse(node.0));
                let (first, second) = (nodes.pop().unwrap(), nodes.pop().unwrap());
                let joined = [first.1, second.1].concat();
                for &at in &joined {
                    lengths[at] += 1;
                }
                nodes.push((first.0 + second.0, joined));
            }
            if lengths.iter().any(|&length| length > 16) {
                for count in &mut counts {
                    *count = count.div_ceil(2);
                }
                continue;
            }
            // Canonical codes give the longest to the last one.
            let longest = *lengths.iter().max().unwrap();
            if lengths[256] < longest {
                let other = (0..256).find(|&at| lengths[at] == longest).unwrap();
                lengths.swap(other, 256);
            }
            let mut listed = Self {
                counts: [0; 16],
                symbols: Vec::new(),
            };
            for length in 1..=16 {
                for symbol in (0..256).filter(|&at| lengths[at] == length) {
                    listed.counts[length - 1] += 1;
                    listed.symbols.push(symbol as u8);
                }
            }
            return Some(listed);
        }
    }

    /// Each symbol's code and its length; 0 where there is none.
    fn codes(&self) -> Vec<(u32, u32)> {
        let mut codes = vec![(0, 0); 256];
        let mut symbols = self.symbols.iter();
        let mut code = 0;
        for (length, &count) in (1..).zip(&self.counts) {
            for &symbol in symbols.by_ref().take(usize::from(count)) {
                codes[usize::from(symbol)] = (code, length);
                code += 1;
            }
            code <<= 1;
        }
        codes
    }
}

#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    held: u32,
    count: u32,
}

impl BitWriter {
    fn put(&mut self, value: u32, count: u32) {
        for at in (0..count).rev() {
            self.held = self.held << 1 | (value >> at & 1);
            self.count += 1;
            if self.count == 8 {
                self.bytes.push(self.held as u8);
                if self.held == 0xff {
                    self.bytes.push(0);
                }
                (self.held, self.count) = (0, 0);
            }
        }
    }

    /// Ones up to a whole byte.
    fn pad(&mut self) {
        while self.count > 0 {
            self.put(1, 1);
        }
    }
}
