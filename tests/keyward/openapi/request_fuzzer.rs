//! Request fuzzer: random values and bodies from the schemas of the document, most of them valid, some broken in one place.

use std::collections::BTreeMap;

use keyward::domain::id::Id;
use keyward::domain::time::{TimeDelta, Timestamp};
use serde_json::{Map, Value, json};

use super::schema::resolve;

/// Texts that are known to break programs.
const HOSTILE_TEXTS: [&str; 16] = [
    "",
    "   ",
    "\u{1b}[2J",
    "\u{9b}31m",
    "a\r\nb",
    "\u{202e}gnp.exe",
    "\u{feff}name",
    "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    "\u{3164}",
    "\u{0}",
    "=HYPERLINK(\"http://evil.example\")",
    "'; DROP TABLE keys; --",
    "sk_000000000000000000000000000000000000000",
    "../../etc/passwd",
    "%00",
    "９９",
];

/// Reproducible random numbers (`SplitMix64`).
pub struct FuzzRng(pub u64);

impl FuzzRng {
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Returns a number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next_u64() % n as u64).unwrap()
    }

    /// Returns true with probability 1/`n`.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// Returns a random text, which is sometimes hostile or very long.
    pub fn random_text(&mut self) -> String {
        match self.below(8) {
            0 => (*self.pick(&HOSTILE_TEXTS)).to_owned(),
            1 => "x".repeat(self.below(10_000)),
            n => format!("Grafana {n} Süd {}", self.below(100)),
        }
    }
}

/// Values from earlier responses, to be used in later requests.
#[derive(Default)]
pub struct KnownValues {
    /// Ids, keyed by collection: `personal-api-keys`, `api-keys`, `members`, `sessions`.
    pub ids: BTreeMap<&'static str, Vec<String>>,
    pub secrets: Vec<String>,
    pub codes: Vec<String>,
    pub cursors: Vec<String>,
}

impl KnownValues {
    /// Collects ids, secrets, codes and cursors from a response.
    pub fn collect(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                if let (Some(id), Some(of)) = (value["id"].as_str(), collection_of(value)) {
                    let ids = self.ids.entry(of).or_default();
                    // Keeps the newest secrets, whose keys are the least likely to be revoked.
                    ids.push(id.to_owned());
                    if ids.len() > 20 {
                        ids.remove(0);
                    }
                }
                for (name, field) in fields {
                    match (name.as_str(), field.as_str()) {
                        ("secret", Some(secret)) => self.secrets.push(secret.to_owned()),
                        ("code", Some(code)) => self.codes.push(code.to_owned()),
                        ("next_cursor", Some(cursor)) => self.cursors.push(cursor.to_owned()),
                        _ => self.collect(field),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect(item)),
            _ => {}
        }
    }

    fn pick_id(rng: &mut FuzzRng, from: &[String]) -> Option<String> {
        (!from.is_empty()).then(|| rng.pick(from).clone())
    }

    /// Returns an id for a path or field, usually one from the right collection.
    pub fn id(&self, collection: &str, rng: &mut FuzzRng) -> String {
        let kinds: Vec<_> = self.ids.keys().copied().collect();
        let right = kinds.iter().copied().find(|kind| collection.contains(&format!("/{kind}")));
        let kind = if kinds.is_empty() { None } else { right.or_else(|| Some(*rng.pick(&kinds))) };
        match (kind, rng.below(10)) {
            (None, _) | (_, 0) => Id::new(Timestamp(0), [7; 10]).to_string(),
            (_, 1) => {
                (*rng.pick(&["0", "current", "%00", "00000000-0000-0000-0000-00000000000g"])).to_owned()
            }
            (Some(kind), _) => rng.pick(&self.ids[kind]).clone(),
        }
    }
}

