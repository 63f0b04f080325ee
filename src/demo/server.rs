//! Stores the organization in a database, starts the server on it, and starts the traffic of its integrations.

use std::net::TcpListener;
use std::path::PathBuf;

use super::organization::{DemoOrganization, GeneratedKey};
use super::traffic::{TrafficSource, spawn_traffic};
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

/// Seed of the random data, fixed so that the demo looks the same each time.
const SEED: u64 = 0x6B65_7977_6172_6421;

/// Options of the demo's server.
pub struct DemoServer {
    /// Path of the SQLite database.
    pub data: PathBuf,
    /// Listener on the port that the demo opened.
    pub listener: TcpListener,
    /// Number of keys to generate.
    pub keys: usize,
    /// Role of the member whom the demo signs in.
    pub role: Role,
    /// Digest of the signed-in member's session token.
    pub session: Digest,
}

impl DemoServer {
    /// Generates and stores the organization, and starts the server.
    pub async fn start(self) -> Result<RunningServer, DemoError> {
        let clock = Clock::System;
        let now = clock.now();
        let (keys, role, session) = (self.keys, self.role, self.session);
        let generation = tokio::task::spawn_blocking(move || {
            let organization = DemoOrganization::new(keys, now, SEED);
            to_seed(organization, role, session, now)
        });
        let store =
            Store::open(&DatabaseLocation::Sqlite(self.data), OpenMode::Serve, now, clock::random_bytes)
                .await?;
        let (seed, sources) = generation.await?;
        store.seed(seed).await?;
        let port = self.listener.local_addr().map_err(DemoError::Port)?;
        let settings = Settings {
            listen: port,
            // The traffic names the address of its client in X-Forwarded-For.
            trusted_proxies: vec!["127.0.0.0/8".parse().expect("the loopback range is valid")],
            ..Settings::default()
        };
        let listener = tokio::net::TcpListener::from_std(self.listener).map_err(DemoError::Port)?;
        let running = server::start(settings, store, clock, Some(listener)).await?;
        spawn_traffic(running.addr, sources);
        Ok(running)
    }
}

/// Converts the organization to database rows. Keys that are used while the demo runs get a known secret.
fn to_seed(
    organization: DemoOrganization,
    role: Role,
    session: Digest,
    now: Timestamp,
) -> (Seed, Vec<TrafficSource>) {
    let mut sources = Vec::new();
    let mut sessions = vec![NewSession {
        id: Id::new(now, clock::random_bytes()),
        member_id: organization.member_for(role).who.id,
        digest: session,
        at: now,
        agent: concat!("keyward/", env!("CARGO_PKG_VERSION")).to_owned(),
        address: "127.0.0.1".to_owned(),
    }];
    for member in &organization.members {
        sessions.push(NewSession {
            id: Id::new(member.last_seen_at, clock::random_bytes()),
            member_id: member.who.id,
            digest: Digest(clock::random_bytes()),
            at: member.last_seen_at,
            agent: concat!("keyward/", env!("CARGO_PKG_VERSION")).to_owned(),
            address: member.address.clone(),
        });
    }
    let keys =
        organization.keys.into_iter().map(|generated| {
            let GeneratedKey {
                mut key,
                mut digest,
                history: UsageHistory { hours, days, clients, .. },
                traffic,
            } = generated;
            if let Some((traffic, client)) = traffic {
                let secret = Secret::generate(clock::random_bytes);
                digest = secret.digest();
                key.masked = secret.mask().to_string();
                sources.push(TrafficSource { secret, traffic, client });
            }
            SeedKey { key, digest, hours, days, clients }
        });
    let seed = Seed {
        keys: keys.collect(),
        organization: StoredOrganization {
            id: organization.id,
            name: organization.name,
            created_at: organization.created_at,
        },
        sites: organization
            .sites
            .into_iter()
            .map(|site| StoredSite { id: site.uuid, name: site.name, address: site.address })
            .collect(),
        machines: organization
            .machines
            .into_iter()
            .map(|m| StoredMachine { id: m.uuid, name: m.name, genesis_date: m.genesis_date, site: m.site })
            .collect(),
        members: organization
            .members
            .iter()
            .map(|m| SeedMember { who: m.who.as_ref().clone(), role: m.role, joined_at: m.joined_at })
            .collect(),
        sessions,
        activity: organization.activity,
    };
    (seed, sources)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::{Token, TokenKind};

    #[tokio::test]
    async fn the_demo_server_starts_with_the_member_signed_in() {
        let folder = super::super::create_folder().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let token = Token::new(TokenKind::Session, clock::random_bytes());
        let session = TokenKind::Session.digest(token.expose()).unwrap();
        let data = folder.path().join("keyward.db");
        let server = DemoServer { data, listener, keys: 300, role: Role::Normal, session };
        let running = server.start().await.unwrap();
        let store = running.store();
        let mut reader = store.reader().await.unwrap();
        assert_eq!(reader.sites().await.unwrap().len(), 3);
        assert_eq!(reader.machines().await.unwrap().len(), 14);
        let signed_in = reader.session_by_token(&session).await.unwrap().unwrap();
        assert_eq!(signed_in.actor.member.name, "Hanna Hertz");
        let members = reader.members(None, 100).await.unwrap();
        assert_eq!(members.len(), 8);
        drop(reader);
        running.shutdown().await;
    }
}
