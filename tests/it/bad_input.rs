//! Bad input, made from a schema: whatever the schema does not allow, the server must refuse.

use crate::document::Document;
use serde_json::{Value, json};

/// A body that must be refused.
#[derive(Debug)]
pub struct BadBody {
    pub body: Value,
    /// The field that must be named; none where the body as a whole is wrong.
    pub field: Option<String>,
}

/// Values of every type, and those just outside the schema's bounds.
fn candidates(document: &Document, schema: &Value) -> Vec<Value> {
    let mut values = vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(0),
        json!(0.5),
        json!(99_999_999_999_u64),
        json!(1e300),
        json!(""),
        json!(" "),
        json!("nonsense"),
        json!("2026-05-01"),
        json!("2026-13-01T00:00:00Z"),
        json!([]),
        json!([null]),
        json!([1]),
        json!(["nonsense", {}]),
        json!({}),
        json!({"no_such_field": 1}),
    ];
    bounds(document, schema, &mut values);
    values
}

fn bounds(document: &Document, schema: &Value, values: &mut Vec<Value>) {
    let schema = document.follow(schema);
    if let Some(longest) = schema["maxLength"].as_u64() {
        let longest = usize::try_from(longest).expect("a length");
        values.push(json!("ü".repeat(longest + 1)));
        values.push(json!(format!("{}@example.org", "x".repeat(longest))));
    }
    if let Some(shortest) = schema["minLength"].as_u64().filter(|shortest| *shortest > 1) {
        values.push(json!("x".repeat(usize::try_from(shortest).expect("a length") - 1)));
    }
    if let Some(least) = schema["minimum"].as_i64() {
        values.push(json!(least - 1));
    }
    if let Some(most) = schema["maximum"].as_i64() {
        values.push(json!(most + 1));
    }
    if let Some(most) = schema["maxItems"].as_u64() {
        values.push(Value::Array((0..=most).map(|n| json!(format!("x{n}"))).collect()));
    }
    if schema["items"].is_object() {
        let mut items = Vec::new();
        bounds(document, &schema["items"], &mut items);
        values.extend(items.into_iter().map(|item| json!([item])));
    }
    for alternative in schema["oneOf"].as_array().into_iter().flatten() {
        bounds(document, alternative, values);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let mut inner = vec![json!("nonsense"), json!(true), Value::Null];
        bounds(document, property, &mut inner);
        values.extend(inner.into_iter().map(|value| json!({ name: value })));
    }
}

/// Everything that the schema refuses, one fault a body, made from a good one.
pub fn bodies(document: &Document, schema: &Value, good: &Value) -> Vec<BadBody> {
    let whole = [Value::Null, json!(true), json!(5), json!("x"), json!([]), json!([{}]), json!({})];
    let refused = |body: &Value| !document.is_valid(schema, body);
    let required = document.follow(schema)["required"].as_array().cloned().unwrap_or_default();
    let whole = whole.into_iter().filter(|body| !body.is_object() || required.is_empty());
    let mut bad: Vec<_> = whole.filter(refused).map(|body| BadBody { body, field: None }).collect();
    let with = |name: &str, value: Value| {
        let mut body = good.as_object().expect("an object").clone();
        body.insert(name.to_owned(), value);
        BadBody { body: Value::Object(body), field: Some(name.to_owned()) }
    };
    bad.push(with("no_such_field", json!(1)));
    for name in required.iter().filter_map(Value::as_str) {
        let mut body = good.as_object().expect("an object").clone();
        body.remove(name);
        bad.push(BadBody { body: Value::Object(body), field: Some(name.to_owned()) });
    }
    for (name, property) in document.follow(schema)["properties"].as_object().expect("properties") {
        let values = candidates(document, property).into_iter();
        let values = values.filter(|value| !document.is_valid(property, value));
        bad.extend(values.map(|value| with(name, value)));
    }
    bad
}

/// Values of a query parameter or header that must be refused, as text.
pub fn parameter_values(document: &Document, parameter: &Value) -> Vec<String> {
    let schema = document.follow(&parameter["schema"]);
    let mut values: Vec<String> =
        candidates(document, schema).iter().chain(&candidates(document, &schema["items"])).filter_map(text).collect();
    values.sort();
    values.dedup();
    values.retain(|value| !document.is_valid(schema, &as_instance(schema, value)));
    if parameter["name"] == "cursor" {
        values.extend(["nonsense".to_owned(), "%F0%9F%A6%80".to_owned(), "AAAA".to_owned()]);
    }
    values
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if number.is_i64() => Some(number.to_string()),
        _ => None,
    }
}

fn as_instance(schema: &Value, text: &str) -> Value {
    match schema["type"].as_str() {
        Some("integer") => text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)),
        Some("array") => json!([text]),
        _ => json!(text),
    }
}
