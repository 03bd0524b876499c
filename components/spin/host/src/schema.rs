//! The tables: those of the native store, by its own migrations, and behind them what only this component needs. Each instance looks
//! once whether they are there; whoever finds them missing makes them, in one transaction.

use crate::db::{Connection, StoreError, Value};
use std::cell::Cell;

/// In order, by the names under which they are remembered.
const STEPS: [(&str, &str); 4] = [
    ("0001_tasks", include_str!("../../../../migrations/sqlite/0001_tasks.sql")),
    ("0002_accounts", include_str!("../../../../migrations/sqlite/0002_accounts.sql")),
    ("0003_events", include_str!("../../../../migrations/sqlite/0003_events.sql")),
    ("spin_0001", include_str!("schema.sql")),
];

thread_local! {
    static READY: Cell<bool> = const { Cell::new(false) };
}

/// Makes sure of the tables.
pub async fn ready(connection: &Connection) -> Result<(), StoreError> {
    if READY.get() {
        return Ok(());
    }
    if missing(connection).await?.next().is_some() {
        // Readers beside the writer. Another instance may be at it, which then does it for both.
        let _ = connection.run("PRAGMA journal_mode = WAL", Vec::new()).await;
        connection.begin().await?;
        let made = make(connection).await;
        connection.end(made).await?;
    }
    READY.set(true);
    Ok(())
}

/// For a test, whose database is its own.
#[cfg(test)]
pub fn forget() {
    READY.set(false);
}

/// The steps that were not taken yet.
async fn missing(connection: &Connection) -> Result<impl Iterator<Item = (&'static str, &'static str)>, StoreError> {
    const THERE: &str = "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_step'";
    const TAKEN: &str = "SELECT name FROM schema_step";
    let taken = match connection.get(THERE, Vec::new(), |row| row.truth(0)).await? {
        true => connection.all(TAKEN, Vec::new(), |row| Ok(row.text(0)?.to_owned())).await?,
        false => Vec::new(),
    };
    if let Some(newer) = taken.iter().find(|name| STEPS.iter().all(|(step, _)| step != name)) {
        return Err(StoreError::Unavailable(format!(
            "the database was written by a newer tidings, which knows {newer}: run that"
        )));
    }
    Ok(STEPS.into_iter().filter(move |(step, _)| taken.iter().all(|name| step != name)))
}

/// What is still missing, now that nobody else is at it.
async fn make(connection: &Connection) -> Result<(), StoreError> {
    connection.run("CREATE TABLE IF NOT EXISTS schema_step (name TEXT PRIMARY KEY) STRICT", Vec::new()).await?;
    for (name, script) in missing(connection).await? {
        for statement in statements(script) {
            connection.run(&statement, Vec::new()).await?;
        }
        connection.run("INSERT INTO schema_step (name) VALUES (?)", vec![Value::from(name)]).await?;
    }
    Ok(())
}

/// The statements of a script whose comments have lines of their own. A trigger's own statements are part of it.
fn statements(script: &str) -> Vec<String> {
    let (mut all, mut one) = (Vec::new(), String::new());
    for line in script.lines().filter(|line| !line.trim_start().starts_with("--")) {
        one.push_str(line);
        one.push('\n');
        let is_trigger = one.trim_start().starts_with("CREATE TRIGGER");
        if line.trim_end().ends_with(';') && (!is_trigger || line.trim() == "END;") {
            all.push(std::mem::take(&mut one).trim().to_owned());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_taken_apart_at_its_statements() {
        let script = "-- a; b\nCREATE TABLE a (\n  b TEXT -- c\n) STRICT;\n\nCREATE TRIGGER t BEFORE UPDATE ON a\nBEGIN\n  SELECT 1;\nEND;\nDROP TABLE a;\n";
        let found = statements(script);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[1].starts_with("CREATE TRIGGER") && found[1].ends_with("END;"));
        for (name, script) in STEPS {
            let left: String = statements(script).concat();
            let semicolons = |text: &str| {
                text.lines().filter(|line| !line.trim_start().starts_with("--")).collect::<String>().matches(';').count()
            };
            assert_eq!(semicolons(&left), semicolons(script), "{name}: nothing is left over");
        }
    }
}
