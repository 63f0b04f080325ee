//! Puts the organization into a database, starts the server on it and sets its integrations to work.

use std::net::TcpListener;
use std::path::PathBuf;

use super::organization::{DemoOrganization, GeneratedKey};
use super::traffic::{TrafficSource, set_to_work};
use super::{DemoError, usage_history::UsageHistory};
use crate::clock::{self, Clock};
use crate::domain::id::Id;
use crate::domain::member::Role;
use crate::domain::secret::{Digest, Secret};
use crate::domain::time::Timestamp;
use crate::server::{self, RunningServer, Settings};
use crate::store::{
    DatabaseLocation, NewSession, OpenMode, Seed, SeedKey, SeedMember, Store, StoredMachine,
    StoredOrganization, StoredSite,
};

/// Makes the demo look the same each time.
const SEED: u64 = 0x6B65_7977_6172_6421;

/// What the demo's server is made from.
pub struct DemoServer {
    /// The database.
    pub data: PathBuf,
    /// The open port.
    pub listener: TcpListener,
    /// How many keys.
    pub keys: usize,
    /// The role of the member who is signed in.
    pub role: Role,
    /// Of their session.
    pub session: Digest,
}

impl DemoServer {
    /// Plants the organization and starts the server.
    ///
    /// # Errors
    /// See [`DemoError`].
    pub async fn open(self) -> Result<RunningServer, DemoError> {
        let clock = Clock::System;
        let now = clock.now();
        let (keys, role, session) = (self.keys, self.role, self.session);
        let planting = tokio::task::spawn_blocking(move || {
            let plant = DemoOrganization::new(keys, now, SEED);
            sow(plant, role, session, now)
        });
        let store =
            Store::open(&DatabaseLocation::Sqlite(self.data), OpenMode::Serve, now, clock::random_bytes)
                .await?;
        let (seed, integrations) = planting.await?;
        store.seed(seed).await?;
        let port = self.listener.local_addr().map_err(DemoError::Port)?;
        let settings = Settings {
            listen: port,
            // The integrations of the demo say from where in the plant they call.
            trusted_proxies: vec!["127.0.0.0/8".parse().expect("a range of addresses")],
            ..Settings::default()
        };
        let listener = tokio::net::TcpListener::from_std(self.listener).map_err(DemoError::Port)?;
        let running = server::start(settings, store, clock, Some(listener)).await?;
        set_to_work(running.addr, integrations);
        Ok(running)
    }
}

/// The organization as the database takes it, and the keys that are used while the demo runs, with real secrets.
fn sow(plant: DemoOrganization, role: Role, session: Digest, now: Timestamp) -> (Seed, Vec<TrafficSource>) {
    let mut integrations = Vec::new();
    let mut sessions = vec![NewSession {
        id: Id::new(now, clock::random_bytes()),
        member_id: plant.member_for(role).who.id,
        digest: session,
        at: now,
        agent: concat!("keyward/", env!("CARGO_PKG_VERSION")).to_owned(),
        address: "127.0.0.1".to_owned(),
    }];
    for member in &plant.members {
        sessions.push(NewSession {
            id: Id::new(member.last_seen_at, clock::random_bytes()),
            member_id: member.who.id,
            digest: Digest(clock::random_bytes()),
            at: member.last_seen_at,
            agent: concat!("keyward/", env!("CARGO_PKG_VERSION")).to_owned(),
            address: member.address.clone(),
        });
    }
    let keys = plant.keys.into_iter().map(|planted| {
        let GeneratedKey { mut key, mut digest, past: UsageHistory { hours, days, clients, .. }, act } =
            planted;
        if let Some((act, client)) = act {
            let secret = Secret::generate(clock::random_bytes);
            digest = secret.digest();
            key.masked = secret.mask().to_string();
            integrations.push(TrafficSource { secret, act, client });
        }
        SeedKey { key, digest, hours, days, clients }
    });
    let seed = Seed {
        keys: keys.collect(),
        organization: StoredOrganization { id: plant.id, name: plant.name, created_at: plant.created_at },
        sites: plant
            .sites
            .into_iter()
            .map(|site| StoredSite { id: site.uuid, name: site.name, address: site.address })
            .collect(),
        machines: plant
            .machines
            .into_iter()
            .map(|m| StoredMachine { id: m.uuid, name: m.name, genesis_date: m.genesis_date, site: m.site })
            .collect(),
        members: plant
            .members
            .iter()
            .map(|m| SeedMember { who: m.who.as_ref().clone(), role: m.role, joined_at: m.joined_at })
            .collect(),
        sessions,
        activity: plant.activity,
    };
    (seed, integrations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::{Token, TokenKind};

    #[tokio::test]
    async fn the_house_opens_with_its_guest_signed_in() {
        let folder = super::super::folder().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let token = Token::new(TokenKind::Session, clock::random_bytes());
        let session = TokenKind::Session.digest(token.expose()).unwrap();
        let data = folder.path().join("keyward.db");
        let house = DemoServer { data, listener, keys: 300, role: Role::Normal, session };
        let running = house.open().await.unwrap();
        let store = running.store();
        let mut reader = store.reader().await.unwrap();
        assert_eq!(reader.sites().await.unwrap().len(), 3);
        assert_eq!(reader.machines().await.unwrap().len(), 14);
        let guest = reader.session_by_token(&session).await.unwrap().unwrap();
        assert_eq!(guest.actor.member.name, "Hanna Hertz");
        let members = reader.members(None, 100).await.unwrap();
        assert_eq!(members.len(), 8);
        drop(reader);
        running.shutdown().await;
    }
}
