//! The authorization matrix: every operation of the OpenAPI document × every actor × every target, compared with a golden file.
//!
//! The test fails if an operation is missing here. The response for a target that the actor may not see must have the same bytes as the
//! response for a missing one.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use keyward::clock::{Clock, random_bytes};
use keyward::domain::id::Id;
use keyward::domain::key::KeyKind;
use keyward::domain::member::Role;
use keyward::domain::secret::{Secret, Token, TokenKind};
use keyward::server::openapi::document;
use keyward::store::{NewKey, NewMember, NewSession, RevokeGuard, Tx};
use serde_json::{Value, json};

use crate::support::for_each_database;
use crate::support::test_server::TestServer;

/// An operation of the OpenAPI document.
struct Operation {
    name: String,
    method: reqwest::Method,
    path: String,
}

fn read_operations() -> Vec<Operation> {
    let document = document();
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations.push(Operation {
                name: operation["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
            });
        }
    }
    operations.sort_by(|a, b| a.name.cmp(&b.name));
    operations
}

const ACTORS: [&str; 10] = [
    "nobody",
    "operator",
    "normal",
    "admin",
    "demoted",
    "removed",
    "ended",
    "personal-key",
    "org-key",
    "revoked-key",
];

/// Returns the targets on which the test tries an operation.
fn targets_of(operation: &str) -> &'static [&'static str] {
    match operation {
        "getPersonalKey"
        | "editPersonalKey"
        | "confirmPersonalKey"
        | "revokePersonalKey"
        | "getPersonalKeyUsage"
        | "getOrganizationKey"
        | "editOrganizationKey"
        | "confirmOrganizationKey"
        | "revokeOrganizationKey"
        | "getOrganizationKeyUsage"
        | "createReview"
        | "lookUpKey"
        | "revokeLeakedKey" => &["own", "other's", "other kind", "missing", "revoked"],
        "changeMemberRole" | "removeMember" | "endMemberSessions" => &["self", "other", "missing", "gone"],
        "endSession" => &["own", "other's", "missing"],
        _ => &["-"],
    }
}

/// Data of one cell of the matrix, created separately for each cell so that cells do not affect one another.
struct Fixture {
    /// Bearer token of the actor.
    credential: Option<String>,
    /// Id of each target by name, and its secret if it is a key.
    targets: BTreeMap<&'static str, (Id, String)>,
    /// Id of an existing key, for operations without a target.
    any: Id,
}

struct CreatedKey {
    id: Id,
    secret: String,
}

async fn insert_member(tx: &mut Tx, role: Role) -> Id {
    let at = Clock::System.now();
    let id = Id::new(at, random_bytes());
    let new = NewMember { id, email: format!("{id}@plant.example"), name: "Some One".into(), role, at };
    tx.insert_member(&new).await.unwrap();
    tx.activate_member(id, at).await.unwrap();
    id
}

async fn insert_session(tx: &mut Tx, member_id: Id) -> (Id, String) {
    let token = Token::new(TokenKind::Session, random_bytes());
    let (at, id) = (Clock::System.now(), Id::new(Clock::System.now(), random_bytes()));
    let digest = TokenKind::Session.digest(token.expose()).unwrap();
    let (agent, address) = (String::new(), "192.0.2.1".to_owned());
    tx.insert_session(NewSession { id, member_id, digest, at, agent, address }).await.unwrap();
    (id, token.expose().to_owned())
}

async fn insert_key(tx: &mut Tx, kind: KeyKind, created_by: Id, revoked: bool) -> CreatedKey {
    let (at, secret) = (Clock::System.now(), Secret::generate(random_bytes));
    let id = Id::new(at, random_bytes());
    let new = NewKey {
        id,
        kind,
        name: "a key".into(),
        note: None,
        digest: secret.digest(),
        mask: secret.mask(),
        created_by,
        at,
        replaces: None,
    };
    tx.insert_key(&new).await.unwrap();
    if revoked {
        assert!(tx.revoke_key(id, RevokeGuard::default(), created_by, Some("old"), at).await.unwrap());
    }
    CreatedKey { id, secret: secret.expose().to_owned() }
}

