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

/// Selects keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct KeysQuery {
    /// Number of keys per page, 1 to 1000. Default: 100.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::page::up_to::<1000, _>"
    )]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(min_length = 1, pattern = "^[0-9A-Za-z_-]+$")]
    pub cursor: Option<String>,
    /// Includes revoked keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub include: Option<IncludedKeys>,
    /// Only keys that changed at this time or later, revoked ones included. Pass the `as_of` of an earlier list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub changed_since: Option<Timestamp>,
}

/// Keys to include besides the active ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Include)]
#[serde(rename_all = "lowercase")]
pub enum IncludedKeys {
    /// Revoked keys.
    Revoked,
}

/// A key to create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    /// Name, 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    pub name: String,
    /// Note, at most 1000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub note: Option<String>,
    /// The key that the new key replaces in a rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub replaces: Option<Id>,
}

/// A created key with its secret. The secret is missing if the request was repeated after the key was confirmed or used.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct CreatedKey {
    /// The created key.
    #[serde(flatten)]
    pub key: Key,
    /// The secret. It is never shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub secret: Option<SecretString>,
}

/// A secret or token in a JSON body. It is zeroized when dropped, and never printed.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretString(zeroize::Zeroizing<String>);

impl SecretString {
    /// Copies a secret for a JSON body.
    pub fn new(text: &str) -> Self {
        Self(zeroize::Zeroizing::new(text.to_owned()))
    }

    /// Returns the secret in plain text. Take care where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for SecretString {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ShownOnce(…)")
    }
}

impl std::fmt::Debug for CreatedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedKey").field("key", &self.key.id).field("secret", &self.secret).finish()
    }
}

/// Fields of a key to change. Absent fields stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditKey {
    /// The new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    pub name: Option<String>,
    /// The new note. An empty text removes the note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub note: Option<String>,
}

/// Conditions for revoking a key: either `unless_used_since`, or `even_if_used` with a reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeKey {
    /// Refuses if the key was used at this time or later. Pass the time up to which the caller has seen its use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub unless_used_since: Option<Timestamp>,
    /// Revokes the key even if it is in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub even_if_used: Option<bool>,
    /// Reason for the revocation. Required with `even_if_used`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}

/// Selects a period of usage.
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
    /// Width of the buckets.
    #[serde(default)]
    #[param(inline)]
    pub bucket: BucketWidth,
}

/// Selects keys for daily counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DailyUseQuery {
    /// Comma-separated ids of at most 200 keys. Keys that do not exist or belong to another member are left out of the response.
    #[param(
        pattern = "^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(,[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}){0,199})?$"
    )]
    pub ids: String,
    /// Number of days, 1 to 400. Default: 30.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::page::up_to::<400, _>"
    )]
    #[param(minimum = 1, maximum = 400)]
    pub days: Option<u32>,
}

/// Maximum number of keys in a [`DailyUseQuery`].
pub const DAILY_USE_MAX: usize = 200;

/// Selects rotations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RotationsQuery {
    /// The member's personal keys or the organization's keys.
    #[param(inline)]
    pub owner: KeyKind,
    /// Includes the hourly usage of both keys over the last 90 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<bool>,
    /// Number of rotations per page, 1 to 1000. Default: 100.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::page::up_to::<1000, _>"
    )]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(min_length = 1, pattern = "^[0-9A-Za-z_-]+$")]
    pub cursor: Option<String>,
}

impl Default for RotationsQuery {
    fn default() -> Self {
        Self { owner: KeyKind::Organization, usage: None, limit: None, cursor: None }
    }
}

/// A rotation: the replacement of an old key by a new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rotation {
    /// Phase of the rotation.
    pub phase: Phase,
    /// The key that is being replaced.
    pub old: Key,
    /// The replacement.
    pub new: Key,
    /// Quiet window in seconds: time without use of the old key after which it may be revoked.
    pub quiet_window_s: i64,
    /// Longest gap in seconds between two uses of the old key, if it raised the quiet window.
    #[serde(default)]
    #[schema(required = true)]
    pub raised_by_gap_s: Option<i64>,
    /// Last use of the old key, or its creation if it was never used.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub quiet_since: Option<Timestamp>,
    /// Time from which the old key may be revoked if it stays unused. `null` in the phases done and abandoned.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub ready_at: Option<Timestamp>,
    /// Observations that put the rotation into its phase, as text.
    pub evidence: String,
    /// Hourly usage of both keys, if requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<RotationUsage>,
}

/// Hourly usage of both keys on one time axis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RotationUsage {
    /// When recording of uses began.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub tracking_since: Timestamp,
    /// Buckets of the old key, oldest first.
    pub old: Vec<Bucket>,
    /// Buckets of the new key, oldest first.
    pub new: Vec<Bucket>,
}

