//! Every kernel that this processor has, against the oracle.

use super::*;
use crate::hamming::naive;
use proptest::prelude::*;

fn bytes<const N: usize>(words: &[u32; N]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Rows, some of them near `query`: flip counts run over everything from 0 to all bits.
fn rows<const N: usize>(query: [u32; N]) -> impl Strategy<Value = Vec<[u32; N]>> {
    let row = (any::<[u8; 32]>(), 0u8..4, 0usize..32 * N).prop_map(move |(random, kind, flips)| {
        let mut row = query;
        match kind {
            0 => {
                for (word, part) in row.iter_mut().zip(random.chunks_exact(4)) {
                    *word = u32::from_le_bytes([part[0], part[1], part[2], part[3]]);
                }
            }
            1 => row[flips / 32] ^= 1 << (flips % 32),
            _ => {
                for bit in 0..flips {
                    let bit = (bit * 37 + usize::from(random[0])) % (32 * N);
                    row[bit / 32] ^= 1 << (bit % 32);
                }
            }
        }
        row
    });
    proptest::collection::vec(row, 0..40)
}

fn scan_equals_oracle<const N: usize>(rows: &[[u32; N]], query: [u32; N], radius: u32)
where
    [u32; N]: Row,
{
    let expected: Vec<_> = rows
        .iter()
        .zip(7..)
        .map(|(row, id)| (id, naive::distance(&bytes(row), &bytes(&query))))
        .filter(|&(_, distance)| distance <= radius)
        .map(|(id, distance)| Found { id, distance })
        .collect();
    for kernel in Kernel::available() {
        let mut found = Vec::new();
        kernel.scan(rows, 7, &query, radius, &mut found);
        assert_eq!(found, expected, "{}", kernel.name());
    }
}

proptest! {
    #[test]
    fn scan_256(
        (query, rows) in any::<[u32; 8]>().prop_flat_map(|query| (Just(query), rows(query))),
        radius in 0u32..=257,
    ) {
        scan_equals_oracle(&rows, query, radius);
    }

    #[test]
    fn scan_64(
        (query, rows) in any::<[u32; 2]>().prop_flat_map(|query| (Just(query), rows(query))),
        radius in 0u32..=65,
    ) {
        scan_equals_oracle(&rows, query, radius);
    }

    #[test]
    fn buckets(
        column in proptest::collection::vec(any::<u16>(), 0..200),
        cuts in (0usize..=200, 0usize..=200),
        sibling: u16,
        least in 0u8..9,
        most in 0u8..17,
    ) {
        let entries = column.len();
        let mut padded = column;
        padded.resize(entries.next_multiple_of(32), sibling);
        let (begin, end) = (cuts.0.min(cuts.1).min(entries), cuts.0.max(cuts.1).min(entries));
        let most = most.max(least);
        let probe = Probe { begin: begin as u32, end: end as u32, sibling, table: 1, least, most };
        let expected: Vec<_> = (begin..end)
            .filter(|&at| {
                let d = naive::distance(&padded[at].to_le_bytes(), &sibling.to_le_bytes());
                u32::from(least) <= d && d <= u32::from(most)
            })
            .map(|at| Survivor { position: at as u32, table: 1 })
            .collect();
        for kernel in Kernel::available() {
            let mut survivors = Vec::new();
            let probes = [probe, Probe { table: 9, ..probe }];
            let next =
                kernel.scan_buckets(&[&[], &padded], &probes, 0, usize::MAX, &mut survivors);
            prop_assert_eq!(next, 2);
            prop_assert_eq!(&survivors, &expected, "{}", kernel.name());
        }
    }

    #[test]
    fn verify_counts_a_hash_in_its_first_word_only(
        (query, rows) in any::<[u32; 8]>().prop_flat_map(|query| (Just(query), rows(query))),
        thresholds in any::<[u8; 8]>().prop_map(|t| t.map(|t| i32::from(t % 8) - 1)),
        radius in 0u32..=256,
    ) {
        let candidates: Vec<_> = (0..=rows.len() as u32)
            .flat_map(|id| (0..8).map(move |word| Candidate { id, word }))
            .collect();
        let mut expected = Vec::new();
        for (id, row) in rows.iter().enumerate() {
            let distance = naive::distance(&bytes(row), &bytes(&query));
            let within = (0..8).any(|w| {
                naive::distance(&row[w].to_le_bytes(), &query[w].to_le_bytes()) as i32
                    <= thresholds[w]
            });
            if within && distance <= radius {
                expected.push(Found { id: id as u32, distance });
            }
        }
        for kernel in Kernel::available() {
            let mut found = Vec::new();
            kernel.verify(&rows, &candidates, &query, &thresholds, radius, &mut found);
            prop_assert_eq!(&found, &expected, "{}", kernel.name());
        }
    }
}

#[test]
fn a_probe_outside_its_column_meets_nothing() {
    let column = [0u16; 64];
    let probe = Probe {
        begin: 40,
        end: 65,
        sibling: 0,
        table: 0,
        least: 0,
        most: 16,
    };
    for kernel in Kernel::available() {
        let mut survivors = Vec::new();
        let wrong = [
            probe,
            Probe {
                begin: 70,
                end: 60,
                ..probe
            },
        ];
        kernel.scan_buckets(&[&column], &wrong, 0, usize::MAX, &mut survivors);
        assert_eq!(survivors, [], "{}", kernel.name());
    }
}

#[test]
fn scanning_stops_when_there_is_enough_and_goes_on_from_there() {
    let column = [0u16; 64];
    let probe = Probe {
        begin: 0,
        end: 10,
        sibling: 0,
        table: 0,
        least: 0,
        most: 0,
    };
    let probes = [probe; 50];
    for kernel in Kernel::available() {
        let (mut at, mut total) = (0, 0);
        while at < probes.len() {
            let mut survivors = Vec::new();
            at = kernel.scan_buckets(&[&column], &probes, at, 25, &mut survivors);
            assert!(survivors.len() <= 30);
            total += survivors.len();
        }
        assert_eq!(total, 500);
    }
}

#[test]
fn the_environment_can_name_a_kernel() {
    assert_eq!(Kernel::choose(Some("SCALAR")), Ok(Kernel::Scalar));
    assert_eq!(Kernel::choose(None), Kernel::choose(Some("")));
    let message = Kernel::choose(Some("mmx")).unwrap_err().to_string();
    assert!(message.contains("scalar, avx2, avx512, neon"), "{message}");
    for kernel in Kernel::ALL {
        let chosen = Kernel::choose(Some(kernel.name()));
        assert_eq!(chosen.is_ok(), kernel.is_available());
        if let Err(error) = chosen {
            assert!(error.to_string().contains("scalar"), "{error}");
        }
    }
}
