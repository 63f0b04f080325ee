//! What all screens share: who is signed in and where, the time, the look, the messages, and the effects to be done.

use std::collections::HashMap;
use std::time::Duration;

use super::keymap::{Action, Keymap};
use super::msg::{ApiRequest, Delivery, Effect, RequestError, Ticket, UiTime, UnfinishedCreate};
use super::notice::Notices;
use super::theme::Theme;
use crate::domain::id::Id;
use crate::domain::key::KeyKind;
use crate::domain::member::{Actor, Permission};
use crate::domain::policy::Policy;
use crate::domain::staleness::StalenessRules;
use crate::domain::time::{TimeDelta, Timestamp};
use crate::wire::keys::{CreateKey, RevokeKey};
use crate::wire::sessions::Me;

/// Before something that was not answered is asked again.
pub const RETRY_DELAY: Duration = Duration::from_secs(5);

/// What the UI starts with. The runtime and the configuration know it; nothing of it is asked for again.
#[derive(Clone, Debug)]
pub struct StartOptions {
    /// The profile's name; empty for one that has none (the demo).
    pub profile: String,
    /// The server's address, as shown.
    pub server: String,
    /// Whether the profile is marked as production: it is coloured then.
    pub production: bool,
    /// Whether nothing may be changed.
    pub read_only: bool,
    /// Whether files and commands are out of reach (`--restricted`).
    pub restricted: bool,
    /// The look.
    pub theme: Theme,
    /// The keys.
    pub keymap: Keymap,
    /// Time between two requests for changed keys.
    pub refresh_interval: Duration,
    /// Columns and rows of the window.
    pub size: (u16, u16),
    /// 16 random bytes, from which idempotency keys are made.
    pub seed: [u8; 16],
    /// Creates of earlier runs whose secret may not have been stored.
    pub unfinished_creates: Vec<UnfinishedCreate>,
    /// The review's drafts of the last run, as [`Effect::SaveDrafts`] and [`Effect::AppendDrafts`] carried them; empty if there are none.
    pub drafts: String,
}

/// Who waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReplyTo {
    /// The header: who is signed in.
    Me,
    /// The list of all keys of a kind.
    List(KeyKind),
    /// The changes of a list since it was loaded.
    Changes(KeyKind),
    /// The sparklines of a table.
    Daily(KeyKind),
    /// The detail pane.
    Detail,
    /// The applied decisions of all reviews.
    History,
    /// The rotations.
    Rotations,
    /// The members.
    Members,
    /// The activity log.
    Activity,
    /// One decision of a review that is being applied; its answer is never dropped.
    Decide(Id),
    /// A create: its answer is never dropped.
    Create,
    /// The revoke of a key that leaked; its answer is never dropped.
    Leaked(Id),
    /// That a secret is stored.
    Confirm,
    /// The overlay that is open; dropped with it.
    Popup,
    /// A copy or file whose outcome is only told.
    Notice,
}

/// A create whose answer is awaited.
#[derive(Clone, Debug)]
pub struct CreateInFlight {
    /// Its `Idempotency-Key`.
    pub idempotency_key: String,
    /// The key to be revoked as soon as this one exists, since it leaked.
    pub leak: Option<Leak>,
}

/// A key that leaked: it goes, whatever still uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// The kind.
    pub kind: KeyKind,
    /// The key.
    pub id: Id,
    /// Why, for the record.
    pub reason: String,
}

/// How the server is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// The first answer is awaited.
    #[default]
    Connecting,
    /// The last answer was good.
    Connected,
    /// The last question was not answered; why.
    Lost(String),
    /// The session has ended.
    SignedOut,
}

