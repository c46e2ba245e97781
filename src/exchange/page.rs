//! A page of records, and what it can be instead.

use crate::hashset::{self, BadLine, HashsetError, ListFormat, ListRecord};
use crate::web::Answer;
use base64::Engine as _;
use serde::de::DeserializeOwned;
use std::ops::ControlFlow;

/// How many rows that cannot be used are told one by one.
const BAD_TOLD: usize = 20;

/// What an answer holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// Its records, in their order.
    pub records: Vec<ListRecord>,
    /// The first rows, or parts of rows, that cannot be used.
    pub bad: Vec<BadLine>,
    /// How many of them there are.
    pub bad_count: u64,
    /// It says nothing but where to go on: whether what was asked for can be read is not known from it.
    pub is_idle: bool,
}

impl Page {
    /// A page with another behind it, or without.
    pub(super) fn followed(mut self, has_next: bool) -> Self {
        self.is_idle = has_next && self.records.is_empty() && self.bad_count == 0;
        self
    }
}

/// Why an answer is no page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// It cannot be read as what it should be. Asking again may help.
    #[error("the answer cannot be read: {problem}")]
    Corrupt {
        /// What is wrong with it.
        problem: String,
        /// What of it could be read.
        page: Box<Page>,
    },
    /// The other side no longer knows where it was. The source begins again where it may.
    #[error("the other side no longer knows the page that was asked for ({status})")]
    Expired {
        /// The status.
        status: u16,
    },
    /// The other side refuses.
    #[error("{}", refused(*status, detail))]
    Refused {
        /// The status.
        status: u16,
        /// What it says, its first 200 characters on one line, if that can be told.
        detail: String,
    },
    /// The source cannot go on from where it is.
    #[error("{problem}")]
    Stuck {
        /// Why.
        problem: String,
    },
}

fn refused(status: u16, detail: &str) -> String {
    let what = match status {
        401 | 403 => "the other side does not take the credentials",
        404 => "the other side has nothing at this address",
        300..=399 => "the other side sends elsewhere, which is not followed",
        _ => "the other side refuses",
    };
    match detail {
        "" => format!("{what} ({status})"),
        detail => format!("{what} ({status}): {detail}"),
    }
}

impl PageError {
    /// Of an answer that is no success. Where it says one of these secrets back, nothing of it is told.
    pub(super) fn refused(answer: &Answer, secrets: &[&str]) -> Self {
        let text = String::from_utf8_lossy(answer.body.get(..2_048).unwrap_or(&answer.body));
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        let is_open = is_page(&answer.body) || tells(&text, secrets);
        let detail = match is_open {
            true => String::new(),
            false => text.chars().take(200).collect(),
        };
        Self::Refused {
            status: answer.status,
            detail,
        }
    }

    pub(super) fn corrupt(problem: impl Into<String>, page: Page) -> Self {
        Self::Corrupt {
            problem: problem.into(),
            page: Box::new(page),
        }
    }
}

/// Whether a body is a page for people, or XML: neither is a word that may be told.
fn is_page(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

/// Whether a text has one of the secrets in it: as it is, or as addresses, XML, JSON and `Authorization` write it. Some
/// servers say back what they were asked.
fn tells(text: &str, secrets: &[&str]) -> bool {
    // A `+` is a space in a query, and itself everywhere else.
    let texts = [
        text.to_owned(),
        unescaped(text, false),
        unescaped(text, true),
    ];
    let has = |form: &str| form.len() >= 4 && texts.iter().any(|text| text.contains(form));
    secrets.iter().any(|secret| {
        let json = serde_json::Value::from(*secret).to_string();
        let basic = base64::engine::general_purpose::STANDARD.encode(secret);
        has(secret) || has(json.trim_matches('"')) || has(basic.trim_end_matches('='))
    })
}

/// A text with the escapes of addresses and of XML read, as far as they are any.
fn unescaped(text: &str, is_query: bool) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, more)) = rest.split_first() {
        let digits = more.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                out.push(byte);
                rest = more.get(2..).unwrap_or_default();
            }
            (b'+', _) if is_query => {
                out.push(b' ');
                rest = more;
            }
            _ => {
                out.push(first);
                rest = more;
            }
        }
    }
    let text = String::from_utf8_lossy(&out).into_owned();
    [
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text, |text, (from, to)| text.replace(from, to))
}

