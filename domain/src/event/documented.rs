//! docs/events.yaml against the events that are made.

use super::*;
use crate::change::ActorKind;
use crate::consumer::Incoming;
use crate::contract::{at, full_task, task};
use crate::diff::diff;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The document, with a validator of each type on each topic.
struct Document {
    value: Value,
    validators: BTreeMap<(String, String), jsonschema::Validator>,
}

impl Document {
    fn read() -> Self {
        Self::of(serde_saphyr::from_str(include_str!("../../../docs/events.yaml")).unwrap())
    }

    /// The document, to which also a member that is not documented is a fault. To a reader it is none: a version may grow.
    fn strict() -> Self {
        let mut value = Self::read().value;
        close(&mut value["components"]["schemas"]);
        Self::of(value)
    }

    fn of(value: Value) -> Self {
        let mut document = Self { value, validators: BTreeMap::new() };
        let key = |topic: &str, name: &str| (topic.to_owned(), name.to_owned());
        let messages = document.messages().into_iter();
        document.validators =
            messages.map(|(topic, name, message)| (key(topic, name), document.validator(&message["payload"]))).collect();
        document
    }

    /// What a `$ref` refers to, or the node itself.
    fn follow<'a>(&'a self, node: &'a Value) -> &'a Value {
        let Some(reference) = node["$ref"].as_str() else { return node };
        let found = reference.strip_prefix('#').and_then(|pointer| self.value.pointer(pointer));
        self.follow(found.unwrap_or_else(|| panic!("{reference} leads nowhere")))
    }

    /// The messages of each channel: its address, and the name and the node of each.
    fn messages(&self) -> Vec<(&str, &str, &Value)> {
        let channels = self.value["channels"].as_object().unwrap().values();
        let messages = channels.flat_map(|channel| {
            let messages = channel["messages"].as_object().unwrap();
            messages.iter().map(|(name, node)| (channel["address"].as_str().unwrap(), name.as_str(), self.follow(node)))
        });
        messages.collect()
    }

    fn validator(&self, schema: &Value) -> jsonschema::Validator {
        let root = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "allOf": [schema],
            "components": self.value["components"],
        });
        jsonschema::options().should_validate_formats(true).build(&root).unwrap()
    }

    /// What is wrong with an event on a topic; that its type is not documented there, too.
    fn faults(&self, topic: &str, body: &Value) -> Vec<String> {
        let name = body["type"].as_str().unwrap();
        match self.validators.get(&(topic.to_owned(), name.to_owned())) {
            Some(validator) => faults(validator, body),
            None => vec![format!("{name} is not documented on {topic}")],
        }
    }
}

