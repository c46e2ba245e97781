//! Notes and metadata of entries, as HMA's clients send them and read them.

use crate::service::body::Form;
use crate::service::hma::Refusal;
use crate::store::Remarks;
use serde_json::{Map, Value, json};

/// What HMA reads as nothing.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
    }
}

/// A note; `None` where it is empty.
pub(super) fn note(value: &Value) -> Result<Option<String>, Refusal> {
    if is_nothing(value) {
        return Ok(None);
    }
    let Some(note) = value.as_str() else {
        return Err(Refusal::bad("note should be a string"));
    };
    match note.chars().count() > Remarks::MAX_NOTE {
        true => {
            let most = Remarks::MAX_NOTE;
            let said = format!("note must be at most {most} characters");
            Err(Refusal::bad(said))
        }
        false => Ok(Some(note.to_owned())),
    }
}

/// What an owner knows of an entry. `lenient`: what HMA has no place for is kept with the rest, and not refused.
fn metadata(value: &Value, lenient: bool) -> Result<Remarks, Refusal> {
    let Some(given) = value.as_object() else {
        return Err(Refusal::bad("metadata should be a json object"));
    };
    let text = |name: &'static str| match given.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Refusal::bad(format!(
            "Invalid metadata: {name} should be a string"
        ))),
    };
    let mut own = match given.get("json") {
        None | Some(Value::Null) => None,
        Some(Value::Object(own)) => Some(own.clone()),
        Some(_) => {
            return Err(Refusal::bad("Invalid metadata: json should be an object"));
        }
    };
    for (name, value) in given {
        match name.as_str() {
            // Who an entry is shared with is said by the exchanges.
            "content_id" | "content_uri" | "json" | "collab" => {}
            _ if lenient => {
                let own = own.get_or_insert_with(Map::new);
                own.entry(name).or_insert_with(|| value.clone());
            }
            _ => {
                let name: String = name.chars().take(64).collect();
                return Err(Refusal::bad(format!(
                    "Invalid metadata: {name:?} is not permitted: there are content_id, content_uri and json"
                )));
            }
        }
    }
    Ok(Remarks {
        content_id: text("content_id")?,
        content_uri: text("content_uri")?,
        json: own.map(|own| Value::Object(own).to_string()),
        ..Remarks::default()
    })
}

fn checked(remarks: Remarks) -> Result<Remarks, Refusal> {
    let fits = remarks.check();
    fits.map_err(|error| Refusal::bad(error.to_string()))?;
    Ok(remarks)
}

/// What a body of JSON says of an entry.
pub(super) fn of_object(body: &Map<String, Value>, lenient: bool) -> Result<Remarks, Refusal> {
    let said = |name| body.get(name).filter(|value| !value.is_null());
    let read = said("metadata").map(|value| metadata(value, lenient));
    let mut remarks = read.transpose()?.unwrap_or_default();
    remarks.note = said("note").map(note).transpose()?.flatten();
    checked(remarks)
}

/// What a form's fields say of an entry. `content_id` and `content_uri` may be fields of their own, as one client sends
/// them.
pub(super) fn of_form(form: &Form, lenient: bool) -> Result<Remarks, Refusal> {
    let field = |wanted: &str| {
        let mut fields = form.others.iter();
        let (name, bytes) = fields.find(|(name, _)| name == wanted)?;
        let text = String::from_utf8(bytes.clone());
        let not_text = |_| Refusal::bad(format!("{name} is no text in UTF-8"));
        Some(text.map_err(not_text))
    };
    let mut remarks = match field("metadata").transpose()? {
        Some(text) => {
            let read: Result<Value, _> = serde_json::from_str(&text);
            let read = read.map_err(|_| Refusal::bad("metadata form field must be valid JSON"))?;
            match read.is_null() {
                true => Remarks::default(),
                false => metadata(&read, lenient)?,
            }
        }
        None => Remarks::default(),
    };
    let own = |name| field(name).transpose();
    let is_said = |text: &String| !text.is_empty();
    remarks.content_id = (remarks.content_id).or(own("content_id")?.filter(is_said));
    remarks.content_uri = (remarks.content_uri).or(own("content_uri")?.filter(is_said));
    if let Some(text) = own("note")? {
        remarks.note = note(&Value::String(text))?;
    }
    checked(remarks)
}

