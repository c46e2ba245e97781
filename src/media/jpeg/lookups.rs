//! Tables that take several symbols of an AC scan in one look-up.
//!
//! [`Pairs`] is for readers that want all values, [`Singles`] for those that want the first ones,
//! [`Skips`] for those that want none, and [`Refinements`] for refining scans. A table only holds symbols
//! that lie whole within its look-up and are valid in every picture. All others are left to the
//! reader of single symbols.

use super::entropy::{Bits, FAST_BITS, MOST_AC_BITS, Table, extended};

/// What the first symbol of some bits is, where code and value lie within `left` of them.
struct First {
    /// Bits of code and value.
    length: u32,
    run: u32,
    /// Bits of the value; 0 of the end of the block and of sixteen zeros.
    size: u32,
    value: i32,
}

impl First {
    /// From the bits at the top of `bits`.
    fn of(table: &Table, bits: u64, left: u32) -> Option<Self> {
        let found = table.fast[(bits >> (64 - FAST_BITS)) as usize];
        let code = u32::from(found >> 8);
        let (run, size) = (u32::from(found as u8 >> 4), u32::from(found as u8 & 15));
        let is_usual = size <= MOST_AC_BITS && (size > 0 || run == 0 || run == 15);
        if found == 0 || code + size > left || !is_usual {
            return None;
        }
        let raw = (bits << code >> 1 >> (63 - size)) as u32;
        Some(Self {
            length: code + size,
            run,
            size,
            value: extended(raw, size),
        })
    }

    fn ends_block(&self) -> bool {
        self.size == 0 && self.run == 0
    }
}

/// Bits that [`Singles`] and [`Skips`] look at.
pub(super) const LOOK_BITS: u32 = 11;
const LOOKS: usize = 1 << LOOK_BITS;

/// The coefficient, or the end of the block, that the next [`LOOK_BITS`] bits begin with.
pub(super) struct Singles(Box<[u32; LOOKS]>);

/// One entry of [`Singles`]: its bits (5; 0 where there is no whole symbol), the places that it
/// moves on by (5), whether the block ends (1), and the value (16).
#[derive(Clone, Copy)]
pub(super) struct Single(u32);

impl Singles {
    pub(super) fn new(table: &Table) -> Self {
        let mut entries = Box::new([0; LOOKS]);
        for (top, entry) in entries.iter_mut().enumerate() {
            let bits = (top as u64) << (64 - LOOK_BITS);
            *entry = match First::of(table, bits, LOOK_BITS) {
                Some(first) if first.ends_block() => first.length | 1 << 10,
                Some(first) if first.size > 0 => {
                    let value = u32::from(first.value as i16 as u16);
                    first.length | (first.run + 1) << 5 | value << 16
                }
                _ => 0,
            };
        }
        Self(entries)
    }

    /// The entry of bits that are held.
    #[inline(always)]
    pub(super) fn at(&self, bits: &Bits<'_>) -> Single {
        Single(self.0[bits.look_held(LOOK_BITS) & (LOOKS - 1)])
    }
}

impl Single {
    /// Bits of it; 0 where there is none.
    #[inline(always)]
    pub(super) fn length(self) -> u32 {
        self.0 & 31
    }

    #[inline(always)]
    pub(super) fn steps(self) -> usize {
        (self.0 >> 5 & 31) as usize
    }

    #[inline(always)]
    pub(super) fn ends_block(self) -> bool {
        self.0 & 1 << 10 != 0
    }

    #[inline(always)]
    pub(super) fn value(self) -> i16 {
        (self.0 >> 16) as i16
    }
}

/// As many symbols as the next [`LOOK_BITS`] bits hold whole, up to the end of the block, for who
/// only passes over them.
pub(super) struct Skips(Box<[u32; LOOKS]>);

/// One entry of [`Skips`]: its bits (4; 0 where there is no whole symbol), whether the block ends
/// (1), the places that it moves on by (7), and the sum of the values' amounts (11).
#[derive(Clone, Copy)]
pub(super) struct Skip(u32);

impl Skips {
    pub(super) fn new(table: &Table) -> Self {
        // By the number of bits that are left, and the bits: each is a symbol, and what the bits
        // behind it hold.
        let mut of_left = vec![Skip(0); 2 * LOOKS];
        for left in 1..=LOOK_BITS {
            for bits in 0..1_usize << left {
                let Some(first) = First::of(table, (bits as u64) << (64 - left), left) else {
                    continue;
                };
                let behind = left - first.length;
                let rest = of_left[(1 << behind) + (bits & ((1 << behind) - 1))];
                of_left[(1 << left) + bits] = Skip::joined(&first, rest);
            }
        }
        let mut entries = Box::new([0; LOOKS]);
        for (entry, skip) in entries.iter_mut().zip(&of_left[LOOKS..]) {
            *entry = skip.0;
        }
        Self(entries)
    }