fn faults(validator: &jsonschema::Validator, instance: &Value) -> Vec<String> {
    validator.iter_errors(instance).map(|error| format!("{}: {error}", error.instance_path())).collect()
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

/// Events of every type, full and bare, with the topic of each.
fn samples() -> Vec<(&'static str, Value)> {
    let (user, actor): (UserId, _) = ("ada".parse().unwrap(), Actor { kind: ActorKind::User, id: "ada".to_owned() });
    let mut samples = Vec::new();
    for (source, traceparent) in
        [(Source::Api, None), (Source::Mcp, Some("00-a-b-01")), (Source::Recurrence, None), (Source::Import, None)]
    {
        let origin = Origin { user: &user, actor: &actor, source, time: at(7), traceparent };
        for task in [full_task(), task("bare")] {
            samples.extend(changes(&origin, &task));
            samples.extend(notices(&origin, &task));
        }
    }
    samples.into_iter().map(|event| (event.topic, serde_json::from_str(event.body.get()).unwrap())).collect()
}

fn changes(origin: &Origin<'_>, task: &Task) -> Vec<Event> {
    use ChangeKind::{Completed, Created, Deleted, Reopened, Restored, Updated};
    let kinds = [Created, Updated, Completed, Reopened, Deleted, Restored];
    let events = kinds.into_iter().flat_map(|kind| {
        let changed_fields = if kind == Created { diff(None, task) } else { diff(Some(&full_task()), task) };
        let change = Change { kind, task: task.clone(), base_version: None, changed_fields };
        origin.events(1, EventIds { task_event: Uuid::now_v7(), task_update: Uuid::now_v7() }, &change)
    });
    events.collect()
}

fn notices(origin: &Origin<'_>, task: &Task) -> Vec<Event> {
    let events = [NoticeKind::Upcoming, NoticeKind::Overdue].into_iter().flat_map(|kind| {
        let (id, task_id, title, due_date) = (Uuid::now_v7(), task.id, task.title.clone(), at(90));
        let link = format!("/?task={task_id}");
        let reminder = Reminder { id, kind, task_id, title: title.clone(), due_date, link: link.clone() };
        let kept = Notification { id, kind, task_id, title, due_date, link, read: false, created_at: at(91) };
        [origin.reminder_event(&reminder), origin.notification_event(2, Uuid::now_v7(), &kept)]
    });
    events.collect()
}

#[test]
fn every_event_is_as_documented_and_every_type_is_made() {
    let document = Document::strict();
    let mut made = Vec::new();
    for (topic, body) in samples() {
        assert_eq!(document.faults(topic, &body), Vec::<String>::new(), "{body:#}");
        made.push((topic.to_owned(), body["type"].as_str().unwrap().to_owned()));
    }
    made.sort();
    made.dedup();
    let documented = document.messages().into_iter().filter(|(topic, ..)| !topic.ends_with(".dlq"));
    let mut documented: Vec<_> = documented.map(|(topic, name, _)| (topic.to_owned(), name.to_owned())).collect();
    documented.sort();
    assert_eq!(made, documented);
}

/// The check can fail, and a reader that follows the versioning rules lets pass what a strict one does not.
#[test]
fn what_is_not_documented_is_noticed() {
    let (open, strict) = (Document::read(), Document::strict());
    for (topic, body) in samples() {
        for place in ["", "/data", "/data/task", "/data/changed_fields/title"] {
            let mut grown = body.clone();
            let Some(members) = grown.pointer_mut(place).and_then(Value::as_object_mut) else { continue };
            members.insert("since_later".to_owned(), json!(1));
            assert_eq!(open.faults(topic, &grown), Vec::<String>::new());
            assert_ne!(strict.faults(topic, &grown), Vec::<String>::new(), "{place} of {body:#}");
        }
        for name in body["data"].as_object().unwrap().keys() {
            let (mut missing, mut other) = (body.clone(), body.clone());
            missing["data"].as_object_mut().unwrap().remove(name);
            other["data"][name] = json!([{}]);
            assert_ne!(open.faults(topic, &missing), Vec::<String>::new(), "{name} of {body:#}");
            assert_ne!(open.faults(topic, &other), Vec::<String>::new(), "{name} of {body:#}");
        }
        let newer = json!(body["dataschema"].as_str().unwrap().replace(":1", ":2"));
        assert_ne!(open.faults(topic, &Value::Object(with(&body, "dataschema", newer))), Vec::<String>::new());
    }
}

fn with(body: &Value, name: &str, value: Value) -> serde_json::Map<String, Value> {
    let mut members = body.as_object().unwrap().clone();
    members.insert(name.to_owned(), value);
    members
}

#[test]
fn every_message_has_an_example_that_is_valid_and_that_consumers_read() {
    let document = Document::strict();
    for (topic, name, message) in document.messages() {
        let examples = message["examples"].as_array().unwrap();
        assert!(!examples.is_empty(), "{name} has no example");
        for example in examples {
            let payload = &example["payload"];
            if topic.ends_with(".dlq") {
                assert_eq!(faults(&document.validator(&message["payload"]), payload), Vec::<String>::new());
                assert_eq!(faults(&document.validator(&message["headers"]), &example["headers"]), Vec::<String>::new());
                continue;
            }
            assert_eq!(document.faults(topic, payload), Vec::<String>::new(), "{name} {payload:#}");
            assert_eq!(payload["type"], name);
            let incoming = Incoming {
                id: payload["id"].as_str().unwrap().parse().unwrap(),
                topic: topic.to_owned(),
                kind: name.to_owned(),
                time: Timestamp::parse(payload["time"].as_str().unwrap()).unwrap(),
                data_version: DATA_VERSION,
                data: json::raw(&payload["data"]),
            };
            match topic {
                TASK_EVENTS => assert!(incoming.task_event().is_ok(), "{name}"),
                REMINDERS => assert!(incoming.reminder().is_ok(), "{name}"),
                _ => {}
            }
        }
    }
}

#[test]
fn each_topic_has_one_for_its_dead_letters() {
    let document = Document::read();
    let topics = [REMINDERS, TASK_EVENTS, TASK_UPDATES];
    let mut expected: Vec<String> = topics.iter().flat_map(|topic| [(*topic).to_owned(), format!("{topic}.dlq")]).collect();
    expected.sort();
    let mut channels: Vec<String> = document.value["channels"].as_object().unwrap().keys().cloned().collect();
    channels.sort();
    assert_eq!(channels, expected);
    let mut headers = document.value["components"]["schemas"]["DeadLetterHeaders"]["properties"]["topic"]["enum"].clone();
    headers.as_array_mut().unwrap().sort_by_key(|topic| topic.to_string());
    assert_eq!(headers, json!(topics));
}

#[test]
fn references_lead_somewhere() {
    fn walk(document: &Document, node: &Value) {
        document.follow(node);
        match node {
            Value::Object(members) => members.values().for_each(|member| walk(document, member)),
            Value::Array(items) => items.iter().for_each(|item| walk(document, item)),
            _ => {}
        }
    }
    let document = Document::read();
    walk(&document, &document.value);
}

/// A task is documented in two places: for requests, and here.
#[test]
fn a_task_is_what_the_api_says_it_is() {
    let api: Value = serde_json::from_str(include_str!("../../../docs/openapi.json")).unwrap();
    let (ours, theirs) = (&Document::read().value["components"]["schemas"]["Task"], &api["components"]["schemas"]["Task"]);
    assert_eq!(ours["required"], theirs["required"]);
    let names = |schema: &Value| schema["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(ours), names(theirs));
}