/// What all screens share.
#[derive(Debug)]
pub struct Context {
    /// What the UI was started with.
    pub start: StartOptions,
    /// The present on the monotonic clock.
    pub now: UiTime,
    /// Columns and rows of the window.
    pub size: (u16, u16),
    /// Whether times are shown exactly.
    pub exact_times: bool,
    /// Who is signed in.
    pub me: Option<Me>,
    /// How the server is reached.
    pub connection: Connection,
    /// The message on the screen, and the earlier ones.
    pub notices: Notices,
    /// What to do, collected while a message is handled.
    pub effects: Vec<Effect>,
    creates_in_flight: HashMap<Ticket, CreateInFlight>,
    server_time: Option<(Timestamp, UiTime)>,
    me_requested_at: Option<UiTime>,
    waiting: HashMap<Ticket, ReplyTo>,
    tickets: u64,
    creates: u64,
}

impl Context {
    /// At the start.
    pub fn new(start: StartOptions) -> Self {
        Self {
            now: UiTime::default(),
            size: start.size,
            exact_times: false,
            me: None,
            connection: Connection::default(),
            notices: Notices::default(),
            effects: Vec::new(),
            creates_in_flight: HashMap::new(),
            server_time: None,
            me_requested_at: None,
            waiting: HashMap::new(),
            tickets: 0,
            creates: 0,
            start,
        }
    }

    /// The look.
    pub fn theme(&self) -> Theme {
        self.start.theme
    }

    /// The server's present: its last `as_of`, moved on by the monotonic clock. The epoch before the first answer.
    pub fn server_now(&self) -> Timestamp {
        self.server_time.map_or(Timestamp::default(), |(at, heard)| {
            at.plus(TimeDelta::from_std(self.now.since(heard)).unwrap_or(TimeDelta::MAX))
        })
    }

    /// Takes a server's `as_of` that has just arrived.
    pub fn record_server_time(&mut self, as_of: Timestamp) {
        // Answers overtake each other; time does not go back.
        if as_of >= self.server_now() || self.server_time.is_none() {
            self.server_time = Some((as_of, self.now));
        }
    }

    /// What staleness is judged by now.
    pub fn staleness_rules(&self) -> StalenessRules {
        let (policy, tracking_since) = self
            .me
            .as_ref()
            .map_or((Policy::default(), Timestamp::default()), |me| (me.policy, me.usage_tracking_since));
        StalenessRules { policy, now: self.server_now(), tracking_since }
    }

    /// Asks the server on behalf of `owner`.
    pub fn request(&mut self, owner: ReplyTo, request: ApiRequest) -> Ticket {
        let ticket = self.ticket(owner);
        self.effects.push(Effect::Request { ticket, request });
        ticket
    }

    /// Asks who is signed in, and as what: roles change while one works.
    pub fn request_me(&mut self) {
        if !self.is_waiting_for(ReplyTo::Me) {
            self.me_requested_at = Some(self.now);
            self.request(ReplyTo::Me, ApiRequest::Me);
        }
    }

    /// The same because an answer does not fit the role that is known. Not at once again: a server of which the one answer never fits
    /// the other would be asked without end.
    pub fn recheck_role(&mut self) {
        if self.me_requested_at.is_none_or(|at| self.now.since(at) >= RETRY_DELAY) {
            self.request_me();
        }
    }

    /// Creates a key. Where `leaked` says why, the key that it replaces is to be revoked as soon as the new one exists.
    pub fn create_key(
        &mut self,
        kind: KeyKind,
        idempotency_key: String,
        body: CreateKey,
        leaked: Option<String>,
    ) {
        let leak = body.replaces.zip(leaked.clone()).map(|(id, reason)| Leak { kind, id, reason });
        let creating = CreateInFlight { idempotency_key: idempotency_key.clone(), leak };
        let ticket =
            self.request(ReplyTo::Create, ApiRequest::Create { kind, idempotency_key, body, leaked });
        self.creates_in_flight.insert(ticket, creating);
    }

    /// The create that this answer belongs to.
    pub fn take_create(&mut self, ticket: Ticket) -> Option<CreateInFlight> {
        self.creates_in_flight.remove(&ticket)
    }

