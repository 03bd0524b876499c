//! Tables brought up to date, step by step. The steps are numbered alike for each database; what is applied is never edited,
//! only added to.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};

/// Number, name and text of a migration.
pub(super) type Step = (i64, &'static str, &'static str);

/// Makes what is missing, one process at a time. Tables of a newer version are left alone; that is `VersionTooNew`.
pub(super) async fn run<C: Migrate>(connection: &mut C, steps: &[Step]) -> Result<(), MigrateError> {
    let migrator = migrator(steps);
    // Where it fails, the connection is of no use to anybody, and the lock goes with it.
    connection.lock().await?;
    connection.ensure_migrations_table(&migrator.table_name).await?;
    refuse_newer(connection, steps).await?;
    migrator.run_direct(None, connection, false).await?;
    connection.unlock().await
}

/// Whether the tables, which must have been made before, are of a version that is known.
pub(super) async fn refuse_newer<C: Migrate>(connection: &mut C, steps: &[Step]) -> Result<(), MigrateError> {
    let applied = connection.list_applied_migrations(&migrator(steps).table_name).await?;
    let known = steps.len() as i64;
    match applied.iter().map(|migration| migration.version).max().filter(|newest| *newest > known) {
        Some(newest) => Err(MigrateError::VersionTooNew(newest, known)),
        None => Ok(()),
    }
}

fn migrator(steps: &[Step]) -> Migrator {
    let step =
        |(version, name, sql): &Step| Migration::new(*version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false);
    let mut migrator = Migrator::with_migrations(steps.iter().map(step).collect());
    migrator.set_locking(false);
    migrator
}
