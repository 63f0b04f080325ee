//! The store: opening a database, transactions, and errors.

mod concurrent_open;
mod disk_full;
mod files;
mod finality;
mod restored_backup;

use keyward::clock::{Clock, random_bytes};
use keyward::domain::id::Id;
use keyward::domain::member::MemberStatus;
use keyward::domain::secret::{Digest, Token, TokenKind};
use keyward::domain::time::{TimeDelta, Timestamp};
use keyward::store::{
    ActivityFilter, AdminInvitation, DatabaseLocation, OpenMode, OpenStoreError, SetUpError, Store,
    StoreError,
};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};

use crate::support::{Database, for_each_database};

fn ada() -> AdminInvitation {
    let code = Token::new(TokenKind::Code, random_bytes());
    let code = TokenKind::Code.digest(code.expose()).unwrap();
    let at = Clock::System.now();
    AdminInvitation { email: "ada@plant.example".into(), code, at, expires_at: at.plus(TimeDelta::days(3)) }
}

/// Opens a store with an organization whose only member, Ada, is invited.
async fn open_with_ada(database: &Database) -> (Store, Id) {
    let store = database.open().await;
    let ada = store.set_up_organization("Plant".into(), ada(), random_bytes).await.unwrap().member.id;
    (store, ada)
}

/// Opens a connection that bypasses the store, like a database tool.
async fn connect_directly(target: &DatabaseLocation) -> AnyConnection {
    sqlx::any::install_default_drivers();
    let url = match target {
        DatabaseLocation::Sqlite(path) => format!("sqlite://{}", path.display()),
        DatabaseLocation::Postgres(url) => url.clone(),
    };
    AnyConnection::connect(&url).await.unwrap()
}

async fn execute(connection: &mut AnyConnection, sql: &str) -> Result<u64, sqlx::Error> {
    sqlx::query(AssertSqlSafe(sql.to_owned())).execute(connection).await.map(|done| done.rows_affected())
}

/// Inserts a key without the store and returns its id.
async fn insert_key(connection: &mut AnyConnection, member: Id, digest: Digest, revoked: bool) -> Id {
    let id = Id::new(Clock::System.now(), random_bytes());
    sqlx::query(
        "INSERT INTO keys (id, kind, name, digest, last_four, version, created_at, created_by, use_count, revoked_at, changed_at) \
         VALUES ($1, 'personal', 'Notebook', $2, '5G08', 1, 7, $3, 0, $4, 7)",
    )
    .bind(id.to_string())
    .bind(digest.0.to_vec())
    .bind(member.to_string())
    .bind(revoked.then_some(8_i64))
    .execute(connection)
    .await
    .unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_is_set_up_once_and_an_admin_can_always_be_invited_from_the_host() {
    for_each_database(async |database| {
        let store = database.open().await;
        let early = store.invite_admin(ada(), random_bytes).await;
        assert!(matches!(early, Err(SetUpError::NotSetUp)));
        let first = store.set_up_organization("Plant".into(), ada(), random_bytes).await.unwrap();
        assert_eq!(first.member.status, MemberStatus::Invited);
        let again = store.set_up_organization("Plant".into(), ada(), random_bytes).await;
        assert!(matches!(again, Err(SetUpError::AlreadySetUp)));
        let rescued = store.invite_admin(ada(), random_bytes).await.unwrap();
        assert_eq!(rescued.member.id, first.member.id);
        let log = store.reader().await.unwrap().activity(ActivityFilter::default(), 100).await.unwrap();
        assert_eq!(log.len(), 3);
        assert!(log.iter().all(|row| row.actor.is_none() && row.address.is_none()));
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_or_a_panic_rolls_back_and_the_next_write_works() {
    for_each_database(async |database| {
        let (store, ada) = open_with_ada(database).await;
        let now = Clock::System.now();
        for failure in 0..3 {
            let refused: Result<(), StoreError> = store
                .write(move |tx| {
                    Box::pin(async move {
                        tx.remove_member(ada, now).await?;
                        match failure {
                            0 => Err(StoreError::Busy),
                            // A failed statement, which aborts the transaction on PostgreSQL.
                            1 => tx.insert_member(&member_with_the_same_email(ada)).await,
                            _ => panic!("a fault in a transaction"),
                        }
                    })
                })
                .await;
            match failure {
                0 => assert_eq!(refused, Err(StoreError::Busy)),
                1 => assert!(
                    matches!(refused, Err(StoreError::Failed(_) | StoreError::Taken(_))),
                    "{refused:?}"
                ),
                _ => assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}"),
            }
            let row = store.reader().await.unwrap().member(ada).await.unwrap().unwrap();
            assert_eq!(row.member.status, MemberStatus::Invited, "{}", database.name);
        }
        let done: Result<bool, StoreError> =
            store.write(move |tx| Box::pin(async move { tx.activate_member(ada, now).await })).await;
        assert_eq!(done, Ok(true));
        store.close().await;
    })
    .await;
}

fn member_with_the_same_email(id: Id) -> keyward::store::NewMember {
    let (email, role) = ("ada@plant.example".to_owned(), keyward::domain::member::Role::Normal);
    keyward::store::NewMember { id, name: email.clone(), email, role, at: Timestamp(0) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_completes_after_its_caller_is_cancelled() {
    for_each_database(async |database| {
        let (store, ada) = open_with_ada(database).await;
        let (began, begins) = tokio::sync::oneshot::channel();
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        let (ended, ends) = tokio::sync::oneshot::channel();
        let waiting = tokio::spawn({
            let store = store.clone();
            async move {
                let written: Result<bool, StoreError> = store
                    .write(move |tx| {
                        Box::pin(async move {
                            tx.on_end(move |outcome| ended.send(outcome).unwrap());
                            began.send(()).unwrap();
                            gone.await.unwrap();
                            tx.activate_member(ada, Timestamp(9)).await
                        })
                    })
                    .await;
                written
            }
        });
        begins.await.unwrap();
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        go.send(()).unwrap();
        assert_eq!(ends.await.unwrap(), keyward::store::TransactionOutcome::Committed);
        let row = store.reader().await.unwrap().member(ada).await.unwrap().unwrap();
        assert_eq!(row.member.status, MemberStatus::Active);
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_error_for_a_damaged_row_identifies_the_row() {
    for_each_database(async |database| {
        let (store, ada) = open_with_ada(database).await;
        let mut connection = connect_directly(&database.target).await;
        execute(&mut connection, "UPDATE members SET id = 'no id'").await.unwrap_err();
        execute(&mut connection, "UPDATE sign_in_codes SET ended_at = 1").await.unwrap();
        execute(&mut connection, "UPDATE organization SET id = 'no id'").await.unwrap();
        let error = store.reader().await.unwrap().organization().await.unwrap_err();
        let message = error.to_string();
        assert!(message.contains("table organization, column id, row no id"), "{message}");
        assert!(store.reader().await.unwrap().member(ada).await.unwrap().is_some());
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused() {
    for_each_database(async |database| {
        database.open().await.close().await;
        let mut connection = connect_directly(&database.target).await;
        execute(
            &mut connection,
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             SELECT 999, description, success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1",
        )
        .await
        .unwrap();
        let again = Store::open(&database.target, OpenMode::Serve, Timestamp(0), random_bytes).await;
        let error = again.unwrap_err();
        assert!(matches!(error, OpenStoreError::Newer(999)), "{error}");
    })
    .await;
}
