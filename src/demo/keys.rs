//! The first sixty keys of the demo. Together they show every flag and every phase of a rotation.

use super::fixtures::MemberName::{self, Ada, Hanna, Jonas, Kurt, Nils, Petra, Viktor, Wanda};
use super::usage_history::UsagePattern::{
    self, EveryFiveMinutes, Hourly, Nightly, Notebook, Office, Shifts, Sporadic, Weekly,
};
use crate::domain::key::KeyKind;

/// `User-Agent` of the Power BI connector.
pub const POWER_BI: &str = "enlyze-powerbi/1.0.0";
/// `User-Agent` of the Python SDK.
pub const PYTHON: &str = "enlyze-python/3.0.2";
/// `User-Agent` of Grafana.
pub const GRAFANA: &str = "Grafana/11.4.0";
/// `User-Agent` of the SAP Integration Suite.
pub const SAP: &str = "SAP-CPI/1.0";

/// When a demo key was revoked, by whom and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Member who revoked the key.
    pub by: MemberName,
    /// Days between the revocation and the start of the demo.
    pub days_ago: i64,
    pub reason: Option<&'static str>,
}

/// How a key is used while the demo runs. The fields are intervals in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// The key is used all the time.
    Steady(u64),
    /// The key is used until its integration switches to the replacement.
    UntilSwitch(u64),
    /// The key is used after its integration has switched to it.
    AfterSwitch(u64),
}

/// Properties of a demo key.
#[derive(Clone, Copy, Debug)]
pub struct KeyFixture {
    /// Name of the key; empty for a replacement that keeps the proposed name.
    pub name: &'static str,
    pub kind: KeyKind,
    /// Creator of the key.
    pub by: MemberName,
    /// Age in days; 0 means 23 minutes.
    pub age: i64,
    /// Days and hours at which the key is used.
    pub pattern: UsagePattern,
    /// Hours since the key was last used.
    pub silent_hours: i64,
    /// `User-Agent` of the client that uses the key.
    pub agent: &'static str,
    /// Last two bytes of the client's address: `(x, y)` is `10.0.x.y`.
    pub host: (u8, u8),
    /// `User-Agent` and address of a second client that uses the same key.
    pub shared_with: Option<(&'static str, (u8, u8))>,
    pub note: Option<&'static str>,
    /// Whether the key replaces the previous key in the list.
    pub replaces_previous: bool,
    pub revocation: Option<Revocation>,
    pub traffic: Option<Traffic>,
}

const fn key(kind: KeyKind, name: &'static str, by: MemberName, age: i64) -> KeyFixture {
    KeyFixture {
        name,
        kind,
        by,
        age,
        pattern: UsagePattern::Never,
        silent_hours: 0,
        agent: "",
        host: (0, 0),
        shared_with: None,
        note: None,
        replaces_previous: false,
        revocation: None,
        traffic: None,
    }
}

const fn organization_key(name: &'static str, by: MemberName, age: i64) -> KeyFixture {
    key(KeyKind::Organization, name, by, age)
}

const fn personal_key(name: &'static str, by: MemberName, age: i64) -> KeyFixture {
    key(KeyKind::Personal, name, by, age)
}

impl KeyFixture {
    const fn used(mut self, pattern: UsagePattern, agent: &'static str, host: (u8, u8)) -> Self {
        self.pattern = pattern;
        self.agent = agent;
        self.host = host;
        self
    }

    const fn silent_days(mut self, days: i64) -> Self {
        self.silent_hours = days * 24;
        self
    }

    const fn silent_hours(mut self, hours: i64) -> Self {
        self.silent_hours = hours;
        self
    }

    const fn shared(mut self, agent: &'static str, host: (u8, u8)) -> Self {
        self.shared_with = Some((agent, host));
        self
    }

    const fn note(mut self, note: &'static str) -> Self {
        self.note = Some(note);
        self
    }

    const fn replaces(mut self) -> Self {
        self.replaces_previous = true;
        self
    }

    const fn revoked(mut self, by: MemberName, days_ago: i64, reason: Option<&'static str>) -> Self {
        self.revocation = Some(Revocation { by, days_ago, reason });
        self
    }

