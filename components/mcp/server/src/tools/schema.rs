//! What a client is told of each tool. Names and values are those of the HTTP API (`docs/openapi.json`).

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};
use std::sync::Arc;

/// What a tool does to what there is.
#[derive(Clone, Copy)]
enum Does {
    Reads,
    Adds,
    /// The same call again changes nothing more.
    Sets,
    Removes,
}

/// All of them, in the order in which they are listed.
pub fn all() -> Vec<Tool> {
    let id = || json!({"type": "string", "format": "uuid", "description": "The task's id."});
    let page = || [("cursor", cursor()), ("limit", limit())];
    vec![
        tool(
            "add_task",
            "Add a task",
            "Adds a task for the user. Give either fields, or `text`: a sentence such as \"Water plants every 2 days 18:00 #home !high\", \
             which is understood in the user's time zone. Fields beside a sentence go before what it says.",
            Does::Adds,
            (
                object(
                    [("text", json!({"type": "string", "description": "The task as one would say it."}))]
                        .into_iter()
                        .chain(fields()),
                ),
                &[],
            ),
            task(),
        ),
        tool(
            "list_tasks",
            "List tasks",
            "The user's tasks, filtered, a page at a time. Newest first unless a sort is given. Ids for the other tools come from here.",
            Does::Reads,
            (object(filters().into_iter().chain(page())), &[]),
            paged(task()),
        ),
        tool("get_task", "Get a task", "One task, by its id.", Does::Reads, (object([("id", id())]), &["id"]), task()),
        tool(
            "update_task",
            "Change a task",
            "Changes the fields that are given and leaves the others. null clears a field. `series` says which occurrences of a task that \
             recurs are meant.",
            Does::Sets,
            (object([("id", id()), ("series", series())].into_iter().chain(fields())), &["id"]),
            task(),
        ),
        tool(
            "complete_task",
            "Complete a task",
            "Marks a task as done; with completed=false as open again. The next occurrence of a task that recurs is made by itself.",
            Does::Sets,
            (object([("id", id()), ("completed", json!({"type": "boolean", "default": true}))]), &["id"]),
            task(),
        ),
        tool(
            "delete_task",
            "Delete a task",
            "Deletes a task. Its user can restore it for 30 days; no tool can.",
            Does::Removes,
            (object([("id", id()), ("series", series())]), &["id"]),
            object([("id", id()), ("deleted", json!({"const": true}))]),
        ),
        tool(
            "snooze_task",
            "Snooze a task's reminders",
            "No reminders for so many minutes, or until a moment. Give one of the two.",
            Does::Sets,
            (
                object([
                    ("id", id()),
                    ("minutes", json!({"type": "integer", "minimum": 1, "maximum": 527_040})),
                    ("until", moment("The moment at which reminders begin again.")),
                ]),
                &["id"],
            ),
            task(),
        ),
        tool(
            "task_history",
            "History of a task",
            "Every change of a task, oldest first: when, by whom, through what, and each field's old and new value.",
            Does::Reads,
            (object([("id", id())].into_iter().chain(page())), &["id"]),
            paged(entry()),
        ),
        tool(
            "list_notifications",
            "List notifications",
            "The user's reminders and overdue notices, newest first.",
            Does::Reads,
            (object([("unread_only", json!({"type": "boolean", "default": false}))].into_iter().chain(page())), &[]),
            paged(notification()),
        ),
        tool(
            "recent_changes",
            "Recent changes",
            "The last changes of the user's tasks, newest first, by whomever: at most 20, of the last hour. May know less.",
            Does::Reads,
            (object([]), &[]),
            paged(recent()),
        ),
    ]
}

fn tool(
    name: &'static str,
    title: &str,
    description: &'static str,
    does: Does,
    (mut input, required): (Value, &[&str]),
    mut output: Value,
) -> Tool {
    if let Some(input) = input.as_object_mut() {
        input.insert("additionalProperties".to_owned(), json!(false));
        input.insert("required".to_owned(), json!(required));
    }
    everything_required(&mut output);
    let mut tool = Tool::new(name, description, object_of(input));
    tool.title = Some(title.to_owned());
    tool.output_schema = Some(object_of(output));
    let mut hints = ToolAnnotations::new();
    hints.read_only_hint = Some(matches!(does, Does::Reads));
    hints.destructive_hint = Some(matches!(does, Does::Removes));
    hints.idempotent_hint = Some(!matches!(does, Does::Adds));
    // It is the user's own store, and nothing beyond.
    hints.open_world_hint = Some(false);
    tool.annotations = Some(hints);
    tool
}

fn object_of(value: Value) -> Arc<JsonObject> {
    Arc::new(match value {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    })
}

fn object<'a>(properties: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let properties: JsonObject = properties.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    json!({"type": "object", "properties": properties})
}

/// What is given has every field that it can have.
fn everything_required(output: &mut Value) {
    let names = output.get("properties").and_then(Value::as_object).map(|all| all.keys().cloned().collect::<Vec<_>>());
    if let (Some(names), Some(output)) = (names, output.as_object_mut()) {
        output.insert("required".to_owned(), json!(names));
    }
    let items = output.get_mut("properties").and_then(|all| all.get_mut("items")).and_then(|items| items.get_mut("items"));
    if let Some(items) = items {
        everything_required(items);
    }
}

