//! Presses keys on a model, answers its effects like a server would, and gives the screen back as text.

use std::collections::VecDeque;

use keyward::domain::activity::Activity;
use keyward::domain::key::{Key, Kind};
use keyward::domain::member::Role;
use keyward::domain::review::{Decision, Review};
use keyward::domain::secret::Secret;
use keyward::domain::text;
use keyward::domain::usage::{Bucket, ClientUse, DailyUse, Usage};
use keyward::tui::app::Model;
use keyward::tui::keymap::{Chord, Keymap};
use keyward::tui::msg::{Ask, Effect, Failure, Moment, Msg, Put, Reply, Ticket};
use keyward::tui::shared::Start;
use keyward::tui::theme::{Palette, Theme};
use keyward::tui::view::{self, Drawn};
use keyward::wire::keys::{CreatedKey, RevokeKey, Rotation, ShownOnce};
use keyward::wire::members::{ChangedRole, Member};
use keyward::wire::page::{Metadata, Page};
use keyward::wire::problem::{Problem, ProblemType};
use keyward::wire::reviews::Decided;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::fleet::{self, NOW, ada, id};
use super::people;

/// The secret that the next created key gets.
pub fn secret() -> Secret {
    Secret::generate(|| std::array::from_fn(|i| u8::try_from(i * 37 % 256).unwrap()))
}

pub fn start(columns: u16, rows: u16) -> Start {
    Start {
        profile: String::new(),
        server: "https://keys.plant.example".to_owned(),
        production: false,
        read_only: false,
        restricted: false,
        theme: Theme::default(),
        keymap: Keymap::default(),
        refresh_ms: 5_000,
        size: (columns, rows),
        seed: [7; 16],
        pending: Vec::new(),
        drafts: String::new(),
    }
}

/// A model with a server that answers at once, unless told otherwise.
pub struct Driver {
    pub model: Model,
    /// What the server holds.
    pub keys: Vec<Key>,
    pub role: Role,
    /// What the server knows of members, rotations and the log.
    pub members: Vec<Member>,
    pub rotations: Vec<Rotation>,
    pub log: Vec<Activity>,
    /// What the server recorded of reviews.
    pub reviews: Vec<Review>,
    /// What the server answers instead, first come, first served.
    pub failures: VecDeque<Failure>,
    /// What was put somewhere, and other effects that leave the program.
    pub done: Vec<String>,
    /// Whether answers are held back.
    pub hold: bool,
    held: VecDeque<Effect>,
    buffer: Buffer,
    pub drawn: Drawn,
    now: u64,
}

impl Driver {
    pub fn new() -> Self {
        Self::at(80, 24)
    }

    pub fn at(columns: u16, rows: u16) -> Self {
        Self::with(start(columns, rows), Role::Admin)
    }

    pub fn with(start: Start, role: Role) -> Self {
        Self::prepare(start, role).go()
    }

    /// Before the first answer.
    pub fn prepare(start: Start, role: Role) -> Self {
        let (columns, rows) = start.size;
        let (model, effects) = Model::new(start);
        let mut keys = fleet::workspace();
        keys.extend(fleet::personal());
        Self {
            model,
            keys,
            role,
            members: people::members(),
            rotations: people::rotations(),
            log: people::log(450),
            reviews: Vec::new(),
            failures: VecDeque::new(),
            done: Vec::new(),
            hold: false,
            held: effects.into(),
            buffer: Buffer::empty(Rect::new(0, 0, columns, rows)),
            drawn: Drawn::default(),
            now: 0,
        }
    }

    /// Answers all that is held back.
    pub fn go(mut self) -> Self {
        self.hold = false;
        while let Some(effect) = self.held.pop_front() {
            self.run(effect);
        }
        self.frame();
        self
    }

    /// Answers what is held back now, and holds back what is asked then.
    pub fn go_once(mut self) -> Self {
        for effect in std::mem::take(&mut self.held) {
            self.run(effect);
        }
        self.frame();
        self
    }