    const fn with_traffic(mut self, traffic: Traffic) -> Self {
        self.traffic = Some(traffic);
        self
    }
}

/// The demo keys, most interesting first, because `--keys` may shorten the list. A replacement directly follows the key that it
/// replaces.
pub const KEY_FIXTURES: [KeyFixture; 60] = [
    // In order, and used while the demo runs.
    organization_key("Grafana – Production overview", Ada, 212)
        .used(EveryFiveMinutes, GRAFANA, (4, 21))
        .note("Wall screens in both control rooms")
        .with_traffic(Traffic::Steady(4)),
    organization_key("Power BI – Sales", Viktor, 148)
        .used(Office, POWER_BI, (3, 7))
        .shared(POWER_BI, (3, 8))
        .with_traffic(Traffic::Steady(7)),
    organization_key("SAP – Production orders", Ada, 301)
        .used(Hourly, SAP, (12, 11))
        .note("Asked for by the SAP team; iFlow KW_ORDERS")
        .with_traffic(Traffic::Steady(11)),
    organization_key("Python – OEE export", Viktor, 96)
        .used(Nightly, PYTHON, (7, 40))
        .with_traffic(Traffic::Steady(9)),
    // Orphaned and in use.
    organization_key("Power BI – Management board", Wanda, 280)
        .used(Office, POWER_BI, (3, 15))
        .with_traffic(Traffic::Steady(13)),
    // Rotation, switch: this integration switches while the demo runs.
    organization_key("Grafana – Energy monitoring", Ada, 388)
        .used(EveryFiveMinutes, GRAFANA, (4, 33))
        .with_traffic(Traffic::UntilSwitch(5)),
    organization_key("", Ada, 0)
        .replaces()
        .used(UsagePattern::Never, GRAFANA, (4, 33))
        .with_traffic(Traffic::AfterSwitch(5)),
    // Rotation, drain.
    organization_key("Power BI – Shift reports", Ada, 420).used(Office, POWER_BI, (3, 22)).silent_hours(20),
    organization_key("", Ada, 3).replaces().used(Office, POWER_BI, (3, 22)).with_traffic(Traffic::Steady(6)),
    // Rotation, ready.
    organization_key("MES gateway – Line 3", Viktor, 395)
        .used(Shifts, "mes-gateway/4.2", (9, 3))
        .silent_hours(61),
    organization_key("", Viktor, 6)
        .replaces()
        .used(Shifts, "mes-gateway/4.2", (9, 3))
        .with_traffic(Traffic::Steady(3)),
    // Rotation, done.
    organization_key("SAP – Material master", Ada, 398).used(Hourly, SAP, (12, 14)).silent_days(33).revoked(
        Ada,
        30,
        Some("rotated"),
    ),
    organization_key("", Ada, 37).replaces().used(Hourly, SAP, (12, 14)),
    // Rotation, abandoned.
    organization_key("Python – Recipe sync", Viktor, 380).used(Nightly, PYTHON, (7, 44)),
    organization_key("", Viktor, 12).replaces().revoked(Viktor, 9, Some("secret was pasted into a chat")),
    // Orphaned.
    organization_key("Excel add-in pilot", Wanda, 230),
    organization_key("Power BI – Sales (old)", Wanda, 520).used(Office, POWER_BI, (3, 7)).silent_days(130),
    organization_key("Grafana – Maintenance", Kurt, 340).used(EveryFiveMinutes, GRAFANA, (4, 52)),
    organization_key("SAP – Quality certificates", Wanda, 455).used(Hourly, SAP, (12, 19)),
    organization_key("Trade fair demo", Kurt, 410).used(Sporadic, "curl/8.5.0", (99, 4)).silent_days(350),
    organization_key("Scrap analysis, shared notebook", Wanda, 160)
        .used(Notebook, PYTHON, (7, 61))
        .silent_days(48),
    // Never used.
    organization_key("Grafana – staging", Viktor, 140).note("Server was never installed?"),
    organization_key("SAP – interface test", Ada, 45),
    organization_key("Supplier portal trial", Viktor, 25),
    organization_key("MES connector, next generation", Ada, 6).note("Goes live next month"),
    // Unused.
    organization_key("Python – Energy forecast", Ada, 330).used(Nightly, PYTHON, (7, 47)).silent_days(112),
    organization_key("External consultant", Viktor, 290)
        .used(Sporadic, "python-requests/2.32.3", (99, 17))
        .silent_days(205)
        .note("Contract ended in spring"),
    organization_key("Historian export, old server", Ada, 610).used(Hourly, PYTHON, (7, 12)).silent_days(260),
    // Rotation due.
    organization_key("MES gateway – Line 1", Ada, 402).used(Shifts, "mes-gateway/4.2", (9, 1)),
    organization_key("MES gateway – Line 2", Viktor, 371).used(Shifts, "mes-gateway/4.2", (9, 2)),
    organization_key("Power BI – Logistics", Viktor, 372).used(Office, POWER_BI, (3, 31)),
    organization_key("", Viktor, 1).replaces(),
    // In order.
    organization_key("SAP – Weekly inventory", Ada, 260)
        .used(Weekly, SAP, (12, 23))
        .note("Runs on Sundays only, do not take it for dead"),
    organization_key("Power BI – Morning report", Ada, 60)
        .used(Office, POWER_BI, (3, 12))
        .shared(POWER_BI, (3, 44)),
    organization_key("Grafana – Shift board Fabelstadt", Viktor, 33)
        .used(EveryFiveMinutes, GRAFANA, (5, 21))
        .with_traffic(Traffic::Steady(5)),
    organization_key("Data lake – hourly export", Ada, 190).used(Hourly, PYTHON, (7, 50)),
    organization_key("Python – Scrap forecast", Viktor, 75).used(Nightly, PYTHON, (7, 52)),
    organization_key("ERP bridge – Order status", Ada, 128).used(Hourly, SAP, (12, 30)),
    organization_key("Power BI – Quality", Viktor, 244)
        .used(Office, POWER_BI, (3, 18))
        .shared(PYTHON, (7, 53)),
    organization_key("Grafana – Compressed air", Ada, 87).used(EveryFiveMinutes, GRAFANA, (4, 36)),
    organization_key("Andon board – Printing", Viktor, 52).used(Shifts, "andon/2.0", (9, 12)),
    organization_key("Power BI – Energy cost", Ada, 19).used(Office, POWER_BI, (3, 26)),
    organization_key("Python – Downtime classifier", Ada, 167).used(Nightly, PYTHON, (7, 58)),
    organization_key("OPC bridge – Extrusion Anyville", Viktor, 310).used(Shifts, "opc-bridge/1.9", (9, 31)),
    organization_key("Grafana – Recipes and setpoints", Ada, 41).used(EveryFiveMinutes, GRAFANA, (4, 40)),
    organization_key("Power BI – Plant comparison", Viktor, 118).used(Office, POWER_BI, (3, 29)),
    // Revoked; a client still tries the first one.
    organization_key("Power BI – Pilot", Kurt, 480)
        .used(Office, POWER_BI, (3, 5))
        .silent_days(203)
        .revoked(Kurt, 200, None)
        .with_traffic(Traffic::Steady(30)),
    organization_key("Grafana – old server", Viktor, 520)
        .used(EveryFiveMinutes, GRAFANA, (4, 9))
        .silent_days(88)
        .revoked(Ada, 88, Some("server was switched off")),
    organization_key("ERP bridge – mailed by mistake", Ada, 70)
        .used(Hourly, SAP, (12, 31))
        .silent_days(62)
        .revoked(Ada, 62, Some("secret was sent by mail")),
    organization_key("Weekend test", Viktor, 33).revoked(Viktor, 31, None),
    // Personal keys.
    personal_key("Ada's laptop", Ada, 80).used(Sporadic, PYTHON, (21, 5)).with_traffic(Traffic::Steady(6)),
    personal_key("OEE notebook", Ada, 200).used(Notebook, PYTHON, (21, 5)).silent_days(20),
    personal_key("Quality notebook", Hanna, 120)
        .used(Notebook, PYTHON, (21, 18))
        .with_traffic(Traffic::Steady(8)),
    personal_key("Script: daily scrap list", Hanna, 45).used(Nightly, PYTHON, (21, 18)),
    personal_key("First try", Hanna, 210),
    personal_key("Jupyter on my laptop", Petra, 160).used(Notebook, PYTHON, (21, 23)).silent_days(97),
    personal_key("Local script", Jonas, 66).used(Nightly, "python-requests/2.32.3", (21, 31)),
    personal_key("Tablet at line 2", Nils, 240)
        .used(Sporadic, "okhttp/4.12.0", (21, 44))
        .silent_days(30)
        .note("From my time in process engineering"),
    personal_key("Wanda's notebook", Wanda, 300).used(Notebook, PYTHON, (21, 9)).silent_days(41).revoked(
        Ada,
        41,
        Some("member removed"),
    ),
    personal_key("Kurt's scripts", Kurt, 333).used(Nightly, PYTHON, (21, 13)).silent_days(190).revoked(
        Ada,
        190,
        Some("member removed"),
    ),
];
