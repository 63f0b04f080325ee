//! Pagination: the envelope of lists and the parameters of the next page.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, Ref, RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::domain::time::Timestamp;

/// Default number of items per page.
pub const LIMIT_DEFAULT: u32 = 100;
/// Maximum number of items per page.
pub const LIMIT_MAX: u32 = 1_000;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// Information about the page, such as the cursor of the next page.
    pub metadata: PageMetadata,
    /// The items of the page.
    pub data: Vec<T>,
}

// Written by hand because the derived schema leaves out the schema of the items.
impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .property("metadata", Ref::from_schema_name(PageMetadata::name()))
            .property("data", ArrayBuilder::new().items(Ref::from_schema_name(T::name())))
            .required("metadata")
            .required("data")
            .into()
    }
}

impl<T: ToSchema> ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        format!("PageOf{}", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((PageMetadata::name().into_owned(), PageMetadata::schema()));
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

/// Information about a page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Metadata)]
pub struct PageMetadata {
    /// Opaque cursor for requesting the next page; `null` on the last page.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
    /// Server time when the page was read. Pass it as `changed_since` to list later changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub as_of: Option<Timestamp>,
    /// Total number of items in the list. Only set when keys are listed without `changed_since`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}

/// Query parameters for lists that cannot be filtered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Number of items per page, 1 to 1000. Default: 100.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "deserialize_up_to::<LIMIT_MAX, _>"
    )]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// `next_cursor` from the previous page. Omit it for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(min_length = 1, pattern = "^[0-9A-Za-z_-]+$")]
    pub cursor: Option<String>,
}

/// Deserializes an optional number, which must be from 1 to `MAX`.
pub(super) fn deserialize_up_to<'de, const MAX: u32, D: Deserializer<'de>>(
    d: D,
) -> Result<Option<u32>, D::Error> {
    match Option::<u32>::deserialize(d) {
        Ok(Some(number)) if (1..=MAX).contains(&number) => Ok(Some(number)),
        Ok(None) => Ok(None),
        _ => Err(de::Error::custom(format_args!("must be a number from 1 to {MAX}"))),
    }
}