    /// The entry of bits that are held.
    #[inline(always)]
    pub(super) fn at(&self, bits: &Bits<'_>) -> Skip {
        Skip(self.0[bits.look_held(LOOK_BITS) & (LOOKS - 1)])
    }
}

impl Skip {
    fn joined(first: &First, rest: Self) -> Self {
        if first.ends_block() {
            return Self(first.length | 1 << 4);
        }
        let own = first.run + 1;
        let rest = if rest.steps() + own as usize > 63 {
            Self(0)
        } else {
            rest
        };
        let steps = own + rest.steps() as u32;
        let amount = first.value.unsigned_abs() + rest.amount();
        let length = first.length + rest.length();
        let ends = u32::from(rest.ends_block());
        Self(length | ends << 4 | steps << 5 | amount << 12)
    }

    /// Bits of it; 0 where there is no whole symbol.
    #[inline(always)]
    pub(super) fn length(self) -> u32 {
        self.0 & 15
    }

    #[inline(always)]
    pub(super) fn ends_block(self) -> bool {
        self.0 & 1 << 4 != 0
    }

    #[inline(always)]
    pub(super) fn steps(self) -> usize {
        (self.0 >> 5 & 127) as usize
    }

    /// What the amounts of the values add up to.
    #[inline(always)]
    pub(super) fn amount(self) -> u32 {
        self.0 >> 12
    }
}

/// Bits that [`Pairs`] looks at together: two codes with their values, mostly.
const PAIR_BITS: u32 = 11;

/// The coefficients that the next [`PAIR_BITS`] bits of an AC scan hold whole: up to two, and the
/// end of the block behind them.
///
/// An entry holds, from its low bits: the bits that it takes (6; 0 where not even one symbol is
/// whole), how far it moves in the zigzag order to the first value and from there to the second (5
/// each), whether the block ends (1), where to put each value seen from the place before (7 each;
/// beyond the block where there is none), and the two values (16 each).
pub(super) struct Pairs(Box<[u64; 1 << PAIR_BITS]>);

/// One entry of [`Pairs`], taken apart.
#[derive(Clone, Copy)]
pub(super) struct Pair(u64);

impl Pair {
    /// Places that the coefficients move on by, together.
    #[inline(always)]
    pub(super) fn steps(self) -> usize {
        (self.0 >> 6 & 31) as usize + (self.0 >> 11 & 31) as usize
    }

    /// Places to the first coefficient.
    #[inline(always)]
    pub(super) fn first_step(self) -> usize {
        (self.0 >> 6 & 31) as usize
    }

    #[inline(always)]
    pub(super) fn ends_block(self) -> bool {
        self.0 & 1 << 16 != 0
    }

    /// Where the first value goes, seen from the last place; 64 and more where there is none.
    #[inline(always)]
    pub(super) fn first_offset(self) -> usize {
        (self.0 >> 17 & 127) as usize
    }

    /// The same for the second, seen from the first.
    #[inline(always)]
    pub(super) fn second_offset(self) -> usize {
        (self.0 >> 24 & 127) as usize
    }

    #[inline(always)]
    pub(super) fn first(self) -> i16 {
        (self.0 >> 32) as i16
    }

    #[inline(always)]
    pub(super) fn second(self) -> i16 {
        (self.0 >> 48) as i16
    }
}

impl Pairs {
    pub(super) fn new(table: &Table) -> Self {
        let mut entries = Box::new([0; 1 << PAIR_BITS]);
        for (top, entry) in entries.iter_mut().enumerate() {
            *entry = Self::entry(table, top as u64);
        }
        Self(entries)
    }

    /// The next one or two coefficients and their bits, where they are whole in a look-up: `accept`
    /// is asked first, and on false nothing is taken.
    #[inline(always)]
    pub(super) fn next(&self, bits: &mut Bits<'_>, accept: impl Fn(Pair) -> bool) -> Option<Pair> {
        let pair = Pair(self.0[bits.look(PAIR_BITS) & ((1 << PAIR_BITS) - 1)]);
        let length = (pair.0 & 63) as u32;
        if length == 0 || !accept(pair) {
            return None;
        }
        bits.drop(length);
        Some(pair)
    }

