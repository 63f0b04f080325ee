//! Questions of the model → calls of the client → answers for the model.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;

use super::records::Records;
use crate::client::{self, Address, Client, Credential, Error, IDLE, Keep, Request};
use crate::clock;
use crate::domain::id::Id;
use crate::domain::key::{Key, Kind};
use crate::tui::msg::{Ask, Failure, Msg, Reply, Ticket};
use crate::wire::activity::ListActivity;
use crate::wire::keys::{
    CreateKey, Include, KeysQuery, ListRotations, LookUpKey, LookUpKeyCall, RevokeLeakedKey,
    RevokeLeakedKeyCall, RotationsQuery, ShownOnce,
};
use crate::wire::members::{
    ChangeMemberRole, CreateInvitation, EndMemberSessions, ListMembers, RemoveMember, RemoveQuery,
};
use crate::wire::page::{Metadata, Page, PageQuery};
use crate::wire::reviews::{CreateReview, ListReviews, RecordReviewExport};
use crate::wire::sessions::{CreateSession, CreateSessionCall, GetMe};

/// Takes the answers to one ticket to the model.
#[derive(Clone)]
pub(super) struct Mailbox {
    pub(super) messages: mpsc::Sender<Msg>,
    pub(super) ticket: Ticket,
}

impl Mailbox {
    /// Waits while the model is busy, so that a fast server does not fill the memory.
    pub(super) async fn put(&self, result: Result<Reply, Failure>) {
        // The UI ended meanwhile: nobody waits.
        let _ = self.messages.send(Msg::Reply { ticket: self.ticket, result }).await;
    }
}

