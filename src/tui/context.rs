//! State shared by every screen and popup: the signed-in member, the time, the lists loaded from the server, messages, and effects.
//!
//! A screen holds only what it shows of the lists (order, filter, selection); the lists themselves are here. `requests` issues
//! tickets and matches replies to them, `lists` loads the lists. Nothing here draws or knows a screen.

use std::time::Duration;

use super::activity_log::ActivityLog;
use super::apply_run::ApplyRun;
use super::key_list::{Changes, KeyList};
use super::keymap::{Action, Keymap};
use super::msg::{Effect, RequestError, UiTime, UnfinishedCreate};
use super::notice::Notices;
use super::pending_requests::PendingRequests;
use super::rotation_list::RotationList;
use super::row_list::RowList;
use super::theme::Theme;
use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};
use crate::domain::permission::{Actor, Permission};
use crate::domain::policy::Policy;
use crate::domain::staleness::StalenessRules;
use crate::domain::time::{TimeDelta, Timestamp};
use crate::wire::members::Member;
use crate::wire::sessions::Me;

mod lists;
mod requests;

pub use super::pending_requests::{CreateInFlight, Leak, ReplyTo};

/// Delay before a request that failed is sent again.
pub const RETRY_DELAY: Duration = Duration::from_secs(5);

/// The options the UI starts with, from the configuration and the runtime.
#[derive(Clone, Debug)]
pub struct StartOptions {
    /// Name of the profile; empty if there is none, as in the demo.
    pub profile: String,
    /// Address of the server, as shown.
    pub server: String,
    /// True if the profile is marked as production: the header is coloured then.
    pub production: bool,
    /// True if the UI was started with `--read-only`: actions that change something are unavailable.
    pub read_only: bool,
    /// True if the UI was started with `--restricted`: files and commands are out of reach.
    pub restricted: bool,
    /// Colours and symbols, as configured.
    pub theme: Theme,
    /// Key bindings, as configured.
    pub keymap: Keymap,
    /// Time between two requests for changed keys.
    pub refresh_interval: Duration,
    /// Columns and rows of the window.
    pub size: (u16, u16),
    /// Random bytes from which idempotency keys and review ids are derived.
    pub seed: [u8; 16],
    /// Creates of earlier runs whose secret may not have been stored.
    pub unfinished_creates: Vec<UnfinishedCreate>,
    /// The review's drafts of the last run, as [`Effect::SaveDrafts`] and [`Effect::AppendDrafts`] wrote them; empty if there are
    /// none.
    pub drafts: String,
}

/// State of the connection to the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// No reply has arrived yet.
    #[default]
    Connecting,
    /// The last request was answered.
    Connected,
    /// The last request was not answered, for this reason.
    Lost(String),
    /// The session has ended.
    SignedOut,
}

/// State shared by every screen and popup.
#[derive(Debug)]
pub struct Context {
    /// The options the UI was started with.
    pub start: StartOptions,
    /// The present on the UI's clock.
    pub now: UiTime,
    /// Columns and rows of the window.
    pub size: (u16, u16),
    /// True if times are shown as date and time instead of an age.
    pub exact_times: bool,
    /// The signed-in member; `None` before the first reply.
    pub me: Option<Me>,
    /// State of the connection to the server.
    pub connection: Connection,
    /// The message in the footer, and earlier ones.
    pub notices: Notices,
    /// Effects of the message being handled. The model takes them when it is done.
    pub effects: Vec<Effect>,
    /// The member's own keys.
    pub personal_keys: KeyList,
    /// The keys that belong to the organization.
    pub organization_keys: KeyList,
    /// The members of the organization, if the role may list them.
    pub members: RowList<Member>,
    /// The rotations of the keys that the member may see.
    pub rotations: RotationList,
    /// The loaded part of the activity log.
    pub activity: ActivityLog,
    /// The drafts that are being applied, or the results of the last run while they are shown.
    pub apply_run: Option<ApplyRun>,
    key_changes: Vec<(KeyKind, Changes)>,
    requests: PendingRequests,
    server_time: Option<(Timestamp, UiTime)>,
}

impl Context {
    /// The context before the first request.
    pub fn new(start: StartOptions) -> Self {
        Self {
            now: UiTime::default(),
            size: start.size,
            exact_times: false,
            me: None,
            connection: Connection::default(),
            notices: Notices::default(),
            effects: Vec::new(),
            personal_keys: KeyList::default(),
            organization_keys: KeyList::default(),
            members: RowList::default(),
            rotations: RotationList::default(),
            activity: ActivityLog::default(),
            apply_run: None,
            key_changes: Vec::new(),
            requests: PendingRequests::default(),
            server_time: None,
            start,
        }
    }

