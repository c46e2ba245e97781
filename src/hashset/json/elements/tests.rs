//! Documents, whole and broken, and the records that are found in them.

use super::*;
use std::io::BufReader;

/// Each element as text: its number and line, and what it is or what is wrong with it.
fn walk(document: &str, arrays: &[&str]) -> (Vec<String>, End) {
    let mut all: Vec<(Vec<String>, End)> = Vec::new();
    for buffer in [1, 3, 64] {
        let mut found = Vec::new();
        let input = BufReader::with_capacity(buffer, document.as_bytes());
        let walk = Walk::new(arrays, |name| name == b"Picture");
        let end = read(input, walk, &mut |element| {
            let text = String::from_utf8_lossy(element.bytes);
            let left_out = element.left_out.unwrap_or_default();
            found.push(match &element.fault {
                Some(fault) => format!("{}@{} !{fault}", element.number, element.line),
                None => format!("{}@{} {text}{left_out}", element.number, element.line),
            });
            ControlFlow::Continue(())
        });
        all.push((found, end.unwrap()));
    }
    assert!(all.iter().all(|one| *one == all[0]), "whatever the buffer");
    all.swap_remove(0)
}

fn elements(document: &str, arrays: &[&str]) -> Vec<String> {
    walk(document, arrays).0
}

#[test]
fn records_are_found_where_they_may_stand() {
    let both = ["1@1 {\"a\":1}", "2@1 {\"a\":[{\"b\":2}]}"];
    for document in [
        r#"[{"a":1}, {"a":[{"b":2}]}]"#,
        r#"{"a":1}{"a":[{"b":2}]}"#,
        r#"{"count": 2, "x": [{"no": 1}], "records":[{"a":1},{"a":[{"b":2}]}], "y": {"z": [{}]}}"#,
        r#"[{"records":[{"a":1}]},{"records":[{"a":[{"b":2}]}]}]"#,
        r#"[[{"a":1}],[{"a":[{"b":2}]}]]"#,
        r#"{"outer":[{"info":{"a":"["},"records":[{"a":1},{"a":[{"b":2}]}]}]}"#,
    ] {
        assert_eq!(
            elements(document, &["records", "outer"]),
            both,
            "{document}"
        );
    }
    assert_eq!(elements("{\"records\": []}", &["records"]), [""; 0]);
    assert_eq!(
        elements("{\"a\":\n1}\n\n {\"b\":2}", &[]),
        ["1@1 {\"a\":\n1}", "2@4 {\"b\":2}"]
    );
    let tricky = r#"{"a":"}{\"records\":[","b":"\\"}"#;
    assert_eq!(elements(tricky, &["records"]), [format!("1@1 {tricky}")]);
}

#[test]
fn a_fault_costs_its_own_record() {
    let reasons = |document: &str| -> Vec<String> {
        elements(document, &["records"])
            .into_iter()
            .map(|text| {
                let place = text.split(' ').next().unwrap_or_default();
                format!("{place}{}", if text.contains('!') { "!" } else { "" })
            })
            .collect()
    };
    for (document, want) in [
        // The closing bracket of the second is missing.
        (r#"[{"a":1},{"a":2,{"a":3}]"#, &["1@1", "2@1!", "3@1"][..]),
        (r#"[{"a":1},{"a":[2},{"a":3}]"#, &["1@1", "2@1!", "3@1"]),
        ("[{\"a\":1},\n{\"a:2},\n{\"a\":3}]", &["1@1", "2@2!", "3@3"]),
        (
            r#"[1, "x", {"a":3}, null]"#,
            &["1@1!", "2@1!", "3@1", "4@1!"],
        ),
        (r#"[{"a":1}]]"#, &["1@1", "2@1!"]),
        (r#"[{"a":1},{"a""#, &["1@1", "2@1!"]),
        (r#"[{"a":1}"#, &["1@1", "2@1!"]),
        (r#"{"records":[{"a":1}"#, &["1@1", "2@1!"]),
        ("hello\n{\"a\":1}", &["1@1!", "2@2"]),
    ] {
        assert_eq!(reasons(document), want, "{document}");
    }
}

#[test]
fn sizes_and_depths_are_bounded() {
    let long = format!("\"{}\"", "x".repeat(MAX_TEXT));
    let document = format!("[{{\"a\":[{long},{long},{long}]}},{{\"a\":1}}]");
    let found = elements(&document, &[]);
    assert_eq!(found.len(), 2);
    assert!(found[0].contains("longer than 1048576"), "{:.80}", found[0]);
    assert_eq!(found[1], "2@1 {\"a\":1}");
    let deep = "[".repeat(100_000);
    assert_eq!(elements(&deep, &[]).len(), 1);
    let deep = format!("{{\"a\":{deep}\n{{\"b\":1}}");
    let found = elements(&deep, &[]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("too many brackets"));
}

#[test]
fn pages_say_whether_there_are_more() {
    let more = |document: &str| walk(document, &["data", "hashRecords"]).1.has_more;
    assert!(more(r#"{"hasMoreRecords": true, "hashRecords": []}"#));
    assert!(more(r#"{"hashRecords": [], "hasMoreRecords":true}"#));
    assert!(!more(r#"{"hashRecords": [], "hasMoreRecords":false}"#));
    assert!(more(r#"{"data": [], "paging": {"next": "https"}}"#));
    assert!(!more(r#"{"data": [], "paging": {"next": ""}}"#));
    assert!(!more(r#"{"data": [{"next": "x"}]}"#), "said by a record");
}

#[test]
fn skipped_values_of_any_size_and_kind_pass_by() {
    let long = "x\\\"}],".repeat(MAX_RECORD / 2);
    for value in [
        format!("\"{long}\""),
        format!("[\"{long}\", {{\"Picture\": \"{long}\"}}]"),
        format!("{{\"a\": {{\"b\": [\"{long}\"]}}, \"records\": [{{}}]}}"),
        "7".repeat(2 * MAX_RECORD),
        "true".to_owned(),
    ] {
        let document = format!(
            r#"{{"records":[{{"a":1,"Picture": {value} ,"b":2}},{{"c":[{{"Picture":{value}}}]}},{{"Picture":{value}}}]}}"#
        );
        assert_eq!(
            elements(&document, &["records"]),
            [
                r#"1@1 {"a":1,"Picture":null,"b":2}"#,
                r#"2@1 {"c":[{"Picture":null}]}"#,
                r#"3@1 {"Picture":null}"#,
            ],
            "{value:.40}"
        );
    }
    // What is broken within one costs its record and no other.
    let document = "[{\"Picture\":[1},\n{\"b\":3}]";
    let found = elements(document, &[]);
    assert_eq!((found.len(), found[1].as_str()), (2, "2@2 {\"b\":3}"));
    assert!(found[0].contains("not closed"), "{}", found[0]);
}

#[test]
fn a_text_too_long_is_left_out_and_named() {
    let long = "x".repeat(3 * MAX_RECORD);
    let document = format!(r#"[{{"a":"{long}","b":{{"c":["{long}"]}}}},{{"a":1}}]"#);
    let found = elements(&document, &[]);
    assert_eq!(found.len(), 2);
    assert!(
        found[0].starts_with(r#"1@1 {"a":"","b":{"c":[""]}}"#),
        "{:.80}",
        found[0]
    );
    assert!(found[0].contains("\"a\""), "{:.120}", found[0]);
    assert_eq!(found[1], r#"2@1 {"a":1}"#);
}
