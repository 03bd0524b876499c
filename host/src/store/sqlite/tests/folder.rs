//! What can be wrong with a data folder, and what survives a restart.

use super::{Fixture, creation, set, task, user, write_one};
use crate::store::folder::FolderError;
use crate::store::sqlite::{OpenError, SqliteStore};
use crate::store::{EventLog, Ledger, Store, StoreError};
use std::os::unix::fs::PermissionsExt;

async fn refusal(folder: &std::path::Path) -> OpenError {
    match SqliteStore::open(folder).await {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_missing_folder_is_made_for_its_owner_alone() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("a/b");
    let store = SqliteStore::open(&folder).await.unwrap();
    store.commit(set(&user("ada"), vec![creation(task("one"))])).await.unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for file in ["tidings.db", "tidings.db-wal", "tidings.lock"] {
        assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_second_holder_is_told_who_the_first_is() {
    let fixture = Fixture::new().await;
    let error = refusal(fixture.folder.path()).await;
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_restart() {
    let Fixture { store, folder } = Fixture::new().await;
    let ada = user("ada");
    store.commit(set(&ada, vec![creation(task("kept"))])).await.unwrap();
    store.close().await;
    assert!(matches!(store.commit(set(&ada, Vec::new())).await, Err(StoreError::Unavailable(_))));
    drop(store);
    let store = SqliteStore::open(folder.path()).await.unwrap();
    store.commit(set(&ada, vec![creation(task("next"))])).await.unwrap();
    let log = store.events_after(&[], 0, 10).await.unwrap();
    let numbers: Vec<_> = log.iter().map(|event| (event.position, event.sequence)).collect();
    assert_eq!(numbers, [(1, Some(1)), (2, Some(1)), (3, Some(2)), (4, Some(2))]);
}

#[tokio::test]
async fn a_newer_schema_is_left_alone() {
    let Fixture { store, folder } = Fixture::new().await;
    let sql =
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (99, 'x', 1, x'00', 0)";
    write_one(&store, sql, |v| v).await.unwrap();
    store.close().await;
    drop(store);
    assert!(matches!(refusal(folder.path()).await, OpenError::Newer { found: 99, .. }));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tidings.db"), "this is no database at all, not even a small one".repeat(99)).unwrap();
    let error = refusal(folder.path()).await;
    assert!(matches!(error, OpenError::Damaged { .. }) && error.to_string().contains("tidings.db"), "{error}");
}

#[tokio::test]
async fn a_folder_that_is_a_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(matches!(refusal(&file).await, OpenError::Folder(FolderError::Unusable { .. })));
}
