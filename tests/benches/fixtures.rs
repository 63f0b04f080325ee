//! Fixtures shared by the benchmarks of the screens: an admin and organization keys, identical in every run.

use std::sync::Arc;
use std::time::Duration;

use keyward::domain::id::Id;
use keyward::domain::key::{Key, KeyKind};
use keyward::domain::member::{MemberRef, MemberStatus, Role};
use keyward::domain::policy::Policy;
use keyward::domain::time::{TimeDelta, Timestamp};
use keyward::tui::context::StartOptions;
use keyward::tui::keymap::Keymap;
use keyward::tui::theme::Theme;
use keyward::wire::page::{Page, PageMetadata};
use keyward::wire::sessions::{Me, MemberCapabilities, Organization};

/// Current time of the server.
pub const NOW: Timestamp = Timestamp(1_795_013_600_000);

fn id(n: u32) -> Id {
    let mut random = [0; 10];
    random[6..].copy_from_slice(&n.to_be_bytes());
    Id::new(NOW, random)
}

pub fn ada() -> Arc<MemberRef> {
    Arc::new(MemberRef {
        id: id(0),
        name: "Ada Ampere".to_owned(),
        email: "ada@plant.example".to_owned(),
        status: MemberStatus::Active,
        removed_at: None,
    })
}

pub fn me() -> Me {
    Me {
        member: ada().as_ref().clone(),
        role: Role::Admin,
        organization: Organization { id: id(1), name: "Plant Nord GmbH".to_owned() },
        may: MemberCapabilities {
            create_personal_keys: true,
            manage_organization_keys: true,
            review: true,
            manage_members: true,
            read_activity: true,
        },
        usage_tracking_since: NOW.minus(TimeDelta::days(600)),
        as_of: NOW,
        policy: Policy::default(),
    }
}

/// Returns an organization key that was created now and never used.
pub fn key(n: u32, created_by: &Arc<MemberRef>) -> Key {
    Key::new(
        id(n + 10),
        KeyKind::Organization,
        format!("Line {n}"),
        format!("sk_…{:04}", n % 10_000),
        NOW,
        Arc::clone(created_by),
    )
}

/// Returns one page of a list that has `total` entries.
pub fn page<T>(data: Vec<T>, is_last: bool, total: usize) -> Page<T> {
    let next_cursor = (!is_last).then(|| "more".to_owned());
    Page { metadata: PageMetadata { next_cursor, as_of: Some(NOW), total: Some(total as u64) }, data }
}

/// Returns the options for starting the terminal UI in a window of `size` (columns, rows).
pub fn start_options(size: (u16, u16)) -> StartOptions {
    StartOptions {
        profile: String::new(),
        server: "https://keys.plant.example".to_owned(),
        production: false,
        read_only: false,
        restricted: false,
        theme: Theme::default(),
        keymap: Keymap::default(),
        refresh_interval: Duration::from_secs(5),
        size,
        seed: [7; 16],
        unfinished_creates: Vec::new(),
        drafts: String::new(),
    }
}
