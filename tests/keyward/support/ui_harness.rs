//! UI harness: the model of the screens, driven by key presses, against a real server.
//!
//! Requests go through the program's own [`Api`], and unfinished creates and drafts are stored in files by its [`SavedState`]. The
//! harness can crash a run at any relevant point ([`UiHarness::crash_at`]) and start the next one with the files that it left behind.

use std::collections::VecDeque;
use std::time::Duration;

use keyward::client::state::StateFolder;
use keyward::client::{self, ServerAddress};
use keyward::clock::{Clock, monotonic_now, random_bytes};
use keyward::tui::app::Model;
use keyward::tui::context::StartOptions;
use keyward::tui::keymap::{KeySequence, Keymap};
use keyward::tui::msg::{ApiRequest, Effect, Msg, Reply, UnfinishedCreate};
use keyward::tui::runtime::api::{Api, ReplySender};
use keyward::tui::runtime::saved_state::SavedState;
use keyward::tui::theme::Theme;
use keyward::tui::view;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::test_server::TestMember;

/// Capacity of the reply channel: more replies than any request gets.
const MAX_REPLIES: usize = 64;
/// How long [`take_over_all`] waits for the locks of the previous run.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
/// Profile of the harness.
const PROFILE: &str = "test";

/// Files that one run of the terminal UI leaves for the next one.
pub struct SavedFiles(TempDir);

impl SavedFiles {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn state(&self) -> StateFolder {
        StateFolder::new(self.0.path().join("keyward"))
    }

    /// Returns the drafts of the review.
    pub fn drafts(&self) -> String {
        self.state().drafts(PROFILE).map(|text| text.as_str().to_owned()).unwrap_or_default()
    }

    /// Returns the number of creates whose secret is not stored.
    pub fn unfinished_creates(&self) -> usize {
        self.state().list_json_files("pending").unwrap().len()
    }
}

/// One run of the terminal UI by a signed-in member.
pub struct UiHarness {
    model: Box<Model>,
    api: Api,
    buffer: Buffer,
    folder: SavedFiles,
    /// Secret of the last key that was created.
    pub secret: Option<String>,
    /// Number of the crash point at which the run crashes, starting at 1. There is a crash point before and after each request
    /// that changes something, and before each change of the drafts is written.
    pub crash_at: Option<usize>,
    crash_points: usize,
}

impl UiHarness {
    /// Starts the terminal UI without saved files.
    pub async fn open(member: &TestMember) -> Self {
        Self::resume(member, SavedFiles::new()).await
    }

    /// Starts the terminal UI with the files of an earlier run.
    pub async fn resume(member: &TestMember, folder: SavedFiles) -> Self {
        let address: ServerAddress = member.client.address().clone();
        let saved_state = SavedState::new(Some(folder.state()), PROFILE.to_owned(), Clock::System);
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
            seed: random_bytes(),
            unfinished_creates: take_over_all(&saved_state, &address, folder.unfinished_creates()),
            drafts: saved_state.drafts(),
        };
        let (model, effects) = Model::new(start);
        let mut harness = Self {
            model: Box::new(model),
            api: Api::new(address, member.credential.clone(), client::ClientOptions::default(), saved_state),
            buffer: Buffer::empty(Rect::new(0, 0, 120, 40)),
            folder,
            secret: None,
            crash_at: None,
            crash_points: 0,
        };
        harness.perform(effects).await;
        harness
    }

    /// Ends the run and returns the files that it leaves behind.
    pub fn into_saved_files(self) -> SavedFiles {
        self.folder
    }

    pub fn saved_files(&self) -> &SavedFiles {
        &self.folder
    }

    /// Returns whether the run has crashed.
    pub fn has_crashed(&self) -> bool {
        self.crash_at.is_some_and(|at| self.crash_points >= at)
    }

    /// Counts a crash point. Returns whether the run has crashed, at this point or earlier.
    fn pass_crash_point(&mut self) -> bool {
        if !self.has_crashed() {
            self.crash_points += 1;
        }
        self.has_crashed()
    }

    /// Performs effects and the effects that follow from their replies, then draws a frame. Stops if the run crashes.
    async fn perform(&mut self, effects: Vec<Effect>) {
        let mut waiting: VecDeque<Effect> = effects.into();
        while let Some(effect) = waiting.pop_front() {
            match effect {
                Effect::Request { ticket, request } => {
                    let is_change = matches!(
                        request,
                        ApiRequest::Decide { .. }
                            | ApiRequest::Create { .. }
                            | ApiRequest::Revoke { .. }
                            | ApiRequest::Confirm(..)
                    );
                    self.api.prepare(&request).unwrap();
                    if is_change && self.pass_crash_point() || self.has_crashed() {
                        return;
                    }
                    let (sender, mut messages) = mpsc::channel(MAX_REPLIES);
                    self.api.send(request, &ReplySender::new(sender, ticket)).await;
                    while let Some(message) = messages.recv().await {
                        if let Msg::Reply { result: Ok(Reply::Created(created)), .. } = &message {
                            let secret = created.secret.as_ref().map(|secret| secret.expose().to_owned());
                            self.secret = secret.or(self.secret.take());
                        }
                        if is_change && self.pass_crash_point() {
                            return;
                        }
                        waiting.extend(self.model.update(message));
                    }
                }
                Effect::SaveDrafts(_) | Effect::AppendDrafts(_) if self.pass_crash_point() => return,
                Effect::SaveDrafts(drafts) => self.api.saved_state().save_drafts(&drafts).unwrap(),
                Effect::AppendDrafts(line) => self.api.saved_state().append_drafts(&line).unwrap(),
                Effect::FinishCreate { idempotency_key } => {
                    self.api.saved_state().finish_create(&idempotency_key);
                }
                _ => {}
            }
        }
        let drawn = view::draw(&self.model, &mut self.buffer);
        self.model.update(Msg::FrameWritten { max_scroll: drawn.max_scroll });
    }

    /// Presses keys one after the other, such as `3jx<enter>`, and draws a frame after each.
    pub async fn press(mut self, keys: &str) -> Self {
        for key in key_names(keys) {
            if self.has_crashed() {
                break;
            }
            let effects = self.model.update(Msg::KeyPress(KeySequence::parse(key).unwrap().first));
            self.perform(effects).await;
        }
        self
    }

    /// Returns the screen as text.
    pub fn screen(&self) -> String {
        let area = self.buffer.area;
        let row = |y| (0..area.width).map(|x| self.buffer[(x, y)].symbol()).collect::<String>() + "\n";
        (0..area.height).map(row).collect()
    }
}

/// Takes over the records of all `count` unfinished creates. A child process that another test is starting inherits the locks of the
/// previous run and keeps them until it executes its program, so this repeats until no lock is left.
fn take_over_all(saved_state: &SavedState, address: &ServerAddress, count: usize) -> Vec<UnfinishedCreate> {
    let began = monotonic_now();
    let mut unfinished = saved_state.take_over_abandoned(address);
    while unfinished.len() < count && began.elapsed() < LOCK_TIMEOUT {
        std::thread::yield_now();
        unfinished.extend(saved_state.take_over_abandoned(address));
    }
    unfinished
}

/// Splits `3jx<enter>` into the names of its key presses.
pub fn key_names(keys: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = keys;
    while let Some(c) = rest.chars().next() {
        let (name, after) = match rest.strip_prefix('<').and_then(|cut| cut.split_once('>')) {
            Some((name, after)) if !name.is_empty() => (name, after),
            _ => rest.split_at(c.len_utf8()),
        };
        names.push(if name == " " { "space" } else { name });
        rest = after;
    }
    names
}