    pub fn holding(mut self) -> Self {
        self.hold = true;
        self
    }

    pub fn failing(mut self, failure: Failure) -> Self {
        self.failures.push_back(failure);
        self
    }

    pub fn send(&mut self, msg: Msg) {
        let effects = self.model.update(msg);
        for effect in effects {
            if self.hold && matches!(effect, Effect::Ask { .. } | Effect::Put { .. }) {
                self.held.push_back(effect);
            } else {
                self.run(effect);
            }
        }
    }

    fn run(&mut self, effect: Effect) {
        match effect {
            Effect::Ask { ticket, ask } => {
                let result = match self.failures.pop_front() {
                    Some(failure) => Err(failure),
                    None => self.answer(ask),
                };
                self.reply(ticket, result);
            }
            Effect::Put { ticket, put } => {
                let result = match self.failures.pop_front() {
                    Some(failure) => Err(failure),
                    None => Ok(Reply::Done(self.put(put))),
                };
                self.reply(ticket, result);
            }
            Effect::Forget(_) => {}
            Effect::DropPending { .. } => self.done.push("pending dropped".to_owned()),
            other => self.done.push(format!("{other:?}")),
        }
    }

    fn reply(&mut self, ticket: Ticket, result: Result<Reply, Failure>) {
        self.send(Msg::Reply { ticket, result });
    }

    fn put(&mut self, put: Put) -> String {
        let (what, said) = match put {
            Put::Copy(text) => (format!("copy {text}"), "sent to your terminal".to_owned()),
            Put::CopySecret(s) => (format!("copy {}", s.expose()), "sent to your terminal".to_owned()),
            Put::SecretToFile { path, secret } => {
                (format!("write {} to {path}", secret.expose()), format!("written to {path}"))
            }
            Put::SecretToCommand { command, secret } => {
                (format!("pipe {} into {command}", secret.expose()), format!("given to `{command}`"))
            }
            Put::TextToFile { path, text } => {
                (format!("write {text} to {path}"), format!("written to {path}"))
            }
        };
        self.done.push(what);
        said
    }