    fn entry(table: &Table, top: u64) -> u64 {
        const NOWHERE: u64 = 64;
        let mut used = 0;
        let mut steps = [0; 2];
        let mut values = [0_u16; 2];
        let mut count = 0;
        let mut ends = false;
        while used < PAIR_BITS && !ends {
            let left = PAIR_BITS - used;
            let bits = top << (64 - PAIR_BITS + used);
            let Some(first) = First::of(table, bits, left) else {
                break;
            };
            if first.ends_block() {
                ends = true;
            } else if first.size == 0 || count == 2 {
                // A run of sixteen zeros, too, is left to the reader of single symbols.
                break;
            } else {
                steps[count] = u64::from(first.run) + 1;
                values[count] = first.value as i16 as u16;
                count += 1;
            }
            used += first.length;
        }
        let offset = |at: usize| if at < count { steps[at] } else { NOWHERE };
        u64::from(used)
            | steps[0] << 6
            | steps[1] << 11
            | u64::from(ends) << 16
            | offset(0) << 17
            | offset(1) << 24
            | u64::from(values[0]) << 32
            | u64::from(values[1]) << 48
    }
}

/// What the next [`LOOK_BITS`] bits of a scan that refines AC coefficients begin with: one symbol,
/// or, where no bits of other coefficients come in between, as many as are whole.
pub(super) struct Refinements {
    ones: Box<[u16; LOOKS]>,
    several: Box<[u64; LOOKS]>,
}

/// One symbol of a refining scan: its bits (4), the zeros before it (4), whether it makes a
/// coefficient (1) and a positive one (1), and whether it ends the block (1). All 0 where it is not whole or something else.
#[derive(Clone, Copy)]
pub(super) struct Refinement(u16);

/// Several: their bits (4; 0 where there is none), the places that they move on by (5), whether the
/// block ends behind them (1), the places that get a coefficient (27) and a positive one (27), seen
/// from the first.
#[derive(Clone, Copy)]
pub(super) struct SeveralRefinements(u64);

/// Places that [`SeveralRefinements`] reach.
const MOST_STEPS: u32 = 27;

impl Refinements {
    pub(super) fn new(table: &Table) -> Self {
        let mut ones = Box::new([0; LOOKS]);
        let mut several = Box::new([0; LOOKS]);
        // By the number of bits that are left, and the bits, as with `Skips`.
        let mut of_left = vec![SeveralRefinements(0); 2 * LOOKS];
        for left in 1..=LOOK_BITS {
            for bits in 0..1_usize << left {
                let first = First::of(table, (bits as u64) << (64 - left), left);
                let Some(first) = first.filter(|first| first.size <= 1) else {
                    continue;
                };
                let behind = left - first.length;
                let rest = of_left[(1 << behind) + (bits & ((1 << behind) - 1))];
                of_left[(1 << left) + bits] = SeveralRefinements::joined(&first, rest);
                if left == LOOK_BITS {
                    ones[bits] = Refinement::of(&first).0;
                }
            }
        }
        for (entry, several_of) in several.iter_mut().zip(&of_left[LOOKS..]) {
            *entry = several_of.0;
        }
        Self { ones, several }
    }

    /// The symbol of bits that are held.
    #[inline(always)]
    pub(super) fn one(&self, bits: &Bits<'_>) -> Refinement {
        Refinement(self.ones[bits.look_held(LOOK_BITS) & (LOOKS - 1)])
    }

    /// The symbols of bits that are held.
    #[inline(always)]
    pub(super) fn several(&self, bits: &Bits<'_>) -> SeveralRefinements {
        SeveralRefinements(self.several[bits.look_held(LOOK_BITS) & (LOOKS - 1)])
    }
}

impl Refinement {
    fn of(first: &First) -> Self {
        let (ends, new) = (u16::from(first.ends_block()), u16::from(first.size > 0));
        let positive = u16::from(first.value > 0);
        let start = first.length as u16 | (first.run as u16) << 4;
        Self(start | new << 8 | positive << 9 | ends << 10)
    }

    #[inline(always)]
    pub(super) fn length(self) -> u32 {
        u32::from(self.0 & 15)
    }

    #[inline(always)]
    pub(super) fn zeros(self) -> u32 {
        u32::from(self.0 >> 4 & 15)
    }

    /// All ones or none.
    #[inline(always)]
    pub(super) fn added(self) -> u64 {
        u64::from(self.0 >> 8 & 1).wrapping_neg()
    }