    /// Colours and symbols, as configured.
    pub fn theme(&self) -> Theme {
        self.start.theme
    }

    /// The server's present: its last `as_of`, advanced by the UI's clock. The epoch before the first reply.
    pub fn server_now(&self) -> Timestamp {
        self.server_time.map_or(Timestamp::default(), |(at, received)| {
            at.plus(TimeDelta::from_std(self.now.since(received)).unwrap_or(TimeDelta::MAX))
        })
    }

    /// Records the `as_of` of a reply. An earlier one than the known present is ignored, since replies overtake each other.
    pub fn record_server_time(&mut self, as_of: Timestamp) {
        if as_of >= self.server_now() || self.server_time.is_none() {
            self.server_time = Some((as_of, self.now));
        }
    }

    /// The rules of staleness as of now.
    pub fn staleness_rules(&self) -> StalenessRules {
        let (policy, tracking_since) = self
            .me
            .as_ref()
            .map_or((Policy::default(), Timestamp::default()), |me| (me.policy, me.usage_tracking_since));
        StalenessRules { policy, now: self.server_now(), tracking_since }
    }

    /// The rules of staleness as of the last page of keys of a kind: its table shows ages as of that time.
    pub fn key_rules(&self, kind: KeyKind) -> StalenessRules {
        StalenessRules { now: self.keys(kind).shown_as_of, ..self.staleness_rules() }
    }

    /// The keys of a kind.
    pub fn keys(&self, kind: KeyKind) -> &KeyList {
        match kind {
            KeyKind::Personal => &self.personal_keys,
            KeyKind::Organization => &self.organization_keys,
        }
    }

    fn keys_mut(&mut self, kind: KeyKind) -> &mut KeyList {
        match kind {
            KeyKind::Personal => &mut self.personal_keys,
            KeyKind::Organization => &mut self.organization_keys,
        }
    }

    /// Returns the key with this id, of either kind.
    pub fn find_key(&self, id: Id) -> Option<&Key> {
        self.organization_keys.get(id).or_else(|| self.personal_keys.get(id))
    }

    /// Returns whether this is the signed-in member.
    pub fn is_me(&self, member: Id) -> bool {
        self.me.as_ref().is_some_and(|me| me.member.id == member)
    }

    /// Checks whether the signed-in member has a permission.
    ///
    /// # Errors
    /// A sentence that says why not: the UI is read-only, nobody is signed in yet, or the role lacks the permission.
    pub fn check_permission(&self, permission: Permission) -> Result<(), String> {
        if self.start.read_only && changes_something(permission) {
            return Err("keyward was started read-only".to_owned());
        }
        let Some(me) = &self.me else { return Err("not signed in yet".to_owned()) };
        let actor = Actor { member: me.member.clone(), role: me.role };
        actor.allow(permission).map(drop).map_err(|denied| denied.to_string())
    }

    /// Checks whether a screen that needs this permission may be looked at: read-only mode and a pending sign-in do not hide it.
    ///
    /// # Errors
    /// A sentence that says why not.
    pub fn check_view(&self, permission: Permission) -> Result<(), String> {
        let is_undecided = self.me.is_none() || self.start.read_only && changes_something(permission);
        if is_undecided { Ok(()) } else { self.check_permission(permission) }
    }

    /// Shows a failure in the footer, and records what it says about the connection.
    pub fn report_failure(&mut self, failure: &RequestError) {
        self.record_failure(failure);
        self.notices.error(self.now, failure.to_string());
    }

    /// Shows in the footer why an action is not available.
    pub fn report_unavailable(&mut self, why: &str) {
        self.notices.error(self.now, format!("Not possible: {why}"));
    }

    /// Records what a failure says about the connection.
    pub fn record_failure(&mut self, failure: &RequestError) {
        match failure {
            _ if failure.is_signed_out() => self.connection = Connection::SignedOut,
            RequestError::Unreachable(why) | RequestError::InvalidReply(why) => {
                self.connection = Connection::Lost(why.clone());
            }
            RequestError::Refused(_) | RequestError::Local(_) => {}
        }
    }

    /// The key press bound to an action, for a sentence: `r`; a dash if there is none.
    pub fn key_press(&self, action: Action) -> String {
        self.start.keymap.key_press(action).unwrap_or_else(|| "-".to_owned())
    }
}

fn changes_something(permission: Permission) -> bool {
    !matches!(permission, Permission::ListKeys(_) | Permission::ReadActivity)
}
