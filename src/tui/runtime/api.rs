//! Sends the model's requests to the server and passes the replies back as messages.
//!
//! Start at [`Api::send`]: it is the only translation of an [`ApiRequest`] into calls of the client. What has to survive a crash is
//! stored by [`SavedState`] before and after the call.

use std::sync::{Mutex, MutexGuard, PoisonError};
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
use crate::tui::msg::{ApiRequest, ListRequest, Msg, Reply, RequestError, Ticket};
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

/// Sends the replies to one request to the model.
#[derive(Clone)]
pub struct ReplySender {
    messages: mpsc::Sender<Msg>,
    ticket: Ticket,
}

impl ReplySender {
    /// Creates a sender for the replies to the request with this ticket.
    pub fn new(messages: mpsc::Sender<Msg>, ticket: Ticket) -> Self {
        Self { messages, ticket }
    }

    /// Sends a reply. Waits while the message queue is full, so that a fast server cannot fill the memory.
    pub(super) async fn send(&self, result: Result<Reply, RequestError>) {
        // Fails only after the UI has ended.
        let _ = self.messages.send(Msg::Reply { ticket: self.ticket, result }).await;
    }
}

/// A connection to one server with one session. Connects on the first request, so that the first frame need not wait for the
/// server.
pub struct Api {
    address: ServerAddress,
    options: client::ClientOptions,
    /// The client, and when it was last used. Locked while connecting, so that parallel requests share one connection.
    client: tokio::sync::Mutex<Option<(Client, Instant)>>,
    credential: Mutex<Credential>,
    /// Id of the signed-in member; `None` until the server has returned it.
    member: Mutex<Option<Id>>,
    saved_state: SavedState,
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
    /// Creates a connection that stores sessions and unfinished creates in `saved_state`.
    pub fn new(
        address: ServerAddress,
        credential: Credential,
        options: client::ClientOptions,
        saved_state: SavedState,
    ) -> Self {
        Self {
            address,
            options,
            client: tokio::sync::Mutex::default(),
            credential: Mutex::new(credential),
            member: Mutex::new(None),
            saved_state,
        }
    }

    /// Returns the state that is stored on this machine.
    pub fn saved_state(&self) -> &SavedState {
        &self.saved_state
    }

    async fn client(&self) -> Result<Client, RequestError> {
        let mut last = self.client.lock().await;
        let now = clock::monotonic_now();
        let client = match last.take() {
            Some((client, used))
                if !self.options.without_idle_timer || now.saturating_duration_since(used) < IDLE_TIMEOUT =>
            {
                client
            }
            _ => self.connect().await?,
        };
        *last = Some((client.clone(), now));
        Ok(client.with_credential(lock(&self.credential).clone()))
    }

    async fn connect(&self) -> Result<Client, RequestError> {
        let (address, options) = (self.address.clone(), self.options.clone());
        // Reads certificates from disk, so it runs on a blocking thread.
        tokio::task::spawn_blocking(move || Client::new(address, Credential::none(), &options))
            .await
            .map_err(|_| RequestError::Local("The connection could not be prepared.".to_owned()))?
            .map_err(RequestError::from)
    }

    /// Stores what must survive a crash before a request is sent: the record of a key creation. Storing the same record twice has
    /// no effect.
    ///
    /// # Errors
    /// Fails if the record cannot be stored. The request must then not be sent.
    pub fn prepare(&self, request: &ApiRequest) -> Result<(), RequestError> {
        if let ApiRequest::Create { kind, idempotency_key, body, leaked } = request {
            let member = *lock(&self.member);
            self.saved_state.begin(&self.address, member, *kind, idempotency_key, body, leaked.clone())?;
        }
        Ok(())
    }