    /// All ones or none.
    #[inline(always)]
    pub(super) fn positive(self) -> u64 {
        u64::from(self.0 >> 9 & 1).wrapping_neg()
    }

    /// All ones or none.
    #[inline(always)]
    pub(super) fn ends(self) -> u64 {
        u64::from(self.0 >> 10 & 1).wrapping_neg()
    }
}

impl SeveralRefinements {
    fn joined(first: &First, rest: Self) -> Self {
        if first.ends_block() {
            return Self(u64::from(first.length) | 1 << 9);
        }
        let own = first.run + 1;
        let rest = if own + rest.steps() > MOST_STEPS {
            Self(0)
        } else {
            rest
        };
        let at = |is: bool| u64::from(is) << first.run;
        let new = at(first.size > 0) | rest.added() << own;
        let positive = at(first.value > 0) | rest.positive() << own;
        let start = (first.length + rest.length()) | (own + rest.steps()) << 4;
        Self(u64::from(start) | u64::from(rest.ends_block()) << 9 | new << 10 | positive << 37)
    }

    #[inline(always)]
    pub(super) fn length(self) -> u32 {
        (self.0 & 15) as u32
    }

    #[inline(always)]
    pub(super) fn steps(self) -> u32 {
        (self.0 >> 4 & 31) as u32
    }

    #[inline(always)]
    pub(super) fn ends_block(self) -> bool {
        self.0 & 1 << 9 != 0
    }

    #[inline(always)]
    pub(super) fn added(self) -> u64 {
        self.0 >> 10 & ((1 << MOST_STEPS) - 1)
    }