fn moment(description: &str) -> Value {
    json!({"type": "string", "format": "date-time", "description": format!("{description} RFC 3339, with a zone: 2026-12-01T19:00:00+01:00.")})
}

fn or_null(mut schema: Value) -> Value {
    if let Some(schema) = schema.as_object_mut()
        && let Some(kind) = schema.remove("type")
    {
        schema.insert("type".to_owned(), json!([kind, "null"]));
    }
    schema
}

fn priority() -> Value {
    json!({"type": "string", "enum": ["low", "medium", "high"]})
}

fn cursor() -> Value {
    json!({"type": "string", "description": "next_cursor of the page before."})
}

fn limit() -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": 200, "description": "The most items of this page."})
}

fn series() -> Value {
    json!({
        "type": "string", "enum": ["this", "following"],
        "description": "Only of a task that repeats: this occurrence alone, or all that follow, too (where nothing is said).",
    })
}

/// What a task is made of, as a client writes it.
fn fields() -> Vec<(&'static str, Value)> {
    let recurrence = json!({
        "type": ["object", "null"],
        "description": "How it repeats: {rrule, time_zone?, from?} (RFC 5545), or {frequency, interval?}. It needs a due date.",
        "properties": {
            "rrule": {"type": "string"}, "time_zone": {"type": "string"},
            "from": {"type": "string", "enum": ["due_date", "completion"]},
            "frequency": {"type": "string", "enum": ["daily", "weekly", "monthly", "yearly"]}, "interval": {"type": "integer", "minimum": 1},
        },
        "additionalProperties": false,
    });
    vec![
        ("title", json!({"type": "string", "minLength": 1, "maxLength": 255})),
        ("description", json!({"type": ["string", "null"]})),
        ("priority", or_null(priority())),
        ("tags", json!({"type": ["array", "null"], "items": {"type": "string"}, "maxItems": 10})),
        ("due_date", or_null(moment("When it is due."))),
        ("recurrence", recurrence),
        (
            "reminder_minutes",
            json!({"type": ["integer", "null"], "minimum": 0, "description": "Minutes before the due date; null: no reminder."}),
        ),
    ]
}

fn filters() -> Vec<(&'static str, Value)> {
    vec![
        ("status", json!({"type": "string", "enum": ["all", "open", "completed"]})),
        ("priority", priority()),
        ("tag", json!({"type": "array", "items": {"type": "string"}, "maxItems": 10, "description": "All of them."})),
        ("q", json!({"type": "string", "maxLength": 255, "description": "Stands in the title or the description."})),
        ("due_before", moment("Due before this.")),
        ("due_after", moment("Due after this.")),
        ("sort", json!({"type": "string", "enum": ["created", "due", "priority", "title"]})),
        ("order", json!({"type": "string", "enum": ["asc", "desc"]})),
    ]
}

fn paged(items: Value) -> Value {
    object([("items", json!({"type": "array", "items": items})), ("next_cursor", json!({"type": ["string", "null"]}))])
}

/// A task, as it is read.
fn task() -> Value {
    let text = || json!({"type": "string"});
    let time = || json!({"type": "string", "format": "date-time"});
    object([
        ("id", text()),
        ("title", text()),
        ("description", or_null(text())),
        ("completed", json!({"type": "boolean"})),
        ("completed_at", or_null(time())),
        ("priority", priority()),
        ("tags", json!({"type": "array", "items": text()})),
        ("due_date", or_null(time())),
        ("recurrence", json!({"type": ["object", "null"]})),
        ("reminder_minutes", json!({"type": ["integer", "null"]})),
        ("snoozed_until", or_null(time())),
        ("parent_task_id", or_null(text())),
        ("series_id", or_null(text())),
        ("created_at", time()),
        ("updated_at", time()),
        ("version", json!({"type": "integer"})),
    ])
}

fn entry() -> Value {
    object([
        ("id", json!({"type": "string"})),
        ("event_type", json!({"type": "string"})),
        ("time", json!({"type": "string", "format": "date-time"})),
        ("actor", json!({"type": "object"})),
        ("source", json!({"type": "string"})),
        ("changed_fields", json!({"type": "object", "description": "Of each field its old and new value."})),
    ])
}

fn notification() -> Value {
    let text = || json!({"type": "string"});
    object([
        ("id", text()),
        ("kind", json!({"type": "string", "enum": ["reminder.upcoming", "reminder.overdue"]})),
        ("task_id", text()),
        ("title", text()),
        ("due_date", json!({"type": "string", "format": "date-time"})),
        ("link", text()),
        ("read", json!({"type": "boolean"})),
        ("created_at", json!({"type": "string", "format": "date-time"})),
    ])
}

fn recent() -> Value {
    let text = || json!({"type": "string"});
    object([
        ("id", text()),
        ("event_type", text()),
        ("time", json!({"type": "string", "format": "date-time"})),
        ("task_id", text()),
        ("title", or_null(text())),
        ("changed_fields", json!({"type": "array", "items": text()})),
        ("source", text()),
    ])
}