    /// Revokes a key that leaked, on behalf of `owner`.
    pub fn revoke_leaked(&mut self, owner: ReplyTo, leak: &Leak) {
        let reason = Some(leak.reason.clone());
        let body = RevokeKey { even_if_used: Some(true), reason, ..RevokeKey::default() };
        self.request(owner, ApiRequest::Revoke { kind: leak.kind, id: leak.id, body });
    }

    /// Takes something somewhere on behalf of `owner`.
    pub fn deliver(&mut self, owner: ReplyTo, delivery: Delivery) -> Ticket {
        let ticket = self.ticket(owner);
        self.effects.push(Effect::Deliver { ticket, delivery });
        ticket
    }

    fn ticket(&mut self, owner: ReplyTo) -> Ticket {
        self.tickets += 1;
        self.waiting.insert(Ticket(self.tickets), owner);
        Ticket(self.tickets)
    }

    /// Who waits for this answer; nothing where nobody does any more.
    pub fn recipient(&self, ticket: Ticket) -> Option<ReplyTo> {
        self.waiting.get(&ticket).copied()
    }

    /// The answer has arrived completely.
    pub fn complete_request(&mut self, ticket: Ticket) {
        self.waiting.remove(&ticket);
    }

    /// Whether `owner` waits for anything.
    pub fn is_waiting_for(&self, owner: ReplyTo) -> bool {
        self.waiting.values().any(|&w| w == owner)
    }

    /// Answers for `owner` are not wanted any more.
    pub fn cancel_requests(&mut self, owner: ReplyTo) {
        let effects = &mut self.effects;
        self.waiting.retain(|&ticket, &mut waiting| {
            let keep = waiting != owner;
            if !keep {
                effects.push(Effect::CancelRequest(ticket));
            }
            keep
        });
    }

    /// An `Idempotency-Key` that was never used before.
    pub fn idempotency_key(&mut self) -> String {
        use std::fmt::Write as _;
        self.creates += 1;
        let mut key = String::from("tui-");
        for byte in self.start.seed {
            write!(key, "{byte:02x}").expect("writing to a String cannot fail");
        }
        write!(key, "-{}", self.creates).expect("writing to a String cannot fail");
        key
    }

    /// Whether that is the member who is signed in.
    pub fn is_me(&self, member: Id) -> bool {
        self.me.as_ref().is_some_and(|me| me.member.id == member)
    }

    /// Whether the member may do this; the sentence says why not.
    ///
    /// # Errors
    /// Read-only, not signed in yet, or the role lacks it.
    pub fn check_permission(&self, permission: Permission) -> Result<(), String> {
        let writes = !matches!(permission, Permission::ListKeys(_) | Permission::ReadActivity);
        if self.start.read_only && writes {
            return Err("keyward was started read-only".to_owned());
        }
        let Some(me) = &self.me else { return Err("not signed in yet".to_owned()) };
        let actor = Actor { member: me.member.clone(), role: me.role };
        actor.allow(permission).map(drop).map_err(|denied| denied.to_string())
    }

    /// Tells what failed, and notes what it says about the connection.
    pub fn report_failure(&mut self, failure: &RequestError) {
        self.record_failure(failure);
        self.notices.error(self.now, failure.to_string());
    }

    /// Tells why something that was asked for cannot be done here or now.
    pub fn report_unavailable(&mut self, why: &str) {
        self.notices.error(self.now, format!("Not possible: {why}"));
    }

    /// Notes what a failure says about the connection, without a message.
    pub fn record_failure(&mut self, failure: &RequestError) {
        match failure {
            _ if failure.is_signed_out() => self.connection = Connection::SignedOut,
            RequestError::Unreachable(why) | RequestError::InvalidReply(why) => {
                self.connection = Connection::Lost(why.clone());
            }
            RequestError::Refused(_) | RequestError::Local(_) => {}
        }
    }

    /// The key of an action for a sentence: `r`; a dash where it is unbound.
    pub fn key_press(&self, action: Action) -> String {
        self.start.keymap.key(action).unwrap_or_else(|| "-".to_owned())
    }
}
