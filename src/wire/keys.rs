//! Operations for keys of both kinds: list, create, edit, confirm, revoke, usage, rotations, lookups.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page::Page;
use super::{NoQuery, calls};
use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};
use crate::domain::member::MemberRef;
use crate::domain::rotation::Phase;
use crate::domain::time::Timestamp;
use crate::domain::usage::{Bucket, BucketWidth, DailyUse, Usage};

/// Query parameters for listing keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct KeysQuery {
    /// Number of keys per page, 1 to 1000. Default: 100.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::page::deserialize_up_to::<1000, _>"
    )]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// `next_cursor` from the previous page. Omit it for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(min_length = 1, pattern = "^[0-9A-Za-z_-]+$")]
    pub cursor: Option<String>,
    /// Set to `revoked` to list revoked keys as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub include: Option<IncludedKeys>,
    /// Only keys that changed at this time or later, including revoked keys. Pass the `as_of` of an earlier page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub changed_since: Option<Timestamp>,
}

/// Keys to list in addition to the active ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Include)]
#[serde(rename_all = "lowercase")]
pub enum IncludedKeys {
    /// Revoked keys.
    Revoked,
}

/// Request to create a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    /// Name of the key, 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    pub name: String,
    /// Note about the key, at most 1000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub note: Option<String>,
    /// Id of the key that the new key replaces in a rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub replaces: Option<Id>,
}

/// A created key with its secret. The secret is missing if the request was retried after the key was confirmed or used.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct CreatedKey {
    /// The created key.
    #[serde(flatten)]
    pub key: Key,
    /// Secret of the key. It cannot be retrieved later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub secret: Option<SecretString>,
}

/// A secret or token in a JSON body. It is zeroized when dropped, and cannot be printed.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretString(zeroize::Zeroizing<String>);

impl SecretString {
    /// Creates a secret for a JSON body by copying `text`.
    pub fn new(text: &str) -> Self {
        Self(zeroize::Zeroizing::new(text.to_owned()))
    }

    /// Returns the secret in plain text. Callers must not log or store it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for SecretString {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretString(…)")
    }
}

impl std::fmt::Debug for CreatedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedKey").field("key", &self.key.id).field("secret", &self.secret).finish()
    }
}

/// Request to edit a key. Fields that are missing in the request are not changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditKey {
    /// The new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    pub name: Option<String>,
    /// The new note. An empty string removes the note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub note: Option<String>,
}

/// Request to revoke a key. Either `unless_used_since` or `even_if_used` with a reason is required.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeKey {
    /// Refuse to revoke the key if it was used at this time or later. Pass the time up to which the caller has seen the key's
    /// usage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub unless_used_since: Option<Timestamp>,
    /// Revoke the key even if it is in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub even_if_used: Option<bool>,
    /// Reason for the revocation. Required with `even_if_used`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}

/// Query parameters for the usage of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UsageQuery {
    /// Start of the period. Default: 24 hours before `to`, or 30 days with daily buckets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub from: Option<Timestamp>,
    /// End of the period. Default: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub to: Option<Timestamp>,
    /// Length of the time buckets. Default: `hour`.
    #[serde(default)]
    #[param(inline)]
    pub bucket: BucketWidth,
}

/// Query parameters for the daily usage of several keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DailyUseQuery {
    /// Comma-separated key ids, at most 200. Keys that do not exist or belong to another member are omitted from the response.
    #[param(
        pattern = "^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(,[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}){0,199})?$"
    )]
    pub ids: String,
    /// Number of days, 1 to 400. Default: 30.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::page::deserialize_up_to::<400, _>"
    )]
    #[param(minimum = 1, maximum = 400)]
    pub days: Option<u32>,
}

/// Maximum number of key ids in a [`DailyUseQuery`].
pub const DAILY_USE_MAX: usize = 200;

/// Query parameters for listing rotations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RotationsQuery {
    /// Whether to list the rotations of the member's personal keys or of the organization's keys.
    #[param(inline)]
    pub owner: KeyKind,
    /// Whether to include the hourly usage of both keys over the last 90 days. Default: `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<bool>,
    /// Number of rotations per page, 1 to 1000. Default: 100.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::page::deserialize_up_to::<1000, _>"
    )]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// `next_cursor` from the previous page. Omit it for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(min_length = 1, pattern = "^[0-9A-Za-z_-]+$")]
    pub cursor: Option<String>,
}

impl Default for RotationsQuery {
    fn default() -> Self {
        Self { owner: KeyKind::Organization, usage: None, limit: None, cursor: None }
    }
}

/// A rotation: the replacement of an old key with a new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rotation {
    /// How far the rotation has progressed.
    pub phase: Phase,
    /// The key that is being replaced.
    pub old: Key,
    /// The key that replaces the old key.
    pub new: Key,
    /// Quiet window in seconds: how long the old key must be unused before it may be revoked.
    pub quiet_window_s: i64,
    /// Longest gap in seconds between two uses of the old key; `null` if it did not lengthen the quiet window.
    #[serde(default)]
    #[schema(required = true)]
    pub raised_by_gap_s: Option<i64>,
    /// When the old key was last used, or created if it was never used. `null` in the phases done and abandoned.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub quiet_since: Option<Timestamp>,
    /// When the old key may be revoked, provided that it is not used again. `null` in the phases done and abandoned.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub ready_at: Option<Timestamp>,
    /// Observations that determine the phase, as text.
    pub evidence: String,
    /// Hourly usage of both keys. Only set if the request asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<RotationUsage>,
}

