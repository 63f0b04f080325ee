//! The review on its own feet: the screens' model against a real server, with real clients that use the keys meanwhile.

use std::collections::VecDeque;

use keyward::client::{Client, Credential, Request};
use keyward::clock::{Clock, entropy};
use keyward::domain::id::Id;
use keyward::domain::key::{Key, Kind};
use keyward::domain::member::Role;
use keyward::tui::app::Model;
use keyward::tui::keymap::{Chord, Keymap};
use keyward::tui::msg::{Ask, Effect, Failure, Msg, Reply, Ticket};
use keyward::tui::shared::Start;
use keyward::tui::theme::Theme;
use keyward::tui::view;
use keyward::wire::data_plane::ListSites;
use keyward::wire::keys::{
    CreateKey, CreatedKey, Include, KeysQuery, ListOrganizationKeys, ListPersonalKeys, ListRotations,
    RotationsQuery, UsageQuery,
};
use keyward::wire::members::{ListMembers, RemoveMember, RemoveQuery};
use keyward::wire::page::{Page, PageQuery};
use keyward::wire::reviews::{CreateReview, ListReviews, ReviewsQuery};
use keyward::wire::sessions::GetMe;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::support::for_each_database;
use crate::support::house::{House, Person, unlimited};

/// The screens of one run of the program, signed in as someone.
struct Screens {
    model: Box<Model>,
    client: Client,
    buffer: Buffer,
    drafts: String,
    /// How many decisions reach the server before the program dies.
    decisions: usize,
}

impl Screens {
    async fn open(person: &Person, drafts: &str) -> Self {
        let start = Start {
            profile: String::new(),
            server: "a test".to_owned(),
            production: false,
            read_only: false,
            restricted: false,
            theme: Theme::default(),
            keymap: Keymap::default(),
            size: (120, 40),
            seed: std::array::from_fn(|i| entropy::<16>()[i]),
            pending: Vec::new(),
            drafts: drafts.to_owned(),
        };
        let (model, effects) = Model::new(start);
        let buffer = Buffer::empty(Rect::new(0, 0, 120, 40));
        let mut screens = Self {
            model: Box::new(model),
            client: person.client.clone(),
            buffer,
            drafts: drafts.to_owned(),
            decisions: usize::MAX,
        };
        screens.carry_out(effects).await;
        screens
    }

    async fn carry_out(&mut self, effects: Vec<Effect>) {
        let mut waiting: VecDeque<Effect> = effects.into();
        while let Some(effect) = waiting.pop_front() {
            match effect {
                Effect::Ask { ticket, ask } => {
                    if matches!(ask, Ask::Decide { .. }) {
                        match self.decisions.checked_sub(1) {
                            Some(left) => self.decisions = left,
                            None => continue,
                        }
                    }
                    for result in self.answers(ask).await {
                        // The program dies before it has seen what became of its last decision.
                        if self.decisions == 0 {
                            continue;
                        }
                        waiting.extend(self.model.update(reply(ticket, result)));
                    }
                }
                Effect::KeepDrafts(drafts) => self.drafts = drafts,
                _ => {}
            }
        }
        view::draw(&self.model, &mut self.buffer);
        self.model.update(Msg::Shown);
    }

    async fn answers(&self, ask: Ask) -> Vec<Result<Reply, Failure>> {
        let client = &self.client;
        let one = match ask {
            Ask::Me => client.send(Request::to(GetMe)).await.map(|me| Reply::Me(Box::new(me))),
            Ask::Keys(kind) => {
                let query = KeysQuery { include: Some(Include::Revoked), ..KeysQuery::default() };
                keys(client, kind, query).await.map(Reply::Keys)
            }
            Ask::Changes { kind, since } => {
                let query = KeysQuery { changed_since: Some(since), ..KeysQuery::default() };
                keys(client, kind, query).await.map(Reply::Keys)
            }
            Ask::Reviews(query) => {
                client.send(Request::to(ListReviews).query(query)).await.map(Reply::Reviews)
            }
            Ask::Decide { idempotency_key, body } => {
                let request = Request::with(CreateReview, body).idempotency_key(&idempotency_key);
                client.send(request).await.map(|decided| Reply::Decided(Box::new(decided)))
            }
            Ask::Members => {
                client.send(Request::to(ListMembers).query(PageQuery::default())).await.map(Reply::Members)
            }
            Ask::Remove { id, dry_run } => {
                let request = Request::to(RemoveMember).id(id).query(RemoveQuery { dry_run: Some(dry_run) });
                client.send(request).await.map(|removal| Reply::Removal(Box::new(removal)))
            }
            Ask::Usage { kind, id, .. } => {
                client.key_usage(kind, id, UsageQuery::default()).await.map(Reply::Usage)
            }
            Ask::Rotations(owner) => {
                let query = RotationsQuery { owner, ..RotationsQuery::default() };
                client.send(Request::to(ListRotations).query(query)).await.map(Reply::Rotations)
            }
            _ => return Vec::new(),
        };
        vec![one.map_err(Failure::from)]
    }

