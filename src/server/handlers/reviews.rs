//! Reviews of stale keys: each decision is kept for good, with the evidence of its moment.

use std::sync::Arc;

use crate::clock::random_bytes;
use crate::domain::activity::Action;
use crate::domain::id::Id;
use crate::domain::key::{ClientInfo, Key};
use crate::domain::member::{Grant, Permission};
use crate::domain::review::{Decision, ReviewRecord};
use crate::domain::staleness::StalenessRules;
use crate::domain::time::Timestamp;
use crate::server::Server;
use crate::server::auth::SessionCredential;
use crate::server::error::ApiError;
use crate::server::handlers::keys::InFlightRequest;
use crate::server::handlers::keys::RevokeActor;
use crate::server::handlers::keys::RevokeOptions;
use crate::server::handlers::keys::RevokeOutcome;
use crate::server::handlers::keys::checked_text;
use crate::server::handlers::keys::digest_of_fields;
use crate::server::handlers::keys::revoke_guarded;
use crate::server::http::paging::PageRequest;
use crate::server::http::request::CallRequest;
use crate::server::router::CallResponse;
use crate::server::router::RouteBuilder;
use crate::store::{EarlierRequest, IdempotentRequest, KeyScope, NewActivity, ReviewFilter, Tx};
use crate::wire::Call as _;
use crate::wire::reviews::{AppliedDecision, ApplyDecision, CreateReview, ListReviews, RecordReviewExport};

/// The calls of this room.
#[must_use]
pub fn routes(routes: RouteBuilder) -> RouteBuilder {
    routes.on(list).on(decide).on(record_export)
}

async fn list(
    server: Arc<Server>,
    request: CallRequest<ListReviews>,
) -> Result<CallResponse<ListReviews>, ApiError> {
    SessionCredential::from_headers(&request.headers)?
        .signed_in(&server)
        .await?
        .actor
        .allow(Permission::Review)?;
    let query = request.query()?;
    let name = format!("reviews {:?} {:?} {:?}", query.review, query.key, query.since);
    let paging = PageRequest::read(name, query.limit, query.cursor.as_deref())?;
    let filter =
        ReviewFilter { review: query.review, key: query.key, since: query.since, before: paging.after() };
    let mut reader = server.store.reader().await?;
    let as_of = reader.change_time(server.clock.now()).await?;
    let reviews = reader.reviews(filter, paging.fetch()).await?;
    Ok(CallResponse::new(paging.page(reviews, |review| review.id, as_of, |review| review)))
}

async fn decide(
    server: Arc<Server>,
    mut request: CallRequest<CreateReview>,
) -> Result<CallResponse<CreateReview>, ApiError> {
    let caller = SessionCredential::from_headers(&request.headers)?;
    let actor = caller.signed_in(&server).await?.actor;
    actor.allow(Permission::Review)?;
    let header = request.idempotency_key()?.to_owned();
    let mut body = request.body()?;
    body.note = body.note.as_deref().map_or(Ok(None), |note| checked_text("note", note))?;
    check(&body)?;
    let fields = digest_of_fields(&body)?;
    let operation = CreateReview::OPERATION;
    let idempotent = IdempotentRequest { member: actor.member.id, operation, key: header, fields };
    let running = InFlightRequest::begin(&server, &idempotent)?;
    let (state, client) = (server.clone(), request.client);
    let turn = server.recorder.turn().await;
    let decided = server.store.write(move |tx| {
        Box::pin(async move {
            tx.on_end(move |_| drop(running));
            let actor = caller.within(&state, tx).await?.actor;
            let grant = actor.allow(Permission::Review)?;
            let now = tx.change_time(state.clock.now()).await?;
            let id = Id::new(now, random_bytes());
            match tx.claim_idempotency_key(&idempotent, id, now).await? {
                Some(EarlierRequest { same: false, .. }) => return Err(ApiError::IdempotencyKeyReused),
                Some(EarlierRequest { subject, .. }) => return before(tx, subject).await.map(Ok),
                None => {}
            }
            if body.until.is_some_and(|until| until <= now) {
                return Err(ApiError::field("until", "must be in the future"));
            }
            let key = tx.key(body.key_id, KeyScope::Organization).await?.ok_or(ApiError::NotFound)?.key;
            if key.revoked_at.is_some() {
                return Err(ApiError::KeyRevoked);
            }
            // What is gathered of the key's use is evidence too.
            turn.suspend(tx, &[(key.id, key.kind)]).await?;
            let key = tx.key(key.id, KeyScope::Organization).await?.ok_or(ApiError::NotFound)?.key;
            let now = tx.change_time(state.clock.now()).await?;
            let review = review(&state, tx, id, &key, &body, &grant, now).await?;
            let key = if body.decision == Decision::Revoke {
                let options =
                    RevokeOptions { unless_used_since: body.unless_used_since, reason: body.note.clone() };
                let by = RevokeActor { member: grant.member().id, client: &client, operation };
                match revoke_guarded(&state, tx, &turn, &key, &options, by).await? {
                    RevokeOutcome::Revoked(key) => key,
                    refused @ RevokeOutcome::UsedSince(..) => {
                        // The refusal is on record, but nothing was decided: the same request may be sent again.
                        tx.release_idempotency_key(&idempotent).await?;
                        return Ok(Err(refused));
                    }
                }
            } else {
                turn.spare();
                key
            };
            record(tx, &review, &client).await?;
            Ok(Ok(AppliedDecision { review, key }))
        })
    });
    match decided.await? {
        Ok(decided) => Ok(CallResponse::new(decided)),
        Err(refused) => Err(refused.into_key().err().unwrap_or(ApiError::Internal)),
    }
}

