//! `/v1/match` as its callers meet it: one hash a text, what its quality says, and how much may be asked.

#![cfg(feature = "service")]

mod common;
mod service_support;

use hashgate::hash::SignalType;
use serde_json::json;
use service_support::{Node, png, publish_known, signal};

fn known() -> Node {
    Node::start(
        |folder| {
            publish_known(&folder.join("index"), 1);
        },
        &[],
    )
}

#[test]
fn hashes_are_looked_up_one_by_one_and_many_at_a_time() {
    let node = known();
    let (hit, miss) = (
        signal(&png(1), SignalType::Pdq),
        signal(&png(2), SignalType::Pdq),
    );
    let one = node.get(&format!("/v1/match?signal={hit}"));
    assert_eq!((one.status, one.action()), (200, Some("block")));
    let told = one.json();
    assert_eq!(told["matches"][0]["bank"], "KNOWN");
    assert_eq!(told["matches"][0]["content_id"], 16);
    assert_eq!(told["matches"][0]["distance"], 0);
    let other = node.get(&format!("/v1/match?signal={miss}"));
    assert_eq!((other.status, other.action()), (200, Some("none")));
    assert!(other.reads_as_clean());
    let wide = node.get(&format!("/v1/match?signal={miss}&within=256"));
    assert_eq!(wide.json()["outcome"], "match");
    let faint = node.get(&format!("/v1/match?signal={},10,x", miss.hex()));
    assert_eq!(
        (faint.status, faint.action()),
        (422, Some("unjudged")),
        "{faint:?}"
    );

    let many = json!({ "signals": [hit.to_string(), miss.hex(), "nothing"] });
    let answer = node.post_json("/v1/match", &many);
    assert_eq!((answer.status, answer.action()), (200, Some("block")));
    let told = answer.json();
    assert_eq!(told["generation"], 1);
    let outcomes: Vec<_> = (0..3)
        .map(|at| told["answers"][at]["outcome"].clone())
        .collect();
    assert_eq!(outcomes, [json!("match"), json!("no_match"), json!(null)]);
    let answer = node.post_json("/v1/match", &json!({ "signals": [miss.hex(), "nothing"] }));
    assert_eq!(answer.action(), Some("unjudged"), "one of them is no hash");
}

#[test]
fn a_text_with_a_second_hash_is_refused_and_never_reads_as_clean() {
    let node = known();
    let (hit, miss) = (
        signal(&png(1), SignalType::Pdq).hex(),
        signal(&png(2), SignalType::Pdq).hex(),
    );
    for behind in [
        format!("%0A{hit}"),
        format!("%0D{hit}"),
        format!(",100,a%0A{hit},100,b"),
        format!(",{hit}"),
        format!("%20{hit}"),
        format!(";{hit}"),
        format!(",100,{hit}"),
        format!(",100,a%20b%20{hit}"),
        format!(",,pdq:{hit}"),
        ",a.jpg".to_owned(),
    ] {
        for more in ["", "&within=31"] {
            let answer = node.get(&format!("/v1/match?signal={miss}{behind}{more}"));
            assert_eq!(answer.status, 400, "{behind}: {answer:?}");
            assert!(answer.text().contains("one hash a text"), "{answer:?}");
            assert!(!answer.reads_as_clean());
        }
    }
    let many = json!({ "signals": [format!("{miss}\n{hit}"), format!("{miss},{hit}"), miss] });
    let answer = node.post_json("/v1/match", &many);
    assert_eq!(answer.action(), Some("unjudged"));
    let told = answer.json();
    for at in 0..2 {
        assert_eq!(told["answers"][at]["outcome"], json!(null), "{told}");
    }
    assert_eq!(told["answers"][2]["outcome"], "no_match");
    for (good, action) in [
        (format!("{hit}%0A"), "block"),
        (format!("{hit},100"), "block"),
        (format!("{hit},100,a%20b,c.jpg"), "block"),
        (format!("{miss},100,a.jpg"), "none"),
    ] {
        let answer = node.get(&format!("/v1/match?signal={good}"));
        assert_eq!(
            (answer.status, answer.action()),
            (200, Some(action)),
            "{good}"
        );
    }
}

#[test]
fn a_quality_that_is_told_counts_with_a_name_or_without_and_within_a_distance() {
    let node = known();
    let (hit, miss) = (
        signal(&png(1), SignalType::Pdq).hex(),
        signal(&png(2), SignalType::Pdq).hex(),
    );
    for (asked, status, outcome) in [
        (format!("{miss},10"), 422, "low_quality"),
        (format!("{miss},10,x"), 422, "low_quality"),
        (format!("{miss},10,x&within=31"), 422, "low_quality"),
        (format!("{miss},49&within=31"), 422, "low_quality"),
        (format!("{miss},50&within=31"), 200, "no_match"),
        (format!("{miss}&within=31"), 200, "no_match"),
        (format!("{hit},10&within=31"), 200, "match"),
    ] {
        let answer = node.get(&format!("/v1/match?signal={asked}"));
        assert_eq!(answer.status, status, "{asked}: {answer:?}");
        assert_eq!(answer.json()["outcome"], outcome, "{asked}");
        assert_eq!(answer.action() == Some("unjudged"), status == 422);
    }
    let many = json!({ "signals": [format!("{miss},10,x")], "within": 31 });
    assert_eq!(
        node.post_json("/v1/match", &many).action(),
        Some("unjudged")
    );
}

#[test]
fn json_has_a_limit_of_its_own_and_long_texts_are_not_told_again() {
    let node = known();
    let long = "z".repeat(60_000);
    let answer = node.get(&format!("/v1/match?{}=1", &long[..2_000]));
    assert_eq!(answer.status, 400);
    assert!(answer.body.len() < 1_000, "{answer:?}");
    let asked = json!({ "signals": [long, "12"] });
    let answer = node.post_json("/v1/match", &asked);
    assert_eq!((answer.status, answer.action()), (200, Some("unjudged")));
    assert!(answer.body.len() < 2_000, "{answer:?}");
    let told = answer.json()["answers"][0]["query"].clone();
    let told = told.as_str().expect("a text");
    assert!(
        told.starts_with("zzz") && told.chars().count() < 300,
        "{told}"
    );
    let asked = json!({ "signals": ["12"], long: 1 });
    let answer = node.post_json("/v1/match", &asked);
    assert_eq!(answer.status, 400);
    assert!(answer.body.len() < 1_000, "{answer:?}");

    let sized = |more: usize| {
        let mut body = br#"{"signals":["d41d8cd98f00b204e9800998ecf8427e"]}"#.to_vec();
        body.resize((1 << 20) + more, b' ');
        body
    };
    assert_eq!(node.post("/v1/match", &sized(0)).status, 200);
    let answer = node.post("/v1/match", &sized(1));
    assert_eq!((answer.status, answer.action()), (413, Some("unjudged")));
    assert!(answer.text().contains("limit on JSON"), "{answer:?}");
    // Uploads may be larger still.
    assert_eq!(node.post("/v1/check", &sized(1)).status, 422);
}
