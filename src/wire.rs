//! The HTTP API as types, shared by client, server and OpenAPI document.
//!
//! Start reading with [`Call`]: each operation is one type that names its method, path, body and reply. [`visit_calls`] is the
//! only list of operations.

use http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::{IntoParams, ToSchema};

pub mod activity;
pub mod data_plane;
pub mod keys;
pub mod members;
pub mod page;
pub mod problem;
pub mod reviews;
pub mod sessions;

/// Path prefix of the API.
pub const BASE: &str = "/api/v2";
/// Response header with the id under which the server logged the request.
pub const REQUEST_ID: &str = "x-request-id";
/// Request header that makes it safe to retry a request that creates a key or applies a decision
/// (draft-ietf-httpapi-idempotency-key-header).
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Maximum size of a request body in bytes.
pub const BODY_MAX: usize = 64 * 1024;

/// The plane that an operation belongs to, which determines the credential it requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plane {
    /// Data plane: requires an API key.
    Data,
    /// Management plane: requires a member's session.
    Management,
    /// Requires no credential.
    Open,
}

/// An operation of the HTTP API. The server and the client take its method, path and types from here, so they cannot disagree.
pub trait Call {
    /// HTTP method.
    const METHOD: Method;
    /// Path below [`BASE`]. A path parameter is written `{id}`.
    const PATH: &'static str;
    /// Name of the operation in the OpenAPI document (`operationId`).
    const OPERATION: &'static str;
    /// Description of the operation in the OpenAPI document.
    const ABOUT: &'static str;
    /// HTTP status of a successful response.
    const STATUS: u16;
    /// The plane, which determines the required credential.
    const PLANE: Plane;
    /// Whether the path contains the parameter `{id}`.
    const HAS_ID: bool;
    /// Type of the query parameters.
    type Query: Serialize + DeserializeOwned + Default + IntoParams + Send;
    /// Type of the JSON request body; `()` if there is none.
    type Body: Serialize + DeserializeOwned + ToSchema + Send;
    /// Type of the JSON response body; `()` if there is none.
    type Reply: Serialize + DeserializeOwned + ToSchema + Send;
}

/// A visitor that is called with each operation. Operations are types, so there can be no list of them.
pub trait CallVisitor {
    /// Visits one operation.
    fn visit<C: Call>(&mut self);
}

/// Calls the visitor with every operation of the API.
pub fn visit_calls(visitor: &mut impl CallVisitor) {
    data_plane::visit_calls(visitor);
    sessions::visit_calls(visitor);
    keys::visit_calls(visitor);
    members::visit_calls(visitor);
    reviews::visit_calls(visitor);
    activity::visit_calls(visitor);
}

/// Query parameters of an operation that has none. Unknown parameters are ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize, utoipa::IntoParams)]
pub struct NoQuery {}

/// Defines operations, each written as `Name = METHOD "path" "operation" plane status; Query, Body => Reply;`.
macro_rules! calls {
    ($($(#[doc = $about:literal])* $name:ident = $method:ident $path:literal $operation:literal $plane:ident $status:literal; $query:ty, $body:ty => $reply:ty;)+) => {$(
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name;

        impl $crate::wire::Call for $name {
            const METHOD: http::Method = http::Method::$method;
            const PATH: &'static str = $path;
            const OPERATION: &'static str = $operation;
            const ABOUT: &'static str = concat!($($about),*);
            const STATUS: u16 = $status;
            const PLANE: $crate::wire::Plane = $crate::wire::Plane::$plane;
            const HAS_ID: bool = $crate::wire::has_id($path);
            type Query = $query;
            type Body = $body;
            type Reply = $reply;
        }
    )+

        /// Calls the visitor with each operation of this module.
        pub(super) fn visit_calls(visitor: &mut impl $crate::wire::CallVisitor) {
            $(visitor.visit::<$name>();)+
        }
    };
}
pub(crate) use calls;

/// Returns whether a path contains `{id}`.
pub(crate) const fn has_id(path: &str) -> bool {
    let bytes = path.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        if bytes[i] == b'{' {
            return true;
        }
        i += 1;
    }
    false
}
