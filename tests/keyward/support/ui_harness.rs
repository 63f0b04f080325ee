//! One run of the program: the screens' model against a real server.

use std::collections::VecDeque;
use std::time::Duration;

use keyward::client::{CallRequest, Client};
use keyward::clock::random_bytes;
use keyward::domain::id::Id;
use keyward::domain::key::{Key, KeyKind};
use keyward::domain::time::Timestamp;
use keyward::tui::app::Model;
use keyward::tui::context::StartOptions;
use keyward::tui::keymap::{KeySequence, Keymap};
use keyward::tui::msg::{ApiRequest, Effect, Msg, Reply, RequestError, Ticket, UnfinishedCreate};
use keyward::tui::theme::Theme;
use keyward::tui::view;
use keyward::wire::keys::{
    CreatedKey, IncludedKeys, KeysQuery, ListOrganizationKeys, ListPersonalKeys, ListRotations,
    RotationsQuery, UsageQuery,
};
use keyward::wire::members::{ListMembers, RemoveMember, RemoveQuery};
use keyward::wire::page::{Page, PageQuery};
use keyward::wire::reviews::{CreateReview, ListReviews};
use keyward::wire::sessions::GetMe;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::test_server::TestMember;

/// The screens of one run of the program, signed in as someone.
pub struct UiHarness {
    model: Box<Model>,
    client: Client,
    buffer: Buffer,
    /// What the program kept of the review's drafts.
    pub drafts: String,
    /// The secret that it was last handed.
    pub secret: Option<String>,
    /// What the program recorded of creates whose secret is not stored.
    pub pending: Vec<UnfinishedCreate>,
    /// At which of the moments that matter the program dies: before and after each request that changes something, and before
    /// each change of the drafts is on the disk.
    pub crash_at: Option<usize>,
    crash_points: usize,
    member: Id,
}

impl UiHarness {
    pub async fn open(person: &TestMember, drafts: &str) -> Self {
        Self::resume(person, drafts, Vec::new()).await
    }

    /// After an earlier run that left these behind.
    pub async fn resume(person: &TestMember, drafts: &str, pending: Vec<UnfinishedCreate>) -> Self {
        let start = StartOptions {
            profile: String::new(),
            server: "a test".to_owned(),
            production: false,
            read_only: false,
            restricted: false,
            theme: Theme::default(),
            keymap: Keymap::default(),
            refresh_interval: Duration::from_secs(5),
            size: (120, 40),
            seed: std::array::from_fn(|i| random_bytes::<16>()[i]),
            unfinished_creates: pending.clone(),
            drafts: drafts.to_owned(),
        };
        let (model, effects) = Model::new(start);
        let buffer = Buffer::empty(Rect::new(0, 0, 120, 40));
        let mut screens = Self {
            model: Box::new(model),
            client: person.client.clone(),
            buffer,
            drafts: drafts.to_owned(),
            secret: None,
            pending,
            crash_at: None,
            crash_points: 0,
            member: person.id,
        };
        screens.carry_out(effects).await;
        screens
    }

    /// Whether the program is dead.
    pub fn has_crashed(&self) -> bool {
        self.crash_at.is_some_and(|at| self.crash_points >= at)
    }

    /// A moment that matters has come; whether the program is dead now.
    fn reaches_crash_point(&mut self) -> bool {
        if !self.has_crashed() {
            self.crash_points += 1;
        }
        self.has_crashed()
    }

    async fn carry_out(&mut self, effects: Vec<Effect>) {
        let mut waiting: VecDeque<Effect> = effects.into();
        while let Some(effect) = waiting.pop_front() {
            match effect {
                Effect::Request { ticket, request } => {
                    let changes = matches!(
                        request,
                        ApiRequest::Decide { .. }
                            | ApiRequest::Create { .. }
                            | ApiRequest::Revoke { .. }
                            | ApiRequest::Confirm(..)
                    );
                    self.record(&request);
                    if changes && self.reaches_crash_point() || self.has_crashed() {
                        return;
                    }
                    for result in self.answers(request).await {
                        if changes && self.reaches_crash_point() {
                            return;
                        }
                        waiting.extend(self.model.update(reply(ticket, result)));
                    }
                }
                Effect::SaveDrafts(_) | Effect::AppendDrafts(_) if self.reaches_crash_point() => return,
                Effect::SaveDrafts(drafts) => self.drafts = drafts,
                Effect::AppendDrafts(line) => self.drafts.push_str(&line),
                Effect::FinishCreate { idempotency_key } => {
                    self.pending.retain(|pending| pending.idempotency_key != idempotency_key);
                }
                _ => {}
            }
        }
        view::draw(&self.model, &mut self.buffer);
        self.model.update(Msg::FrameWritten);
    }

