//! The tools: what each is called, takes and gives, and what it does.

mod schema;

use crate::arguments::Arguments;
use crate::context;
use crate::rpc::{Fault, INVALID_PARAMS, Refusal};
use crate::server::Server;
use crate::words;
use domain::change::Source;
use domain::command::{Command, Edit, Precondition};
use domain::cursor::Page;
use domain::error::Error;
use domain::ports::{Clock, Failure, Memory, Session};
use domain::todos::Todos;
use domain::{input, notifications};
pub use schema::all;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// What came of a call that was carried out: its value, and the same in words.
type Done = Result<(Value, String), Error>;

/// Calls a tool. What a model can mend is a result that is an error; what it cannot is a refusal.
pub async fn call<S: Session, C: Clock, M: Memory<S>, W>(
    server: &Server<'_, S, C, M, W>,
    mut params: Map<String, Value>,
) -> Result<Value, Refusal> {
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
        Ok((value, text)) => {
            Ok(json!({"content": [{"type": "text", "text": text}], "structuredContent": value, "isError": false}))
        }
        Err(Error::Failure(failure @ (Failure::Forbidden(_) | Failure::Ended | Failure::Invalid(_)))) => Err(failure.into()),
        Err(Error::Failure(failure)) => Ok(failed(&format!("{failure}. Nothing was done; try again."))),
        Err(error) => Ok(failed(&words::refusal(&error).unwrap_or_else(|| error.to_string()))),
    }
}

fn failed(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}], "isError": true})
}

fn value(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn todos<'a, S, C, M, W>(server: &Server<'a, S, C, M, W>) -> Todos<'a, S, C> {
    Todos { session: server.session, clock: server.clock, source: Source::Mcp }
}

async fn told<S: Session, C: Clock, M, W>(server: &Server<'_, S, C, M, W>, task: &domain::task::Task) -> Done {
    let zone = server.session.preferences().await?.time_zone;
    Ok((value(task), words::task(task, zone)))
}

async fn add<S: Session, C: Clock, M, W>(server: &Server<'_, S, C, M, W>, mut arguments: Arguments) -> Done {
    if arguments.has("text") {
        let zone = server.session.preferences().await?.time_zone;
        arguments.understand(server.clock.now(), zone)?;
    }
    let command = Command::Create(input::new_task(&arguments.body())?);
    told(server, &todos(server).run(&command).await?).await
}

async fn list<S: Session, C: Clock, M, W>(server: &Server<'_, S, C, M, W>, arguments: Arguments) -> Done {
    let query = input::list_params(&arguments.query(), server.clock.now())?;
    let page = todos(server).list(query).await?;
    let zone = server.session.preferences().await?.time_zone;
    Ok((value(&page), words::page(&page, "tasks", |task| words::task(task, zone))))
}

async fn get<S: Session, C: Clock, M, W>(server: &Server<'_, S, C, M, W>, mut arguments: Arguments) -> Done {
    let id = arguments.id()?;
    arguments.end()?;
    told(server, &todos(server).get(id).await?).await
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
    told(server, &todos(server).run(&command).await?).await
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
    let task = todos(server).run(&command).await?;
    Ok((json!({"id": id, "deleted": true}), format!("Deleted {}. Its user can restore it for 30 days.", task.title.as_str())))
}

async fn history<S: Session, C: Clock, M, W>(server: &Server<'_, S, C, M, W>, mut arguments: Arguments) -> Done {
    let id = arguments.id()?;
    let page = todos(server).history(id, input::history_params(&arguments.query(), id)?).await?;
    let zone = server.session.preferences().await?.time_zone;
    Ok((value(&page), words::page(&page, "changes", |entry| words::history(entry, zone))))
}

async fn list_notifications<S: Session, C, M, W>(server: &Server<'_, S, C, M, W>, arguments: Arguments) -> Done {
    let page = notifications::list(server.session, input::notification_params(&arguments.query())?).await?;
    let zone = server.session.preferences().await?.time_zone;
    Ok((value(&page), words::page(&page, "notifications", |notification| words::notification(notification, zone))))
}

async fn recent_changes<S: Session, C, M: Memory<S>, W>(server: &Server<'_, S, C, M, W>, arguments: Arguments) -> Done {
    arguments.end()?;
    // Whoever may not read tasks may not read what was changed of them.
    let zone = server.session.preferences().await?.time_zone;
    let items = context::recall(server.session, server.memory).await;
    let text = words::recent(&items, zone);
    Ok((value(&Page { items, next_cursor: None }), text))
}