    async fn press(mut self, keys: &str) -> Self {
        let mut rest = keys;
        while let Some(c) = rest.chars().next() {
            let (name, after) = match rest.strip_prefix('<').and_then(|cut| cut.split_once('>')) {
                Some(cut) => cut,
                None => rest.split_at(c.len_utf8()),
            };
            rest = after;
            let name = if name == " " { "space" } else { name };
            let effects = self.model.update(Msg::Key(Chord::parse(name).unwrap().first));
            self.carry_out(effects).await;
        }
        self
    }

    fn screen(&self) -> String {
        let area = self.buffer.area;
        let row = |y| (0..area.width).map(|x| self.buffer[(x, y)].symbol()).collect::<String>() + "\n";
        (0..area.height).map(row).collect()
    }
}

async fn keys(client: &Client, kind: Kind, query: KeysQuery) -> Result<Page<Key>, keyward::client::Error> {
    match kind {
        Kind::Personal => client.send(Request::to(ListPersonalKeys).query(query)).await,
        Kind::Organization => client.send(Request::to(ListOrganizationKeys).query(query)).await,
    }
}

fn reply(ticket: Ticket, result: Result<Reply, Failure>) -> Msg {
    Msg::Reply { ticket, result }
}

/// A house in which a key without a use waits for a decision at once.
async fn house(database: &crate::support::Database) -> House {
    let mut settings = unlimited();
    settings.policy.never_used_after_days = 0;
    House::open_with(database, settings, Clock::System).await
}

async fn create(person: &Person, name: &str) -> CreatedKey {
    let body = CreateKey { name: name.into(), note: None, replaces: None };
    let header = Id::new(Clock::System.now(), entropy()).to_string();
    person.client.create_key(Kind::Organization, body, &header).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_used_while_it_is_reviewed_is_not_revoked() {
    for_each_database(async |database| {
        let house = house(database).await;
        let (quiet, busy) = (create(&house.ada, "Quiet").await, create(&house.ada, "Busy").await);
        let screens = Screens::open(&house.ada, "").await.press("3axA").await;
        assert!(screens.screen().contains("2 keys will be revoked"), "{}", screens.screen());
        let holder = Credential::bearer(busy.secret.unwrap().expose()).unwrap();
        house.client.with_credential(holder).send(Request::to(ListSites)).await.unwrap();
        let screens = screens.press("revoke 2<enter>").await;
        let screen = screens.screen();
        assert!(screen.contains("by keyward/") && screen.contains("127.0.0.1, after you looked"), "{screen}");
        let key = |id| house.ada.client.key(Kind::Organization, id);
        assert!(key(quiet.key.id).await.unwrap().revoked_at.is_some(), "{}", database.name);
        assert!(key(busy.key.id).await.unwrap().revoked_at.is_none(), "{}", database.name);
        house.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_dies_while_applying_applies_nothing_twice() {
    for_each_database(async |database| {
        let house = house(database).await;
        for n in 0..6 {
            create(&house.ada, &format!("Key {n}")).await;
        }
        for dies_after in 1..=6 {
            let mut screens = Screens::open(&house.ada, "").await.press("3aSA").await;
            screens.decisions = dies_after;
            let before = house.ada.client.send(Request::to(ListReviews)).await.unwrap().data.len();
            let died = screens.press("y").await;
            let drafts = died.drafts.clone();
            drop(died);
            let again = Screens::open(&house.ada, &drafts).await.press("3Ay").await;
            assert!(!again.screen().contains("Decided:"), "{}", again.screen());
            let all = house.ada.client.send(Request::to(ListReviews)).await.unwrap().data.len();
            assert_eq!(all - before, 6, "dies after {dies_after}, {}", database.name);
        }
        house.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_does_what_its_trial_said() {
    for_each_database(async |database| {
        let house = house(database).await;
        let ben = house.member("ben@plant.example", Role::Admin).await;
        let left = create(&ben, "Left behind").await;
        let remove = |dry_run| {
            let request = Request::to(RemoveMember).id(ben.id).query(RemoveQuery { dry_run: Some(dry_run) });
            house.ada.client.send(request)
        };
        let trial = remove(true).await.unwrap();
        let screens = Screens::open(&house.ada, "").await.press("5/ben<enter>x").await;
        assert!(screens.screen().contains("Left behind"), "{}", screens.screen());
        let screens = screens.press("y").await;
        assert!(screens.screen().contains("left without an owner"), "{}", screens.screen());
        let screens = screens.press("<enter>").await;
        assert!(screens.screen().contains("orphaned"), "{}", screens.screen());
        assert_eq!(trial.to_review.iter().map(|key| key.id).collect::<Vec<_>>(), [left.key.id]);
        let query = ReviewsQuery::default();
        assert!(house.ada.client.send(Request::to(ListReviews).query(query)).await.unwrap().data.is_empty());
        house.close().await;
    })
    .await;
}
