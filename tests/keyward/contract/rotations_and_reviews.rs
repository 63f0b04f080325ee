//! Rotations and reviews whose results depend on the time that has passed.

use keyward::client::CallRequest;
use keyward::clock::Clock;
use keyward::domain::activity::Action;
use keyward::domain::id::Id;
use keyward::domain::key::Key;
use keyward::domain::member::Role;
use keyward::domain::review::Decision;
use keyward::domain::rotation::Phase;
use keyward::domain::staleness::Flag;
use keyward::domain::time::{MILLISECOND, TimeDelta, Timestamp};
use keyward::wire::data_plane::ListSites;
use keyward::wire::keys::{CreateKey, ListRotations, RotationsQuery};
use keyward::wire::problem::ProblemType as P;
use keyward::wire::reviews::{ApplyDecision, CreateReview, ListReviews, RecordExport, RecordReviewExport};

use super::{ORGANIZATION, PERSONAL, create, logged_actions};
use crate::support::keys::{key_client, key_named, unless_used_since};
use crate::support::test_server::{TestServer, problem_type, settings_without_limits};

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_passes_through_its_phases() {
    let clock = Clock::fixed(Clock::System.now());
    let database = crate::support::Database::sqlite();
    let server = TestServer::start_with(&database, settings_without_limits(), clock.clone()).await;
    let bo = server.add_member("bo@plant.example", Role::Normal).await;
    let old = create(&bo, PERSONAL, key_named("SAP")).await;
    let replacing = |name: &str| CreateKey { replaces: Some(old.key.id), ..key_named(name) };
    let stranger = server.ada.client.create_key(PERSONAL, replacing("not Ada's"), "x").await;
    assert_eq!(problem_type(stranger), P::ReplacesConflict);
    key_client(&server.client, &old).send(CallRequest::to(ListSites)).await.unwrap();
    let new = create(&bo, PERSONAL, replacing("SAP 2")).await;
    let second = bo.client.create_key(PERSONAL, replacing("SAP 3"), "y").await;
    assert_eq!(problem_type(second), P::ReplacesConflict);

    let query = RotationsQuery { owner: PERSONAL, usage: Some(true), ..RotationsQuery::default() };
    let phase = async || {
        let rotations =
            bo.client.send(CallRequest::to(ListRotations).query(query.clone())).await.unwrap().data;
        assert_eq!(rotations.len(), 1);
        rotations.into_iter().next().unwrap()
    };
    assert_eq!(phase().await.phase, Phase::Switch);
    key_client(&server.client, &new).send(CallRequest::to(ListSites)).await.unwrap();
    let drain = phase().await;
    assert_eq!((drain.phase, drain.quiet_window_s), (Phase::Drain, 48 * 3600));
    assert_eq!(drain.usage.unwrap().old.len(), 1);
    let window = TimeDelta::seconds(drain.quiet_window_s);
    let finish = || unless_used_since(clock.now().minus(window));
    assert_eq!(problem_type(bo.client.revoke_key(PERSONAL, old.key.id, finish()).await), P::UsedSince);
    clock.advance(std::time::Duration::from_hours(49));
    assert_eq!(phase().await.phase, Phase::Ready);
    bo.client.revoke_key(PERSONAL, old.key.id, finish()).await.unwrap();
    assert_eq!(phase().await.phase, Phase::Done);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_records_its_evidence() {
    let clock = Clock::fixed(Clock::System.now());
    let database = crate::support::Database::sqlite();
    let server = TestServer::start_with(&database, settings_without_limits(), clock.clone()).await;
    let stale = create(&server.ada, ORGANIZATION, key_named("stale")).await;
    let used = create(&server.ada, ORGANIZATION, key_named("used")).await;
    clock.advance(std::time::Duration::from_hours(20 * 24));
    let looked = clock.now();
    let review_id = Id::new(looked, [7; 10]);
    let decide = |key: &Key, decision, since: Option<Timestamp>| ApplyDecision {
        review_id,
        key_id: key.id,
        decision,
        until: None,
        note: Some("a note".into()),
        unless_used_since: since,
    };
    let send = async |body: ApplyDecision, header: &str| {
        server.ada.client.send(CallRequest::with(CreateReview, body).idempotency_key(header)).await
    };
    let body = decide(&stale.key, Decision::Revoke, Some(looked));
    let decided = send(body.clone(), "a").await.unwrap();
    assert_eq!(decided.review.findings[0].flag, Flag::NeverUsed);
    assert!(decided.key.revoked_at.is_some() && decided.review.note.as_deref() == Some("a note"));
    assert_eq!(send(body, "a").await.unwrap(), decided, "a repeat returns the same decision");

    key_client(&server.client, &used).send(CallRequest::to(ListSites)).await.unwrap();
    let body = decide(&used.key, Decision::Revoke, Some(looked));
    assert_eq!(problem_type(send(body.clone(), "b").await), P::UsedSince);
    assert_eq!(problem_type(send(body, "b").await), P::UsedSince, "a refusal is not recorded as a decision");
    // Records with equal times have no defined order.
    clock.advance(std::time::Duration::from_millis(1));
    let keep = ApplyDecision {
        until: Some(looked.plus(TimeDelta::days(90))),
        ..decide(&used.key, Decision::Keep, None)
    };
    send(keep, "b").await.unwrap();
    let reviews = server.ada.client.send(CallRequest::to(ListReviews)).await.unwrap().data;
    assert_eq!(reviews.iter().map(|r| r.decision).collect::<Vec<_>>(), [Decision::Keep, Decision::Revoke]);

    for invalid in [
        decide(&used.key, Decision::Revoke, None),
        decide(&used.key, Decision::Skip, Some(looked)),
        ApplyDecision { until: Some(looked.minus(MILLISECOND)), ..decide(&used.key, Decision::Keep, None) },
    ] {
        assert_eq!(problem_type(send(invalid, "c").await), P::FieldInvalid);
    }
    let export = RecordExport { review_id: Some(review_id), records: 2, sha256: "0f".repeat(32) };
    server.ada.client.send(CallRequest::with(RecordReviewExport, export)).await.unwrap();
    // The rows have equal times, so their order is undefined.
    let mut done = logged_actions(&server.ada, stale.key.id).await;
    done.sort_unstable();
    assert_eq!(done, [Action::KeyCreated, Action::KeyRevoked, Action::ReviewRecorded]);
    server.stop().await;
}
