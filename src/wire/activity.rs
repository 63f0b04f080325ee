//! The activity log.

use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::calls;
use super::page::Page;
use crate::domain::activity::{Action, Activity};
use crate::domain::id::Id;
use crate::domain::time::Timestamp;

/// Which rows are asked for. Newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ActivityQuery {
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
    /// Only about this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<uuid::Uuid>)]
    pub key: Option<Id>,
    /// Only by or about this member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<uuid::Uuid>)]
    pub member: Option<Id>,
    /// Only this action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub action: Option<Action>,
    /// Only at this time or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub from: Option<Timestamp>,
    /// Only before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub to: Option<Timestamp>,
}

calls! {
    /// Who did what, newest first.
    ListActivity = GET "/activity" "listActivity" Management 200; ActivityQuery, () => Page<Activity>;
}
