//! What a request says beside its path: query, form or JSON, all the same to GitLab.

use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev, web};
use futures_util::future::{FutureExt as _, LocalBoxFuture};
use serde_json::Value;

use super::Refusal;
use crate::clock::Millis;
use crate::sandbox::label_edit::strip;

/// The parameters of a request. Lists from forms are spelled `iids[]`.
#[derive(Debug, Default)]
pub(super) struct Params(Vec<(String, Value)>);

impl FromRequest for Params {
    type Error = Refusal;
    type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, body: &mut dev::Payload) -> Self::Future {
        let query = request.query_string().to_owned();
        let is_json = request.content_type().ends_with("json");
        let bytes = web::Bytes::from_request(request, body);
        async move {
            let bytes = bytes.await.map_err(|error| invalid(&error))?;
            let mut params = Self::default();
            params.read_form(&query)?;
            if is_json {
                params.read_json(&bytes)?;
            } else {
                params.read_form(&String::from_utf8_lossy(&bytes))?;
            }
            Ok(params)
        }
        .boxed_local()
    }
}

impl Params {
    /// A text; numbers count as their digits.
    pub fn text(&self, name: &str) -> Option<String> {
        self.value(name).and_then(as_text)
    }

    pub fn required(&self, name: &str) -> Result<String, Refusal> {
        self.text(name).ok_or_else(|| Refusal::Invalid(format!("{name} is missing")))
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        let text = self.text(name)?;
        Some(matches!(text.as_str(), "true" | "1" | "t" | "on"))
    }

    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    /// A time, with or without milliseconds.
    pub fn time(&self, name: &str) -> Result<Option<Millis>, Refusal> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let time: jiff::Timestamp =
            text.parse().map_err(|_| Refusal::Invalid(format!("{name} is invalid")))?;
        Ok(Some(Millis(time.as_millisecond())))
    }

    /// A list, given as JSON array, as `name[]` several times, or separated by commas.
    pub fn list(&self, name: &str) -> Option<Vec<String>> {
        let bracketed = format!("{name}[]");
        let mut found = None;
        for (key, value) in &self.0 {
            if key == name || *key == bracketed {
                let items: Vec<String> = match value.as_array() {
                    Some(values) => values.iter().filter_map(as_text).collect(),
                    None => as_text(value).into_iter().collect(),
                };
                found.get_or_insert_with(Vec::new).extend(items);
            }
        }
        let split = |items: Vec<String>| {
            let parts = items.iter().flat_map(|item| item.split(','));
            let parts = parts.map(strip).filter(|part| !part.is_empty());
            parts.map(str::to_owned).collect()
        };
        found.map(split)
    }

    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    fn value(&self, name: &str) -> Option<&Value> {
        let found = self.0.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value).filter(|value| !value.is_null())
    }

    fn read_form(&mut self, text: &str) -> Result<(), Refusal> {
        let pairs = web::Query::<Vec<(String, String)>>::from_query(text).map_err(|error| invalid(&error))?;
        let pairs = pairs.into_inner().into_iter();
        self.0.extend(pairs.map(|(key, value)| (key, Value::String(value))));
        Ok(())
    }

    fn read_json(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        if bytes.is_empty() {
            return Ok(());
        }
        let body: serde_json::Map<String, Value> =
            serde_json::from_slice(bytes).map_err(|error| invalid(&error))?;
        self.0.extend(body);
        Ok(())
    }
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn invalid(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::Invalid(error.to_string())
}
