//! `escalator config schema`: a JSON Schema that describes the defaults, and defaults that name every key.

use serde_json::Value;

use crate::program::Place;

fn schema() -> Value {
    serde_json::from_str(&Place::new().run(&["config", "schema"]).success()).unwrap()
}

fn defaults() -> Value {
    serde_json::to_value(toml::from_str::<toml::Table>(escalator::config::DEFAULTS).unwrap()).unwrap()
}

/// What a value has that its schema does not allow: enough of JSON Schema for ours, and a failure for any more.
fn violations(root: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (keyword, rule) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "$ref" => {
                let target = root.pointer(rule.as_str().unwrap().trim_start_matches('#')).unwrap();
                found.extend(violations(root, target, value, place));
            }
            "anyOf" | "oneOf" => {
                let fits =
                    rule.as_array().unwrap().iter().any(|one| violations(root, one, value, place).is_empty());
                found.extend((!fits).then(|| format!("{place}: none of {keyword}")));
            }
            "type" => {
                let kinds = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
                let fits = kinds.iter().any(|kind| is_of_type(value, kind.as_str().unwrap()));
                found.extend((!fits).then(|| format!("{place}: not of type {rule}")));
            }
            "const" => found.extend((value != rule).then(|| format!("{place}: not {rule}"))),
            "enum" => {
                let fits = rule.as_array().unwrap().contains(value);
                found.extend((!fits).then(|| format!("{place}: none of {rule}")));
            }
            "minimum" | "maximum" => {
                let (number, limit) = (value.as_f64(), rule.as_f64().unwrap());
                let is_outside =
                    |number: f64| if keyword == "minimum" { number < limit } else { number > limit };
                found
                    .extend(number.is_some_and(is_outside).then(|| format!("{place}: beyond its {keyword}")));
            }
            "items" => {
                let entries = value.as_array().into_iter().flatten().enumerate();
                found.extend(
                    entries.flat_map(|(at, entry)| violations(root, rule, entry, &format!("{place}[{at}]"))),
                );
            }
            "required" => {
                let is_missing = |name: &str| value.is_object() && value.get(name).is_none();
                let names = rule.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
                found.extend(
                    names.filter(|name| is_missing(name)).map(|name| format!("{place}.{name}: missing")),
                );
            }
            "properties" => {
                for (name, inner) in value.as_object().into_iter().flatten() {
                    match rule.get(name) {
                        Some(rule) => found.extend(violations(root, rule, inner, &format!("{place}.{name}"))),
                        None => found.push(format!("{place}.{name}: unknown")),
                    }
                }
            }
            "$schema"
            | "$defs"
            | "title"
            | "description"
            | "examples"
            | "format"
            | "default"
            | "writeOnly"
            | "additionalProperties" => {}
            other => panic!("this test does not know the keyword {other}"),
        }
    }
    found
}

fn is_of_type(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        other => panic!("this test does not know the type {other}"),
    }
}

#[test]
fn the_schema_is_one_of_the_current_draft_and_closed_everywhere() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let tables = schema["$defs"].as_object().unwrap().values().chain([&schema]);
    for table in tables.filter(|table| table.get("properties").is_some()) {
        assert_eq!(table["additionalProperties"], false, "{table:#}");
    }
}

#[test]
fn the_defaults_are_what_the_schema_describes() {
    let schema = schema();
    assert_eq!(violations(&schema, &schema, &defaults(), ""), Vec::<String>::new());
}

#[test]
fn the_schema_finds_what_is_wrong() {
    let schema = schema();
    for (pointer, wrong) in [
        ("/mode", Value::from("off")),
        ("/queue/workers", 0.into()),
        ("/queue/workers", 257.into()),
        ("/queue/workers", "4".into()),
        ("/gitlab/groups", "acme".into()),
        ("/gitlab/timeout", 10.into()),
        ("/policy/questions/0/points", 1001.into()),
        ("/policy/bands/0", Value::from(1)),
        ("/log", serde_json::json!({})),
        ("/log", serde_json::json!({ "format": "text", "colour": "red" })),
    ] {
        let mut settings = defaults();
        *settings.pointer_mut(pointer).unwrap() = wrong;
        assert_eq!(violations(&schema, &schema, &settings, "").len(), 1, "{pointer}");
    }
}

#[test]
fn the_defaults_file_names_every_key_outside_of_lists() {
    let schema = schema();
    let text = escalator::config::DEFAULTS;
    for (table, rule) in schema["properties"].as_object().unwrap() {
        let reference = rule.get("$ref").and_then(Value::as_str).unwrap();
        let rule = schema.pointer(reference.trim_start_matches('#')).unwrap();
        let Some(keys) = rule.get("properties").and_then(Value::as_object) else {
            assert!(text.contains(&format!("\n{table} = ")), "{table}");
            continue;
        };
        for key in keys.keys() {
            // A setting without a default stands there as a comment; the file twin of a secret may share its line.
            let is_there = [
                format!("\n{key} = "),
                format!("\n# {key} = "),
                format!(" or {key};"),
                format!("[[{table}.{key}]]"),
            ];
            let is_secret = (table.as_str(), key.as_str()) == ("gitlab", "token");
            assert!(is_secret || is_there.iter().any(|form| text.contains(form)), "{table}.{key}");
        }
    }
}