async fn create_fixture(
    server: &TestServer,
    operation: &str,
    actor: &'static str,
    keys: &[String; 3],
) -> Fixture {
    let operation = operation.to_owned();
    let keys = keys.clone();
    let made: Result<Fixture, keyward::store::StoreError> = server
        .store
        .write(move |tx| {
            Box::pin(async move {
                let now = Clock::System.now();
                let role = match actor {
                    "operator" => Role::Operator,
                    "admin" | "demoted" => Role::Admin,
                    _ => Role::Normal,
                };
                let me = insert_member(tx, role).await;
                let other = insert_member(tx, Role::Normal).await;
                let removed = insert_member(tx, Role::Normal).await;
                tx.remove_member(removed, now).await?;
                let (own_session, token) = insert_session(tx, me).await;
                let (others_session, _) = insert_session(tx, other).await;
                let mut credential = Some(token);
                match actor {
                    "nobody" => credential = None,
                    "demoted" => drop(tx.set_role(me, Role::Normal, now).await?),
                    "ended" => drop(tx.end_session(own_session, me, now).await?),
                    "removed" => {
                        tx.remove_member(me, now).await?;
                    }
                    "personal-key" => credential = Some(keys[0].clone()),
                    "org-key" => credential = Some(keys[1].clone()),
                    "revoked-key" => credential = Some(keys[2].clone()),
                    _ => {}
                }
                let kind =
                    if operation.contains("Personal") { KeyKind::Personal } else { KeyKind::Organization };
                let other_kind =
                    if kind == KeyKind::Personal { KeyKind::Organization } else { KeyKind::Personal };
                let missing = Id::new(now, random_bytes());
                let unknown = Secret::generate(random_bytes).expose().to_owned();
                let mut targets = BTreeMap::from([("missing", (missing, unknown))]);
                for (name, kind, by, revoked) in [
                    ("own", kind, me, false),
                    ("other's", kind, other, false),
                    ("other kind", other_kind, me, false),
                    ("revoked", kind, me, true),
                ] {
                    let made = insert_key(tx, kind, by, revoked).await;
                    targets.insert(name, (made.id, made.secret));
                }
                for (name, id) in [("self", me), ("other", other), ("gone", removed)] {
                    targets.insert(name, (id, String::new()));
                }
                if operation == "endSession" {
                    targets.insert("own", (own_session, String::new()));
                    targets.insert("other's", (others_session, String::new()));
                }
                Ok(Fixture { credential, any: targets["own"].0, targets })
            })
        })
        .await;
    made.unwrap()
}

/// Returns the query string and the body of a request.
fn query_and_body(operation: &str, fixture: &Fixture, target: &str) -> (String, Option<Value>) {
    let (id, secret) =
        fixture.targets.get(target).map_or((fixture.any, ""), |(id, secret)| (*id, secret.as_str()));
    let none = || (String::new(), None);
    let body = |body: Value| (String::new(), Some(body));
    match operation {
        "listSites"
        | "listMachines"
        | "authenticate"
        | "getMe"
        | "openapi"
        | "getOpenApi"
        | "listSessions"
        | "listMembers"
        | "listActivity"
        | "listReviews"
        | "listPersonalKeys"
        | "listOrganizationKeys"
        | "getPersonalKey"
        | "getOrganizationKey"
        | "getPersonalKeyUsage"
        | "getOrganizationKeyUsage"
        | "confirmPersonalKey"
        | "confirmOrganizationKey"
        | "createSessionCode"
        | "endSession"
        | "endCurrentSession"
        | "endMemberSessions"
        | "removeMember" => none(),
        "listPersonalKeyUsage" | "listOrganizationKeyUsage" => (format!("?ids={}", fixture.any), None),
        "listRotations" => ("?owner=organization".into(), None),
        "createInvitation" => body(
            json!({"email": format!("{}@plant.example", Id::new(Clock::System.now(), random_bytes())), "role": "normal"}),
        ),
        "createSession" => body(json!({"code": format!("inv_{}", "0".repeat(64))})),
        "createPersonalKey" | "createOrganizationKey" => body(json!({"name": "new"})),
        "editPersonalKey" | "editOrganizationKey" => body(json!({"name": "another name"})),
        "revokePersonalKey" | "revokeOrganizationKey" => body(json!({"even_if_used": true, "reason": "x"})),
        "changeMemberRole" => body(json!({"role": "operator"})),
        "createReview" => body(json!({"review_id": fixture.any, "key_id": id, "decision": "skip"})),
        "recordReviewExport" => body(json!({"records": 1, "sha256": "0".repeat(64)})),
        "lookUpKey" => body(json!({"secret": secret})),
        "revokeLeakedKey" => body(json!({"secret": secret, "reason": "x"})),
        unknown => {
            panic!("the operation {unknown} is not in the matrix: add its request and its targets")
        }
    }
}

