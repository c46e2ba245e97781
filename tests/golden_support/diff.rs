//! What differs between two texts, as `diff -u` shows it.

/// Lines that are shown around a difference.
const AROUND: usize = 3;

/// The lines that differ, with some around them: `-` for those of `before`, `+` for those of `after`.
pub(crate) fn unified(before: &str, after: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let marked = marked(&a, &b);
    let mut out = String::new();
    let mut shown_to = 0;
    for (at, (mark, _, _)) in marked.iter().enumerate() {
        if *mark == ' ' {
            continue;
        }
        let from = at.saturating_sub(AROUND).max(shown_to);
        let to = (at + AROUND + 1).min(marked.len());
        if from > shown_to || shown_to == 0 {
            let line = marked.get(from).map_or(0, |(_, line, _)| *line);
            out.push_str(&format!("@@ line {line} @@\n"));
        }
        for (mark, _, text) in marked.get(from..to).unwrap_or_default() {
            out.push_str(&format!("{mark}{text}\n"));
        }
        shown_to = shown_to.max(to);
    }
    out
}

/// Each line with its mark and its place in `a`, from 1.
fn marked<'a>(a: &[&'a str], b: &[&'a str]) -> Vec<(char, usize, &'a str)> {
    let same_front = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a_rest, b_rest) = (&a[same_front..], &b[same_front..]);
    let same_end = a_rest
        .iter()
        .rev()
        .zip(b_rest.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (a_mid, b_mid) = (
        &a_rest[..a_rest.len() - same_end],
        &b_rest[..b_rest.len() - same_end],
    );
    // Lengths of the longest common subsequences of all ends.
    let mut common = vec![vec![0_u32; b_mid.len() + 1]; a_mid.len() + 1];
    for i in (0..a_mid.len()).rev() {
        for j in (0..b_mid.len()).rev() {
            common[i][j] = match a_mid[i] == b_mid[j] {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let mut out: Vec<(char, usize, &str)> = Vec::new();
    out.extend(
        a[..same_front]
            .iter()
            .enumerate()
            .map(|(i, line)| (' ', i + 1, *line)),
    );
    let (mut i, mut j) = (0, 0);
    while i < a_mid.len() || j < b_mid.len() {
        let line = same_front + i + 1;
        if i < a_mid.len() && j < b_mid.len() && a_mid[i] == b_mid[j] {
            out.push((' ', line, a_mid[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == b_mid.len() || (i < a_mid.len() && common[i + 1][j] >= common[i][j + 1]) {
            out.push(('-', line, a_mid[i]));
            i += 1;
        } else {
            out.push(('+', line, b_mid[j]));
            j += 1;
        }
    }
    let behind = same_front + a_mid.len();
    out.extend(
        a[behind..]
            .iter()
            .enumerate()
            .map(|(i, line)| (' ', behind + i + 1, *line)),
    );
    out
}

#[test]
fn only_what_differs_is_shown_with_some_lines_around() {
    let before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
    let after = "1\n2\n3\n4\nfive\n6\n7\n8\n9\nten\n";
    let expected = "@@ line 2 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n 9\n+ten\n";
    assert_eq!(unified(before, after), expected);
    assert_eq!(unified(before, before), "");
    assert_eq!(unified("", "a\n"), "@@ line 1 @@\n+a\n");
}