    fn answer(&mut self, ask: Ask) -> Result<Reply, Failure> {
        let problem = |kind, detail: &str| Failure::Refused(Box::new(Problem::new(kind, detail)));
        let as_of = Some(NOW.plus(i64::try_from(self.now).unwrap()));
        let page = |data: Vec<Key>| {
            let total = Some(data.len() as u64);
            Page { metadata: Metadata { next_cursor: None, as_of, total }, data }
        };
        Ok(match ask {
            Ask::Me | Ask::SignIn(_) => Reply::Me(Box::new(fleet::me(self.role))),
            Ask::Keys(kind) | Ask::Changes { kind, .. } => Reply::Keys(page(self.of(kind))),
            Ask::Create { kind, body, .. } => {
                let mut key =
                    fleet::key(500 + u16::try_from(self.keys.len()).unwrap(), kind, &body.name, 0, None);
                key.masked = secret().mask().to_string();
                key.note = body.note;
                self.keys.insert(0, key.clone());
                Reply::Created(Box::new(CreatedKey { key, secret: Some(ShownOnce::new(secret().expose())) }))
            }
            Ask::Confirm(_, id) => Reply::Key(Box::new(self.known(id)?.clone())),
            Ask::Edit { id, body, .. } => {
                let key = self.known(id)?;
                key.version += 1;
                if let Some(name) = body.name {
                    key.name = name;
                }
                if let Some(note) = body.note {
                    key.note = (!note.is_empty()).then_some(note);
                }
                Reply::Key(Box::new(key.clone()))
            }
            Ask::Revoke { id, body, .. } => {
                let key = self.known(id)?;
                if let Some(since) = body.unless_used_since
                    && key.last_used_at.is_some_and(|at| at >= since)
                {
                    let problem = Problem::new(ProblemType::UsedSince, "The key was used since you looked.");
                    return Err(Failure::Refused(Box::new(problem.with_key(key.clone()))));
                }
                key.revoked_at = Some(NOW);
                key.revoked_by = Some(ada());
                key.revoke_reason = body.reason;
                key.version += 1;
                Reply::Key(Box::new(key.clone()))
            }
            Ask::Members => Reply::Members(people::page(self.members.clone())),
            Ask::Rotations(kind) => {
                let of = self.rotations.iter().filter(|rotation| rotation.old.kind == kind).cloned();
                Reply::Rotations(people::page(of.collect()))
            }
            Ask::Activity(query) => {
                let from: usize = query.cursor.map_or(0, |cursor| cursor.parse().unwrap());
                let to = (from + 200).min(self.log.len());
                let mut page = people::page(self.log[from..to].to_vec());
                page.metadata.next_cursor = (to < self.log.len()).then(|| to.to_string());
                Reply::Activity(page)
            }
            Ask::Invite(body) => Reply::Invited(Box::new(people::invitation(&body))),
            Ask::ChangeRole(id, body) => {
                let member = self.members.iter_mut().find(|member| member.id == id).unwrap();
                member.role = body.role;
                Reply::RoleChanged(Box::new(ChangedRole { member: member.clone(), revoked: Vec::new() }))
            }
            Ask::Remove { id, dry_run } => {
                Reply::Removal(Box::new(people::removal(&mut self.members, &mut self.keys, id, dry_run)))
            }
            Ask::EndSessions(_) => Reply::Done("ended all sessions".to_owned()),
            Ask::Reviews(query) => {
                let data = self.reviews.iter().rev();
                let data =
                    data.filter(|r| query.review.is_none_or(|id| r.review_id == id)).cloned().collect();
                Reply::Reviews(Page { metadata: Metadata { next_cursor: None, as_of, total: None }, data })
            }
            Ask::Decide { body, .. } => {
                if let (Decision::Revoke, Some(since)) = (body.decision, body.unless_used_since) {
                    self.answer(Ask::Revoke {
                        kind: Kind::Organization,
                        id: body.key_id,
                        body: RevokeKey { unless_used_since: Some(since), ..RevokeKey::default() },
                    })?;
                }
                let key = self.known(body.key_id)?.clone();
                let judge = fleet::judge();
                let review = Review {
                    id: id(3_000 + u16::try_from(self.reviews.len()).unwrap()),
                    review_id: body.review_id,
                    key_id: key.id,
                    key_name: key.name.clone(),
                    key_masked: key.masked.clone(),
                    decision: body.decision,
                    until: body.until,
                    note: body.note,
                    reviewer: ada().as_ref().clone(),
                    reviewed_at: NOW,
                    findings: judge.findings(&Key { revoked_at: None, ..key.clone() }),
                    last_used_at: key.last_used_at,
                };
                self.reviews.push(review.clone());
                Reply::Decided(Box::new(Decided { review, key }))
            }
            Ask::RecordExport(body) => Reply::Done(format!("recorded {}", body.records)),
            Ask::Usage { id: of, .. } => Reply::Usage(usage([id(2), id(70), id(72)].contains(&of))),
            Ask::DailyUse { ids, .. } => Reply::DailyUse(ids.into_iter().map(daily).collect()),
            other => return Err(problem(ProblemType::NotFound, &format!("no answer to {other:?}"))),
        })
    }

    fn of(&self, kind: Kind) -> Vec<Key> {
        self.keys.iter().filter(|key| key.kind == kind).cloned().collect()
    }

    /// A key of the tables, or one that only takes part in a rotation.
    pub fn find(&mut self, id: keyward::domain::id::Id) -> Option<&mut Key> {
        let rotating = self.rotations.iter_mut().flat_map(|rotation| [&mut rotation.old, &mut rotation.new]);
        self.keys.iter_mut().chain(rotating).find(|key| key.id == id)
    }

    fn known(&mut self, id: keyward::domain::id::Id) -> Result<&mut Key, Failure> {
        self.find(id).ok_or_else(|| {
            Failure::Refused(Box::new(Problem::new(ProblemType::NotFound, "There is no such key.")))
        })
    }

