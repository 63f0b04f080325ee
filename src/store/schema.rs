//! Migrations: the tables of both databases, created and updated when a database is opened.

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AnyPool, SqlSafeStr as _};

use super::dialect::Dialect;
use super::error::OpenStoreError;

/// The migrations: version, name, SQLite script and PostgreSQL script. A published migration must not change, not even its
/// comments, because databases store its checksum.
const MIGRATIONS: [(i64, &str, &str, &str); 1] = [(
    1,
    "schema",
    include_str!("../../assets/migrations/sqlite/0001_schema.sql"),
    include_str!("../../assets/migrations/postgres/0001_schema.sql"),
)];

/// Applies missing migrations. Several processes may call this concurrently.
///
/// # Errors
/// Fails if the schema is from a newer version of keyward or a migration fails.
pub(super) async fn migrate(pool: &AnyPool, dialect: Dialect) -> Result<(), OpenStoreError> {
    let steps = MIGRATIONS.iter().map(|&(version, name, sqlite, postgres)| {
        let sql = match dialect {
            Dialect::Sqlite => sqlite,
            Dialect::Postgres => postgres,
        };
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    match Migrator::with_migrations(steps.collect()).run(pool).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(version)) => Err(OpenStoreError::Newer(version)),
        Err(MigrateError::Execute(e)) => Err(e.into()),
        Err(e) => Err(OpenStoreError::Schema(e.to_string())),
    }
}
