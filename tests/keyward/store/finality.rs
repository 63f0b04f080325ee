//! Triggers protect final rows even from a database tool, and both databases have the same schema.

use keyward::domain::secret::Digest;
use sqlx::Row as _;

use super::{connect_directly, execute, insert_key, open_with_ada};
use crate::support::{Database, for_each_database};

/// Guarantees 7, 16: revocation is irreversible, and the activity log is append-only.
#[tokio::test(flavor = "multi_thread")]
async fn final_rows_cannot_be_deleted_reactivated_or_rewritten() {
    for_each_database(async |database| {
        let (store, ada) = open_with_ada(database).await;
        let mut connection = connect_directly(&database.target).await;
        let live = insert_key(&mut connection, ada, Digest([1; 32]), false).await;
        let revoked = insert_key(&mut connection, ada, Digest([2; 32]), true).await;
        execute(
            &mut connection,
            &format!(
                "INSERT INTO reviews (id, review_id, key_id, key_name, key_last_four, decision, reviewer_id, \
            reviewed_at, findings) VALUES ('r', 'r', '{live}', 'n', '5G08', 'keep', '{ada}', 1, '[]')"
            ),
        )
        .await
        .unwrap();
        execute(
            &mut connection,
            &format!("UPDATE keys SET last_used_at = 9, use_count = 3 WHERE id = '{live}'"),
        )
        .await
        .unwrap();
        let mut refused = vec![
            "DELETE FROM keys".to_owned(),
            "DELETE FROM members".into(),
            "DELETE FROM activity".into(),
            "DELETE FROM reviews".into(),
            "UPDATE activity SET detail = ''".into(),
            "UPDATE reviews SET note = ''".into(),
            format!("UPDATE keys SET revoked_at = NULL WHERE id = '{revoked}'"),
            format!("UPDATE keys SET name = 'x' WHERE id = '{revoked}'"),
            format!("UPDATE keys SET use_count = use_count + 1 WHERE id = '{revoked}'"),
            format!("UPDATE keys SET last_used_at = 8 WHERE id = '{live}'"),
            format!("UPDATE keys SET last_used_at = NULL WHERE id = '{live}'"),
            format!("UPDATE keys SET use_count = 2 WHERE id = '{live}'"),
            format!("UPDATE keys SET created_at = 6 WHERE id = '{live}'"),
            format!("UPDATE keys SET kind = 'organization' WHERE id = '{live}'"),
            "INSERT INTO organization (singleton, id, name, created_at) VALUES (2, 'x', 'x', 0)".into(),
        ];
        if database.allows_several_servers() {
            refused
                .extend(["keys", "members", "activity", "reviews"].map(|t| format!("TRUNCATE {t} CASCADE")));
        } else {
            refused.extend(
                ["keys", "members", "activity", "reviews"]
                    .map(|t| format!("REPLACE INTO {t} SELECT * FROM {t}")),
            );
        }
        for sql in refused {
            assert!(execute(&mut connection, &sql).await.is_err(), "{}: {sql}", database.name);
        }
        let removed = format!("UPDATE members SET removed_at = 9 WHERE id = '{ada}'");
        assert_eq!(execute(&mut connection, &removed).await.unwrap(), 1);
        assert!(
            execute(&mut connection, &format!("UPDATE members SET removed_at = NULL WHERE id = '{ada}'"))
                .await
                .is_err()
        );
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_databases_have_the_same_tables_columns_and_indexes() {
    let Some(postgres) = Database::postgres().await else { return };
    let sqlite = Database::sqlite();
    let in_sqlite = query_names(
        &sqlite,
            "SELECT m.name || '.' || c.name || ' ' || LOWER(c.type) || ' ' || CASE c.\"notnull\" WHEN 1 THEN 'NO' ELSE 'YES' END \
             FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\' \
             AND m.name NOT LIKE 'sqlite%' UNION ALL SELECT 'index ' || name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
    )
    .await;
    let in_postgres = query_names(
        &postgres,
            "SELECT CAST(table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable AS TEXT) \
             FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%' \
             UNION ALL SELECT 'index ' || indexname FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE '%\\_pkey'",
    )
    .await;
    let in_sqlite: Vec<String> =
        in_sqlite.into_iter().map(|line| line.replace(" blob ", " bytea ")).collect();
    assert_eq!(in_sqlite, in_postgres);
    assert!(in_sqlite.len() > 90, "too few columns were compared: {in_sqlite:?}");
}

async fn query_names(database: &Database, sql: &'static str) -> Vec<String> {
    database.open().await.close().await;
    let rows = sqlx::query(sql).fetch_all(&mut connect_directly(&database.target).await).await.unwrap();
    let mut names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    names.sort();
    names
}
