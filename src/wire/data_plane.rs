//! What an API key reaches.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::page::Page;
use super::{NoQuery, calls};
use crate::domain::id::Id;

/// A site of the organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Site {
    /// The site's id.
    #[schema(value_type = uuid::Uuid)]
    pub uuid: Id,
    /// Its name.
    pub name: String,
    /// Its postal address.
    #[schema(required = true)]
    pub address: Option<String>,
}

/// A machine of a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Machine {
    /// The machine's id.
    #[schema(value_type = uuid::Uuid)]
    pub uuid: Id,
    /// Its name.
    pub name: String,
    /// The day of its first data, `2021-03-01`.
    #[schema(required = true)]
    pub genesis_date: Option<String>,
    /// The site that it stands on.
    #[schema(value_type = uuid::Uuid)]
    pub site: Id,
}

calls! {
    /// The sites; also the call that verifies a key.
    ListSites = GET "/sites" "listSites" Data 200; NoQuery, () => Page<Site>;
    /// The machines.
    ListMachines = GET "/machines" "listMachines" Data 200; NoQuery, () => Page<Machine>;
    /// Whether the key is good, for a reverse proxy; any method. 204 with `X-Keyward-Key-Id`, `X-Keyward-Key-Name`, `X-Keyward-Key-Kind`.
    Authenticate = GET "/auth" "authenticate" Data 204; NoQuery, () => ();
}
