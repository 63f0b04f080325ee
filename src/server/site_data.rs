//! The organization's sites and machines, which integrations read with an API key.

use axum::body::Bytes;

use crate::store::{self, Store};
use crate::wire::data_plane::{Machine, Site};
use crate::wire::page::{Page, PageMetadata};

/// Sites and machines as JSON. They are loaded once, because they are only changed on the server's host while the server is
/// stopped.
pub(super) struct SiteData {
    pub sites: Bytes,
    pub machines: Bytes,
}

impl SiteData {
    pub(super) async fn load(store: &Store) -> Result<Self, store::StoreError> {
        let mut reader = store.reader().await?;
        let sites = reader.sites().await?;
        let machines = reader.machines().await?;
        let site = |s: store::StoredSite| Site { uuid: s.id, name: s.name, address: s.address };
        let machine = |m: store::StoredMachine| Machine {
            uuid: m.id,
            name: m.name,
            genesis_date: m.genesis_date,
            site: m.site,
        };
        Ok(Self {
            sites: to_page_json(sites.into_iter().map(site).collect()),
            machines: to_page_json(machines.into_iter().map(machine).collect()),
        })
    }
}

fn to_page_json<T: serde::Serialize>(data: Vec<T>) -> Bytes {
    let page = Page { metadata: PageMetadata::default(), data };
    serde_json::to_vec(&page).expect("sites and machines can be serialized as JSON").into()
}