/// Returns the collection that an object with an id belongs to; `None` if its fields do not tell.
fn collection_of(value: &Value) -> Option<&'static str> {
    match value["kind"].as_str() {
        Some("personal") => Some("personal-api-keys"),
        Some("organization") => Some("api-keys"),
        _ if value.get("role").is_some() => Some("members"),
        _ if value.get("expires_at").is_some() => Some("sessions"),
        _ => None,
    }
}

/// Returns a random value for a field or parameter.
pub fn random_value(
    document: &Value,
    schema: &Value,
    name: &str,
    known: &KnownValues,
    rng: &mut FuzzRng,
) -> Value {
    let schema = resolve(document, schema);
    let guess = match name {
        "secret" => KnownValues::pick_id(rng, &known.secrets),
        "code" => KnownValues::pick_id(rng, &known.codes),
        "cursor" => KnownValues::pick_id(rng, &known.cursors),
        "email" => Some(format!("member{}@plant.example", rng.below(12))),
        "ids" => Some((0..rng.below(5)).map(|_| known.id("/api-keys", rng)).collect::<Vec<_>>().join(",")),
        "key_id" => Some(known.id("/api-keys", rng)),
        "sha256" => Some("0123456789abcdef".repeat(4)),
        _ => None,
    };
    match guess {
        Some(guess) if !rng.once_in(5) => return guess.into(),
        _ => {}
    }
    for keyword in ["allOf", "oneOf", "anyOf"] {
        if let Some(options) = schema[keyword].as_array() {
            let option = rng.pick(options).clone();
            return random_value(document, &option, name, known, rng);
        }
    }
    if let Some(words) = schema["enum"].as_array() {
        return rng.pick(words).clone();
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    let kind = if types.is_empty() { "null" } else { rng.pick(&types) };
    match (kind, schema["format"].as_str()) {
        ("string", Some("uuid")) => known.id(name, rng).into(),
        ("string", Some("date-time")) => {
            let days = i64::try_from(rng.below(4_000)).unwrap();
            Timestamp(1_764_000_000_000).plus(TimeDelta::days(days - 2_000)).to_string().into()
        }
        ("string", _) => rng.random_text().into(),
        ("integer" | "number", _) => json!(rng.below(1_200)),
        ("boolean", _) => json!(rng.once_in(2)),
        ("object", _) => random_object(document, schema, known, rng),
        _ => Value::Null,
    }
}

/// Returns a random object with all required fields and some optional ones.
pub fn random_object(document: &Value, schema: &Value, known: &KnownValues, rng: &mut FuzzRng) -> Value {
    let schema = resolve(document, schema);
    let required =
        |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|r| r == name));
    let mut fields = Map::new();
    for (name, part) in schema["properties"].as_object().into_iter().flatten() {
        if required(name) || rng.once_in(2) {
            fields.insert(name.clone(), random_value(document, part, name, known, rng));
        }
    }
    fields.into()
}

/// Returns a random request body, which is sometimes broken in one place.
pub fn random_body(document: &Value, schema: &Value, known: &KnownValues, rng: &mut FuzzRng) -> String {
    let mut body = random_object(document, schema, known, rng);
    let fields = body.as_object_mut().unwrap();
    let names: Vec<String> = fields.keys().cloned().collect();
    let name = if names.is_empty() { "name".to_owned() } else { rng.pick(&names).clone() };
    match rng.below(24) {
        0 => drop(fields.remove(&name)),
        1 => drop(fields.insert(name, json!([1, {"a": null}]))),
        2 => drop(fields.insert(name, Value::Null)),
        3 => drop(fields.insert(name, json!(rng.random_text()))),
        4 => drop(fields.insert("created_by".into(), json!("mass assignment"))),
        5 => return body.to_string().replacen('{', &format!("{{\"{name}\":1,"), 1),
        6 => return body.to_string()[1..].to_owned(),
        7 => return "[".repeat(rng.below(20_000)),
        8 => return "x".repeat(70_000),
        9 => return rng.random_text(),
        _ => {}
    }
    body.to_string()
}
