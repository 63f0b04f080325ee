//! Members: invitations, sign-in, sessions, role changes and removal, on both databases.

mod races;
mod removal;

use keyward::client::CallRequest;
use keyward::domain::activity::Action;
use keyward::domain::member::{MemberStatus, Role};
use keyward::wire::activity::{ActivityQuery, ListActivity};
use keyward::wire::members::{
    ChangeMemberRole, ChangeRole, CreateInvitation, EndMemberSessions, InviteMember, ListMembers,
    RemoveMember, RemoveQuery,
};
use keyward::wire::problem::ProblemType as P;
use keyward::wire::sessions::{CreateSessionCode, EndCurrentSession, EndSession, GetMe, ListSessions};

use crate::support::for_each_database;
use crate::support::test_server::{TestServer, problem_type, sign_in};

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_code_works_once() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let invite = InviteMember { email: "Bo@plant.example".into(), role: Role::Operator };
        let invited = server.ada.client.send(CallRequest::with(CreateInvitation, invite)).await.unwrap();
        assert_eq!(invited.member.status, MemberStatus::Invited);
        let code = invited.code.code.expose();
        let bo = sign_in(&server.client, code).await.unwrap();
        let me = bo.client.send(CallRequest::to(GetMe)).await.unwrap();
        assert_eq!((me.role, me.member.status), (Role::Operator, MemberStatus::Active));
        assert!(!me.may.create_personal_keys && !me.may.manage_members);
        assert_eq!(problem_type(sign_in(&server.client, code).await), P::CodeInvalid);
        assert_eq!(problem_type(sign_in(&server.client, "inv_0").await), P::CodeInvalid);

        let own = bo.client.send(CallRequest::to(CreateSessionCode)).await.unwrap();
        let later = bo.client.send(CallRequest::to(CreateSessionCode)).await.unwrap();
        assert_eq!(problem_type(sign_in(&server.client, own.code.expose()).await), P::CodeInvalid);
        let elsewhere = sign_in(&server.client, later.code.expose()).await.unwrap();
        assert_eq!(elsewhere.id, bo.id);
        server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_and_ended() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let bo = server.add_member("bo@plant.example", Role::Normal).await;
        let code = bo.client.send(CallRequest::to(CreateSessionCode)).await.unwrap();
        let second = sign_in(&server.client, code.code.expose()).await.unwrap();
        let listed = second.client.send(CallRequest::to(ListSessions)).await.unwrap().data;
        assert_eq!(listed.iter().map(|s| s.current).collect::<Vec<_>>(), [true, false]);

        // A session of another member is reported as missing.
        assert_eq!(
            problem_type(server.ada.client.send(CallRequest::to(EndSession).id(listed[1].id)).await),
            P::NotFound
        );
        second.client.send(CallRequest::to(EndSession).id(listed[1].id)).await.unwrap();
        assert_eq!(problem_type(bo.client.send(CallRequest::to(GetMe)).await), P::SessionEnded);
        second.client.send(CallRequest::to(EndCurrentSession)).await.unwrap();
        assert_eq!(problem_type(second.client.send(CallRequest::to(GetMe)).await), P::SessionEnded);

        let cy = server.add_member("cy@plant.example", Role::Normal).await;
        assert_eq!(
            problem_type(cy.client.send(CallRequest::to(EndMemberSessions).id(bo.id)).await),
            P::NotPermitted
        );
        server.ada.client.send(CallRequest::to(EndMemberSessions).id(cy.id)).await.unwrap();
        assert_eq!(problem_type(cy.client.send(CallRequest::to(GetMe)).await), P::SessionEnded);
        assert_eq!(problem_type(server.client.send(CallRequest::to(GetMe)).await), P::SessionMissing);
        server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_change_applies_to_the_next_request() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let bo = server.add_member("bo@plant.example", Role::Normal).await;
        let to = |role| ChangeRole { role, revoke_personal_keys: None };
        assert_eq!(problem_type(bo.client.send(CallRequest::to(ListMembers)).await), P::NotPermitted);
        let promote = CallRequest::with(ChangeMemberRole, to(Role::Admin)).id(bo.id);
        let changed = server.ada.client.send(promote).await.unwrap();
        assert_eq!(changed.member.role, Role::Admin);
        assert_eq!(bo.client.send(CallRequest::to(ListMembers)).await.unwrap().data.len(), 2);

        // Bo demotes Ada and is now the last admin.
        bo.client
            .send(CallRequest::with(ChangeMemberRole, to(Role::Operator)).id(server.ada.id))
            .await
            .unwrap();
        assert_eq!(problem_type(server.ada.client.send(CallRequest::to(ListMembers)).await), P::NotPermitted);
        let demote = CallRequest::with(ChangeMemberRole, to(Role::Normal)).id(bo.id);
        assert_eq!(problem_type(bo.client.send(demote).await), P::LastAdmin);
        assert_eq!(problem_type(bo.client.send(CallRequest::to(RemoveMember).id(bo.id)).await), P::LastAdmin);

        let log = bo.client.send(CallRequest::to(ListActivity)).await.unwrap().data;
        let count_rows = |action| log.iter().filter(|row| row.action == action).count();
        assert_eq!(count_rows(Action::MemberRoleChanged), 2);
        // Refusals of the same operation within a minute make only one row per member.
        assert_eq!(count_rows(Action::PermissionRefused), 2);
        server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_member_is_signed_out_at_once_and_can_be_invited_again() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        let bo = server.add_member("bo@plant.example", Role::Normal).await;
        let try_it = RemoveQuery { dry_run: Some(true) };
        let planned =
            server.ada.client.send(CallRequest::to(RemoveMember).id(bo.id).query(try_it)).await.unwrap();
        assert!(planned.dry_run);
        assert!(bo.client.send(CallRequest::to(GetMe)).await.is_ok());
        let done = server.ada.client.send(CallRequest::to(RemoveMember).id(bo.id)).await.unwrap();
        assert_eq!((done.sessions_ended, &done.to_review), (planned.sessions_ended, &planned.to_review));
        assert_eq!(problem_type(bo.client.send(CallRequest::to(GetMe)).await), P::SessionEnded);
        assert_eq!(
            problem_type(server.ada.client.send(CallRequest::to(RemoveMember).id(bo.id)).await),
            P::MemberRemoved
        );

        let again = server.add_member("BO@plant.example", Role::Normal).await;
        assert_ne!(again.id, bo.id);
        let members = server.ada.client.send(CallRequest::to(ListMembers)).await.unwrap().data;
        assert_eq!(members.len(), 3);
        server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_activity_log_is_filtered_and_paged() {
    for_each_database(async |database| {
        let server = TestServer::start(database).await;
        for n in 0..5 {
            server.add_member(&format!("m{n}@plant.example"), Role::Normal).await;
        }
        let all = server.ada.client.send(CallRequest::to(ListActivity)).await.unwrap().data;
        let mut paged = Vec::new();
        let mut cursor = None;
        loop {
            let query = ActivityQuery { limit: Some(3), cursor, ..ActivityQuery::default() };
            let page = server.ada.client.send(CallRequest::to(ListActivity).query(query)).await.unwrap();
            paged.extend(page.data);
            cursor = page.metadata.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(paged, all);
        assert!(all.is_sorted_by(|a, b| a.id > b.id));

        let list_activity = async |query| {
            server.ada.client.send(CallRequest::to(ListActivity).query(query)).await.unwrap().data
        };
        let invited =
            list_activity(ActivityQuery { action: Some(Action::MemberInvited), ..Default::default() }).await;
        assert_eq!(invited.len(), 6);
        let by_ada = list_activity(ActivityQuery { member: Some(server.ada.id), ..Default::default() }).await;
        assert_eq!(by_ada.len(), 7, "her invitation, her sign-in, and five invitations by her");
        let middle = all[4].at;
        let since = list_activity(ActivityQuery { from: Some(middle), ..Default::default() }).await;
        assert_eq!(since.len(), all.iter().filter(|row| row.at >= middle).count());
        let before = list_activity(ActivityQuery { to: Some(middle), ..Default::default() }).await;
        assert_eq!(before.len(), all.iter().filter(|row| row.at < middle).count());
        server.stop().await;
    })
    .await;
}
