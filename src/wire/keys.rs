//! Keys of both kinds: lists, create, edit, confirm, revoke, use, rotations, look-ups.

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

/// How one asks for a list of keys. Newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct KeysQuery {
    /// Items of the page, 1 to 1000; 100 when absent.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::page::up_to::<1000, _>"
    )]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(min_length = 1, pattern = "^[0-9A-Za-z_-]+$")]
    pub cursor: Option<String>,
    /// Revoked keys too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub include: Option<IncludedKeys>,
    /// Only the keys that changed since this `as_of`; then revoked ones are always included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub changed_since: Option<Timestamp>,
}

/// What a list of keys includes besides the keys that are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Include)]
#[serde(rename_all = "lowercase")]
pub enum IncludedKeys {
    /// Revoked keys.
    Revoked,
}

/// A new key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    /// Its name: 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    pub name: String,
    /// A note, at most 1000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub note: Option<String>,
    /// The key that this one replaces in a rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub replaces: Option<Id>,
}

/// A created key: its facts, and the secret this once. Without a secret where it was confirmed or used meanwhile.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct CreatedKey {
    /// The key.
    #[serde(flatten)]
    pub key: Key,
    /// The secret. Never shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub secret: Option<SecretString>,
}

/// A secret or token on its way in a JSON body. Wiped when dropped, never printed.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretString(zeroize::Zeroizing<String>);

impl SecretString {
    /// Wraps a secret for a body.
    pub fn new(text: &str) -> Self {
        Self(zeroize::Zeroizing::new(text.to_owned()))
    }

    /// The secret itself. Whoever calls this is responsible for where it goes.
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

/// Fields to change; absent ones stay. `note` set to an empty text removes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditKey {
    /// A new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    pub name: Option<String>,
    /// A new note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub note: Option<String>,
}

/// How a key is revoked: exactly one of `unless_used_since`, or `even_if_used` with a reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeKey {
    /// Refuse if the key was used at this time or later: up to when the caller has seen its use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub unless_used_since: Option<Timestamp>,
    /// Revoke although it may be in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub even_if_used: Option<bool>,
    /// Why; required with `even_if_used`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}

/// Which part of a key's use is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UsageQuery {
    /// From when; 24 hours (with days: 30 days) before `to` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub from: Option<Timestamp>,
    /// Until when; now when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub to: Option<Timestamp>,
    /// How wide a bucket is.
    #[serde(default)]
    #[param(inline)]
    pub bucket: BucketWidth,
}

/// The rows on the screen: compact counts for several keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DailyUseQuery {
    /// Ids of at most 200 keys, by commas. Those that are not there, or another's, are left out of the answer.
    #[param(
        pattern = "^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(,[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}){0,199})?$"
    )]
    pub ids: String,
    /// How many days, 1 to 400; 30 when absent.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::page::up_to::<400, _>"
    )]
    #[param(minimum = 1, maximum = 400)]
    pub days: Option<u32>,
}

/// Most keys of one [`DailyUseQuery`].
pub const DAILY_USE_MAX: usize = 200;

/// Which rotations are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RotationsQuery {
    /// Of one's own personal keys, or of the organization's.
    #[param(inline)]
    pub owner: KeyKind,
    /// Both keys' use by hour over the last 90 days too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<bool>,
    /// Items of the page, 1 to 1000; 100 when absent.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::page::up_to::<1000, _>"
    )]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(min_length = 1, pattern = "^[0-9A-Za-z_-]+$")]
    pub cursor: Option<String>,
}

impl Default for RotationsQuery {
    fn default() -> Self {
        Self { owner: KeyKind::Organization, usage: None, limit: None, cursor: None }
    }
}

/// A rotation: the two keys, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rotation {
    /// Where it stands.
    pub phase: Phase,
    /// The key to be replaced.
    pub old: Key,
    /// Its replacement.
    pub new: Key,
    /// How long the old key must be silent, in seconds.
    pub quiet_window_s: i64,
    /// The longest gap between two uses of the old key that raised the window, in seconds.
    #[serde(default)]
    #[schema(required = true)]
    pub raised_by_gap_s: Option<i64>,
    /// Since when the old key has been silent.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub quiet_since: Option<Timestamp>,
    /// When the old key may go if it stays silent; nothing once done or abandoned.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub ready_at: Option<Timestamp>,
    /// What was observed that puts it in its phase, in words.
    pub evidence: String,
    /// Both keys' use by hour, when asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<RotationUsage>,
}

/// Both keys' use by hour, on one time axis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RotationUsage {
    /// Since when uses have been recorded.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub tracking_since: Timestamp,
    /// Of the old key, oldest first.
    pub old: Vec<Bucket>,
    /// Of the new key, oldest first.
    pub new: Vec<Bucket>,
}

