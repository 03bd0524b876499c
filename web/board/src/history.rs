//! A task's history, as sentences.

use crate::days::Here;
use crate::words::say_value;
use domain::time::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

/// One entry, as the API gives it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Entry {
    pub event_type: String,
    pub time: Timestamp,
    pub actor: Actor,
    pub source: String,
    pub changed_fields: Map<String, Value>,
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Actor {
    pub kind: String,
    pub id: String,
}

impl Entry {
    /// What was done, one sentence a field: "due date moved from Mon 3 May to Wed 5 May".
    pub fn what(&self, here: Here) -> Vec<String> {
        let plain = match self.event_type.as_str() {
            "task.created" => Some("created"),
            "task.completed" => Some("completed"),
            "task.reopened" => Some("opened again"),
            "task.deleted" => Some("deleted"),
            "task.restored" => Some("brought back"),
            _ => None,
        };
        if let Some(plain) = plain {
            return vec![plain.to_owned()];
        }
        self.changed_fields.iter().map(|(field, change)| said(field, change, here)).collect()
    }

    /// Who did it, by which way, and how long ago: "by you, on the web · 2 hours ago".
    pub fn by(&self, here: Here) -> String {
        let who = match self.actor.kind.as_str() {
            "user" => "by you",
            "token" => "by an API token",
            "agent" => "by an agent",
            _ => "by Tidings",
        };
        let way = match (self.actor.kind.as_str(), self.source.as_str()) {
            (_, "mcp") => ", over MCP",
            (_, "import") => ", on import",
            (_, "recurrence") => ", as it repeats",
            ("user", _) => ", on the web",
            _ => "",
        };
        format!("{who}{way} · {}", here.ago(self.time))
    }
}

fn said(field: &str, change: &Value, here: Here) -> String {
    let (old, new) = (change.get("old").unwrap_or(&Value::Null), change.get("new").unwrap_or(&Value::Null));
    let name = match field {
        "due_date" => "due date",
        "reminder_minutes" => "reminder",
        "recurrence" => "repetition",
        "snoozed_until" => "snooze",
        other => other,
    };
    let verb = if matches!(field, "due_date" | "snoozed_until") { "moved" } else { "changed" };
    match (say_value(field, old, here), say_value(field, new, here)) {
        (None, Some(new)) => format!("{name} set to {new}"),
        (Some(old), None) => format!("{name} removed, was {old}"),
        (Some(old), Some(new)) => format!("{name} {verb} from {old} to {new}"),
        (None, None) => format!("{name} changed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::days::tests::here;

    fn entry(text: &str) -> Entry {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn an_entry_reads_like_a_sentence() {
        let here = here("2026-05-04T12:00:00Z");
        let moved = entry(
            r#"{"event_type":"task.updated","time":"2026-05-04T10:00:00Z","actor":{"kind":"user","id":"u"},"source":"api","sequence":3,
            "changed_fields":{"due_date":{"old":"2026-05-03T07:00:00Z","new":"2026-05-05T07:00:00Z"},"title":{"old":"a","new":"b"},
            "tags":{"old":[],"new":["home"]},"description":{"old":"x","new":null}}}"#,
        );
        assert_eq!(
            moved.what(here),
            [
                "description removed, was “\u{2068}x\u{2069}”",
                "due date moved from Yesterday 09:00 to Tomorrow 09:00",
                "tags set to #home",
                "title changed from “\u{2068}a\u{2069}” to “\u{2068}b\u{2069}”",
            ]
        );
        assert_eq!(moved.by(here), "by you, on the web · 2 hours ago");
    }

    #[test]
    fn what_tidings_does_is_said_to_be_its_own_doing() {
        let made = entry(
            r#"{"event_type":"task.created","time":"2026-05-04T12:00:00Z","actor":{"kind":"system","id":"recurrence"},"source":"recurrence","changed_fields":{}}"#,
        );
        let here = here("2026-05-04T12:00:00Z");
        assert_eq!(
            (made.what(here), made.by(here)),
            (vec!["created".to_owned()], "by Tidings, as it repeats · just now".to_owned())
        );
    }
}
