//! The tools: what each is called, takes and gives, and what it does.

mod schema;

use crate::arguments::Arguments;
use crate::context;
use crate::rpc::{Fault, INVALID_PARAMS, Refusal};
use crate::server::Server;
use crate::words;
use domain::command::{Command, Edit, Precondition};
use domain::cursor::Page;
use domain::error::Error;
use domain::ports::{Clock, Failure, Memory, Session};
use domain::task::TimeZone;
use domain::{input, notifications};
use futures::future::join;
pub use schema::all;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

/// What came of a call that was carried out: its value, and the same in words.
type Done = Result<(Box<RawValue>, String), Error>;

/// What a call answers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Called {
    content: [Text; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    structured_content: Option<Box<RawValue>>,
    is_error: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_type: Option<&'static str>,
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    meta: Option<Value>,
}

#[derive(Debug, Serialize)]
struct Text {
    r#type: &'static str,
    text: String,
}

impl Called {
    fn new(text: String, structured_content: Option<Box<RawValue>>) -> Self {
        let is_error = structured_content.is_none();
        Self { content: [Text { r#type: "text", text }], structured_content, is_error, result_type: None, meta: None }
    }

    /// With what the current revision has beside it.
    pub fn complete(self, meta: Option<Value>) -> Self {
        Self { result_type: meta.is_some().then_some("complete"), meta, ..self }
    }
}

/// Calls a tool. What a model can mend is a result that is an error; what it cannot is a refusal.
pub async fn call<S: Session, C: Clock, M: Memory<S>, W>(
    server: &Server<'_, S, C, M, W>,
    mut params: Map<String, Value>,
) -> Result<Called, Refusal> {
    let name = match params.remove("name") {
        Some(Value::String(name)) => name,
        _ => return Err(Fault::bad(INVALID_PARAMS, "params.name is the name of a tool.").into()),
    };
    let Some(arguments) = Arguments::new(params.remove("arguments")) else {
        return Err(Fault::bad(INVALID_PARAMS, "params.arguments is an object.").into());
    };
    let done = match name.as_str() {
        "add_task" => add(server, arguments).await,
        "list_tasks" => list(server, arguments).await,
        "get_task" => get(server, arguments).await,
        "update_task" => update(server, arguments).await,
        "complete_task" => complete(server, arguments).await,
        "delete_task" => delete(server, arguments).await,
        "snooze_task" => snooze(server, arguments).await,
        "task_history" => history(server, arguments).await,
        "list_notifications" => list_notifications(server, arguments).await,
        "recent_changes" => recent_changes(server, arguments).await,
        other => {
            let shown: String = other.chars().take(64).collect();
            return Err(Fault::of_a_name(INVALID_PARAMS, format!("Unknown tool: {shown}")).into());
        }
    };
    match done {
        Ok((value, text)) => Ok(Called::new(text, Some(value))),
        Err(Error::Failure(failure @ (Failure::Forbidden(_) | Failure::Ended | Failure::Invalid(_)))) => Err(failure.into()),
        Err(Error::Failure(failure)) => Ok(Called::new(format!("{failure}. Nothing was done; try again."), None)),
        Err(error) => Ok(Called::new(words::refusal(&error), None)),
    }
}

fn raw(value: &impl Serialize) -> Result<Box<RawValue>, Error> {
    to_raw_value(value).map_err(|error| Error::Failure(Failure::Invalid(format!("a value is no JSON: {error}"))))
}

/// The value, and what is said of it in the user's zone.
fn told<T: Serialize>(value: &T, zone: TimeZone, say: impl FnOnce(&T, TimeZone) -> String) -> Done {
    Ok((raw(value)?, say(value, zone)))
}

/// Does the work, and finds the user's zone meanwhile: two waits for the host cost much more than one.
async fn beside<S: Session, C, M, W, T>(
    server: &Server<'_, S, C, M, W>,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<(T, TimeZone), Error> {
    let (done, preferences) = join(work, server.session.preferences()).await;
    Ok((done?, preferences?.time_zone))
}

async fn add<S: Session, C: Clock, M, W>(server: &Server<'_, S, C, M, W>, mut arguments: Arguments) -> Done {
    if arguments.has("text") {
        let zone = server.session.preferences().await?.time_zone;
        arguments.understand(server.clock.now(), zone)?;
    }
    let command = Command::Create(input::new_task(&arguments.body())?);
    let (task, zone) = beside(server, server.todos().run(&command)).await?;
    told(&task, zone, words::task)
}

async fn list<S: Session, C: Clock, M, W>(server: &Server<'_, S, C, M, W>, arguments: Arguments) -> Done {
    let query = input::list_params(&arguments.query(), server.clock.now())?;
    let (page, zone) = beside(server, server.todos().list(query)).await?;
    told(&page, zone, |page, zone| words::page(page, "tasks", |task| words::task(task, zone)))
}

async fn get<S: Session, C: Clock, M, W>(server: &Server<'_, S, C, M, W>, mut arguments: Arguments) -> Done {
    let id = arguments.id()?;
    arguments.end()?;
    let (task, zone) = beside(server, server.todos().get(id)).await?;
    told(&task, zone, words::task)
}

/// Does to the task that is named what the rest of the arguments says.
async fn edit<S: Session, C: Clock, M, W>(
    server: &Server<'_, S, C, M, W>,
    mut arguments: Arguments,
    read: impl FnOnce(Arguments) -> Result<Edit, Error>,
) -> Done {
    let id = arguments.id()?;
    let edit = read(arguments)?;
    let command = Command::Edit { id, precondition: Precondition::default(), edit };
    let (task, zone) = beside(server, server.todos().run(&command)).await?;
    told(&task, zone, words::task)
}

async fn update<S: Session, C: Clock, M, W>(server: &Server<'_, S, C, M, W>, arguments: Arguments) -> Done {
    edit(server, arguments, |mut arguments| {
        let reach = reach(&mut arguments)?;
        Ok(Edit::Change(input::task_patch(&arguments.body())?, reach))
    })
    .await
}

/// `series`: which occurrences of a task that recurs.
fn reach(arguments: &mut Arguments) -> Result<domain::series::Reach, Error> {
    let mut series = Arguments::default();
    if let Some(given) = arguments.take("series") {
        series.or("series", given);
    }
    input::reach(&series.query())
}

async fn complete<S: Session, C: Clock, M, W>(server: &Server<'_, S, C, M, W>, arguments: Arguments) -> Done {
    edit(server, arguments, |mut arguments| {
        arguments.or("completed", json!(true));
        Ok(Edit::Complete(input::completion(&arguments.body())?))
    })
    .await
}

async fn snooze<S: Session, C: Clock, M, W>(server: &Server<'_, S, C, M, W>, arguments: Arguments) -> Done {
    edit(server, arguments, |arguments| Ok(Edit::Snooze(input::snooze(&arguments.body())?))).await
}

async fn delete<S: Session, C: Clock, M, W>(server: &Server<'_, S, C, M, W>, mut arguments: Arguments) -> Done {
    let id = arguments.id()?;
    let reach = reach(&mut arguments)?;
    arguments.end()?;
    let command = Command::Edit { id, precondition: Precondition::default(), edit: Edit::Delete(reach) };
    let task = server.todos().run(&command).await?;
    let text = format!("Deleted {}. Its user can restore it for 30 days.", domain::json::text(&task.title));
    Ok((raw(&json!({"id": id, "deleted": true}))?, text))
}

async fn history<S: Session, C: Clock, M, W>(server: &Server<'_, S, C, M, W>, mut arguments: Arguments) -> Done {
    let id = arguments.id()?;
    let params = input::history_params(&arguments.query(), id)?;
    let (page, zone) = beside(server, server.todos().history(id, params)).await?;
    told(&page, zone, |page, zone| words::page(page, "changes", |entry| words::history(entry, zone)))
}

async fn list_notifications<S: Session, C, M, W>(server: &Server<'_, S, C, M, W>, arguments: Arguments) -> Done {
    let params = input::notification_params(&arguments.query())?;
    let (page, zone) = beside(server, notifications::list(server.session, params)).await?;
    told(&page, zone, |page, zone| words::page(page, "notifications", |notification| words::notification(notification, zone)))
}

async fn recent_changes<S: Session, C, M: Memory<S>, W>(server: &Server<'_, S, C, M, W>, arguments: Arguments) -> Done {
    arguments.end()?;
    // Whoever may not read tasks may not read what was changed of them.
    let zone = server.session.preferences().await?.time_zone;
    let items = context::recall(server.session, server.memory).await;
    let text = words::recent(&items, zone);
    Ok((raw(&Page { items, next_cursor: None })?, text))
}