/// A secret to look up.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LookUpKey {
    /// The secret.
    #[schema(value_type = String, pattern = "^sk_[0-9A-Za-z]{40}$")]
    pub secret: SecretString,
}

/// A leaked secret to revoke.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeLeakedKey {
    /// The secret.
    #[schema(value_type = String, pattern = "^sk_[0-9A-Za-z]{40}$")]
    pub secret: SecretString,
    /// Why.
    #[schema(min_length = 1, max_length = 1000, pattern = r"\S")]
    pub reason: String,
}

/// Whose key a secret is. Of another member's personal key an admin sees id, mask, owner and status only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FoundKey {
    /// The key's id.
    #[schema(value_type = uuid::Uuid)]
    pub id: Id,
    /// Its kind.
    pub kind: KeyKind,
    /// Its mask.
    pub masked: String,
    /// Its creator; of a personal key, its owner.
    pub created_by: MemberRef,
    /// When it was revoked; nothing while it is accepted.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>, required = true)]
    pub revoked_at: Option<Timestamp>,
    /// All of it, where the caller may see it.
    #[schema(required = true)]
    pub key: Option<Key>,
}

calls! {
    /// Own personal keys.
    ListPersonalKeys = GET "/personal-api-keys" "listPersonalKeys" Management 200; KeysQuery, () => Page<Key>;
    /// Create a personal key.
    CreatePersonalKey = POST "/personal-api-keys" "createPersonalKey" Management 201; NoQuery, CreateKey => CreatedKey;
    /// One of the own personal keys.
    GetPersonalKey = GET "/personal-api-keys/{id}" "getPersonalKey" Management 200; NoQuery, () => Key;
    /// Change its name or note; needs `If-Match`.
    EditPersonalKey = PATCH "/personal-api-keys/{id}" "editPersonalKey" Management 200; NoQuery, EditKey => Key;
    /// The secret is stored: it cannot be issued anew any more.
    ConfirmPersonalKey = POST "/personal-api-keys/{id}/confirm" "confirmPersonalKey" Management 200; NoQuery, () => Key;
    /// Revoke it.
    RevokePersonalKey = POST "/personal-api-keys/{id}/revoke" "revokePersonalKey" Management 200; NoQuery, RevokeKey => Key;
    /// Its use over time.
    GetPersonalKeyUsage = GET "/personal-api-keys/{id}/usage" "getPersonalKeyUsage" Management 200; UsageQuery, () => Usage;
    /// Compact counts of several personal keys.
    ListPersonalKeyUsage = GET "/personal-api-keys/usage" "listPersonalKeyUsage" Management 200; DailyUseQuery, () => Page<DailyUse>;
    /// The organization's keys.
    ListOrganizationKeys = GET "/api-keys" "listOrganizationKeys" Management 200; KeysQuery, () => Page<Key>;
    /// Create an organization key.
    CreateOrganizationKey = POST "/api-keys" "createOrganizationKey" Management 201; NoQuery, CreateKey => CreatedKey;
    /// One of the organization's keys.
    GetOrganizationKey = GET "/api-keys/{id}" "getOrganizationKey" Management 200; NoQuery, () => Key;
    /// Change its name or note; needs `If-Match`.
    EditOrganizationKey = PATCH "/api-keys/{id}" "editOrganizationKey" Management 200; NoQuery, EditKey => Key;
    /// The secret is stored: it cannot be issued anew any more.
    ConfirmOrganizationKey = POST "/api-keys/{id}/confirm" "confirmOrganizationKey" Management 200; NoQuery, () => Key;
    /// Revoke it.
    RevokeOrganizationKey = POST "/api-keys/{id}/revoke" "revokeOrganizationKey" Management 200; NoQuery, RevokeKey => Key;
    /// Its use over time.
    GetOrganizationKeyUsage = GET "/api-keys/{id}/usage" "getOrganizationKeyUsage" Management 200; UsageQuery, () => Usage;
    /// Compact counts of several organization keys.
    ListOrganizationKeyUsage = GET "/api-keys/usage" "listOrganizationKeyUsage" Management 200; DailyUseQuery, () => Page<DailyUse>;
    /// Rotations with their phase.
    ListRotations = GET "/rotations" "listRotations" Management 200; RotationsQuery, () => Page<Rotation>;
    /// Whose key is this?
    LookUpKeyCall = POST "/key-lookups" "lookUpKey" Management 200; NoQuery, LookUpKey => FoundKey;
    /// Revoke a leaked key by its secret.
    RevokeLeakedKeyCall = POST "/key-lookups/revoke" "revokeLeakedKey" Management 200; NoQuery, RevokeLeakedKey => FoundKey;
}
