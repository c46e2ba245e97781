//! The fields of one record: taken out by name, and what is left is kept as notes.

use super::entry::{Entry, Notes};
use serde_json::{Map, Value};

/// The fields of a record that were not taken out yet.
pub(in crate::hashset) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a record's text.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        match serde_json::from_slice(text) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err("expected an object".to_owned()),
            Err(error) => Err(format!("it is no JSON: {error}")),
        }
    }

    /// Takes a field out; `None` where it is not there or is null.
    pub(in crate::hashset) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// Takes a field out whose value is a text, a number or a truth value, as text; what is
    /// neither stays where it is.
    pub(in crate::hashset) fn text(&mut self, name: &str) -> Option<String> {
        let text = plain(self.0.get(name)?)?;
        self.0.remove(name);
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Takes a truth value out, written as such, as a text or as a number.
    pub(in crate::hashset) fn flag(&mut self, name: &str) -> Option<bool> {
        let text = self.text(name)?;
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => {
                self.0.insert(name.to_owned(), Value::String(text));
                None
            }
        }
    }

    /// Takes a list of texts out; a text alone is a list of one.
    pub(in crate::hashset) fn texts(&mut self, name: &str) -> Vec<String> {
        match self.take(name) {
            Some(Value::Array(values)) => values.iter().filter_map(plain).collect(),
            Some(value) => plain(&value).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// Takes a list of objects out.
    pub(in crate::hashset) fn objects(&mut self, name: &str) -> Vec<Self> {
        match self.take(name) {
            Some(Value::Array(values)) => values.into_iter().filter_map(object).collect(),
            Some(value) => object(value).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// Takes a list out whose members are objects or texts: returns the objects, and adds the
    /// texts to `texts`.
    pub(in crate::hashset) fn objects_or_texts(
        &mut self,
        name: &str,
        texts: &mut Vec<String>,
    ) -> Vec<Self> {
        let values = match self.take(name) {
            Some(Value::Array(values)) => values,
            Some(value) => vec![value],
            None => Vec::new(),
        };
        texts.extend(values.iter().filter_map(plain));
        values.into_iter().filter_map(object).collect()
    }

    /// What is left without the fields whose names are `dropped`.
    pub(in crate::hashset) fn split(mut self, dropped: impl Fn(&str) -> bool) -> Self {
        self.0.retain(|name, _| !dropped(name));
        self
    }

    /// Whether a field is there, be it null.
    pub(in crate::hashset) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Takes every field out whose name is asked for, in the order of the names.
    pub(in crate::hashset) fn drain(mut self) -> impl Iterator<Item = (String, Value)> {
        std::mem::take(&mut self.0).into_iter()
    }

    /// Keeps what is left as notes.
    pub(in crate::hashset) fn rest(self, entry: &mut Entry) {
        for (name, value) in self.0 {
            note(&mut entry.metadata, &name, &value);
        }
    }
}

/// Keeps a field as it stands; what is empty is left out.
pub(in crate::hashset) fn note(notes: &mut Notes, name: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::Array(values) if values.is_empty() => {}
        Value::Object(values) if values.is_empty() => {}
        Value::Array(_) | Value::Object(_) => notes.add(name, &value.to_string()),
        _ => notes.add(name, plain(value).unwrap_or_default().trim()),
    }
}

/// A value that is no list and no object, as text.
pub(in crate::hashset) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn object(value: Value) -> Option<Fields> {
    match value {
        Value::Object(fields) => Some(Fields(fields)),
        _ => None,
    }
}