/// What was said before, and over it what is said now.
pub(super) fn over(before: Remarks, now: Remarks) -> Remarks {
    Remarks {
        note: now.note.or(before.note),
        content_id: now.content_id.or(before.content_id),
        content_uri: now.content_uri.or(before.content_uri),
        json: now.json.or(before.json),
        enabled_from: now.enabled_from.or(before.enabled_from),
    }
}

fn own(remarks: &Remarks) -> Value {
    let read = remarks.json.as_deref().map(serde_json::from_str);
    read.and_then(Result::ok).unwrap_or_default()
}

/// The metadata as an entry shows it; `None`: there is none.
pub(super) fn shown(remarks: &Remarks, collab: Value) -> Option<Value> {
    let of_owner = user(remarks);
    (!of_owner.is_null() || !collab.is_null()).then(|| {
        json!({
            "collab": collab,
            "content_id": remarks.content_id,
            "content_uri": remarks.content_uri,
            "json": own(remarks),
        })
    })
}

/// The metadata as a change of an entry shows it: what there is of it, or null.
pub(super) fn user(remarks: &Remarks) -> Value {
    let fields = [
        ("content_id", remarks.content_id.clone().into()),
        ("content_uri", remarks.content_uri.clone().into()),
        ("json", own(remarks)),
    ];
    let said = fields.into_iter().filter(|(_, value)| !value.is_null());
    let said: Map<String, Value> = said.map(|(name, value)| (name.to_owned(), value)).collect();
    match said.is_empty() {
        true => Value::Null,
        false => Value::Object(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_a_short_text_and_what_is_empty_is_none() {
        assert_eq!(note(&json!("a")), Ok(Some("a".to_owned())));
        for nothing in [
            json!(""),
            json!(null),
            json!(false),
            json!(0),
            json!({}),
            json!([]),
        ] {
            assert_eq!(note(&nothing), Ok(None), "{nothing}");
        }
        assert_eq!(
            note(&json!(7)),
            Err(Refusal::bad("note should be a string"))
        );
        assert!(note(&json!("é".repeat(255))).is_ok());
        assert!(note(&json!("x".repeat(256))).is_err());
    }

    #[test]
    fn metadata_has_three_places_and_the_rest_is_refused_or_kept() {
        let read = |value: Value, lenient| {
            of_object(&Map::from_iter([("metadata".to_owned(), value)]), lenient)
        };
        let given = json!({ "content_id": "a", "json": { "b": 1 }, "collab": { "x": ["y"] } });
        let kept = read(given, false).expect("all have a place");
        assert_eq!(
            (kept.content_id.as_deref(), kept.json.as_deref()),
            (Some("a"), Some("{\"b\":1}"))
        );
        let want = json!({ "content_id": "a", "json": { "b": 1 } });
        assert_eq!(user(&kept), want);
        for bad in [
            json!([]),
            json!({ "other": 5 }),
            json!({ "content_id": 5 }),
            json!({ "json": [] }),
            json!({ "content_uri": "u".repeat(Remarks::MAX_BYTES + 1) }),
        ] {
            assert!(read(bad.clone(), false).is_err(), "{bad}");
        }
        let kept = read(json!({ "other": 5, "json": { "b": 1 } }), true).expect("kept");
        assert_eq!(own(&kept), json!({ "b": 1, "other": 5 }));
        assert!(read(json!({ "content_id": 5 }), true).is_err());
        assert_eq!(shown(&Remarks::default(), Value::Null), None);
    }
}
