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

/// Delay before a failed request is sent again.
pub const RETRY_DELAY: Duration = Duration::from_secs(5);

/// Options that the UI starts with, from the configuration and the runtime.
#[derive(Clone, Debug)]
pub struct StartOptions {
    /// Name of the profile; empty if there is none, as in the demo.
    pub profile: String,
    /// Server address, as shown in the header.
    pub server: String,
    /// Whether the profile is marked as production, which colours the header.
    pub production: bool,
    /// Whether actions that change something are unavailable (`--read-only`).
    pub read_only: bool,
    /// Whether the UI must not write files or start commands (`--restricted`).
    pub restricted: bool,
    /// Returns the configured colours and symbols.
    pub theme: Theme,
    /// Configured key bindings.
    pub keymap: Keymap,
    /// Interval between requests for changed keys.
    pub refresh_interval: Duration,
    /// Window size in columns and rows.
    pub size: (u16, u16),
    /// Random bytes from which idempotency keys and review ids are derived.
    pub seed: [u8; 16],
    /// Key creations of earlier runs whose secret may not have been stored.
    pub unfinished_creates: Vec<UnfinishedCreate>,
    /// Review drafts of the previous run, as written by [`Effect::SaveDrafts`] and [`Effect::AppendDrafts`]; empty if there are
    /// none.
    pub drafts: String,
}

/// State of the connection to the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// No reply has arrived yet.
    #[default]
    Connecting,
    /// The last request got a reply.
    Connected,
    /// The last request got no reply, for this reason.
    Lost(String),
    /// The session has ended.
    SignedOut,
}

/// State shared by all screens and popups.
#[derive(Debug)]
pub struct Context {
    /// Options that the UI was started with.
    pub start: StartOptions,
    /// Current time on the UI's clock.
    pub now: UiTime,
    /// Window size in columns and rows.
    pub size: (u16, u16),
    /// Whether times are shown as a date and time instead of an age.
    pub exact_times: bool,
    /// The signed-in member; `None` until the server has returned it.
    pub me: Option<Me>,
    /// State of the connection to the server.
    pub connection: Connection,
    /// The notice in the footer, and earlier notices.
    pub notices: Notices,
    /// Effects of the message that is being handled. The model returns them to the runtime afterwards.
    pub effects: Vec<Effect>,
    /// Personal keys of the signed-in member.
    pub personal_keys: KeyList,
    /// Keys of the organization.
    pub organization_keys: KeyList,
    /// Members of the organization; empty if the signed-in member may not list them.
    pub members: RowList<Member>,
    /// Rotations of the keys that the signed-in member may see.
    pub rotations: RotationList,
    /// The loaded part of the activity log.
    pub activity: ActivityLog,
    /// The run that is applying the review drafts, or the last run while its results are shown.
    pub apply_run: Option<ApplyRun>,
    key_changes: Vec<(KeyKind, Changes)>,
    requests: PendingRequests,
    server_time: Option<(Timestamp, UiTime)>,
}

impl Context {
    /// Creates the context with nothing loaded yet.
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

    /// Returns the configured colours and symbols.
    pub fn theme(&self) -> Theme {
        self.start.theme
    }

    /// Returns the current server time: the newest `as_of` of a reply, advanced by the UI's clock. The Unix epoch before the first
    /// reply.
    pub fn server_now(&self) -> Timestamp {
        self.server_time.map_or(Timestamp::default(), |(at, received)| {
            at.plus(TimeDelta::from_std(self.now.since(received)).unwrap_or(TimeDelta::MAX))
        })
    }

    /// Records the `as_of` of a reply. A time before [`Self::server_now`] is ignored, since replies may arrive out of order.
    pub fn record_server_time(&mut self, as_of: Timestamp) {
        if as_of >= self.server_now() || self.server_time.is_none() {
            self.server_time = Some((as_of, self.now));
        }
    }

    /// Returns the staleness rules for the current server time.
    pub fn staleness_rules(&self) -> StalenessRules {
        let (policy, tracking_since) = self
            .me
            .as_ref()
            .map_or((Policy::default(), Timestamp::default()), |me| (me.policy, me.usage_tracking_since));
        StalenessRules { policy, now: self.server_now(), tracking_since }
    }

    /// Returns the staleness rules for the time of the last page of keys of this kind, which the ages in the table refer to.
    pub fn key_rules(&self, kind: KeyKind) -> StalenessRules {
        StalenessRules { now: self.keys(kind).shown_as_of, ..self.staleness_rules() }
    }

    /// Returns the list of keys of this kind.
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

    /// Returns the key with this id, of either kind; `None` if it is not loaded.
    pub fn find_key(&self, id: Id) -> Option<&Key> {
        self.organization_keys.get(id).or_else(|| self.personal_keys.get(id))
    }

    /// Returns whether this is the id of the signed-in member.
    pub fn is_me(&self, member: Id) -> bool {
        self.me.as_ref().is_some_and(|me| me.member.id == member)
    }

    /// Checks that the signed-in member has a permission.
    ///
    /// # Errors
    /// Returns a sentence that says why not: the UI is read-only, nobody is signed in yet, or the role lacks the permission.
    pub fn check_permission(&self, permission: Permission) -> Result<(), String> {
        if self.start.read_only && changes_something(permission) {
            return Err("keyward was started with --read-only".to_owned());
        }
        let Some(me) = &self.me else { return Err("not signed in yet".to_owned()) };
        let actor = Actor { member: me.member.clone(), role: me.role };
        actor.allow(permission).map(drop).map_err(|denied| denied.to_string())
    }

    /// Checks that the signed-in member may look at a screen that needs this permission. Unlike [`Self::check_permission`],
    /// succeeds in read-only mode and before the sign-in.
    ///
    /// # Errors
    /// Returns a sentence that says why the role does not allow it.
    pub fn check_view(&self, permission: Permission) -> Result<(), String> {
        let is_undecided = self.me.is_none() || self.start.read_only && changes_something(permission);
        if is_undecided { Ok(()) } else { self.check_permission(permission) }
    }

    /// Shows the error of a request in the footer, and updates the connection state.
    pub fn report_failure(&mut self, failure: &RequestError) {
        self.record_failure(failure);
        self.notices.error(self.now, failure.to_string());
    }

    /// Shows in the footer why an action is not available.
    pub fn report_unavailable(&mut self, why: &str) {
        self.notices.error(self.now, format!("Not possible: {why}"));
    }

    /// Updates the connection state after a failed request.
    pub fn record_failure(&mut self, failure: &RequestError) {
        match failure {
            _ if failure.is_signed_out() => self.connection = Connection::SignedOut,
            RequestError::Unreachable(why) | RequestError::InvalidReply(why) => {
                self.connection = Connection::Lost(why.clone());
            }
            RequestError::Refused(_) | RequestError::Local(_) => {}
        }
    }

    /// Returns the key press bound to an action, such as `r`, to be named in a sentence. A dash if the action is not bound.
    pub fn key_press(&self, action: Action) -> String {
        self.start.keymap.key_press(action).unwrap_or_else(|| "-".to_owned())
    }
}

fn changes_something(permission: Permission) -> bool {
    !matches!(permission, Permission::ListKeys(_) | Permission::ReadActivity)
}
