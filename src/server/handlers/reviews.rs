//! Reviews of stale keys. Each decision is stored permanently, with the evidence at the time of the decision.

use std::sync::Arc;

use crate::clock::random_bytes;
use crate::domain::activity::Action;
use crate::domain::id::Id;
use crate::domain::key::{ClientInfo, Key};
use crate::domain::permission::{Grant, Permission};
use crate::domain::review::{Decision, ReviewRecord};
use crate::domain::staleness::StalenessRules;
use crate::domain::time::Timestamp;
use crate::server::auth::SessionCredential;
use crate::server::context::ServerContext;
use crate::server::error::ApiError;
use crate::server::http::paging::PageRequest;
use crate::server::http::request::CallRequest;
use crate::server::http::response::CallResponse;
use crate::server::idempotency::digest_of_fields;
use crate::server::operations::guarded_revoke::{RevokeActor, RevokeOptions, revoke_guarded};
use crate::server::operations::key_fields::validate_note;
use crate::server::router::RouteBuilder;
use crate::store::{EarlierRequest, IdempotentRequest, KeyScope, NewActivity, ReviewFilter, Tx};
use crate::wire::Call as _;
use crate::wire::reviews::{AppliedDecision, ApplyDecision, CreateReview, ListReviews, RecordReviewExport};

pub(in crate::server) fn routes(routes: RouteBuilder) -> RouteBuilder {
    routes.on(list).on(decide).on(record_export)
}

async fn list(
    context: Arc<ServerContext>,
    request: CallRequest<ListReviews>,
) -> Result<CallResponse<ListReviews>, ApiError> {
    let credential = SessionCredential::from_headers(&request.headers)?;
    credential.authenticate(&context.sessions).await?.actor.allow(Permission::Review)?;
    let query = request.query()?;
    let list_name = format!("reviews {:?} {:?} {:?}", query.review, query.key, query.since);
    let paging = PageRequest::parse(list_name, query.limit, query.cursor.as_deref())?;
    let filter =
        ReviewFilter { review: query.review, key: query.key, since: query.since, before: paging.after() };
    let mut reader = context.store.reader().await?;
    let as_of = reader.change_time(context.clock.now()).await?;
    let reviews = reader.reviews(filter, paging.fetch_limit()).await?;
    Ok(CallResponse::new(paging.page(reviews, |review| review.id, as_of, |review| review)))
}

/// The outcome of a request to apply a decision. Both outcomes are committed, because a refusal also adds an entry to the activity
/// log.
enum DecideOutcome {
    Decided(Box<AppliedDecision>),
    Refused(ApiError),
}

async fn decide(
    context: Arc<ServerContext>,
    mut request: CallRequest<CreateReview>,
) -> Result<CallResponse<CreateReview>, ApiError> {
    let credential = SessionCredential::from_headers(&request.headers)?;
    let actor = credential.authenticate(&context.sessions).await?.actor;
    actor.allow(Permission::Review)?;
    let idempotency_key = request.idempotency_key()?.to_owned();
    let mut body = request.body()?;
    body.note = body.note.as_deref().map_or(Ok(None), |note| validate_note("note", note))?;
    check_fields(&body)?;
    let operation = CreateReview::OPERATION;
    let fields = digest_of_fields(&body)?;
    let idempotent = IdempotentRequest { member: actor.member.id, operation, key: idempotency_key, fields };
    let in_flight = context.in_flight.begin(&idempotent)?;
    let (server, client) = (context.clone(), request.client);
    let guard = context.verification.lock_revocations().await;
    let outcome = context.store.write(move |tx| {
        Box::pin(async move {
            tx.on_end(move |_| drop(in_flight));
            let actor = credential.authenticate_in(&server.sessions, tx).await?.actor;
            let grant = actor.allow(Permission::Review)?;
            let now = tx.change_time(server.clock.now()).await?;
            let id = Id::new(now, random_bytes());
            match tx.claim_idempotency_key(&idempotent, id, now).await? {
                Some(EarlierRequest { same: false, .. }) => return Err(ApiError::IdempotencyKeyReused),
                Some(EarlierRequest { subject, .. }) => {
                    let earlier = earlier_decision(tx, subject).await?;
                    return Ok(DecideOutcome::Decided(Box::new(earlier)));
                }
                None => {}
            }
            if body.until.is_some_and(|until| until <= now) {
                return Err(ApiError::field("until", "must be in the future"));
            }
            let key = tx.key(body.key_id, KeyScope::Organization).await?.ok_or(ApiError::NotFound)?.key;
            if key.revoked_at.is_some() {
                return Err(ApiError::KeyRevoked);
            }
            // Buffered uses are part of the evidence: this writes them before the key is read again.
            guard.suspend(tx, &[(key.id, key.kind)]).await?;
            let key = tx.key(key.id, KeyScope::Organization).await?.ok_or(ApiError::NotFound)?.key;
            let now = tx.change_time(server.clock.now()).await?;
            let review = new_review(&server, tx, id, &key, &body, &grant, now).await?;
            let key = if body.decision == Decision::Revoke {
                let options =
                    RevokeOptions { unless_used_since: body.unless_used_since, reason: body.note.clone() };
                let revoked_by = RevokeActor { member: grant.member().id, client: &client, operation };
                match revoke_guarded(&server, tx, &guard, &key, &options, revoked_by).await?.into_key() {
                    Ok(key) => key,
                    Err(used_since) => {
                        // Nothing was decided, so the same request may be sent again.
                        tx.release_idempotency_key(&idempotent).await?;
                        return Ok(DecideOutcome::Refused(used_since));
                    }
                }
            } else {
                guard.keep_keys();
                key
            };
            record_review(tx, &review, &client).await?;
            Ok(DecideOutcome::Decided(Box::new(AppliedDecision { review, key })))
        })
    });
    match outcome.await? {
        DecideOutcome::Decided(decided) => Ok(CallResponse::new(*decided)),
        DecideOutcome::Refused(used_since) => Err(used_since),
    }
}

