//! The plant of the demo: its members, sites and machines. All of it is made up.

use crate::domain::member::Role;

/// The organization's name.
pub const ORGANIZATION: &str = "Fabelwerk Films";

/// A member of the plant, by place in [`MEMBERS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberName {
    /// An admin; the one that `--role admin` signs in.
    Ada,
    /// The other admin.
    Viktor,
    /// The member that `--role normal` signs in.
    Hanna,
    /// Has the role normal.
    Petra,
    /// Has the role normal.
    Jonas,
    /// An operator with a key from an earlier role; the one that `--role operator` signs in.
    Nils,
    /// An admin, removed a few weeks ago.
    Wanda,
    /// An admin, removed half a year ago.
    Kurt,
}

impl MemberName {
    /// The member's place in [`MEMBERS`].
    pub fn place(self) -> usize {
        self as usize
    }

    /// How many days ago the member was removed.
    pub fn removed_days_ago(self) -> Option<i64> {
        MEMBERS[self.place()].removed
    }

    /// The member that the demo signs in for a role.
    pub fn for_role(role: Role) -> Self {
        match role {
            Role::Admin => Self::Ada,
            Role::Normal => Self::Hanna,
            Role::Operator => Self::Nils,
        }
    }
}

/// A member's facts; ages in days before the demo's start.
pub struct MemberFixture {
    /// Display name.
    pub name: &'static str,
    /// Email address, at a domain that cannot exist (RFC 2606).
    pub email: &'static str,
    /// Role, of a removed member the last one.
    pub role: Role,
    /// Days since they joined.
    pub joined: i64,
    /// Days since they were removed.
    pub removed: Option<i64>,
    /// Hours from their latest sign of life to now, or to their removal.
    pub silent: i64,
}

const fn person(
    name: &'static str,
    email: &'static str,
    role: Role,
    joined: i64,
    removed: Option<i64>,
    silent: i64,
) -> MemberFixture {
    MemberFixture { name, email, role, joined, removed, silent }
}

/// The members, in the order of [`MemberName`].
pub const MEMBERS: [MemberFixture; 8] = [
    person("Ada Ampere", "ada.ampere@plant.example", Role::Admin, 740, None, 19),
    person("Viktor Volt", "viktor.volt@plant.example", Role::Admin, 702, None, 3),
    person("Hanna Hertz", "hanna.hertz@plant.example", Role::Normal, 431, None, 26),
    person("Petra Pascal", "petra.pascal@plant.example", Role::Normal, 377, None, 118),
    person("Jonas Joule", "jonas.joule@plant.example", Role::Normal, 204, None, 1),
    person("Nils Newton", "nils.newton@plant.example", Role::Operator, 512, None, 410),
    person("Wanda Watt", "wanda.watt@plant.example", Role::Admin, 735, Some(41), 7),
    person("Kurt Kelvin", "kurt.kelvin@plant.example", Role::Admin, 690, Some(190), 160),
];

/// Site names with their addresses.
pub const SITES: [(&str, &str); 3] = [
    ("Musterhausen", "Musterweg 1, 00001 Musterhausen"),
    ("Fabelstadt", "Märchenallee 7, 00002 Fabelstadt"),
    ("Anyville", "100 Example Road, Anyville"),
];

/// Machines: the place of their site in [`SITES`], their name, the day of their first data.
pub const MACHINES: [(usize, &str, &str); 14] = [
    (0, "Blown film line 1", "2021-03-01"),
    (0, "Blown film line 2", "2021-03-01"),
    (0, "Blown film line 3", "2022-06-13"),
    (0, "Printing press 1", "2021-09-20"),
    (0, "Slitter 1", "2023-01-09"),
    (0, "Compressed air station", "2023-05-02"),
    (1, "Cast film line 1", "2022-02-14"),
    (1, "Cast film line 2", "2022-02-14"),
    (1, "Laminator 1", "2022-11-07"),
    (1, "Bag maker 1", "2024-04-15"),
    (1, "Bag maker 2", "2024-04-15"),
    (2, "Extruder A", "2023-08-21"),
    (2, "Extruder B", "2023-08-21"),
    (2, "Regranulation", "2025-02-03"),
];
