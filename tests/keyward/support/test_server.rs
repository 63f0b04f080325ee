//! Test server: a server in this process with an organization, and signed-in members.

use keyward::client::{CallRequest, Client, ClientError, ClientOptions, Credential};
use keyward::clock::{Clock, random_bytes};
use keyward::domain::id::Id;
use keyward::domain::member::Role;
use keyward::domain::secret::{Token, TokenKind};
use keyward::domain::time::TimeDelta;
use keyward::server::{self, RunningServer, Settings};
use keyward::store::{self, AdminInvitation, NewMember, NewSession, OpenMode, Store, Tx};
use keyward::wire::keys::SecretString;
use keyward::wire::members::{CreateInvitation, InviteMember};
use keyward::wire::problem::ProblemType;
use keyward::wire::sessions::{CreateSession, CreateSessionCall};

use super::Database;

/// A running server whose first admin, Ada, is signed in.
pub struct TestServer {
    pub store: Store,
    pub ada: TestMember,
    /// Client without credentials.
    pub client: Client,
    running: RunningServer,
}

/// A signed-in member.
#[derive(Clone)]
pub struct TestMember {
    pub id: Id,
    pub client: Client,
    pub credential: Credential,
}

/// Returns settings without rate limits.
pub fn settings_without_limits() -> Settings {
    let mut settings = Settings::default();
    settings.limits.sign_ins_per_minute = u32::MAX;
    settings.limits.failures_per_minute = u32::MAX;
    settings.limits.requests_per_minute = u32::MAX;
    settings
}

impl TestServer {
    /// Starts a server with the system's clock.
    pub async fn start(database: &Database) -> Self {
        Self::start_with(database, settings_without_limits(), Clock::System).await
    }

    pub async fn start_with(database: &Database, settings: Settings, clock: Clock) -> Self {
        let store = Store::open(&database.target, OpenMode::Serve, clock.now(), random_bytes).await.unwrap();
        let code = Token::new(TokenKind::Code, random_bytes());
        let at = clock.now();
        let admin = AdminInvitation {
            email: "ada@plant.example".into(),
            code: TokenKind::Code.digest(code.expose()).unwrap(),
            at,
            expires_at: at.plus(TimeDelta::days(3)),
        };
        store.set_up_organization("Plant".into(), admin, random_bytes).await.unwrap();
        let (running, client) = start_server(store.clone(), settings, clock).await;
        let ada = sign_in(&client, code.expose()).await.unwrap();
        Self { store, ada, client, running }
    }

    /// Starts a second server on the same database. Returns it and a client without credentials.
    pub async fn start_second(&self, database: &Database) -> (RunningServer, Client) {
        start_server(database.open().await, settings_without_limits(), Clock::System).await
    }

    /// Inserts signed-in members in one transaction.
    pub async fn insert_members(&self, role: Role, count: usize) -> Vec<TestMember> {
        let inserted = self
            .store
            .write(move |tx| Box::pin(async move { insert_members_in(tx, role, count).await }))
            .await;
        let inserted: Vec<(Id, Token)> = inserted.unwrap();
        let person = |(id, token): (Id, Token)| {
            let credential = Credential::bearer(token.expose()).unwrap();
            TestMember { id, client: self.client.with_credential(credential.clone()), credential }
        };
        inserted.into_iter().map(person).collect()
    }

    /// Returns the server's URL.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.running.addr)
    }

    /// Returns the server's socket address.
    pub fn address(&self) -> std::net::SocketAddr {
        self.running.addr
    }

    /// Invites a member and signs them in.
    pub async fn add_member(&self, email: &str, role: Role) -> TestMember {
        let invite = InviteMember { email: email.into(), role };
        let invited = self.ada.client.send(CallRequest::with(CreateInvitation, invite)).await.unwrap();
        sign_in(&self.client, invited.code.code.expose()).await.unwrap()
    }

    pub async fn stop(self) {
        self.running.shutdown().await;
        self.store.close().await;
    }
}

async fn insert_members_in(
    tx: &mut Tx,
    role: Role,
    count: usize,
) -> Result<Vec<(Id, Token)>, store::StoreError> {
    let at = Clock::System.now();
    let mut inserted = Vec::new();
    for _ in 0..count {
        let id = Id::new(at, random_bytes());
        let email = format!("{id}@plant.example");
        tx.insert_member(&NewMember { id, name: email.clone(), email, role, at }).await?;
        tx.activate_member(id, at).await?;
        let token = Token::new(TokenKind::Session, random_bytes());
        let digest = TokenKind::Session.digest(token.expose()).unwrap();
        let (agent, address) = ("test".into(), "127.0.0.1".into());
        let session =
            NewSession { id: Id::new(at, random_bytes()), member_id: id, digest, at, agent, address };
        tx.insert_session(session).await?;
        inserted.push((id, token));
    }
    Ok(inserted)
}

pub async fn start_server(store: Store, mut settings: Settings, clock: Clock) -> (RunningServer, Client) {
    settings.listen = "127.0.0.1:0".parse().unwrap();
    let running = server::start(settings, store, clock, None).await.unwrap();
    let address = format!("http://{}", running.addr).parse().unwrap();
    let client = Client::new(address, Credential::none(), &ClientOptions::default()).unwrap();
    (running, client)
}

/// Signs in with a sign-in code and returns the member.
pub async fn sign_in(client: &Client, code: &str) -> Result<TestMember, ClientError> {
    let body = CreateSession { code: SecretString::new(code) };
    let session = client.send(CallRequest::with(CreateSessionCall, body)).await?;
    let credential = Credential::bearer(session.token.expose()).unwrap();
    Ok(TestMember { id: session.member.id, client: client.with_credential(credential.clone()), credential })
}

/// Returns the type of the problem with which a call was refused. Panics if the call was not refused.
pub fn problem_type<T>(result: Result<T, ClientError>) -> ProblemType {
    match result {
        Ok(_) => panic!("the request was not refused"),
        Err(error) => error.problem().map_or_else(|| panic!("{error}"), |problem| problem.kind),
    }
}