/// Hourly usage of the old and the new key of a rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RotationUsage {
    /// When the server started to record uses. Earlier uses are unknown.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub tracking_since: Timestamp,
    /// Usage of the old key, oldest bucket first.
    pub old: Vec<Bucket>,
    /// Usage of the new key, oldest bucket first.
    pub new: Vec<Bucket>,
}

/// Request to find the key that a secret belongs to.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LookUpKey {
    /// The complete secret.
    #[schema(value_type = String, pattern = "^sk_[0-9A-Za-z]{40}$")]
    pub secret: SecretString,
}

/// Request to revoke the key that a leaked secret belongs to.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeLeakedKey {
    /// The complete secret.
    #[schema(value_type = String, pattern = "^sk_[0-9A-Za-z]{40}$")]
    pub secret: SecretString,
    /// Reason for the revocation.
    #[schema(min_length = 1, max_length = 1000, pattern = r"\S")]
    pub reason: String,
}

/// The key that a secret belongs to. `key` is missing if it is another member's personal key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FoundKey {
    /// Unique id of the key. Ids sort by creation time.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// Whether this is a personal key or an organization key.
    pub kind: KeyKind,
    /// Masked secret, such as `sk_…5G08`.
    pub masked: String,
    /// Member who created the key. A personal key belongs to its creator.
    pub created_by: MemberRef,
    /// When the key was revoked; `null` while the key is active.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub revoked_at: Option<Timestamp>,
    /// All fields of the key, if the caller may read them.
    #[schema(required = true)]
    pub key: Option<Key>,
}

calls! {
    /// Lists the member's personal keys, newest first.
    ListPersonalKeys = GET "/personal-api-keys" "listPersonalKeys" Management 200; KeysQuery, () => Page<Key>;
    /// Creates a personal key.
    CreatePersonalKey = POST "/personal-api-keys" "createPersonalKey" Management 201; NoQuery, CreateKey => CreatedKey;
    /// Returns one of the member's personal keys.
    GetPersonalKey = GET "/personal-api-keys/{id}" "getPersonalKey" Management 200; NoQuery, () => Key;
    /// Changes the name or note of a personal key. Requires the `If-Match` header.
    EditPersonalKey = PATCH "/personal-api-keys/{id}" "editPersonalKey" Management 200; NoQuery, EditKey => Key;
    /// Confirms that the secret of a personal key has been stored. Afterwards, the key cannot be given a new secret.
    ConfirmPersonalKey = POST "/personal-api-keys/{id}/confirm" "confirmPersonalKey" Management 200; NoQuery, () => Key;
    /// Revokes a personal key.
    RevokePersonalKey = POST "/personal-api-keys/{id}/revoke" "revokePersonalKey" Management 200; NoQuery, RevokeKey => Key;
    /// Returns the usage of a personal key.
    GetPersonalKeyUsage = GET "/personal-api-keys/{id}/usage" "getPersonalKeyUsage" Management 200; UsageQuery, () => Usage;
    /// Returns the daily usage of several personal keys.
    ListPersonalKeyUsage = GET "/personal-api-keys/usage" "listPersonalKeyUsage" Management 200; DailyUseQuery, () => Page<DailyUse>;
    /// Lists the organization's keys, newest first.
    ListOrganizationKeys = GET "/api-keys" "listOrganizationKeys" Management 200; KeysQuery, () => Page<Key>;
    /// Creates an organization key.
    CreateOrganizationKey = POST "/api-keys" "createOrganizationKey" Management 201; NoQuery, CreateKey => CreatedKey;
    /// Returns an organization key.
    GetOrganizationKey = GET "/api-keys/{id}" "getOrganizationKey" Management 200; NoQuery, () => Key;
    /// Changes the name or note of an organization key. Requires the `If-Match` header.
    EditOrganizationKey = PATCH "/api-keys/{id}" "editOrganizationKey" Management 200; NoQuery, EditKey => Key;
    /// Confirms that the secret of an organization key has been stored. Afterwards, the key cannot be given a new secret.
    ConfirmOrganizationKey = POST "/api-keys/{id}/confirm" "confirmOrganizationKey" Management 200; NoQuery, () => Key;
    /// Revokes an organization key.
    RevokeOrganizationKey = POST "/api-keys/{id}/revoke" "revokeOrganizationKey" Management 200; NoQuery, RevokeKey => Key;
    /// Returns the usage of an organization key.
    GetOrganizationKeyUsage = GET "/api-keys/{id}/usage" "getOrganizationKeyUsage" Management 200; UsageQuery, () => Usage;
    /// Returns the daily usage of several organization keys.
    ListOrganizationKeyUsage = GET "/api-keys/usage" "listOrganizationKeyUsage" Management 200; DailyUseQuery, () => Page<DailyUse>;
    /// Lists rotations and their phases.
    ListRotations = GET "/rotations" "listRotations" Management 200; RotationsQuery, () => Page<Rotation>;
    /// Finds the key that a secret belongs to.
    LookUpKeyCall = POST "/key-lookups" "lookUpKey" Management 200; NoQuery, LookUpKey => FoundKey;
    /// Revokes the key that a leaked secret belongs to.
    RevokeLeakedKeyCall = POST "/key-lookups/revoke" "revokeLeakedKey" Management 200; NoQuery, RevokeLeakedKey => FoundKey;
}