/// A response without its request id and date, which always differ.
struct Response {
    cell: String,
    bytes: String,
}

async fn send(
    http: &reqwest::Client,
    base: &str,
    operation: &Operation,
    fixture: &Fixture,
    target: &str,
) -> Response {
    let (query, body) = query_and_body(&operation.name, fixture, target);
    let id = fixture.targets.get(target).map_or(fixture.any, |(id, _)| *id);
    let path = operation.path.replace("{id}", &id.to_string());
    let mut request = http
        .request(operation.method.clone(), format!("{base}{path}{query}"))
        .header("idempotency-key", "one")
        .header("if-match", "\"1\"");
    if let Some(credential) = &fixture.credential {
        request = request.bearer_auth(credential);
    }
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let mut headers: Vec<String> = response
        .headers()
        .iter()
        .filter(|(name, _)| !["x-request-id", "date"].contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    headers.sort();
    let text = response.text().await.unwrap();
    let kind = serde_json::from_str::<Value>(&text).ok().and_then(|v| Some(v["type"].as_str()?.to_owned()));
    let cell = match kind {
        Some(kind) if status >= 400 => format!("{status} {kind}"),
        _ => status.to_string(),
    };
    Response { cell, bytes: format!("{status}\n{}\n{text}", headers.join("\n")) }
}

/// Formats all responses: a paragraph for each operation and target, a line for each response with its actors.
async fn render_matrix(server: &TestServer) -> String {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let base = server.base_url();
    let keys = [KeyKind::Personal, KeyKind::Organization, KeyKind::Organization];
    let mut secrets = Vec::new();
    for (n, kind) in keys.into_iter().enumerate() {
        let body = keyward::wire::keys::CreateKey { name: format!("key {n}"), note: None, replaces: None };
        let created = server.ada.client.create_key(kind, body, &n.to_string()).await.unwrap();
        secrets.push(created.secret.unwrap().expose().to_owned());
        if n == 2 {
            let revoke = keyward::wire::keys::RevokeKey {
                even_if_used: Some(true),
                reason: Some("old".into()),
                ..Default::default()
            };
            server.ada.client.revoke_key(kind, created.key.id, revoke).await.unwrap();
        }
    }
    let secrets: [String; 3] = secrets.try_into().unwrap();
    let mut table = String::new();
    for operation in read_operations() {
        let mut refused: BTreeMap<&str, BTreeMap<&str, Response>> = BTreeMap::new();
        let targets = targets_of(&operation.name);
        let has_target = operation.path.contains("{id}");
        assert!(!has_target || targets.len() > 1, "{}: add its targets", operation.name);
        for &target in targets {
            let mut row: Vec<(String, Vec<&str>)> = Vec::new();
            for actor in ACTORS {
                let fixture = create_fixture(server, &operation.name, actor, &secrets).await;
                let response = send(&http, &base, &operation, &fixture, target).await;
                assert!(
                    !response.cell.starts_with('5'),
                    "{} {target} {actor}: {}",
                    operation.name,
                    response.bytes
                );
                match row.iter_mut().find(|(cell, _)| *cell == response.cell) {
                    Some((_, actors)) => actors.push(actor),
                    None => row.push((response.cell.clone(), vec![actor])),
                }
                refused.entry(actor).or_default().insert(target, response);
            }
            let cells: Vec<String> =
                row.into_iter().map(|(cell, actors)| format!("{cell}: {}", actors.join(" "))).collect();
            writeln!(table, "{} ({target})\n    {}", operation.name, cells.join("\n    ")).unwrap();
        }
        assert_missing_is_indistinguishable(&operation.name, &refused);
    }
    table
}

/// Asserts that a refusal never tells whether its target exists.
fn assert_missing_is_indistinguishable(
    operation: &str,
    responses: &BTreeMap<&str, BTreeMap<&str, Response>>,
) {
    for (actor, targets) in responses {
        let Some(missing) = targets.get("missing") else { continue };
        for (target, response) in targets {
            if response.cell == missing.cell && !response.cell.starts_with('2') {
                assert_eq!(
                    response.bytes, missing.bytes,
                    "{operation}: {actor} can tell {target} from missing"
                );
            }
        }
    }
}

/// Guarantee 11: every role, operation and ownership is decided.
#[tokio::test(flavor = "multi_thread")]
async fn every_combination_of_role_operation_and_ownership_is_decided() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let table = render_matrix(&server).await;
        insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!("matrix", table);
        });
        server.stop().await;
    })
    .await;
}
