//! Operations of the activity log.

use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::calls;
use super::page::Page;
use crate::domain::activity::{Action, Activity};
use crate::domain::id::Id;
use crate::domain::time::Timestamp;

/// Query parameters for listing the activity log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ActivityQuery {
    /// Number of entries per page, 1 to 1000. Default: 100.
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
    /// Only entries about this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<uuid::Uuid>)]
    pub key: Option<Id>,
    /// Only entries by or about this member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<uuid::Uuid>)]
    pub member: Option<Id>,
    /// Only entries with this action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub action: Option<Action>,
    /// Only entries at this time or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub from: Option<Timestamp>,
    /// Only entries before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub to: Option<Timestamp>,
}

calls! {
    /// Lists entries of the activity log, newest first.
    ListActivity = GET "/activity" "listActivity" Management 200; ActivityQuery, () => Page<Activity>;
}