/// A secret to look up.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LookUpKey {
    /// The secret in full.
    #[schema(value_type = String, pattern = "^sk_[0-9A-Za-z]{40}$")]
    pub secret: SecretString,
}

/// A leaked secret whose key is to be revoked.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeLeakedKey {
    /// The secret in full.
    #[schema(value_type = String, pattern = "^sk_[0-9A-Za-z]{40}$")]
    pub secret: SecretString,
    /// Reason for the revocation.
    #[schema(min_length = 1, max_length = 1000, pattern = r"\S")]
    pub reason: String,
}

/// The key of a secret. Of another member's personal key, an admin sees only id, masked secret, owner and state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FoundKey {
    /// Identifies the key.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// Kind of the key.
    pub kind: KeyKind,
    /// Masked secret.
    pub masked: String,
    /// Creator of the key. For a personal key this is also its owner.
    pub created_by: MemberRef,
    /// Time of revocation; `null` while the key is active.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub revoked_at: Option<Timestamp>,
    /// All fields of the key, if the caller may see them.
    #[schema(required = true)]
    pub key: Option<Key>,
}

calls! {
    /// Lists the member's personal keys, newest first.
    ListPersonalKeys = GET "/personal-api-keys" "listPersonalKeys" Management 200; KeysQuery, () => Page<Key>;
    /// Creates a personal key.
    CreatePersonalKey = POST "/personal-api-keys" "createPersonalKey" Management 201; NoQuery, CreateKey => CreatedKey;
    /// Returns a personal key of the member.
    GetPersonalKey = GET "/personal-api-keys/{id}" "getPersonalKey" Management 200; NoQuery, () => Key;
    /// Changes name or note of a personal key. Requires `If-Match`.
    EditPersonalKey = PATCH "/personal-api-keys/{id}" "editPersonalKey" Management 200; NoQuery, EditKey => Key;
    /// Confirms that the secret of a personal key is stored, so that it cannot be reissued.
    ConfirmPersonalKey = POST "/personal-api-keys/{id}/confirm" "confirmPersonalKey" Management 200; NoQuery, () => Key;
    /// Revokes a personal key.
    RevokePersonalKey = POST "/personal-api-keys/{id}/revoke" "revokePersonalKey" Management 200; NoQuery, RevokeKey => Key;
    /// Returns the usage of a personal key.
    GetPersonalKeyUsage = GET "/personal-api-keys/{id}/usage" "getPersonalKeyUsage" Management 200; UsageQuery, () => Usage;
    /// Returns daily counts for several personal keys.
    ListPersonalKeyUsage = GET "/personal-api-keys/usage" "listPersonalKeyUsage" Management 200; DailyUseQuery, () => Page<DailyUse>;
    /// Lists the organization's keys, newest first.
    ListOrganizationKeys = GET "/api-keys" "listOrganizationKeys" Management 200; KeysQuery, () => Page<Key>;
    /// Creates an organization key.
    CreateOrganizationKey = POST "/api-keys" "createOrganizationKey" Management 201; NoQuery, CreateKey => CreatedKey;
    /// Returns an organization key.
    GetOrganizationKey = GET "/api-keys/{id}" "getOrganizationKey" Management 200; NoQuery, () => Key;
    /// Changes name or note of an organization key. Requires `If-Match`.
    EditOrganizationKey = PATCH "/api-keys/{id}" "editOrganizationKey" Management 200; NoQuery, EditKey => Key;
    /// Confirms that the secret of an organization key is stored, so that it cannot be reissued.
    ConfirmOrganizationKey = POST "/api-keys/{id}/confirm" "confirmOrganizationKey" Management 200; NoQuery, () => Key;
    /// Revokes an organization key.
    RevokeOrganizationKey = POST "/api-keys/{id}/revoke" "revokeOrganizationKey" Management 200; NoQuery, RevokeKey => Key;
    /// Returns the usage of an organization key.
    GetOrganizationKeyUsage = GET "/api-keys/{id}/usage" "getOrganizationKeyUsage" Management 200; UsageQuery, () => Usage;
    /// Returns daily counts for several organization keys.
    ListOrganizationKeyUsage = GET "/api-keys/usage" "listOrganizationKeyUsage" Management 200; DailyUseQuery, () => Page<DailyUse>;
    /// Lists rotations with their phases.
    ListRotations = GET "/rotations" "listRotations" Management 200; RotationsQuery, () => Page<Rotation>;
    /// Finds the key of a secret.
    LookUpKeyCall = POST "/key-lookups" "lookUpKey" Management 200; NoQuery, LookUpKey => FoundKey;
    /// Revokes the key of a leaked secret.
    RevokeLeakedKeyCall = POST "/key-lookups/revoke" "revokeLeakedKey" Management 200; NoQuery, RevokeLeakedKey => FoundKey;
}
