//! Creating, using and revoking keys as clients do.

use keyward::client::{CallRequest, Client, ClientError, Credential};
use keyward::clock::{Clock, random_bytes};
use keyward::domain::id::Id;
use keyward::domain::key::KeyKind;
use keyward::domain::time::Timestamp;
use keyward::wire::data_plane::ListSites;
use keyward::wire::keys::{CreateKey, CreatedKey, RevokeKey};
use keyward::wire::problem::ProblemType;

/// Returns the body for creating a key with only a name.
pub fn key_named(name: &str) -> CreateKey {
    CreateKey { name: name.into(), note: None, replaces: None }
}

/// Creates a key with a new, random idempotency key.
pub async fn create_key(client: &Client, kind: KeyKind, body: CreateKey) -> Result<CreatedKey, ClientError> {
    let idempotency_key = Id::new(Clock::System.now(), random_bytes()).to_string();
    client.create_key(kind, body, &idempotency_key).await
}

/// Returns a client of the same server that authenticates with the secret of a key.
pub fn client_with_secret(client: &Client, secret: &str) -> Client {
    client.with_credential(Credential::bearer(secret).unwrap())
}

/// Returns a client of the same server that authenticates with a new key.
pub fn key_client(client: &Client, created: &CreatedKey) -> Client {
    client_with_secret(client, created.secret.as_ref().expect("a new key has its secret").expose())
}

/// Uses the client's key once and returns whether the server accepted it. Panics on any error other than `key-invalid`.
pub async fn is_accepted(key_client: &Client) -> bool {
    match key_client.send(CallRequest::to(ListSites)).await {
        Ok(_) => true,
        Err(error) if error.is_problem(ProblemType::KeyInvalid) => false,
        Err(error) => panic!("{error}"),
    }
}

/// Returns the body for revoking a key unless it was used since `at`.
pub fn unless_used_since(at: Timestamp) -> RevokeKey {
    RevokeKey { unless_used_since: Some(at), ..RevokeKey::default() }
}

/// Returns the body for revoking a key even if it was used.
pub fn even_if_used(reason: &str) -> RevokeKey {
    RevokeKey { even_if_used: Some(true), reason: Some(reason.into()), ..RevokeKey::default() }
}
