//! Sends random requests that are generated from the OpenAPI document, and checks every response against the document.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use keyward::client::CallRequest;
use keyward::clock::{Clock, random_bytes};
use keyward::domain::member::Role;
use keyward::domain::secret::{Token, TokenKind};
use keyward::domain::time::DAY;
use keyward::server::openapi::document;
use keyward::store::AdminInvitation;
use keyward::wire::members::{CreateInvitation, InviteMember};
use serde_json::Value;

use super::request_fuzzer::{self, FuzzRng, KnownValues};
use super::schema::violations;
use crate::support::raw_http::{RawResponse, request, send};
use crate::support::test_server::TestServer;
use crate::support::{Database, for_each_database, scaled};

/// An operation of the OpenAPI document.
struct Operation {
    method: String,
    path: String,
    facts: Value,
}

impl Operation {
    fn all_in(document: &Value) -> Vec<Self> {
        let mut operations = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, facts) in methods.as_object().unwrap() {
                operations.push(Self {
                    method: method.to_uppercase(),
                    path: path.clone(),
                    facts: facts.clone(),
                });
            }
        }
        operations
    }

    fn name(&self) -> &str {
        self.facts["operationId"].as_str().unwrap()
    }

    /// Returns a description of each way in which a response violates the document.
    fn violations_in(&self, document: &Value, response: &RawResponse) -> Vec<String> {
        let declared = &self.facts["responses"][response.status.to_string()];
        if declared.is_null() {
            return vec!["the status is not declared".into()];
        }
        let mut violated = Vec::new();
        let types = declared["x-problem-types"].as_array();
        if types.is_some_and(|types| !types.contains(&response.json()["type"])) {
            violated.push(format!("the type of the problem is none of {types:?}"));
        }
        for (name, header) in declared["headers"].as_object().into_iter().flatten() {
            if header["required"] == true && response.header(&name.to_lowercase()).is_none() {
                violated.push(format!("the header {name} is missing"));
            }
        }
        match declared["content"].as_object().and_then(|content| content.iter().next()) {
            None if !response.body.is_empty() => violated.push("there is a body".into()),
            None => {}
            Some((media_type, content)) => {
                if response.header("content-type") != Some(media_type) {
                    violated.push(format!("the content type is not {media_type}"));
                }
                violated.extend(violations(document, &content["schema"], &response.json()));
            }
        }
        violated
    }
}

/// Credentials that the random requests use.
struct Credentials {
    ada: String,
    others: Vec<String>,
    key: String,
}

impl Credentials {
    fn authorization_header(&self, plane: &str, known: &KnownValues, rng: &mut FuzzRng) -> Option<String> {
        let token = match (plane, rng.below(12)) {
            (_, 0) => return None,
            (_, 1) => {
                return Some(rng.pick(&["Bearer", "Basic eDp5", "Bearer ses_0", "bearer  sk_"]).to_string());
            }
            ("key", 2) => &self.ada,
            ("key", 3 | 4) if !known.secrets.is_empty() => rng.pick(&known.secrets),
            ("key", _) | (_, 2) => &self.key,
            (_, 3 | 4) => rng.pick(&self.others),
            _ => &self.ada,
        };
        Some(format!("Bearer {token}"))
    }
}