/// The server, and as whom it is asked. Connected when it is first asked, so that the first frame waits for nothing.
pub(super) struct Line {
    address: Address,
    options: client::Options,
    /// With the moment of the last call. Held while it is made, so that it is made once.
    client: tokio::sync::Mutex<Option<(Client, Instant)>>,
    credential: Mutex<Credential>,
    member: Mutex<Option<Id>>,
    pub(super) records: Records,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Unreachable { words, .. } => Self::Unreachable(words),
            Error::Refused(problem) => Self::Refused(problem),
            Error::Garbled { words, .. } => Self::Garbled(words),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Line {
    pub(super) fn new(
        address: Address,
        credential: Credential,
        options: client::Options,
        records: Records,
    ) -> Self {
        Self {
            address,
            options,
            client: tokio::sync::Mutex::default(),
            credential: Mutex::new(credential),
            member: Mutex::new(None),
            records,
        }
    }

    async fn client(&self) -> Result<Client, Failure> {
        let mut kept = self.client.lock().await;
        let now = clock::monotonic();
        let client = match kept.take() {
            Some((client, used)) if !self.options.timeless || now.saturating_duration_since(used) < IDLE => {
                client
            }
            _ => self.connect().await?,
        };
        *kept = Some((client.clone(), now));
        Ok(client.with_credential(lock(&self.credential).clone()))
    }

    async fn connect(&self) -> Result<Client, Failure> {
        let (address, options) = (self.address.clone(), self.options.clone());
        // Reads certificates from disk.
        tokio::task::spawn_blocking(move || Client::new(address, Credential::none(), &options))
            .await
            .map_err(|_| Failure::Local("The connection could not be prepared.".to_owned()))?
            .map_err(Failure::from)
    }

    /// Asks, and puts every answer into the mailbox.
    pub(super) async fn ask(self: Arc<Self>, ask: Ask, mailbox: Mailbox) {
        let result = match ask {
            Ask::Keys(kind) => {
                let query = KeysQuery { include: Some(Include::Revoked), ..KeysQuery::default() };
                self.keys(kind, query, &mailbox).await
            }
            Ask::Changes { kind, since } => {
                let query = KeysQuery { changed_since: Some(since), ..KeysQuery::default() };
                self.keys(kind, query, &mailbox).await
            }
            Ask::Rotations(kind) => {
                let query = RotationsQuery { owner: kind, usage: Some(true), ..RotationsQuery::default() };
                match self.client().await {
                    Ok(client) => {
                        all(client.pages(ListRotations, query, Keep::All), Reply::Rotations, &mailbox).await
                    }
                    Err(failure) => Err(failure),
                }
            }
            Ask::Members => match self.client().await {
                Ok(client) => {
                    all(client.pages(ListMembers, PageQuery::default(), Keep::All), Reply::Members, &mailbox)
                        .await
                }
                Err(failure) => Err(failure),
            },
            Ask::Reviews(query) => match self.client().await {
                Ok(client) => {
                    all(client.pages(ListReviews, query, Keep::All), Reply::Reviews, &mailbox).await
                }
                Err(failure) => Err(failure),
            },
            ask => match self.one(ask).await {
                Ok(reply) => {
                    mailbox.put(Ok(reply)).await;
                    Ok(())
                }
                Err(failure) => Err(failure),
            },
        };
        if let Err(failure) = result {
            mailbox.put(Err(failure)).await;
        }
    }

    async fn keys(&self, kind: Kind, query: KeysQuery, mailbox: &Mailbox) -> Result<(), Failure> {
        let client = self.client().await?;
        let mut pages = std::pin::pin!(client.key_pages(kind, query, Keep::All));
        while let Some(page) = pages.next().await {
            let page = page?;
            let next_cursor = (!page.last).then(|| "more".to_owned());
            let metadata = Metadata { next_cursor, as_of: page.as_of, total: page.total };
            mailbox.put(Ok(Reply::Keys(Page { metadata, data: page.keys }))).await;
        }
        Ok(())
    }

    /// Questions that have one answer.
    async fn one(&self, ask: Ask) -> Result<Reply, Failure> {
        let client = self.client().await?;
        Ok(match ask {
            Ask::Me => self.me(&client).await?,
            Ask::SignIn(code) => self.sign_in(&client, &code).await?,
            Ask::SignInAt { server, code } => {
                let address: Address =
                    server.parse().map_err(|e| Failure::Local(format!("{server}: {e}.")))?;
                let records = self.records.of(address.as_profile());
                let there = Self::new(address, Credential::none(), self.options.clone(), records);
                let client = there.client().await?;
                there.sign_in(&client, &code).await?
            }
            Ask::Create { kind, idempotency_key, body, leaked } => {
                self.create(&client, kind, idempotency_key, body, leaked).await?
            }
            Ask::Confirm(kind, id) => key(client.confirm_key(kind, id).await?),
            Ask::Edit { kind, id, version, body } => key(client.edit_key(kind, id, version, body).await?),
            Ask::Revoke { kind, id, body } => key(client.revoke_key(kind, id, body).await?),
            Ask::Usage { kind, id, query } => Reply::Usage(client.key_usage(kind, id, query).await?),
            Ask::DailyUse { kind, ids, days } => {
                Reply::DailyUse(client.daily_use(kind, &ids, Some(days)).await?.data)
            }
            Ask::LookUp(secret) => {
                let body = LookUpKey { secret: ShownOnce::new(secret.expose()) };
                Reply::Found(Box::new(client.send(Request::with(LookUpKeyCall, body)).await?))
            }
            Ask::RevokeLeaked { secret, reason } => {
                let body = RevokeLeakedKey { secret: ShownOnce::new(secret.expose()), reason };
                Reply::Found(Box::new(client.send(Request::with(RevokeLeakedKeyCall, body)).await?))
            }
            Ask::Invite(body) => {
                Reply::Invited(Box::new(client.send(Request::with(CreateInvitation, body)).await?))
            }
            Ask::ChangeRole(id, body) => {
                Reply::RoleChanged(Box::new(client.send(Request::with(ChangeMemberRole, body).id(id)).await?))
            }
            Ask::Remove { id, dry_run } => {
                let request = Request::to(RemoveMember).id(id).query(RemoveQuery { dry_run: Some(dry_run) });
                Reply::Removal(Box::new(client.send(request).await?))
            }
            Ask::EndSessions(id) => {
                client.send(Request::to(EndMemberSessions).id(id)).await?;
                Reply::Done("their sessions were ended".to_owned())
            }
            Ask::Decide { idempotency_key, body } => {
                let request = Request::with(CreateReview, body).idempotency_key(&idempotency_key);
                Reply::Decided(Box::new(client.patiently(|_| ()).send(request).await?))
            }
            Ask::RecordExport(body) => {
                client.send(Request::with(RecordReviewExport, body)).await?;
                Reply::Done("the export was recorded".to_owned())
            }
            Ask::Activity(query) => {
                Reply::Activity(client.send(Request::to(ListActivity).query(query)).await?)
            }
            Ask::Keys(_) | Ask::Changes { .. } | Ask::Rotations(_) | Ask::Members | Ask::Reviews(_) => {
                unreachable!("lists are answered page by page")
            }
        })
    }

    async fn me(&self, client: &Client) -> Result<Reply, Failure> {
        let me = client.send(Request::to(GetMe)).await?;
        *lock(&self.member) = Some(me.member.id);
        Ok(Reply::Me(Box::new(me)))
    }

    async fn sign_in(&self, client: &Client, code: &ShownOnce) -> Result<Reply, Failure> {
        let body = CreateSession { code: ShownOnce::new(code.expose()) };
        let created =
            client.with_credential(Credential::none()).send(Request::with(CreateSessionCall, body)).await?;
        let credential = Credential::bearer(created.token.expose())
            .map_err(|e| Failure::Garbled(format!("The server's session cannot be used: {e}.")))?;
        *lock(&self.credential) = credential.clone();
        let reply = self.me(&client.with_credential(credential)).await?;
        if let Reply::Me(me) = &reply {
            self.records.keep_session(&self.address, created, &me.organization.name)?;
        }
        Ok(reply)
    }

    async fn create(
        &self,
        client: &Client,
        kind: Kind,
        idempotency_key: String,
        body: CreateKey,
        leaked: Option<String>,
    ) -> Result<Reply, Failure> {
        let member = *lock(&self.member);
        self.records.begin(&self.address, member, kind, &idempotency_key, &body, leaked)?;
        match client.create_key(kind, body, &idempotency_key).await {
            Ok(created) => {
                self.records.answered(&idempotency_key, created.key.id);
                Ok(Reply::Created(Box::new(created)))
            }
            Err(error) => {
                if !error.outcome_unknown() {
                    self.records.refused(&idempotency_key);
                }
                Err(error.into())
            }
        }
    }
}

fn key(key: Key) -> Reply {
    Reply::Key(Box::new(key))
}

/// Puts all pages of a list into the mailbox.
async fn all<T>(
    pages: impl Stream<Item = Result<Page<T>, Error>>,
    reply: impl Fn(Page<T>) -> Reply,
    mailbox: &Mailbox,
) -> Result<(), Failure> {
    let mut pages = std::pin::pin!(pages);
    while let Some(page) = pages.next().await {
        mailbox.put(Ok(reply(page?))).await;
    }
    Ok(())
}
