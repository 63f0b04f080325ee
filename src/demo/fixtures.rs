//! The members, sites and machines of the demo. Everything is made up.

use crate::domain::member::Role;

pub const ORGANIZATION: &str = "Fabelwerk Films";

/// A member of the demo's organization, in the order of [`MEMBERS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberName {
    /// An admin. `--role admin` signs in as Ada.
    Ada,
    /// Another admin.
    Viktor,
    /// A member with the role `normal`. `--role normal` signs in as Hanna.
    Hanna,
    /// A member with the role `normal`.
    Petra,
    /// A member with the role `normal`.
    Jonas,
    /// An operator who still has a key from an earlier role. `--role operator` signs in as Nils.
    Nils,
    /// An admin who was removed a few weeks ago.
    Wanda,
    /// An admin who was removed half a year ago.
    Kurt,
}

impl MemberName {
    /// Returns the member's index in [`MEMBERS`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Returns the number of days since the member was removed; `None` if they are active.
    pub fn removed_days_ago(self) -> Option<i64> {
        MEMBERS[self.index()].removed
    }

    /// Returns the member whom `--role` signs in.
    pub fn for_role(role: Role) -> Self {
        match role {
            Role::Admin => Self::Ada,
            Role::Normal => Self::Hanna,
            Role::Operator => Self::Nils,
        }
    }
}

/// Properties of a demo member. Days count back from the start of the demo.
pub struct MemberFixture {
    pub name: &'static str,
    /// Email address, in a domain that cannot exist (RFC 2606).
    pub email: &'static str,
    /// Current role; for a removed member, the last one.
    pub role: Role,
    /// Days since the member joined.
    pub joined: i64,
    /// Days since the member was removed; `None` if they are active.
    pub removed: Option<i64>,
    /// Hours between the member's last request and now, or between that request and their removal.
    pub idle_hours: i64,
}

const fn member(
    name: &'static str,
    email: &'static str,
    role: Role,
    joined: i64,
    removed: Option<i64>,
    idle_hours: i64,
) -> MemberFixture {
    MemberFixture { name, email, role, joined, removed, idle_hours }
}

/// The members, in the order of [`MemberName`].
pub const MEMBERS: [MemberFixture; 8] = [
    member("Ada Ampere", "ada.ampere@plant.example", Role::Admin, 740, None, 19),
    member("Viktor Volt", "viktor.volt@plant.example", Role::Admin, 702, None, 3),
    member("Hanna Hertz", "hanna.hertz@plant.example", Role::Normal, 431, None, 26),
    member("Petra Pascal", "petra.pascal@plant.example", Role::Normal, 377, None, 118),
    member("Jonas Joule", "jonas.joule@plant.example", Role::Normal, 204, None, 1),
    member("Nils Newton", "nils.newton@plant.example", Role::Operator, 512, None, 410),
    member("Wanda Watt", "wanda.watt@plant.example", Role::Admin, 735, Some(41), 7),
    member("Kurt Kelvin", "kurt.kelvin@plant.example", Role::Admin, 690, Some(190), 160),
];

/// The sites of the demo's organization: name and address.
pub const SITES: [(&str, &str); 3] = [
    ("Musterhausen", "Musterweg 1, 00001 Musterhausen"),
    ("Fabelstadt", "Märchenallee 7, 00002 Fabelstadt"),
    ("Anyville", "100 Example Road, Anyville"),
];

/// The machines: index of the site in [`SITES`], name, and date of the first data.
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