/// Formats a random request for an operation.
fn random_request(
    document: &Value,
    operation: &Operation,
    known: &KnownValues,
    credentials: &Credentials,
    rng: &mut FuzzRng,
) -> String {
    let mut query = Vec::new();
    let mut headers: Vec<(String, String)> = Vec::new();
    for parameter in operation.facts["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap();
        let wanted = parameter["required"] == true;
        match parameter["in"].as_str().unwrap() {
            "query" if wanted != rng.once_in(3) => {
                let value = request_fuzzer::random_value(document, &parameter["schema"], name, known, rng);
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let text = if rng.once_in(6) { rng.random_text() } else { text };
                query.push(format!("{name}={}", percent_encoded(&text)));
            }
            "header" if wanted != rng.once_in(8) => {
                let value = match name {
                    "Idempotency-Key" => format!("k{}", rng.below(500)),
                    _ => format!("\"{}\"", 1 + rng.below(2)),
                };
                let value = if rng.once_in(12) { "?".repeat(rng.below(400)) } else { value };
                headers.push((name.to_owned(), value));
            }
            _ => {}
        }
    }
    let plane = operation.facts["security"][0].as_object().and_then(|s| s.keys().next()).map_or("", |k| k);
    if let Some(credential) = credentials.authorization_header(plane, known, rng) {
        headers.push(("Authorization".into(), credential));
    }
    let mut body = String::new();
    if let Some(content) = operation.facts["requestBody"]["content"].as_object() {
        body = request_fuzzer::random_body(document, &content["application/json"]["schema"], known, rng);
        let other = rng.once_in(20);
        headers.push(("Content-Type".into(), if other { "text/plain" } else { "application/json" }.into()));
    }
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let path = operation.path.replace("{id}", &known.id(&operation.path, rng));
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    request(&operation.method, &format!("{path}{query}"), &headers, &body)
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

/// Invites Ada from the host and signs her in, since random requests may have demoted or removed her.
pub(super) async fn sign_in_ada_again(server: &TestServer) -> String {
    let code = Token::new(TokenKind::Code, random_bytes());
    let at = Clock::System.now();
    let email = "ada@plant.example".into();
    let digest = TokenKind::Code.digest(code.expose()).unwrap();
    let invitation = AdminInvitation { email, code: digest, at, expires_at: at.plus(DAY) };
    server.store.invite_admin(invitation, random_bytes).await.unwrap();
    redeem_code(server, code.expose()).await
}

/// Redeems a sign-in code and returns the session token.
async fn redeem_code(server: &TestServer, code: &str) -> String {
    let body = format!("{{\"code\":\"{code}\"}}");
    let json = [("Content-Type", "application/json")];
    let response = send(server.address(), request("POST", "/api/v2/sessions", &json, &body)).await;
    response.json()["token"].as_str().unwrap_or_else(|| panic!("{response:?}")).to_owned()
}

async fn is_admin(address: SocketAddr, token: &str) -> bool {
    let header = format!("Bearer {token}");
    let me = send(address, request("GET", "/api/v2/me", &[("Authorization", &header)], "")).await;
    me.json()["role"] == "admin"
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_to_random_requests_conform_to_the_document() {
    for_each_database(send_random_requests).await;
}

/// Number of random requests in the full run.
const FULL_RUN_REQUESTS: usize = 20_000;

/// Returns whether a request of this operation got a 2xx response. `counts` has a key for each operation and first digit of a status.
fn has_succeeded(operation: &Operation, counts: &BTreeMap<String, usize>) -> bool {
    counts.contains_key(&format!("{} 2", operation.name()))
}

async fn send_random_requests(database: &Database) {
    let server = TestServer::start(database).await;
    let address = server.address();
    let document = document();
    let operations = Operation::all_in(&document);
    let (mut rng, mut known) = (FuzzRng(20_261_124), KnownValues::default());
    let mut credentials =
        Credentials { ada: sign_in_ada_again(&server).await, others: Vec::new(), key: "sk_0".to_owned() };
    for (email, role) in [("nora@plant.example", Role::Normal), ("otto@plant.example", Role::Operator)] {
        let invite = InviteMember { email: email.into(), role };
        let invited = server.ada.client.send(CallRequest::with(CreateInvitation, invite)).await.unwrap();
        credentials.others.push(redeem_code(&server, invited.code.code.expose()).await);
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let count = scaled(FULL_RUN_REQUESTS);
    for n in 0..FULL_RUN_REQUESTS.max(count) {
        // Requests of some operations rarely succeed: a scaled-down run goes on until each has.
        if n >= count && operations.iter().all(|operation| has_succeeded(operation, &counts)) {
            break;
        }
        if n % 20 == 0 {
            if !is_admin(address, &credentials.ada).await {
                credentials.ada = sign_in_ada_again(&server).await;
            }
            let headers = [
                ("Authorization", format!("Bearer {}", credentials.ada)),
                ("Idempotency-Key", format!("fresh{n}")),
                ("Content-Type", "application/json".to_owned()),
            ];
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let response =
                send(address, request("POST", "/api/v2/api-keys", &headers, "{\"name\":\"Grafana\"}")).await;
            assert_eq!(response.status, 201, "{response:?}");
            known.collect(&response.json());
            known.secrets.truncate(50);
            response.json()["secret"].as_str().unwrap().clone_into(&mut credentials.key);
        }
        let operation = rng.pick(&operations);
        let request = random_request(&document, operation, &known, &credentials, &mut rng);
        let response = send(address, &request).await;
        let mut violated = operation.violations_in(&document, &response);
        if response.status >= 500 {
            violated.push("the server failed".into());
        }
        let body = String::from_utf8_lossy(&response.body);
        if response.status >= 400 && (body.contains(&credentials.key) || body.contains(&credentials.ada)) {
            violated.push("a credential is echoed".into());
        }
        let short: String = request.chars().take(2_000).collect();
        assert!(
            violated.is_empty(),
            "{} request {n}\n{short}\n\nresponse {}\n{body}\n\n{}",
            database.name,
            response.status,
            violated.join("\n")
        );
        *counts.entry(format!("{} {}", operation.name(), response.status / 100)).or_default() += 1;
        known.collect(&response.json());
    }
    // The test would prove little if random requests never succeeded.
    for operation in &operations {
        assert!(has_succeeded(operation, &counts), "{} never succeeded: {counts:?}", operation.name());
    }
    server.stop().await;
}