/// What belongs to which decision. Whether a date has passed is asked later: an earlier, equal request keeps its answer.
fn check(body: &ApplyDecision) -> Result<(), ApiError> {
    match (body.decision, body.until, body.unless_used_since) {
        (Decision::Revoke, _, None) => {
            Err(ApiError::field("unless_used_since", "is missing: up to when was the key's use looked at?"))
        }
        (Decision::Keep | Decision::Rotate | Decision::Skip, _, Some(_)) => {
            Err(ApiError::field("unless_used_since", "must be given with the decision `revoke` only"))
        }
        (Decision::Revoke | Decision::Rotate | Decision::Skip, Some(_), _) => {
            Err(ApiError::field("until", "must be given with the decision `keep` only"))
        }
        _ => Ok(()),
    }
}

/// The decision that an earlier, equal request led to.
async fn before(tx: &mut Tx, id: Id) -> Result<AppliedDecision, ApiError> {
    let review = tx.review(id).await?.ok_or(ApiError::Internal)?;
    let key = tx.key(review.key_id, KeyScope::Organization).await?.ok_or(ApiError::Internal)?.key;
    Ok(AppliedDecision { review, key })
}

async fn review(
    server: &Server,
    tx: &mut Tx,
    id: Id,
    key: &Key,
    body: &ApplyDecision,
    grant: &Grant,
    now: Timestamp,
) -> Result<ReviewRecord, ApiError> {
    let rules =
        StalenessRules { policy: server.settings.policy, now, tracking_since: tx.tracking_since().await? };
    Ok(ReviewRecord {
        id,
        review_id: body.review_id,
        key_id: key.id,
        key_name: key.name.clone(),
        key_masked: key.masked.clone(),
        decision: body.decision,
        until: body.until,
        note: body.note.clone(),
        reviewer: grant.member().clone(),
        reviewed_at: now,
        findings: rules.raised_flags(key),
        last_used_at: key.last_used_at,
    })
}

async fn record(tx: &mut Tx, review: &ReviewRecord, client: &ClientInfo) -> Result<(), ApiError> {
    tx.insert_review(review).await?;
    let mut detail = review.decision.to_string();
    if let Some(until) = review.until {
        detail = format!("{detail} until {}", until.format_date());
    }
    if let Some(note) = &review.note {
        detail = format!("{detail}; note: {note}");
    }
    let event = NewActivity::new(Action::ReviewRecorded, review.reviewed_at, random_bytes());
    let event = event.by(review.reviewer.id, client).key(review.key_id, &review.key_name);
    tx.record_activity(event.detail(detail)).await?;
    Ok(())
}

async fn record_export(
    server: Arc<Server>,
    mut request: CallRequest<RecordReviewExport>,
) -> Result<CallResponse<RecordReviewExport>, ApiError> {
    let caller = SessionCredential::from_headers(&request.headers)?;
    caller.signed_in(&server).await?.actor.allow(Permission::Review)?;
    let body = request.body()?;
    let is_digest = body.sha256.len() == 64 && body.sha256.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_digest {
        return Err(ApiError::field("sha256", "must be 64 hexadecimal digits"));
    }
    let (state, client, now) = (server.clone(), request.client, server.clock.now());
    let recorded = server.store.write(move |tx| {
        Box::pin(async move {
            let actor = caller.within(&state, tx).await?.actor;
            let grant = actor.allow(Permission::Review)?;
            let which = body.review_id.map_or_else(|| "all reviews".to_owned(), |id| format!("review {id}"));
            let detail = format!("{which}: {} records, SHA-256 {}", body.records, body.sha256.to_lowercase());
            let event =
                NewActivity::new(Action::ReviewExported, now, random_bytes()).by(grant.member().id, &client);
            tx.record_activity(event.detail(detail)).await?;
            Ok::<_, ApiError>(())
        })
    });
    recorded.await?;
    Ok(CallResponse::new(()))
}
