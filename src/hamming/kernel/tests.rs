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
        if let (Some(rows), Some([query])) = (Row::wide(rows), Row::wide(&[query])) {
            let (mut turned, mut found) = (Vec::new(), Vec::new());
            kernel.turn(rows, &mut turned);
            kernel.scan_turned((rows, &turned), 7, query, radius, &mut found);
            assert_eq!(found, expected, "{} turned", kernel.name());
        }
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
            let mut survivors = [Survivor::default(); 400];
            let probes = [probe, Probe { table: 9, ..probe }];
            let column = Column { siblings: &padded, ids: &[] };
            let (next, count) = kernel.scan_buckets(&[Column::default(), column], &probes, 0..2, &mut survivors);
            prop_assert_eq!(next, 2);
            prop_assert_eq!(&survivors[..count], &expected, "{}", kernel.name());
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

    #[test]
    fn shared_buckets_equal_those_of_each_query_alone(
        column in proptest::collection::vec(any::<u16>(), 0..300),
        cuts in proptest::collection::vec((0usize..=300, 0usize..=300), 1..6),
        asking in proptest::collection::vec((0usize..6, any::<u16>(), 0u8..9, 0u8..17), 0..60),
    ) {
        let entries = column.len();
        let mut padded = column;
        padded.resize(entries.next_multiple_of(32), 0);
        let mut asking = asking;
        asking.sort_unstable();
        let probes: Vec<_> = asking
            .into_iter()
            .zip(0..)
            .map(|((bucket, sibling, least, most), query)| {
                let (a, b) = cuts[bucket % cuts.len()];
                SharedProbe {
                    begin: a.min(b).min(entries) as u32,
                    end: a.max(b).min(entries) as u32,
                    query,
                    sibling,
                    least,
                    most: most.max(least),
                }
            })
            .collect();
        let mut expected = Vec::new();
        for probe in &probes {
            for position in probe.begin..probe.end {
                let entry = padded[position as usize].to_le_bytes();
                let distance = naive::distance(&entry, &probe.sibling.to_le_bytes());
                if (u32::from(probe.least)..=u32::from(probe.most)).contains(&distance) {
                    expected.push(Met { number: position, query: probe.query });
                }
            }
        }
        expected.sort_unstable_by_key(|met| (met.query, met.number));
        for kernel in Kernel::available() {
            let (mut next, mut got) = (0, Vec::new());
            while next < probes.len() {
                // Room for little more than one probe, so that runs are cut.
                let mut survivors = [Met::default(); 310];
                let (scanned, count) = kernel.scan_shared(&padded, &probes, next, &mut survivors);
                prop_assert!(scanned > next);
                next = scanned;
                got.extend_from_slice(&survivors[..count]);
            }
            got.sort_unstable_by_key(|met| (met.query, met.number));
            prop_assert_eq!(&got, &expected, "{}", kernel.name());
        }
    }

    #[test]
    fn the_buckets_about_a_chunk_equal_those_of_each_bucket_alone(
        entries in proptest::collection::vec((0u16..24, any::<u16>()), 0..300),
        (chunk, sibling) in (0u16..24, any::<u16>()),
        (least, threshold) in (0u8..4, 4u8..17),
        longest in 1u32..60,
        padding in 0usize..40,
    ) {
        let mut entries = entries;
        entries.sort_by_key(|(bucket, _)| *bucket);
        let mut offsets = vec![entries.len() as u32; BUCKETS + 1];
        for (offset, bucket) in offsets.iter_mut().zip(0..64) {
            let before = entries.iter().filter(|(at, _)| *at < bucket);
            *offset = before.count() as u32;
        }
        let offsets: &[u32; BUCKETS + 1] = offsets.first_chunk().unwrap();
        let mut column: Vec<u16> = entries.iter().map(|(_, sibling)| *sibling).collect();
        column.resize(entries.len() + padding, sibling);
        let flips: Vec<u16> = (0..32).filter(|flip: &u16| flip.count_ones() <= 3).collect();
        let (mut expected, mut expected_long) = (Vec::new(), Vec::new());
        for &flip in &flips {
            let bucket = usize::from(chunk ^ flip);
            let most = threshold - flip.count_ones() as u8;
            let (begin, end) = (offsets[bucket], offsets[bucket + 1]);
            if end - begin > longest {
                expected_long.push(SharedProbe { begin, end, query: 7, sibling, least, most });
                continue;
            }
            for number in begin..end {
                let entry = column[number as usize].to_le_bytes();
                let distance = naive::distance(&entry, &sibling.to_le_bytes());
                if (u32::from(least)..=u32::from(most)).contains(&distance) {
                    expected.push(Met { number, query: 7 });
                }
            }
        }
        let around = Around { query: 7, chunk, sibling, least, threshold, longest };
        for kernel in Kernel::available() {
            let (mut next, mut got, mut long) = (0, Vec::new(), Vec::new());
            while next < flips.len() {
                // Room for little more than one bucket.
                let mut survivors = vec![Met::default(); longest as usize + 3];
                let (asked, count) = kernel.scan_around(
                    &column, offsets, &flips, &around, next, &mut survivors, &mut long,
                );
                prop_assert!(asked > next);
                next = asked;
                got.extend_from_slice(&survivors[..count]);
            }
            prop_assert_eq!(&got, &expected, "{}", kernel.name());
            prop_assert_eq!(&long, &expected_long, "{}", kernel.name());
        }
    }

    #[test]
    fn shared_candidates_are_verified_as_those_of_each_query_alone(
        (query, rows) in any::<[u32; 8]>().prop_flat_map(|query| (Just(query), rows(query))),
        others in proptest::collection::vec(any::<[u32; 8]>(), 0..4),
        thresholds in any::<[u8; 8]>().prop_map(|t| t.map(|t| i32::from(t % 8) - 1)),
        radius in 0u32..=256,
        word in 0u8..8,
    ) {
        let queries: Vec<_> = others.into_iter().chain([query]).collect();
        // Also numbers beyond the rows and the queries.
        let met: Vec<_> = (0..=queries.len() as u32)
            .flat_map(|query| (0..=rows.len() as u32).map(move |number| Met { number, query }))
            .collect();
        for kernel in Kernel::available() {
            let mut got = Vec::new();
            kernel.verify_shared(
                &rows, &queries, &met, u32::from(word), &thresholds, radius, &mut got,
            );
            let mut expected = Vec::new();
            for (query, number) in queries.iter().zip(0..) {
                let candidates: Vec<_> = (0..=rows.len() as u32)
                    .map(|id| Candidate { id, word })
                    .collect();
                let mut found = Vec::new();
                kernel.verify(&rows, &candidates, query, &thresholds, radius, &mut found);
                expected.extend(found.into_iter().map(|found| SharedFound { query: number, found }));
            }
            prop_assert_eq!(&got, &expected, "{}", kernel.name());
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
    let turned = Probe {
        begin: 70,
        end: 60,
        ..probe
    };
    let far = Probe {
        begin: u32::MAX - 3,
        end: u32::MAX,
        ..probe
    };
    let columns = Column {
        siblings: &column,
        ids: &[],
    };
    let shared = [probe, turned, far].map(|probe| SharedProbe {
        begin: probe.begin,
        end: probe.end,
        query: 0,
        sibling: 0,
        least: 0,
        most: 16,
    });
    for kernel in Kernel::available() {
        let mut survivors = [Survivor::default(); 100];
        let (next, count) =
            kernel.scan_buckets(&[columns], &[probe, turned, far], 0..3, &mut survivors);
        assert_eq!((next, count), (3, 0), "{}", kernel.name());
        let mut survivors = [Met::default(); 100];
        let (next, count) = kernel.scan_shared(&column, &shared, 0, &mut survivors);
        assert_eq!((next, count), (3, 0), "{}", kernel.name());
    }
}

#[test]
fn scanning_stops_when_there_is_no_room_and_goes_on_from_there() {
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
    let columns = Column {
        siblings: &column,
        ids: &[],
    };
    for kernel in Kernel::available() {
        let (mut at, mut total) = (0, 0);
        while at < probes.len() {
            let mut survivors = [Survivor::default(); 25];
            let (next, count) = kernel.scan_buckets(&[columns], &probes, at..50, &mut survivors);
            assert_eq!((next, count), (at + 2, 20));
            at = next;
            total += count;
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