/// Checks that the fields fit the decision. A past `until` is rejected only later, because a retry gets the first response even
/// after that date.
fn check_fields(body: &ApplyDecision) -> Result<(), ApiError> {
    match (body.decision, body.until, body.unless_used_since) {
        (Decision::Revoke, _, None) => Err(ApiError::field(
            "unless_used_since",
            "is required: the time at which you last viewed the key's usage",
        )),
        (Decision::Keep | Decision::Rotate | Decision::Skip, _, Some(_)) => {
            Err(ApiError::field("unless_used_since", "must only be given with the decision `revoke`"))
        }
        (Decision::Revoke | Decision::Rotate | Decision::Skip, Some(_), _) => {
            Err(ApiError::field("until", "must only be given with the decision `keep`"))
        }
        _ => Ok(()),
    }
}

/// Returns the decision that an earlier request with the same idempotency key applied.
async fn earlier_decision(tx: &mut Tx, id: Id) -> Result<AppliedDecision, ApiError> {
    let review = tx.review(id).await?.ok_or(ApiError::Internal)?;
    let key = tx.key(review.key_id, KeyScope::Organization).await?.ok_or(ApiError::Internal)?.key;
    Ok(AppliedDecision { review, key })
}

async fn new_review(
    context: &ServerContext,
    tx: &mut Tx,
    id: Id,
    key: &Key,
    body: &ApplyDecision,
    grant: &Grant,
    now: Timestamp,
) -> Result<ReviewRecord, ApiError> {
    let tracking_since = tx.tracking_since().await?;
    let rules = StalenessRules { policy: context.settings.policy, now, tracking_since };
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

async fn record_review(tx: &mut Tx, review: &ReviewRecord, client: &ClientInfo) -> Result<(), ApiError> {
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
    context: Arc<ServerContext>,
    mut request: CallRequest<RecordReviewExport>,
) -> Result<CallResponse<RecordReviewExport>, ApiError> {
    let credential = SessionCredential::from_headers(&request.headers)?;
    credential.authenticate(&context.sessions).await?.actor.allow(Permission::Review)?;
    let body = request.body()?;
    let is_digest = body.sha256.len() == 64 && body.sha256.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_digest {
        return Err(ApiError::field("sha256", "must be 64 hexadecimal digits"));
    }
    let (server, client, now) = (context.clone(), request.client, context.clock.now());
    let recorded = context.store.write(move |tx| {
        Box::pin(async move {
            let actor = credential.authenticate_in(&server.sessions, tx).await?.actor;
            let grant = actor.allow(Permission::Review)?;
            let scope = body.review_id.map_or_else(|| "all reviews".to_owned(), |id| format!("review {id}"));
            let detail = format!("{scope}: {} records, SHA-256 {}", body.records, body.sha256.to_lowercase());
            let event =
                NewActivity::new(Action::ReviewExported, now, random_bytes()).by(grant.member().id, &client);
            tx.record_activity(event.detail(detail)).await?;
            Ok::<_, ApiError>(())
        })
    });
    recorded.await?;
    Ok(CallResponse::new(()))
}
