//! What every source file keeps to: it opens by saying what it is, stays small, leaves nothing
//! unfinished, and holds `unsafe` only where the house has a place for it.

use super::lexer::{Token, tokens};

/// A file longer than this has more than one room in it.
pub(crate) const MAX_LINES: usize = 700;

/// Whether a file, by its path below `src`, may hold `unsafe`: the kernels and the file mapping.
pub(crate) fn may_be_unsafe(file: &str) -> bool {
    file.starts_with("hamming/")
        || file == "segment/mmap.rs"
        || file
            .split('/')
            .skip(1)
            .any(|part| part.starts_with("kernel"))
}

/// What a source file below `src` breaks.
pub(crate) fn violations(file: &str, source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let code = tokens(source);
    if !opens_with_its_purpose(source) {
        found.push(format!(
            "src/{file}: does not open with `//!`: say what it owns and what it refuses"
        ));
    }
    if !may_be_unsafe(file) {
        for token in code.iter().filter(|token| token.text == "unsafe") {
            found.push(format!(
                "src/{file}:{}: `unsafe` belongs in src/hamming/, a kernel file or src/segment/mmap.rs",
                token.line
            ));
        }
    }
    let tests = test_code(&code);
    for (i, window) in code.windows(3).enumerate() {
        let [first, second, third] = window else {
            continue;
        };
        let in_tests = tests.iter().any(|range| range.contains(&i)) || is_test_file(file);
        if second.text == "!" && matches!(first.text.as_str(), "todo" | "unimplemented") {
            found.push(format!(
                "src/{file}:{}: `{}!` is unfinished",
                first.line, first.text
            ));
        }
        if !in_tests && first.text == "." && second.text == "unwrap" && third.text == "(" {
            found.push(format!(
                "src/{file}:{}: `unwrap()` outside tests: return an error, or `expect` with the reason why it cannot fail",
                second.line
            ));
        }
        if first.text == "[" && second.text == "path" && third.text == "=" {
            found.push(format!(
                "src/{file}:{}: `#[path]` hides which room a file belongs to",
                second.line
            ));
        }
    }
    found
}

/// What is too long, for any file of the project.
pub(crate) fn too_long(file: &str, source: &str) -> Option<String> {
    let lines = source.lines().count();
    (lines > MAX_LINES).then(|| format!("{file}: {lines} lines, more than {MAX_LINES}: divide it"))
}

/// Whether the first thing in a file, inner attributes aside, is its `//!` documentation, or the
/// document that stands beside it.
fn opens_with_its_purpose(source: &str) -> bool {
    let mut rest = source.trim_start();
    while rest.starts_with("#![") {
        if rest.starts_with("#![doc = include_str!(") {
            return true;
        }
        // An inner attribute ends with the first `]` that closes a line.
        let Some(end) = rest.find("]\n") else {
            return false;
        };
        rest = rest[end + 1..].trim_start();
    }
    rest.lines().next().is_some_and(|line| {
        line.strip_prefix("//!")
            .is_some_and(|text| text.trim().len() > 10)
    })
}

fn is_test_file(file: &str) -> bool {
    file.ends_with("/tests.rs") || file.contains("/tests/")
}

/// The stretches of code that stand in `#[cfg(test)]` modules or functions.
pub(crate) fn test_code(code: &[Token]) -> Vec<std::ops::Range<usize>> {
    const MARKS: [&[&str]; 2] = [
        &["#", "[", "cfg", "(", "test", ")", "]"],
        &["#", "[", "cfg", "(", "all", "(", "test", ","],
    ];
    let mut found = Vec::new();
    let mut i = 0;
    while i < code.len() {
        let marked = MARKS.iter().find(|mark| {
            code.len() - i >= mark.len()
                && (code[i..].iter().zip(**mark)).all(|(token, mark)| token.text == *mark)
        });
        let Some(mark) = marked else {
            i += 1;
            continue;
        };
        let begin = i;
        let mut depth = 0_usize;
        i += mark.len();
        while let Some(token) = code.get(i) {
            i += 1;
            match token.text.as_str() {
                "{" => depth += 1,
                "}" if depth <= 1 => break,
                "}" => depth -= 1,
                ";" if depth == 0 => break,
                _ => {}
            }
        }
        found.push(begin..i);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{MAX_LINES, may_be_unsafe, too_long, violations};

    const OPENING: &str = "//! Owns the thing; refuses all else.\n";

    fn complaints(file: &str, body: &str) -> usize {
        violations(file, &format!("{OPENING}{body}")).len()
    }

    #[test]
    fn each_fault_is_caught() {
        assert_eq!(
            violations("hash/pdq.rs", "pub fn f() {}").len(),
            1,
            "no opening"
        );
        assert_eq!(
            violations("hash/pdq.rs", "//!\n").len(),
            1,
            "an empty opening"
        );
        assert_eq!(complaints("hash/pdq.rs", "fn f() { unsafe { g() } }"), 1);
        assert_eq!(complaints("hash/pdq.rs", "fn f() { todo!() }"), 1);
        assert_eq!(
            complaints("hash/pdq.rs", "fn f() { unimplemented!(\"x\") }"),
            1
        );
        assert_eq!(complaints("hash/pdq.rs", "fn f() { g().unwrap(); }"), 1);
        assert_eq!(
            complaints(
                "hash/pdq.rs",
                "#[cfg(test)] mod tests { fn t() { g().unwrap(); } }\nfn f() { g().unwrap(); }"
            ),
            1,
            "only what stands outside the tests"
        );
        assert_eq!(complaints("hash/pdq.rs", "#[path = \"x.rs\"] mod x;"), 1);
        assert!(too_long("x.rs", &"\n".repeat(MAX_LINES + 1)).is_some());
    }

    #[test]
    fn what_is_sound_passes() {
        for body in [
            "fn f() { g().expect(\"32 bytes were checked above\"); g().unwrap_or(1); }",
            "// unsafe { todo!() }\nconst S: &str = \"unsafe .unwrap() todo!()\";",
            "#[cfg(test)]\nmod tests {\n    fn t() { if a { b.unwrap() } else { c.unwrap() }; }\n}",
            "#[cfg(test)] mod tests;",
        ] {
            assert_eq!(complaints("hash/pdq.rs", body), 0, "{body}");
        }
        let attribute = format!("#![expect(unsafe_code, reason = \"kernels\")]\n\n{OPENING}");
        assert_eq!(violations("hamming/x86_64.rs", &attribute).len(), 0);
        let document = "#![doc = include_str!(\"FORMAT.md\")]\n\npub const VERSION: u32 = 1;\n";
        assert_eq!(violations("segment/format.rs", document).len(), 0);
        assert!(too_long("x.rs", &"\n".repeat(MAX_LINES)).is_none());
    }

    #[test]
    fn unsafe_has_its_places() {
        for file in [
            "hamming/mod.rs",
            "hamming/avx2.rs",
            "segment/mmap.rs",
            "index/kernel.rs",
            "signal/pdq/kernel/sse.rs",
            "index/kernel_avx512.rs",
        ] {
            assert!(may_be_unsafe(file), "{file}");
        }
        for file in [
            "segment/reader.rs",
            "lib.rs",
            "kernel.rs",
            "index/mod.rs",
            "store/mmap.rs",
        ] {
            assert!(!may_be_unsafe(file), "{file}");
        }
    }
}
