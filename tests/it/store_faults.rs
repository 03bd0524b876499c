//! The data folder: full, read-only, locked, from a newer version. A clear error at start; while running a 503 with a reason,
//! nothing half-written, and recovery without a restart.

use it::{Host, Options, Setup, host, only};
use serde_json::json;
use sqlx::{Connection, SqliteConnection};
use std::process::Command;
use std::time::Duration;

/// The exit code and the log of a host that must not start.
fn refused(data: &std::path::Path, options: &Options) -> String {
    match Host::try_start_in(data, options) {
        Ok(_) => panic!("it started"),
        Err(log) => log,
    }
}

#[test]
fn a_second_process_on_one_data_folder_is_refused() {
    let host = Host::start();
    let log = refused(host.data(), &Options::default());
    assert!(log.contains("exit status: 1"), "{log}");
    assert!(log.contains("in use") && log.contains(&host.pid().to_string()), "{log}");
}

#[tokio::test]
async fn a_data_folder_of_a_newer_version_is_refused() {
    if !only(&[Setup::Embedded], "a database in the data folder") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    Host::start_in(&data, &Options::default()).stop();
    let database = data.join("tidings.db");
    let mut db = SqliteConnection::connect(&format!("sqlite://{}", database.display())).await.expect("open");
    sqlx::query("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (99990101000000, 'later', 1, x'00', 0)")
        .execute(&mut db)
        .await
        .expect("insert");
    db.close().await.expect("close");
    let log = refused(&data, &Options::default());
    assert!(log.contains("exit status: 1") && log.contains("newer tidings"), "{log}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    if !only(&[Setup::Embedded], "a database in the data folder") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("tidings.db"), "this is not a database, and it is long enough to be looked at".repeat(20))
        .expect("write");
    let log = refused(folder.path(), &Options::default());
    assert!(log.contains("exit status: 1") && log.contains("tidings.db"), "{log}");
}

/// A file system of its own for the data folder, in a mount namespace of its own.
fn small_disk(script: &str) -> Option<Options> {
    let works = Command::new("unshare").args(["-rm", "true"]).status().is_ok_and(|status| status.success());
    let under = ["unshare", "-rm", "sh", "-c", script, "sh"].map(str::to_owned).to_vec();
    parts::present("unshare (mount namespaces)", works).then(|| Options { under, ..Options::default() })
}

#[test]
fn a_read_only_data_folder_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path().display();
    let Some(options) = small_disk(&format!("mount -t tmpfs -o size=8m tmpfs {at} && mount -o remount,ro {at} && exec \"$@\""))
    else {
        return;
    };
    let log = refused(folder.path(), &options);
    assert!(log.contains("exit status: 1") && log.to_lowercase().contains("read-only"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_a_503_and_passes_without_a_restart() {
    if !only(&[Setup::Embedded], "a database in the data folder") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path().display();
    let Some(options) = small_disk(&format!("mount -t tmpfs -o size=24m tmpfs {at} && exec \"$@\"")) else { return };
    let host = Host::start_in(folder.path(), &options);
    let user = host.user("full").await;
    let mut stream = user.stream(None).await;
    let kept = user.task(&json!({"title": "before"})).await;
    stream.event().await;
    let inside = std::path::PathBuf::from(format!("/proc/{}/root{at}/filler", host.pid()));
    fill(&inside);
    let refused = loop {
        let answer = user.post("/api/todos", &json!({"title": "too much", "description": "x".repeat(2000)})).await;
        match answer.status.as_u16() {
            201 => drop(stream.event().await),
            _ => break answer,
        }
    };
    let problem = refused.problem(503);
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("disk")), "{problem}");
    assert_eq!(user.get(&format!("/api/todos/{}", kept["id"].as_str().expect("id"))).await.status, 200, "reading goes on");
    assert_eq!(ready(&host).await, 503);
    assert!(stream.silent(Duration::from_millis(300)).await, "an event of what did not commit");
    let before = user.all("/api/todos?limit=200").await.len();
    std::fs::remove_file(inside).expect("remove");
    user.task(&json!({"title": "after"})).await;
    assert_eq!(stream.event().await.data["change_type"], "created");
    assert_eq!(user.all("/api/todos?limit=200").await.len(), before + 1);
    assert_eq!(ready(&host).await, 200);
}

async fn ready(host: &Host) -> u16 {
    it::Client::new(&host.ops).get("/readyz").await.status.as_u16()
}

/// Writes until the file system is full.
fn fill(file: &std::path::Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(file).expect("create");
    for size in [1 << 20, 4096, 64] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_a_clear_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("write");
    let (status, _, error) = host::cli(&[
        "up",
        "--listen",
        "127.0.0.1:0",
        "--ops-listen",
        "127.0.0.1:0",
        "--data",
        &file.join("data").display().to_string(),
    ]);
    assert_eq!(status, 1, "{error}");
    assert!(error.contains("data"), "{error}");
}
