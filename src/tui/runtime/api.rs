//! Questions of the model → calls of the client → answers for the model.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;

use super::saved_state::SavedState;
use crate::client::{
    self, CallRequest, Client, ClientError, Credential, IDLE_TIMEOUT, Retention, ServerAddress,
};
use crate::clock;
use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};
use crate::tui::msg::{ApiRequest, Msg, Reply, RequestError, Ticket};
use crate::wire::activity::ListActivity;
use crate::wire::keys::{
    CreateKey, IncludedKeys, KeysQuery, ListRotations, LookUpKey, LookUpKeyCall, RevokeLeakedKey,
    RevokeLeakedKeyCall, RotationsQuery, SecretString,
};
use crate::wire::members::{
    ChangeMemberRole, CreateInvitation, EndMemberSessions, ListMembers, RemoveMember, RemoveQuery,
};
use crate::wire::page::{Page, PageMetadata, PageQuery};
use crate::wire::reviews::{CreateReview, ListReviews, RecordReviewExport};
use crate::wire::sessions::{CreateSession, CreateSessionCall, GetMe};

/// Takes the answers to one ticket to the model.
#[derive(Clone)]
pub(super) struct ReplySender {
    pub(super) messages: mpsc::Sender<Msg>,
    pub(super) ticket: Ticket,
}

impl ReplySender {
    /// Waits while the model is busy, so that a fast server does not fill the memory.
    pub(super) async fn put(&self, result: Result<Reply, RequestError>) {
        // The UI ended meanwhile: nobody waits.
        let _ = self.messages.send(Msg::Reply { ticket: self.ticket, result }).await;
    }
}

/// The server, and as whom it is asked. Connected when it is first asked, so that the first frame waits for nothing.
pub(super) struct Api {
    address: ServerAddress,
    options: client::ClientOptions,
    /// With the moment of the last call. Held while it is made, so that it is made once.
    client: tokio::sync::Mutex<Option<(Client, Instant)>>,
    credential: Mutex<Credential>,
    member: Mutex<Option<Id>>,
    pub(super) records: SavedState,
}

