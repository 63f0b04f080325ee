//! The HTTP contract in types: one type for each call, shared by the client, the server and the OpenAPI document.

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

/// What all paths begin with.
pub const BASE: &str = "/api/v2";
/// Carries the id under which the server logged a request.
pub const REQUEST_ID: &str = "x-request-id";
/// Makes a repeated create or review the same one (draft-ietf-httpapi-idempotency-key-header).
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Most bytes of a request's body.
pub const BODY_MAX: usize = 64 * 1024;

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plane {
    /// With an API key.
    Data,
    /// With a member's session.
    Management,
    /// Without a credential.
    Open,
}

/// One operation of the contract. The handler answers with `Reply`, or does not compile.
pub trait Call {
    /// The HTTP method.
    const METHOD: Method;
    /// The path below [`BASE`], its parameter written `{id}`.
    const PATH: &'static str;
    /// The operation's name in the OpenAPI document.
    const OPERATION: &'static str;
    /// What it does, in words.
    const ABOUT: &'static str;
    /// The status of success.
    const STATUS: u16;
    /// Who may call.
    const PLANE: Plane;
    /// Whether the path has an `{id}`.
    const HAS_ID: bool;
    /// The query parameters.
    type Query: Serialize + DeserializeOwned + Default + IntoParams + Send;
    /// The JSON body; `()` where there is none.
    type Body: Serialize + DeserializeOwned + ToSchema + Send;
    /// The JSON reply; `()` where there is none.
    type Reply: Serialize + DeserializeOwned + ToSchema + Send;
}

/// Something that is shown every call of the contract.
pub trait CallVisitor {
    /// One call.
    fn call<C: Call>(&mut self);
}

/// Shows all calls to the visitor: the one list of operations.
pub fn visit_calls(visitor: &mut impl CallVisitor) {
    data_plane::visit_calls(visitor);
    sessions::visit_calls(visitor);
    keys::visit_calls(visitor);
    members::visit_calls(visitor);
    reviews::visit_calls(visitor);
    activity::visit_calls(visitor);
}

/// No query parameters. Unknown ones are ignored, as everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize, utoipa::IntoParams)]
pub struct NoQuery {}

/// Defines calls: `Name = METHOD "path", operation, plane, status; Query, Body => Reply`.
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

        /// Shows the calls of this module to the visitor.
        pub(super) fn visit_calls(visitor: &mut impl $crate::wire::CallVisitor) {
            $(visitor.call::<$name>();)+
        }
    };
}
pub(crate) use calls;

/// Whether a path has an `{id}`.
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