/// Reads the records of a body. Where it breaks off, what stands before is in the error.
pub(super) fn records(body: &[u8], format: ListFormat) -> Result<Page, PageError> {
    let mut page = Page::default();
    let read = hashset::read(body, format, &mut |row| {
        match row {
            Ok(record) => page.records.push(record),
            Err(line) => {
                page.bad_count += 1;
                if page.bad.len() < BAD_TOLD {
                    page.bad.push(line);
                }
            }
        }
        ControlFlow::Continue(())
    });
    match read {
        Ok(_) => Ok(page),
        Err(error @ (HashsetError::Broken { .. } | HashsetError::Header { .. })) => {
            Err(PageError::corrupt(error.to_string(), page))
        }
        Err(error) => Err(PageError::corrupt(error.to_string(), page)),
    }
}

/// Reads what stands around the records of a body that is JSON.
pub(super) fn envelope<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let first = match serde_json::from_slice(body) {
        Ok(read) => return Ok(read),
        Err(error) => error,
    };
    // One text that is no UTF-8 must not cost the page.
    let mended = match std::str::from_utf8(body) {
        Err(_) => serde_json::from_str(&String::from_utf8_lossy(body)).ok(),
        Ok(_) => None,
    };
    mended.ok_or_else(|| {
        // Nothing of what it says.
        let (line, column) = (first.line(), first.column());
        format!("it is no JSON of this interface at line {line}, column {column}")
    })
}

/// A page of JSON: the records, and what stands around them.
pub(super) fn json<T: DeserializeOwned>(
    body: &[u8],
    format: ListFormat,
) -> Result<(Page, T), PageError> {
    let around = envelope(body);
    let page = records(body, format);
    match (around, page) {
        (Ok(around), Ok(page)) => Ok((page, around)),
        (Err(problem), Ok(page)) => Err(PageError::corrupt(problem, page)),
        (_, Err(error)) => Err(error),
    }
}

/// A text as part of a query (RFC 3986, section 2.1).
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A position that was written by `position`; the beginning where it cannot be read.
pub(super) fn position<T: DeserializeOwned + Default>(from: Option<&serde_json::Value>) -> T {
    let read = from.map(|from| serde_json::from_value(from.clone()));
    read.and_then(Result::ok).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer::of(status, body)
    }

    #[test]
    fn a_refusal_tells_no_secret_and_no_page() {
        let told = |body: &str| PageError::refused(&answer(400, body), &["s3cret"]).to_string();
        assert!(told("bad\nnumber").ends_with("(400): badnumber"));
        for open in ["<html>no</html>", "you said s3cret"] {
            assert!(told(open).ends_with("(400)"), "{}", told(open));
        }
        assert!(told(&"x".repeat(5_000)).len() < 300);
        // Cut off in the middle of it, as addresses and JSON write it, and as HTTP's user and password.
        let secrets = ["pass word+\"ü", "me:pass word+\"ü"];
        let open = |body: &str| {
            let told = PageError::refused(&answer(400, body), &secrets).to_string();
            assert!(told.ends_with("(400)"), "{told}");
        };
        open(&format!("{}{}", "x".repeat(195), secrets[0]));
        open("at /?p=pass%20word%2B%22%c3%bc&q=1");
        open("said pass+word%2b%22%C3%BC");
        open(r#"{"said": "pass word+\"ü"}"#);
        open("said pass word+&quot;ü");
        open("Basic bWU6cGFzcyB3b3JkKyLDvA==");
    }

    #[test]
    fn one_text_that_is_no_utf_8_costs_no_page() {
        #[derive(serde::Deserialize)]
        struct Around {
            count: u64,
        }
        let body = b"{\"count\":7,\"hashRecords\":[{\"x\":\"\xff\"}]}";
        let (page, around) = json::<Around>(body, ListFormat::StopNcii).unwrap();
        assert_eq!(
            (around.count, page.records.len(), page.bad_count),
            (7, 0, 1)
        );
        let cut = &b"{\"count\":7,\"hashRecords\":[{\"x\":"[..];
        assert!(matches!(
            json::<Around>(cut, ListFormat::StopNcii),
            Err(PageError::Corrupt { .. })
        ));
        assert_eq!(encoded("a b/+ü~"), "a%20b%2F%2B%C3%BC~");
    }
}
