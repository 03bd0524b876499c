//! The resources: the open tasks, and each task.

use crate::rpc::{Fault, INVALID_PARAMS, Refusal};
use crate::server::Server;
use domain::error::Error;
use domain::id::TaskId;
use domain::input;
use domain::ports::{Clock, Session};
use rmcp::model::{Resource, ResourceContents, ResourceTemplate};
use serde_json::{Map, Value, json};

const OPEN: &str = "tasks://open";
const ONE: &str = "tasks://";
const JSON: &str = "application/json";
/// What `tasks://open` shows: what is due first, and no more than one can read.
const OPEN_QUERY: &str = "status=open&sort=due&limit=200";

/// Those that have an address of their own.
pub fn all() -> Vec<Resource> {
    let mut open = Resource::new(OPEN, "open");
    open.title = Some("Open tasks".to_owned());
    open.description = Some("The user's open tasks, what is due first at the top: {items, next_cursor}, at most 200.".to_owned());
    open.mime_type = Some(JSON.to_owned());
    vec![open]
}

/// Those that have one for each task.
pub fn templates() -> Vec<ResourceTemplate> {
    let mut one = ResourceTemplate::new("tasks://{id}", "task");
    one.title = Some("A task".to_owned());
    one.description = Some("One task of the user's, by its id.".to_owned());
    one.mime_type = Some(JSON.to_owned());
    vec![one]
}

/// Whether this could be the address of one.
pub fn is_one(uri: &str) -> bool {
    uri == OPEN || uri.strip_prefix(ONE).is_some_and(|id| id.parse::<TaskId>().is_ok())
}

/// Reads one. `code` is what the client's revision has for one that is not.
pub async fn read<S: Session, C: Clock, M, W>(
    server: &Server<'_, S, C, M, W>,
    params: &Map<String, Value>,
    code: i32,
) -> Result<Value, Refusal> {
    let Some(uri) = params.get("uri").and_then(Value::as_str) else {
        return Err(Fault::bad(INVALID_PARAMS, "params.uri is the address of a resource.").into());
    };
    let todos = server.todos();
    let text = if uri == OPEN {
        let query = input::list_params(OPEN_QUERY, server.clock.now()).map_err(|error| refused(error, uri, code))?;
        todos.list(query).await.map(|page| domain::json::text(&page))
    } else {
        let id = uri.strip_prefix(ONE).and_then(|id| id.parse::<TaskId>().ok());
        match id {
            Some(id) => todos.get(id).await.map(|task| domain::json::text(&task)),
            None => Err(Error::NotFound),
        }
    };
    let text = text.map_err(|error| refused(error, uri, code))?;
    let mut contents = ResourceContents::text(text, uri);
    if let ResourceContents::TextResourceContents { mime_type, .. } = &mut contents {
        *mime_type = Some(JSON.to_owned());
    }
    Ok(json!({"contents": [contents]}))
}

fn refused(error: Error, uri: &str, code: i32) -> Refusal {
    match error {
        Error::Failure(failure) => failure.into(),
        _ => {
            let shown: String = uri.chars().take(128).collect();
            Fault::of_a_name(code, "Resource not found").with(json!({"uri": shown})).into()
        }
    }
}
