//! Restarts PostgreSQL under load: acknowledged writes are kept, and the server recovers by itself.

use std::time::Duration;

use futures_util::future::join_all;
use keyward::client::{CallRequest, Client};
use keyward::clock::monotonic_now;
use keyward::domain::member::Role;
use keyward::wire::members::{CreateInvitation, InviteMember};
use keyward::wire::problem::ProblemType as P;
use keyward::wire::sessions::GetMe;

use crate::support::postgres::PostgresCluster;
use crate::support::test_server::TestServer;
use crate::support::{Database, scaled};

/// Invites members until `stop` is set. Returns the email addresses whose invitations were acknowledged.
async fn invite_until_stopped(
    client: Client,
    name: String,
    stop: tokio_util::sync::CancellationToken,
) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for n in 0.. {
        if stop.is_cancelled() {
            break;
        }
        let email = format!("{name}.{n}@plant.example");
        let invite = InviteMember { email: email.clone(), role: Role::Normal };
        match client.send(CallRequest::with(CreateInvitation, invite)).await {
            Ok(_) => acknowledged.push(email),
            Err(error) => {
                assert!(error.is_problem(P::Unavailable) || error.is_problem(P::OutcomeUnknown), "{error:?}");
            }
        }
    }
    acknowledged
}

/// Guarantee 1: no acknowledged write is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_restart_loses_nothing_and_the_server_recovers() {
    let Some(cluster) = PostgresCluster::start() else { return };
    let database = Database::on_cluster(&cluster).await;
    let server = TestServer::start(&database).await;
    for (round, mode) in ["fast", "immediate", "kill"].iter().cycle().take(scaled(20).max(3)).enumerate() {
        let stop = tokio_util::sync::CancellationToken::new();
        let writers = (0..4).map(|n| {
            tokio::spawn(invite_until_stopped(
                server.ada.client.clone(),
                format!("r{round}w{n}"),
                stop.clone(),
            ))
        });
        let writers: Vec<_> = writers.collect();
        tokio::task::block_in_place(|| cluster.restart(mode));
        let up = monotonic_now();
        while let Err(error) = server.ada.client.send(CallRequest::to(GetMe)).await {
            assert!(error.is_problem(P::Unavailable), "{error:?}");
            assert!(up.elapsed() < Duration::from_secs(5), "the server did not recover: {error:?}");
        }
        stop.cancel();
        let acknowledged: Vec<String> =
            join_all(writers).await.into_iter().flat_map(Result::unwrap).collect();
        let mut reader = server.store.reader().await.unwrap();
        for email in &acknowledged {
            assert!(reader.member_by_email(email).await.unwrap().is_some(), "{email} was lost");
        }
    }
    server.stop().await;
}
