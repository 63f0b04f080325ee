//! The database: opening it, writing to it, and what it refuses.

use keyward::clock::{Clock, entropy};
use keyward::domain::member::Status;
use keyward::domain::secret::{Token, TokenKind};
use keyward::domain::time::DAY;
use keyward::store::{Access, ActivityFilter, Error, HostInvitation, SetUpError, Store, Target};

async fn opened(folder: &std::path::Path) -> Store {
    let target = Target::Sqlite(folder.join("data").join("keys.db"));
    Store::open(&target, Access::Serve, Clock::System.now(), entropy).await.unwrap()
}

fn ada() -> HostInvitation {
    let code = Token::new(TokenKind::Code, entropy());
    let code = TokenKind::Code.digest(code.expose()).unwrap();
    let at = Clock::System.now();
    HostInvitation { email: "ada@plant.example".into(), code, at, expires_at: at.plus(3 * DAY) }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_is_set_up_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(folder.path()).await;
    let row = store.bootstrap("Plant".into(), ada(), entropy).await.unwrap();
    assert_eq!(row.member.status, Status::Invited);
    let again = store.bootstrap("Plant".into(), ada(), entropy).await;
    assert!(matches!(again, Err(SetUpError::AlreadySetUp)));
    let log =
        store.read(|tx| Box::pin(async move { tx.activity(ActivityFilter::default(), 100).await })).await;
    assert_eq!(log.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(folder.path()).await;
    let member = store.bootstrap("Plant".into(), ada(), entropy).await.unwrap().member.id;
    let now = Clock::System.now();
    let refused: Result<(), Error> = store
        .write(move |tx| {
            Box::pin(async move {
                tx.remove_member(member, now).await?;
                Err(Error::Busy)
            })
        })
        .await;
    assert_eq!(refused, Err(Error::Busy));
    let row = store.reader().await.unwrap().member(member).await.unwrap().unwrap();
    assert_eq!(row.member.status, Status::Invited);
}
