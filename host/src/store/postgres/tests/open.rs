//! Databases that cannot be used: each is refused in words that say what to do, and show no password.

use super::{DatabaseConfig, Fixture, PostgresStore, config};
use crate::secret::Secret;
use crate::store::postgres::OpenError;
use parts::{Postgres, free_port};
use std::time::Duration;

async fn refusal(url: &str) -> OpenError {
    let folder = tempfile::tempdir().unwrap();
    let error = match PostgresStore::open(folder.path(), &config(url, 4)).await {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    };
    assert!(!error.to_string().contains("cret"), "{error}");
    assert_eq!(PostgresStore::try_out(&config(url, 4)).await.err().map(|error| error.to_string()), Some(error.to_string()));
    error
}

#[tokio::test]
async fn what_cannot_be_reached_or_does_not_let_us_in_is_named() {
    let server = Postgres::shared().unwrap();
    let url = server.database().unwrap();
    let unknown = refusal("postgres://ada:secret@no-such-host.invalid/tasks").await;
    assert!(matches!(unknown, OpenError::UnknownHost { .. }), "{unknown}");
    let refused = refusal(&format!("postgres://ada:secret@127.0.0.1:{}/tasks", free_port().unwrap())).await;
    assert!(matches!(refused, OpenError::Silent { .. }) && refused.to_string().contains("127.0.0.1"), "{refused}");
    let stranger = refusal(&url.replace("tidings:se", "tidings:secret")).await;
    assert!(matches!(stranger, OpenError::Refused { .. }) && stranger.to_string().contains("the user tidings"), "{stranger}");
    let missing = refusal(&server.url("nothing")).await;
    assert!(matches!(missing, OpenError::Missing { .. }) && missing.to_string().contains("createdb nothing"), "{missing}");
}

#[tokio::test]
async fn a_user_without_rights_is_told_which_are_missing() {
    let server = Postgres::shared().unwrap();
    let url = server.database().unwrap();
    server.sql(&url, "CREATE ROLE guest LOGIN PASSWORD 'secret'").unwrap();
    let guest = config(&url.replace("tidings:se%2Fcret%231", "guest:secret"), 4);
    let error = PostgresStore::migrate(&guest).await.unwrap_err().to_string();
    assert!(error.contains("guest may not make tables") && error.contains("Grant"), "{error}");
    server.sql(&url, "DROP ROLE guest").unwrap();
}

#[tokio::test]
async fn a_database_of_a_newer_version_or_another_encoding_is_left_alone() {
    let fixture = Fixture::new().await;
    fixture.sql("INSERT INTO _sqlx_migrations VALUES (99, 'later', now(), true, '', 0)");
    let newer = refusal(&fixture.url).await;
    assert!(matches!(newer, OpenError::Newer { found: 99, .. }), "{newer}");
    fixture.sql("CREATE DATABASE narrow ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    let narrow = refusal(&fixture.server.url("narrow")).await;
    assert!(narrow.to_string().contains("UTF8"), "{narrow}");
    fixture.sql("DROP DATABASE narrow");
}

#[tokio::test]
async fn by_tls_the_server_is_who_the_certificate_says() {
    let server = Postgres::shared().unwrap();
    let url = server.database().unwrap();
    let with = |mode: &str| format!("{url}?sslmode={mode}&sslrootcert={}", server.certificate().display());
    for mode in ["require", "verify-ca", "verify-full"] {
        PostgresStore::migrate(&config(&with(mode), 4)).await.unwrap();
    }
    let unknown = PostgresStore::migrate(&config(&format!("{url}?sslmode=verify-full"), 4)).await.unwrap_err();
    assert!(unknown.to_string().to_lowercase().contains("tls"), "{unknown}");
    let timeout = Duration::from_secs(1);
    let file = DatabaseConfig::new(&Secret::new(format!("{url}?sslmode=verify-full&sslrootcert=/no/such/file")), 4, timeout);
    assert!(PostgresStore::migrate(&file.unwrap()).await.is_err());
}