    #[inline(always)]
    pub(super) fn positive(self) -> u64 {
        self.0 >> 37
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 0: a one-bit value. 10: end of block. 110: three zeros, two bits. 1110: sixteen zeros.
    fn table() -> Box<Table> {
        let counts = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        Table::new(&counts, &[0x01, 0x00, 0x32, 0xf0]).unwrap()
    }

    #[test]
    fn skips_and_singles_hold_what_single_symbols_do() {
        let table = table();
        let (skips, singles) = (Skips::new(&table), Singles::new(&table));
        for top in 0..1_u32 << LOOK_BITS {
            let bytes = (top << (32 - LOOK_BITS)).to_be_bytes();
            if bytes.contains(&0xff) {
                continue;
            }
            // What whole symbols there are, one after the other.
            let mut bits = Bits::new(&bytes, 0);
            let (mut used, mut steps, mut amount, mut ends) = (0, 0, 0, false);
            let mut first = None;
            while !ends {
                let Ok(symbol) = bits.symbol(&table) else {
                    break;
                };
                let symbol = u32::from(symbol);
                let code = [(0x01, 1), (0x00, 2), (0x32, 3), (0xf0, 4)];
                let code = code.iter().find(|&&(of, _)| of == symbol);
                let (run, size) = (symbol >> 4, symbol & 15);
                let length = code.map_or(0, |&(_, length)| length) + size;
                let value = extended(bits.take(size), size);
                if used + length > LOOK_BITS {
                    break;
                }
                used += length;
                ends = symbol == 0;
                steps += if ends { 0 } else { run + 1 };
                amount += value.unsigned_abs();
                first = first.or(Some((length, run + 1, size, value)));
            }
            let mut bits = Bits::new(&bytes, 0);
            bits.hold();
            let skip = skips.at(&bits);
            let got = (skip.length(), skip.steps() as u32, skip.amount());
            assert_eq!(got, (used, steps, amount), "{top:b}");
            assert_eq!(skip.ends_block(), ends, "{top:b}");
            let single = singles.at(&bits);
            match first {
                Some((length, step, size, value)) if size > 0 => {
                    let got = (single.length(), single.steps() as u32);
                    assert_eq!(got, (length, step), "{top:b}");
                    assert_eq!(i32::from(single.value()), value, "{top:b}");
                    assert!(!single.ends_block());
                }
                Some((length, 1, _, _)) => {
                    assert!(single.ends_block() && single.length() == length, "{top:b}");
                }
                _ => assert_eq!(single.length(), 0, "{top:b}"),
            }
        }
    }

    #[test]
    fn pairs_hold_what_single_symbols_do() {
        let table = table();
        let pairs = Pairs::new(&table);
        for top in 0..1_u32 << PAIR_BITS {
            let bytes = (top << (32 - PAIR_BITS)).to_be_bytes();
            if bytes.contains(&0xff) {
                continue;
            }
            let mut paired = Bits::new(&bytes, 0);
            let Some(pair) = pairs.next(&mut paired, |_| true) else {
                assert!(top >> (PAIR_BITS - 3) == 0b111, "{top:b}");
                continue;
            };
            let mut single = Bits::new(&bytes, 0);
            let mut expected = Vec::new();
            let mut ends = false;
            let mut used = 0;
            while used < (pair.0 & 63) as u32 {
                let symbol = u32::from(single.symbol(&table).unwrap());
                let code = [(0x01, 1), (0x00, 2), (0x32, 3), (0xf0, 4)];
                let code = code.iter().find(|&&(of, _)| of == symbol);
                used += code.map_or(0, |&(_, length)| length) + (symbol & 15);
                ends = symbol == 0;
                if symbol > 0 {
                    let raw = single.take(symbol & 15);
                    expected.push((symbol as usize >> 4, extended(raw, symbol & 15)));
                }
            }
            let mut got = vec![(pair.first_step(), i32::from(pair.first()))];
            got.push((pair.steps() - pair.first_step(), i32::from(pair.second())));
            got.retain(|&(step, _)| step > 0);
            let got: Vec<_> = got.iter().map(|&(step, value)| (step - 1, value)).collect();
            assert_eq!((got, pair.ends_block()), (expected, ends), "{top:b}");
        }
    }

    /// 0: a coefficient of one bit. 10: the end. 110: three zeros and a coefficient. 1110: sixteen
    /// zeros. 11110: four blocks without any.
    fn refining_table() -> Box<Table> {
        let counts = [1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        Table::new(&counts, &[0x01, 0x00, 0x31, 0xf0, 0x20]).unwrap()
    }

    #[test]
    fn refinements_hold_what_single_symbols_do() {
        let table = refining_table();
        let refinements = Refinements::new(&table);
        for top in 0..1_u32 << LOOK_BITS {
            let bytes = (top << (32 - LOOK_BITS)).to_be_bytes();
            if bytes.contains(&0xff) {
                continue;
            }
            let mut held = Bits::new(&bytes, 0);
            held.hold();
            let (one, several) = (refinements.one(&held), refinements.several(&held));
            // What whole symbols there are, as far as an entry reaches.
            let mut bits = Bits::new(&bytes, 0);
            let (mut used, mut steps, mut ends) = (0, 0, false);
            let (mut new, mut positive) = (0_u64, 0_u64);
            let mut first = None;
            while !ends && let Ok(symbol) = bits.symbol(&table) {
                let symbol = u32::from(symbol);
                let lengths = [(0x01, 2), (0x00, 2), (0x31, 4), (0xf0, 4)];
                let Some((_, length)) = lengths.iter().find(|&&(of, _)| of == symbol) else {
                    break;
                };
                if used + length > LOOK_BITS {
                    break;
                }
                let (zeros, is_new) = (symbol >> 4, symbol & 15 > 0);
                let is_positive = is_new && bits.take(1) == 1;
                let mask = |is: bool| if is { u64::MAX } else { 0 };
                ends = symbol == 0;
                let found = (*length, zeros, mask(is_new), mask(is_positive), mask(ends));
                first = first.or(Some(found));
                if !ends && steps + zeros + 1 > MOST_STEPS {
                    break;
                }
                used += length;
                if !ends {
                    new |= u64::from(is_new) << (steps + zeros);
                    positive |= u64::from(is_positive) << (steps + zeros);
                    steps += zeros + 1;
                }
            }
            let got = (
                one.length(),
                one.zeros(),
                one.added(),
                one.positive(),
                one.ends(),
            );
            assert_eq!(got, first.unwrap_or_default(), "{top:b}");
            assert!(several.length() > 0 || first.is_none(), "{top:b}");
            // An entry is a beginning of that: symbols behind what does not fit may be left out.
            assert!(
                several.steps() <= steps && several.length() <= used,
                "{top:b}"
            );
            if several.length() == used {
                let got = (several.steps(), several.added(), several.positive());
                assert_eq!(got, (steps, new, positive), "{top:b}");
                assert_eq!(several.ends_block(), ends, "{top:b}");
            } else {
                let upto = (1 << several.steps()) - 1;
                assert_eq!(several.added(), new & upto, "{top:b}");
                assert_eq!(several.positive(), positive & upto, "{top:b}");
                assert!(!several.ends_block(), "{top:b}");
            }
        }
    }
}