    /// Step 6 of "From a key press to the HTTP request": sends a request and passes the replies to `replies`: one for each page of
    /// a list, or one for any other request. An error is passed on as the last reply.
    pub async fn send(&self, request: ApiRequest, replies: &ReplySender) {
        let client = match self.client().await.and_then(|client| self.prepare(&request).map(|()| client)) {
            Ok(client) => client,
            Err(error) => return replies.send(Err(error)).await,
        };
        let result = match request {
            ApiRequest::List(list) => {
                if let Err(error) = send_list(&client, list, replies).await {
                    replies.send(Err(error)).await;
                }
                return;
            }
            ApiRequest::Me => self.me(&client).await,
            ApiRequest::SignIn(code) => self.sign_in(&client, &code).await,
            ApiRequest::SignInAt { server, code } => self.sign_in_at(&server, &code).await,
            ApiRequest::Create { kind, idempotency_key, body, .. } => {
                self.create(&client, kind, &idempotency_key, body).await
            }
            ApiRequest::Confirm(kind, id) => key(client.confirm_key(kind, id).await),
            ApiRequest::Edit { kind, id, version, body } => {
                key(client.edit_key(kind, id, version, body).await)
            }
            ApiRequest::Revoke { kind, id, body } => key(client.revoke_key(kind, id, body).await),
            ApiRequest::Usage { kind, id, query } => {
                reply(client.key_usage(kind, id, query).await, Reply::Usage)
            }
            ApiRequest::DailyUse { kind, ids, days } => {
                reply(client.daily_use(kind, &ids, Some(days)).await, |page| Reply::DailyUse(page.data))
            }
            ApiRequest::LookUp(secret) => {
                let body = LookUpKey { secret: SecretString::new(secret.expose()) };
                let found = client.send(CallRequest::with(LookUpKeyCall, body)).await;
                reply(found, |found| Reply::Found(Box::new(found)))
            }
            ApiRequest::RevokeLeaked { secret, reason } => {
                let body = RevokeLeakedKey { secret: SecretString::new(secret.expose()), reason };
                let revoked = client.send(CallRequest::with(RevokeLeakedKeyCall, body)).await;
                reply(revoked, |revoked| Reply::Found(Box::new(revoked)))
            }
            ApiRequest::Invite(body) => {
                let invited = client.send(CallRequest::with(CreateInvitation, body)).await;
                reply(invited, |invited| Reply::Invited(Box::new(invited)))
            }
            ApiRequest::ChangeRole(id, body) => {
                let changed = client.send(CallRequest::with(ChangeMemberRole, body).id(id)).await;
                reply(changed, |changed| Reply::RoleChanged(Box::new(changed)))
            }
            ApiRequest::Remove { id, dry_run } => {
                let request =
                    CallRequest::to(RemoveMember).id(id).query(RemoveQuery { dry_run: Some(dry_run) });
                reply(client.send(request).await, |removal| Reply::Removal(Box::new(removal)))
            }
            ApiRequest::EndSessions(id) => {
                let ended = client.send(CallRequest::to(EndMemberSessions).id(id)).await;
                reply(ended, |()| Reply::Done("their sessions were ended".to_owned()))
            }
            ApiRequest::Decide { idempotency_key, body } => {
                let request = CallRequest::with(CreateReview, body).idempotency_key(&idempotency_key);
                let decided = client.with_retries(|_| ()).send(request).await;
                reply(decided, |decided| Reply::Decided(Box::new(decided)))
            }
            ApiRequest::RecordExport(body) => {
                let recorded = client.send(CallRequest::with(RecordReviewExport, body)).await;
                reply(recorded, |()| Reply::Done("the export was recorded".to_owned()))
            }
            ApiRequest::Activity(query) => {
                reply(client.send(CallRequest::to(ListActivity).query(query)).await, Reply::Activity)
            }
        };
        replies.send(result).await;
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
            self.saved_state.keep_session(&self.address, created, &me.organization.name)?;
        }
        Ok(reply)
    }

    async fn sign_in_at(&self, server: &str, code: &SecretString) -> Result<Reply, RequestError> {
        let address: ServerAddress =
            server.parse().map_err(|e| RequestError::Local(format!("{server}: {e}.")))?;
        let saved_state = self.saved_state.for_profile(address.default_profile_name());
        let other = Self::new(address, Credential::none(), self.options.clone(), saved_state);
        let client = other.client().await?;
        other.sign_in(&client, code).await
    }

    /// Creates a key, and updates the record of the creation when the server has replied.
    async fn create(
        &self,
        client: &Client,
        kind: KeyKind,
        idempotency_key: &str,
        body: CreateKey,
    ) -> Result<Reply, RequestError> {
        match client.create_key(kind, body, idempotency_key).await {
            Ok(created) => {
                self.saved_state.record_key_id(idempotency_key, created.key.id);
                Ok(Reply::Created(Box::new(created)))
            }
            Err(error) => {
                if !error.is_outcome_unknown() {
                    self.saved_state.discard_refused_create(idempotency_key);
                }
                Err(error.into())
            }
        }
    }
}

fn reply<T>(
    result: Result<T, ClientError>,
    to_reply: impl FnOnce(T) -> Reply,
) -> Result<Reply, RequestError> {
    result.map(to_reply).map_err(RequestError::from)
}

fn key(result: Result<Key, ClientError>) -> Result<Reply, RequestError> {
    reply(result, |key| Reply::Key(Box::new(key)))
}

/// Requests all pages of a list and sends one reply for each page.
async fn send_list(client: &Client, list: ListRequest, replies: &ReplySender) -> Result<(), RequestError> {
    match list {
        ListRequest::Keys(kind) => {
            let query = KeysQuery { include: Some(IncludedKeys::Revoked), ..KeysQuery::default() };
            send_keys(client, kind, query, replies).await
        }
        ListRequest::Changes { kind, since } => {
            let query = KeysQuery { changed_since: Some(since), ..KeysQuery::default() };
            send_keys(client, kind, query, replies).await
        }
        ListRequest::Rotations(kind) => {
            let query = RotationsQuery { owner: kind, usage: Some(true), ..RotationsQuery::default() };
            send_pages(client.pages(ListRotations, query, Retention::All), Reply::Rotations, replies).await
        }
        ListRequest::Members => {
            send_pages(
                client.pages(ListMembers, PageQuery::default(), Retention::All),
                Reply::Members,
                replies,
            )
            .await
        }
        ListRequest::Reviews(query) => {
            send_pages(client.pages(ListReviews, query, Retention::All), Reply::Reviews, replies).await
        }
    }
}

async fn send_keys(
    client: &Client,
    kind: KeyKind,
    query: KeysQuery,
    replies: &ReplySender,
) -> Result<(), RequestError> {
    let mut pages = std::pin::pin!(client.key_pages(kind, query, Retention::All));
    while let Some(page) = pages.next().await {
        let page = page?;
        // The model asks only whether a page is the last one; cursors stay in the client.
        let next_cursor = (!page.last).then(|| "more".to_owned());
        let metadata = PageMetadata { next_cursor, as_of: page.as_of, total: page.total };
        replies.send(Ok(Reply::Keys(Page { metadata, data: page.keys }))).await;
    }
    Ok(())
}

async fn send_pages<T>(
    pages: impl Stream<Item = Result<Page<T>, ClientError>>,
    to_reply: impl Fn(Page<T>) -> Reply,
    replies: &ReplySender,
) -> Result<(), RequestError> {
    let mut pages = std::pin::pin!(pages);
    while let Some(page) = pages.next().await {
        replies.send(Ok(to_reply(page?))).await;
    }
    Ok(())
}