impl From<ClientError> for RequestError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Unreachable { message, .. } => Self::Unreachable(message),
            ClientError::Refused(problem) => Self::Refused(problem),
            ClientError::InvalidReply { message, .. } => Self::InvalidReply(message),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Api {
    pub(super) fn new(
        address: ServerAddress,
        credential: Credential,
        options: client::ClientOptions,
        records: SavedState,
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

    async fn client(&self) -> Result<Client, RequestError> {
        let mut kept = self.client.lock().await;
        let now = clock::monotonic_now();
        let client = match kept.take() {
            Some((client, used))
                if !self.options.without_idle_timer || now.saturating_duration_since(used) < IDLE_TIMEOUT =>
            {
                client
            }
            _ => self.connect().await?,
        };
        *kept = Some((client.clone(), now));
        Ok(client.with_credential(lock(&self.credential).clone()))
    }

    async fn connect(&self) -> Result<Client, RequestError> {
        let (address, options) = (self.address.clone(), self.options.clone());
        // Reads certificates from disk.
        tokio::task::spawn_blocking(move || Client::new(address, Credential::none(), &options))
            .await
            .map_err(|_| RequestError::Local("The connection could not be prepared.".to_owned()))?
            .map_err(RequestError::from)
    }

    /// Asks, and puts every answer into the mailbox.
    pub(super) async fn ask(self: Arc<Self>, ask: ApiRequest, mailbox: ReplySender) {
        let result = match ask {
            ApiRequest::Keys(kind) => {
                let query = KeysQuery { include: Some(IncludedKeys::Revoked), ..KeysQuery::default() };
                self.keys(kind, query, &mailbox).await
            }
            ApiRequest::Changes { kind, since } => {
                let query = KeysQuery { changed_since: Some(since), ..KeysQuery::default() };
                self.keys(kind, query, &mailbox).await
            }
            ApiRequest::Rotations(kind) => {
                let query = RotationsQuery { owner: kind, usage: Some(true), ..RotationsQuery::default() };
                match self.client().await {
                    Ok(client) => {
                        all(client.pages(ListRotations, query, Retention::All), Reply::Rotations, &mailbox)
                            .await
                    }
                    Err(failure) => Err(failure),
                }
            }
            ApiRequest::Members => match self.client().await {
                Ok(client) => {
                    all(
                        client.pages(ListMembers, PageQuery::default(), Retention::All),
                        Reply::Members,
                        &mailbox,
                    )
                    .await
                }
                Err(failure) => Err(failure),
            },
            ApiRequest::Reviews(query) => match self.client().await {
                Ok(client) => {
                    all(client.pages(ListReviews, query, Retention::All), Reply::Reviews, &mailbox).await
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

    async fn keys(&self, kind: KeyKind, query: KeysQuery, mailbox: &ReplySender) -> Result<(), RequestError> {
        let client = self.client().await?;
        let mut pages = std::pin::pin!(client.key_pages(kind, query, Retention::All));
        while let Some(page) = pages.next().await {
            let page = page?;
            let next_cursor = (!page.last).then(|| "more".to_owned());
            let metadata = PageMetadata { next_cursor, as_of: page.as_of, total: page.total };
            mailbox.put(Ok(Reply::Keys(Page { metadata, data: page.keys }))).await;
        }
        Ok(())
    }

    /// Questions that have one answer.
    async fn one(&self, ask: ApiRequest) -> Result<Reply, RequestError> {
        let client = self.client().await?;
        Ok(match ask {
            ApiRequest::Me => self.me(&client).await?,
            ApiRequest::SignIn(code) => self.sign_in(&client, &code).await?,
            ApiRequest::SignInAt { server, code } => {
                let address: ServerAddress =
                    server.parse().map_err(|e| RequestError::Local(format!("{server}: {e}.")))?;
                let records = self.records.of(address.default_profile_name());
                let there = Self::new(address, Credential::none(), self.options.clone(), records);
                let client = there.client().await?;
                there.sign_in(&client, &code).await?
            }
            ApiRequest::Create { kind, idempotency_key, body, leaked } => {
                self.create(&client, kind, idempotency_key, body, leaked).await?
            }
            ApiRequest::Confirm(kind, id) => key(client.confirm_key(kind, id).await?),
            ApiRequest::Edit { kind, id, version, body } => {
                key(client.edit_key(kind, id, version, body).await?)
            }
            ApiRequest::Revoke { kind, id, body } => key(client.revoke_key(kind, id, body).await?),
            ApiRequest::Usage { kind, id, query } => Reply::Usage(client.key_usage(kind, id, query).await?),
            ApiRequest::DailyUse { kind, ids, days } => {
                Reply::DailyUse(client.daily_use(kind, &ids, Some(days)).await?.data)
            }
            ApiRequest::LookUp(secret) => {
                let body = LookUpKey { secret: SecretString::new(secret.expose()) };
                Reply::Found(Box::new(client.send(CallRequest::with(LookUpKeyCall, body)).await?))
            }
            ApiRequest::RevokeLeaked { secret, reason } => {
                let body = RevokeLeakedKey { secret: SecretString::new(secret.expose()), reason };
                Reply::Found(Box::new(client.send(CallRequest::with(RevokeLeakedKeyCall, body)).await?))
            }
            ApiRequest::Invite(body) => {
                Reply::Invited(Box::new(client.send(CallRequest::with(CreateInvitation, body)).await?))
            }
            ApiRequest::ChangeRole(id, body) => Reply::RoleChanged(Box::new(
                client.send(CallRequest::with(ChangeMemberRole, body).id(id)).await?,
            )),
            ApiRequest::Remove { id, dry_run } => {
                let request =
                    CallRequest::to(RemoveMember).id(id).query(RemoveQuery { dry_run: Some(dry_run) });
                Reply::Removal(Box::new(client.send(request).await?))
            }
            ApiRequest::EndSessions(id) => {
                client.send(CallRequest::to(EndMemberSessions).id(id)).await?;
                Reply::Done("their sessions were ended".to_owned())
            }
            ApiRequest::Decide { idempotency_key, body } => {
                let request = CallRequest::with(CreateReview, body).idempotency_key(&idempotency_key);
                Reply::Decided(Box::new(client.with_retries(|_| ()).send(request).await?))
            }
            ApiRequest::RecordExport(body) => {
                client.send(CallRequest::with(RecordReviewExport, body)).await?;
                Reply::Done("the export was recorded".to_owned())
            }
            ApiRequest::Activity(query) => {
                Reply::Activity(client.send(CallRequest::to(ListActivity).query(query)).await?)
            }
            ApiRequest::Keys(_)
            | ApiRequest::Changes { .. }
            | ApiRequest::Rotations(_)
            | ApiRequest::Members
            | ApiRequest::Reviews(_) => {
                unreachable!("lists are answered page by page")
            }
        })
    }

    async fn me(&self, client: &Client) -> Result<Reply, RequestError> {
        let me = client.send(CallRequest::to(GetMe)).await?;
        *lock(&self.member) = Some(me.member.id);
        Ok(Reply::Me(Box::new(me)))
    }

    async fn sign_in(&self, client: &Client, code: &SecretString) -> Result<Reply, RequestError> {
        let body = CreateSession { code: SecretString::new(code.expose()) };
        let created = client
            .with_credential(Credential::none())
            .send(CallRequest::with(CreateSessionCall, body))
            .await?;
        let credential = Credential::bearer(created.token.expose())
            .map_err(|e| RequestError::InvalidReply(format!("The server's session cannot be used: {e}.")))?;
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
        kind: KeyKind,
        idempotency_key: String,
        body: CreateKey,
        leaked: Option<String>,
    ) -> Result<Reply, RequestError> {
        let member = *lock(&self.member);
        self.records.begin(&self.address, member, kind, &idempotency_key, &body, leaked)?;
        match client.create_key(kind, body, &idempotency_key).await {
            Ok(created) => {
                self.records.answered(&idempotency_key, created.key.id);
                Ok(Reply::Created(Box::new(created)))
            }
            Err(error) => {
                if !error.is_outcome_unknown() {
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
    pages: impl Stream<Item = Result<Page<T>, ClientError>>,
    reply: impl Fn(Page<T>) -> Reply,
    mailbox: &ReplySender,
) -> Result<(), RequestError> {
    let mut pages = std::pin::pin!(pages);
    while let Some(page) = pages.next().await {
        mailbox.put(Ok(reply(page?))).await;
    }
    Ok(())
}
