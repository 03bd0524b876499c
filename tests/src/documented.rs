//! docs/events.yaml, against which every event is held that a test reads: it has what is documented, and nothing else.

use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

static DOCUMENT: LazyLock<Document> = LazyLock::new(Document::read);

/// A validator for each thing that is published.
struct Document {
    /// Whole events, by type.
    events: BTreeMap<String, Validator>,
    /// What the stream shows, by the name that it has there.
    data: BTreeMap<String, Validator>,
    /// Any event, as a dead letter may have it.
    any: Validator,
    headers: Validator,
}

impl Document {
    fn read() -> Self {
        let mut value: Value = serde_saphyr::from_str(include_str!("../../docs/events.yaml")).expect("YAML");
        close(&mut value["components"]["schemas"]);
        let validator = |pointer: &str| {
            let root = json!({
                "$schema": "http://json-schema.org/draft-07/schema#",
                "allOf": [{"$ref": format!("#/components/schemas/{pointer}")}],
                "components": value["components"],
            });
            // Draft 7 knows no UUIDs.
            let options = jsonschema::options().should_validate_formats(true);
            options.with_format("uuid", |text: &str| uuid::Uuid::try_parse(text).is_ok()).build(&root).expect("a schema")
        };
        let names = |topic: &str| value["channels"][topic]["messages"].as_object().expect("messages").keys().cloned();
        let all = ["task-events", "task-updates", "reminders"].into_iter().flat_map(names);
        let events = all.map(|name| (name.clone(), validator(&name))).collect();
        let data = names("task-updates").map(|name| (name.clone(), validator(&format!("{name}/allOf/1/properties/data"))));
        Self { events, data: data.collect(), any: validator("CloudEvent"), headers: validator("DeadLetterHeaders") }
    }
}

/// Allows no members but those named, wherever they are named at all. A part of an `allOf` names only some.
fn close(schema: &mut Value) {
    let Value::Object(members) = schema else { return };
    if members.contains_key("properties") {
        members.entry("additionalProperties").or_insert(Value::Bool(false));
    }
    for (_, member) in members.iter_mut().filter(|(name, _)| *name != "allOf") {
        close(member);
    }
}

/// Reads the document now, where what follows is measured.
pub fn prepare() {
    LazyLock::force(&DOCUMENT);
}

/// The types of all events.
pub fn types() -> Vec<String> {
    DOCUMENT.events.keys().cloned().collect()
}

/// Fails the test unless a line of `tidings events` is documented.
pub fn hold(line: &Value) {
    match (line.get("headers"), line.get("event")) {
        (Some(headers), Some(event)) => {
            valid(&DOCUMENT.headers, headers);
            valid(&DOCUMENT.any, event);
        }
        _ => valid(named(&DOCUMENT.events, line["type"].as_str().unwrap_or_default()), line),
    }
}

/// Fails the test unless the stream may show this. `resync` has nothing to say.
pub fn hold_shown(name: &str, data: &Value) {
    match name {
        "resync" => assert_eq!(*data, json!({})),
        name => valid(named(&DOCUMENT.data, name), data),
    }
}

fn named<'a>(validators: &'a BTreeMap<String, Validator>, name: &str) -> &'a Validator {
    validators.get(name).unwrap_or_else(|| panic!("{name} is not documented"))
}

fn valid(validator: &Validator, instance: &Value) {
    let faults: Vec<String> =
        validator.iter_errors(instance).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(faults.is_empty(), "not as documented: {faults:#?} in {instance:#}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_documented_fails() {
        let summary = json!({
            "task_id": "0199a0d4-7bff-7000-8000-0000000000aa", "change_type": "completed", "changed_fields": ["completed"],
            "timestamp": "2026-05-02T08:00:00Z", "version": 3,
        });
        hold_shown("sync.task-changed", &summary);
        let bad = |change: &dyn Fn(&mut Value)| {
            let mut summary = summary.clone();
            change(&mut summary);
            assert!(std::panic::catch_unwind(|| hold_shown("sync.task-changed", &summary)).is_err(), "{summary}");
        };
        bad(&|it| it["title"] = json!("secret"));
        bad(&|it| it["version"] = json!(0));
        bad(&|it| it["task_id"] = json!("x"));
        bad(&|it| drop(it.as_object_mut().unwrap().remove("timestamp")));
        assert!(std::panic::catch_unwind(|| hold_shown("notification.created", &summary)).is_err());
        assert!(std::panic::catch_unwind(|| hold(&json!({"type": "task.renamed"}))).is_err());
    }
}
