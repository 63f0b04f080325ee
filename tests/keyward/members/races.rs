//! Races between role changes, removals and sign-ins, on both databases.

use futures_util::future::join_all;
use keyward::client::{CallRequest, Client, ClientError};
use keyward::clock::random_bytes;
use keyward::domain::id::Id;
use keyward::domain::member::{MemberStatus, Role};
use keyward::domain::secret::{Token, TokenKind};
use keyward::domain::time::Timestamp;
use keyward::store::{AdminInvitation, OpenMode, SetUpError, Store};
use keyward::wire::members::{ChangeMemberRole, ChangeRole, ListMembers, RemoveMember};
use keyward::wire::problem::ProblemType as P;
use keyward::wire::sessions::GetMe;

use crate::support::test_server::{TestMember, TestServer, problem_type};
use crate::support::{Database, for_each_database, random_below, scaled};

/// Returns the active admins.
async fn active_admins(store: &Store) -> Vec<Id> {
    let members = store.reader().await.unwrap().members(None, 100_000).await.unwrap();
    let admins = members.into_iter().filter(|row| row.role == Role::Admin && row.is_active());
    admins.map(|row| row.member.id).collect()
}

/// Returns clients of a member for every server.
fn clients_on_every_server(person: &TestMember, anonymous_clients: &[Client]) -> Vec<Client> {
    let other = anonymous_clients.iter().map(|client| client.with_credential(person.credential.clone()));
    std::iter::once(person.client.clone()).chain(other).collect()
}

/// Starts a second server on PostgreSQL. A SQLite database belongs to one server.
async fn start_other_servers(
    server: &TestServer,
    database: &Database,
) -> Vec<(keyward::server::RunningServer, Client)> {
    if database.allows_several_servers() { vec![server.start_second(database).await] } else { Vec::new() }
}

/// Guarantee 10: there is always one active admin.
#[tokio::test(flavor = "multi_thread")]
async fn one_active_admin_always_remains() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let (_next, anonymous_clients): (Vec<_>, Vec<_>) =
            start_other_servers(&server, database).await.into_iter().unzip();
        let mut admins = vec![server.ada.clone()];
        for round in 0..scaled(1_500) {
            // In even rounds two admins remove or demote each other; in odd rounds several choose random targets.
            if round % 2 == 0 {
                for other in &admins[1..] {
                    remove_or_demote(admins[0].client.clone(), other.id).await;
                }
                let left = active_admins(&server.store).await;
                admins.retain(|admin| left.contains(&admin.id));
            }
            let duel = round % 2 == 0 && admins.len() == 1;
            admins
                .extend(server.insert_members(Role::Admin, if duel { 1 } else { 1 + random_below(7) }).await);
            let acts = admins.iter().enumerate().map(|(n, admin)| {
                let clients = clients_on_every_server(admin, &anonymous_clients);
                let client = clients[random_below(clients.len())].clone();
                let target = admins[if duel { 1 - n } else { random_below(admins.len()) }].id;
                async move { tokio::spawn(remove_or_demote(client, target)).await.unwrap() }
            });
            join_all(acts).await;
            let left = active_admins(&server.store).await;
            assert!(!left.is_empty(), "{}: no admin is left after round {round}", database.name);
            admins.retain(|admin| left.contains(&admin.id));
        }
        server.stop().await;
    })
    .await;
}

/// Removes or demotes a member, possibly the admin's own account. Panics on an unexpected refusal.
async fn remove_or_demote(client: Client, target: Id) {
    let role = if random_below(2) == 0 { Role::Normal } else { Role::Operator };
    let result = if random_below(2) == 0 {
        client.send(CallRequest::to(RemoveMember).id(target)).await.map(drop)
    } else {
        let body = ChangeRole { role, revoke_personal_keys: None };
        client.send(CallRequest::with(ChangeMemberRole, body).id(target)).await.map(drop)
    };
    if let Err(error) = result {
        let expected = [P::LastAdmin, P::SessionEnded, P::NotPermitted, P::MemberRemoved];
        assert!(expected.iter().any(|&kind| error.is_problem(kind)), "{error}");
    }
}

/// Guarantee 12: a role change or removal acts on the next request.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_change_or_removal_applies_to_the_next_request_on_every_server() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let (_next, anonymous_clients): (Vec<_>, Vec<_>) =
            start_other_servers(&server, database).await.into_iter().unzip();
        let to = |role| ChangeRole { role, revoke_personal_keys: None };
        for member in server.insert_members(Role::Normal, scaled(500)).await {
            let everywhere = clients_on_every_server(&member, &anonymous_clients);
            let refused = async |kind| {
                for client in &everywhere {
                    assert_eq!(
                        problem_type(client.send(CallRequest::to(ListMembers)).await),
                        kind,
                        "{}",
                        database.name
                    );
                }
            };
            refused(P::NotPermitted).await;
            server
                .ada
                .client
                .send(CallRequest::with(ChangeMemberRole, to(Role::Admin)).id(member.id))
                .await
                .unwrap();
            for client in &everywhere {
                client.send(CallRequest::to(GetMe)).await.map(|me| assert_eq!(me.role, Role::Admin)).unwrap();
            }
            server
                .ada
                .client
                .send(CallRequest::with(ChangeMemberRole, to(Role::Operator)).id(member.id))
                .await
                .unwrap();
            refused(P::NotPermitted).await;
            server.ada.client.send(CallRequest::to(RemoveMember).id(member.id)).await.unwrap();
            refused(P::SessionEnded).await;
        }
        server.stop().await;
    })
    .await;
}

/// Guarantee 13: the first admin cannot be taken.
#[tokio::test(flavor = "multi_thread")]
async fn exactly_one_of_many_parallel_setups_succeeds() {
    let race = async |database: &Database| {
        // Opening an empty database creates its tables, which is part of the race.
        let stores = join_all((0..4).map(|_| async {
            Store::open(&database.target, OpenMode::SetUp, Timestamp(0), random_bytes).await.unwrap()
        }))
        .await;
        let tries = (0..32).map(|n| {
            let store = stores[n % stores.len()].clone();
            tokio::spawn(async move {
                store.set_up_organization("Plant".into(), invitation(), random_bytes).await
            })
        });
        let results = join_all(tries).await;
        let done = results.iter().filter(|result| matches!(result, Ok(Ok(_)))).count();
        let late = results.iter().filter(|r| matches!(r, Ok(Err(SetUpError::AlreadySetUp)))).count();
        assert_eq!((done, late), (1, 31), "{}: {results:?}", database.name);
        let members = stores[0].reader().await.unwrap().members(None, 10).await.unwrap();
        assert_eq!(members.iter().map(|m| m.member.status).collect::<Vec<_>>(), [MemberStatus::Invited]);
    };
    for _ in 0..scaled(200) {
        for_each_database(race).await;
    }
}

fn invitation() -> AdminInvitation {
    let code = TokenKind::Code.digest(Token::new(TokenKind::Code, random_bytes()).expose()).unwrap();
    AdminInvitation {
        email: "ada@plant.example".into(),
        code,
        at: Timestamp(0),
        expires_at: Timestamp(i64::MAX),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_code_redeemed_in_parallel_works_once() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        for _ in 0..scaled(100) {
            let code = server
                .ada
                .client
                .send(CallRequest::to(keyward::wire::sessions::CreateSessionCode))
                .await
                .unwrap();
            let tries =
                (0..4).map(|_| crate::support::test_server::sign_in(&server.client, code.code.expose()));
            let results: Vec<Result<TestMember, ClientError>> = join_all(tries).await;
            assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        }
        server.stop().await;
    })
    .await;
}
