//! The upload forms of `examples/upload_form` as people see them, in headless Chromium: in English, and in Urdu from right to
//! left; on a desk and on a telephone.
//!
//! Where Chromium is missing, this says so in one line and passes; `HASHGATE_REQUIRE_DATA` makes that a failure. The pages'
//! pictures are written to the folder that `HASHGATE_SCREENSHOTS` names.

#![cfg(all(feature = "service", target_os = "linux"))]

#[path = "form_support/browser.rs"]
mod browser;
mod common;
mod form_support;
mod service_support;

use browser::Browser;
use common::shipped_pictures;
use form_support::{Form, Kind};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Widths of a desk's page and of a telephone's.
const WIDTHS: [u32; 2] = [900, 360];

/// What holds for each page: it is in its language, begins on the right side, has its style, and nobody must scroll
/// sideways.
fn is_good(browser: &mut Browser, lang: &str, width: u32) {
    let facts = browser.value(
        "(() => {
            const h1 = document.querySelector('h1');
            const text = document.createRange();
            text.selectNodeContents(h1);
            const line = text.getClientRects()[0], box = h1.getBoundingClientRect();
            const [title, other] = [...document.querySelectorAll('header a')].map(a => a.getBoundingClientRect().x);
            return {
                lang: document.documentElement.lang,
                direction: getComputedStyle(h1).direction,
                atStart: Math.round(line.left - box.left),
                atEnd: Math.round(box.right - line.right),
                titleFirst: title < other,
                bar: getComputedStyle(document.querySelector('header')).backgroundColor,
                edge: getComputedStyle(document.querySelector('main')).borderLeftWidth,
                wide: document.documentElement.scrollWidth,
            };
        })()",
    );
    let is_left = lang == "en";
    assert_eq!(facts["lang"], lang, "{facts}");
    assert_eq!(
        facts["direction"],
        if is_left { "ltr" } else { "rtl" },
        "{facts}"
    );
    let edge = if is_left { "atStart" } else { "atEnd" };
    assert_eq!(facts[edge], 0, "{facts}");
    assert_eq!(facts["titleFirst"], is_left, "{facts}");
    assert_eq!(
        facts["bar"], "rgb(31, 58, 95)",
        "the style was loaded: {facts}"
    );
    let edge = facts["edge"].as_str().expect("pixels");
    assert_eq!(edge != "0px", is_left, "{facts}");
    assert!(
        facts["wide"]
            .as_u64()
            .is_some_and(|wide| wide <= u64::from(width)),
        "{facts}"
    );
}

/// Where this machine says that it has letters for a language, all of a text's are drawn.
fn has_letters(browser: &mut Browser, lang: &str, text: &str) {
    let listed = Command::new("fc-list")
        .arg(format!(":lang={lang}"))
        .output();
    if !listed.is_ok_and(|listed| !listed.stdout.is_empty()) {
        println!(
            "skipped: no font here has the letters of {lang}; Debian's package fonts-noto-core brings some"
        );
        return;
    }
    let letters: BTreeSet<char> = text.chars().filter(|c| c.is_alphabetic()).collect();
    let letters: Vec<String> = letters.into_iter().map(String::from).collect();
    let undrawn = browser.value(&format!(
        "(() => {{
            const canvas = document.createElement('canvas'), context = canvas.getContext('2d');
            const drawn = letter => {{
                context.clearRect(0, 0, 300, 150);
                context.font = '60px ' + getComputedStyle(document.body).fontFamily;
                context.fillText(letter, 100, 90);
                return canvas.toDataURL();
            }};
            const nothing = drawn(String.fromCodePoint(0x10fff0));
            return {}.filter(letter => drawn(letter) == nothing);
        }})()",
        json!(letters)
    ));
    assert_eq!(undrawn, json!([]), "{lang}");
}

/// Uploads a file as a person does, from the first page of a language.
fn upload(browser: &mut Browser, form: &Form, lang: &str, file: &Path, answer: &str) {
    browser.open(&format!("http://{}/?lang={lang}", form.at));
    browser.wait_for("form", lang);
    browser.choose("#picture", file);
    browser.click("#send");
    browser.wait_for(answer, lang);
}

fn seen_in(browser: &mut Browser, kind: Kind) {
    let form = Form::start(kind);
    let name = format!("{kind:?}").to_lowercase();
    let uploads = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/pictures/uploads");
    let mut shared = 0;
    for (lang, other) in [("en", "ur"), ("ur", "en")] {
        let stopped = form_support::folder().join(format!("stopped.{lang}.txt"));
        let stopped = std::fs::read_to_string(stopped).expect("the text");
        for width in WIDTHS {
            browser.set_size(width, 900);
            let after = |browser: &mut Browser, file: &str, answer: &str| {
                upload(browser, &form, lang, &uploads.join(file), answer);
                is_good(browser, lang, width);
                browser.shoot(&format!("{name}-{lang}-{width}-{answer}"));
                browser.value("document.querySelector('main').innerText")
            };
            let said = after(browser, "cat-with-caption.jpg", "stopped");
            let said = said.as_str().expect("a text");
            let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            for paragraph in stopped.split("\n\n") {
                for line in paragraph.lines().filter(|line| !line.starts_with("- ")) {
                    assert!(
                        one_line(said).contains(&one_line(line)),
                        "{line:?} in {said:?}"
                    );
                }
            }
            has_letters(browser, lang, &stopped);
            let links = browser.value("document.querySelectorAll('main li a').length");
            assert_eq!(links, stopped.matches("\n- ").count(), "{lang}");
            after(browser, "rocket-mirrored.jpg", "held");
            after(browser, "butterfly-cut-short.png", "held");
            after(browser, "grass.jpg", "shared");
            shared += 1;
            let widths = "[...document.images].map(i => i.complete && i.naturalWidth > 0)";
            assert_eq!(browser.value(widths), json!([true]));
            // What everybody sees now: that picture, as often as it was shared, and nothing that was stopped or held.
            browser.click("main p:last-child a");
            browser.wait_for("form", lang);
            is_good(browser, lang, width);
            browser.shoot(&format!("{name}-{lang}-{width}-form"));
            let all = vec![Value::Bool(true); shared];
            assert_eq!(browser.value(widths), Value::Array(all));
            browser.click("header a:last-child");
            browser.wait_for("form", other);
            is_good(browser, other, width);
        }
    }
    assert_eq!(form.files("shared").len(), shared);
    for (name, bytes) in shipped_pictures("uploads") {
        let is_shared = form.files("shared").contains(&bytes);
        assert_eq!(is_shared, name.ends_with("/grass.jpg"), "{name}");
    }
}

#[test]
fn both_forms_are_seen_in_both_languages() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    for kind in [Kind::Rust, Kind::Python] {
        seen_in(&mut browser, kind);
    }
}