    /// A create is recorded before it is sent.
    fn record(&mut self, ask: &ApiRequest) {
        if let ApiRequest::Create { kind, idempotency_key, body, leaked } = ask
            && !self.pending.iter().any(|pending| pending.idempotency_key == *idempotency_key)
        {
            self.pending.push(UnfinishedCreate {
                idempotency_key: idempotency_key.clone(),
                kind: *kind,
                body: body.clone(),
                at: Timestamp::default(),
                key_id: None,
                member: self.member,
                leaked: leaked.clone(),
            });
        }
    }

    async fn answers(&mut self, ask: ApiRequest) -> Vec<Result<Reply, RequestError>> {
        let client = &self.client;
        let one = match ask {
            ApiRequest::Me => client.send(CallRequest::to(GetMe)).await.map(|me| Reply::Me(Box::new(me))),
            ApiRequest::Keys(kind) => {
                let query = KeysQuery { include: Some(IncludedKeys::Revoked), ..KeysQuery::default() };
                keys(client, kind, query).await.map(Reply::Keys)
            }
            ApiRequest::Changes { kind, since } => {
                let query = KeysQuery { changed_since: Some(since), ..KeysQuery::default() };
                keys(client, kind, query).await.map(Reply::Keys)
            }
            ApiRequest::Reviews(query) => {
                client.send(CallRequest::to(ListReviews).query(query)).await.map(Reply::Reviews)
            }
            ApiRequest::Decide { idempotency_key, body } => {
                let request = CallRequest::with(CreateReview, body).idempotency_key(&idempotency_key);
                client.send(request).await.map(|decided| Reply::Decided(Box::new(decided)))
            }
            ApiRequest::Members => client
                .send(CallRequest::to(ListMembers).query(PageQuery::default()))
                .await
                .map(Reply::Members),
            ApiRequest::Remove { id, dry_run } => {
                let request =
                    CallRequest::to(RemoveMember).id(id).query(RemoveQuery { dry_run: Some(dry_run) });
                client.send(request).await.map(|removal| Reply::Removal(Box::new(removal)))
            }
            ApiRequest::Usage { kind, id, .. } => {
                client.key_usage(kind, id, UsageQuery::default()).await.map(Reply::Usage)
            }
            ApiRequest::Rotations(owner) => {
                let query = RotationsQuery { owner, usage: Some(true), ..RotationsQuery::default() };
                client.send(CallRequest::to(ListRotations).query(query)).await.map(Reply::Rotations)
            }
            ApiRequest::Create { kind, idempotency_key, body, .. } => {
                let created = client.create_key(kind, body, &idempotency_key).await;
                if let Ok(CreatedKey { secret: Some(secret), .. }) = &created {
                    self.secret = Some(secret.expose().to_owned());
                }
                if let Ok(created) = &created {
                    let mine = self.pending.iter_mut().find(|p| p.idempotency_key == idempotency_key);
                    mine.unwrap().key_id = Some(created.key.id);
                }
                created.map(|created| Reply::Created(Box::new(created)))
            }
            ApiRequest::Confirm(kind, id) => {
                client.confirm_key(kind, id).await.map(|key| Reply::Key(Box::new(key)))
            }
            ApiRequest::Revoke { kind, id, body } => {
                client.revoke_key(kind, id, body).await.map(|key| Reply::Key(Box::new(key)))
            }
            _ => return Vec::new(),
        };
        vec![one.map_err(RequestError::from)]
    }

    pub async fn press(mut self, keys: &str) -> Self {
        let mut rest = keys;
        while let Some(c) = rest.chars().next() {
            let (name, after) = match rest.strip_prefix('<').and_then(|cut| cut.split_once('>')) {
                Some(cut) => cut,
                None => rest.split_at(c.len_utf8()),
            };
            rest = after;
            if self.has_crashed() {
                return self;
            }
            let name = if name == " " { "space" } else { name };
            let effects = self.model.update(Msg::KeyPress(KeySequence::parse(name).unwrap().first));
            self.carry_out(effects).await;
        }
        self
    }

    pub fn screen(&self) -> String {
        let area = self.buffer.area;
        let row = |y| (0..area.width).map(|x| self.buffer[(x, y)].symbol()).collect::<String>() + "\n";
        (0..area.height).map(row).collect()
    }
}

async fn keys(
    client: &Client,
    kind: KeyKind,
    query: KeysQuery,
) -> Result<Page<Key>, keyward::client::ClientError> {
    match kind {
        KeyKind::Personal => client.send(CallRequest::to(ListPersonalKeys).query(query)).await,
        KeyKind::Organization => client.send(CallRequest::to(ListOrganizationKeys).query(query)).await,
    }
}

fn reply(ticket: Ticket, result: Result<Reply, RequestError>) -> Msg {
    Msg::Reply { ticket, result }
}
