//! Operations of the data plane, which require an API key.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::page::Page;
use super::{NoQuery, calls};
use crate::domain::id::Id;

/// A site of the organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Site {
    /// Unique id of the site.
    #[schema(value_type = uuid::Uuid)]
    pub uuid: Id,
    /// Name of the site.
    pub name: String,
    /// Postal address of the site.
    #[schema(required = true)]
    pub address: Option<String>,
}

/// A machine at a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Machine {
    /// Unique id of the machine.
    #[schema(value_type = uuid::Uuid)]
    pub uuid: Id,
    /// Name of the machine.
    pub name: String,
    /// Date of the machine's first data, such as `2021-03-01`.
    #[schema(required = true)]
    pub genesis_date: Option<String>,
    /// Id of the site that the machine is at.
    #[schema(value_type = uuid::Uuid)]
    pub site: Id,
}

calls! {
    /// Lists the sites. Clients also call it to check whether a key is valid.
    ListSites = GET "/sites" "listSites" Data 200; NoQuery, () => Page<Site>;
    /// Lists the machines.
    ListMachines = GET "/machines" "listMachines" Data 200; NoQuery, () => Page<Machine>;
    /// Verifies a key on behalf of a reverse proxy; any method is accepted. The response headers `X-Keyward-Key-Id`, `X-Keyward-Key-Name` and `X-Keyward-Key-Kind` describe the key.
    Authenticate = GET "/auth" "authenticate" Data 204; NoQuery, () => ();
}
