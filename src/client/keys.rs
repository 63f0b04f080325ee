//! Calls for keys that take the kind as an argument. The API has a separate path for each kind.

use super::api_client::Client;
use super::error::ClientError;
use super::request::CallRequest;
use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};
use crate::domain::usage::{DailyUse, Usage};
use crate::wire::keys::{
    ConfirmOrganizationKey, ConfirmPersonalKey, CreateKey, CreateOrganizationKey, CreatePersonalKey,
    CreatedKey, DailyUseQuery, EditKey, EditOrganizationKey, EditPersonalKey, GetOrganizationKey,
    GetOrganizationKeyUsage, GetPersonalKey, GetPersonalKeyUsage, ListOrganizationKeyUsage,
    ListPersonalKeyUsage, RevokeKey, RevokeOrganizationKey, RevokePersonalKey, UsageQuery,
};
use crate::wire::page::Page;

/// Sends one of two calls, depending on the kind of key.
macro_rules! by_kind {
    ($client:expr, $kind:expr, $personal:ident, $organization:ident, |$call:ident| $request:expr) => {
        match $kind {
            KeyKind::Personal => {
                let $call = $personal;
                $client.send($request).await
            }
            KeyKind::Organization => {
                let $call = $organization;
                $client.send($request).await
            }
        }
    };
}

impl Client {
    /// Fetches a key by id.
    ///
    /// # Errors
    /// Fails as [`Client::send`] does.
    pub async fn key(&self, kind: KeyKind, id: Id) -> Result<Key, ClientError> {
        by_kind!(self, kind, GetPersonalKey, GetOrganizationKey, |call| CallRequest::to(call).id(id))
    }

    /// Creates a key. A retry with the same `idempotency_key` returns the same key, with a new secret unless the key has been used or
    /// confirmed.
    pub async fn create_key(
        &self,
        kind: KeyKind,
        body: CreateKey,
        idempotency_key: &str,
    ) -> Result<CreatedKey, ClientError> {
        by_kind!(self, kind, CreatePersonalKey, CreateOrganizationKey, |call| CallRequest::with(call, body)
            .idempotency_key(idempotency_key))
    }

    /// Changes a key's name or note. The server refuses the change if the key no longer has this version.
    pub async fn edit_key(
        &self,
        kind: KeyKind,
        id: Id,
        version: i64,
        body: EditKey,
    ) -> Result<Key, ClientError> {
        by_kind!(self, kind, EditPersonalKey, EditOrganizationKey, |call| CallRequest::with(call, body)
            .id(id)
            .if_match(version))
    }

    /// Confirms that a key's secret was stored, after which the secret cannot be reissued.
    pub async fn confirm_key(&self, kind: KeyKind, id: Id) -> Result<Key, ClientError> {
        by_kind!(self, kind, ConfirmPersonalKey, ConfirmOrganizationKey, |call| CallRequest::to(call).id(id))
    }

    /// Revokes a key, under the conditions in `body`.
    pub async fn revoke_key(&self, kind: KeyKind, id: Id, body: RevokeKey) -> Result<Key, ClientError> {
        by_kind!(self, kind, RevokePersonalKey, RevokeOrganizationKey, |call| CallRequest::with(call, body)
            .id(id))
    }

    /// Fetches the usage of a key.
    pub async fn key_usage(&self, kind: KeyKind, id: Id, query: UsageQuery) -> Result<Usage, ClientError> {
        by_kind!(self, kind, GetPersonalKeyUsage, GetOrganizationKeyUsage, |call| CallRequest::to(call)
            .id(id)
            .query(query))
    }

    /// Fetches the daily use counts of up to 200 keys.
    pub async fn daily_use(
        &self,
        kind: KeyKind,
        ids: &[Id],
        days: Option<u32>,
    ) -> Result<Page<DailyUse>, ClientError> {
        let ids = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let query = DailyUseQuery { ids, days };
        by_kind!(self, kind, ListPersonalKeyUsage, ListOrganizationKeyUsage, |call| CallRequest::to(call)
            .query(query))
    }
}