    pub fn named(&mut self, name: &str) -> &mut Key {
        self.keys.iter_mut().find(|key| key.name == name).unwrap()
    }

    /// Presses keys one after the other, each in a frame of its own: `3jx<enter>`.
    pub fn press(mut self, keys: &str) -> Self {
        let mut rest = keys;
        while let Some(c) = rest.chars().next() {
            let (name, after) = match rest.strip_prefix('<').and_then(|cut| cut.split_once('>')) {
                Some((name, after)) if !name.is_empty() => (name, after),
                _ => rest.split_at(c.len_utf8()),
            };
            rest = after;
            let name = if name == " " { "space" } else { name };
            self.send(Msg::Key(Chord::parse(name).unwrap().first));
            self.frame();
        }
        self
    }

    /// Presses keys that all arrive before the next frame.
    pub fn press_at_once(mut self, keys: &str) -> Self {
        for c in keys.chars() {
            self.send(Msg::Key(Chord::parse(&c.to_string()).unwrap().first));
        }
        self.frame();
        self
    }

    pub fn paste(mut self, text: &str) -> Self {
        self.send(Msg::Paste(text.to_owned().into()));
        self.frame();
        self
    }

    /// Lets time pass, waking the model whenever it asks for it.
    pub fn wait(mut self, ms: u64) -> Self {
        let end = self.now + ms;
        while let Some(at) = self.model.wake_at().filter(|at| at.0 <= end) {
            self.now = self.now.max(at.0);
            self.send(Msg::Tick { now: Moment(self.now) });
        }
        self.now = end;
        self.send(Msg::Tick { now: Moment(end) });
        self.frame();
        self
    }

    pub fn resize(mut self, columns: u16, rows: u16) -> Self {
        self.send(Msg::Resize { columns, rows });
        self.buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
        self.frame();
        self
    }

    fn frame(&mut self) {
        self.drawn = view::draw(&self.model, &mut self.buffer);
        self.send(Msg::Shown);
    }

    pub fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// The screen as text, blanks at line ends left out.
    pub fn screen(&self) -> String {
        let area = self.buffer.area;
        let mut out = String::new();
        for y in 0..area.height {
            let mut line = String::new();
            let mut skip = 0;
            for x in 0..area.width {
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                let symbol = self.buffer[(x, y)].symbol();
                skip = text::width(symbol).saturating_sub(1);
                line.push_str(symbol);
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

/// Recorded for 24 of the last 30 days, at weekends less.
fn daily(id: keyward::domain::id::Id) -> DailyUse {
    let counts =
        (0..30).map(|day| (day >= 6).then_some(if day % 7 < 2 { 0 } else { 40 + day * 3 })).collect();
    DailyUse { id, counts }
}

fn usage(busy: bool) -> Usage {
    let client = |agent: &str, address: &str, days: i64, count| ClientUse {
        agent: agent.to_owned(),
        address: address.to_owned(),
        first_seen_at: NOW.minus(days * keyward::domain::time::DAY),
        last_seen_at: NOW.minus(4 * keyward::domain::time::MINUTE),
        count,
    };
    Usage {
        tracking_since: NOW.minus(600 * keyward::domain::time::DAY),
        buckets: (0..if busy { 30 } else { 0 })
            .map(|day| Bucket {
                start: NOW.minus((29 - day) * keyward::domain::time::DAY).floor(keyward::domain::time::DAY),
                count: if day % 7 < 2 { 0 } else { 40 + day * 3 },
                refused: 0,
            })
            .collect(),
        clients: if busy {
            vec![client("Grafana/11.4.0", "10.0.3.2", 200, 52_417), client("curl/8.5.0", "10.0.9.14", 3, 2)]
        } else {
            vec![]
        },
    }
}

/// A theme without colours and without Unicode.
pub fn plain() -> Theme {
    Theme { palette: Palette::Mono, ascii: true }
}
