//! A rotation driven by commands of the real program, against a server whose clock the test controls.

use keyward::domain::member::Role;
use keyward::domain::time::{DAY, TimeDelta};
use keyward::wire::members::{CreateInvitation, InviteMember};
use serde_json::Value;

use super::RotationFixture;
use crate::support::for_each_database;
use crate::support::keys::is_accepted;
use crate::support::program::{CommandOutput, ProgramHome};

/// A shell in which an admin is signed in.
struct AdminShell(ProgramHome);

impl AdminShell {
    async fn new(fixture: &RotationFixture<'_>, email: &str) -> Self {
        let invite = InviteMember { email: email.into(), role: Role::Admin };
        let request = keyward::client::CallRequest::with(CreateInvitation, invite);
        let invited = fixture.server.ada.client.send(request).await.unwrap();
        let home = ProgramHome::new();
        home.run_with_input(
            &["login", "--code-stdin", &fixture.server.base_url()],
            invited.code.code.expose(),
        )
        .expect_success();
        Self(home)
    }

    fn run(&self, line: &str) -> CommandOutput {
        self.0.run(&line.split(' ').collect::<Vec<_>>())
    }

    /// Returns the JSON output and the exit code of `rotate status --exit-code`.
    fn rotation_status(&self, key: &str) -> (Value, i32) {
        let status = self.run(&format!("rotate status {key} --exit-code --json"));
        let code = status.code;
        (serde_json::from_str(&status.out).unwrap_or_else(|_| panic!("{status:?}")), code)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_can_be_driven_by_commands() {
    for_each_database(async |database| {
        let fixture = RotationFixture::start(database).await;
        let shell = AdminShell::new(&fixture, "cron@plant.example").await;
        let old = fixture.create_key("Press shop", None).await;
        assert!(old.use_once().await);
        let id = old.key.id.to_string();
        let none = shell.run("rotate status --exit-code");
        assert_eq!((none.code, none.out.as_str()), (0, ""), "{none:?}");

        let started = shell.run(&format!("rotate start {id}"));
        assert_eq!((started.code, started.out.len()), (0, 43), "only the secret: {started:?}");
        let new = fixture.key_client(&started.out);
        let twice = shell.run(&format!("rotate start {id}"));
        assert!(twice.code == 6 && twice.err.contains("already being replaced"), "{twice:?}");
        let (status, code) = shell.rotation_status(&id);
        assert_eq!((status["phase"].as_str(), code), (Some("switch"), 0), "{status}");
        assert!(status["new"]["name"].as_str().unwrap().starts_with("Press shop (20"), "{status}");
        let early = shell.run(&format!("rotate finish {id} --yes"));
        assert!(early.code == 6 && early.err.contains("never used"), "{early:?}");

        assert!(is_accepted(&new).await && old.use_once().await);
        let (status, code) = shell.rotation_status(status["new"]["id"].as_str().unwrap());
        assert_eq!((status["phase"].as_str(), code), (Some("drain"), 0), "{status}");
        assert!(status["evidence"].as_str().unwrap().contains("unless used"), "{status}");
        assert!(status["quiet_window_s"] == 172_800 && status["ready_at"].is_string(), "{status}");
        let early = shell.run(&format!("rotate finish {id} --yes"));
        assert!(early.code == 6 && early.err.contains("keyward/"), "who used it: {early:?}");
        let in_use = shell.run(&format!("rotate cancel {id} --yes"));
        assert_eq!(in_use.code, 6, "the replacement is in use: {in_use:?}");

        // Still used after two quiet windows: reported with exit code 10.
        for _ in 0..5 {
            fixture.advance(DAY).await;
            assert!(old.use_once().await);
        }
        let (status, code) = shell.rotation_status(&id);
        assert_eq!((status["phase"].as_str(), code), (Some("drain"), 10), "{status}");
        assert!(status["evidence"].as_str().unwrap().contains("under way for 5 d"), "{status}");

        fixture.advance(TimeDelta::days(3)).await;
        assert!(is_accepted(&new).await);
        let (status, code) = shell.rotation_status(&id);
        assert_eq!((status["phase"].as_str(), code), (Some("ready"), 10), "{status}");
        assert_eq!(shell.run("rotate status --exit-code -o id").code, 10);
        let finished = shell.run(&format!("rotate finish {id} --yes"));
        assert_eq!(finished.code, 0, "{finished:?}");
        assert!(!old.use_once().await && is_accepted(&new).await, "{}", database.name);
        let (status, code) = shell.rotation_status(&id);
        assert_eq!((status["phase"].as_str(), code), (Some("done"), 0), "{status}");
        assert_eq!(shell.run("rotate status").out, "", "no rotation is running");

        // After cancelling, the replacement is revoked and the old key stays active.
        let kept = fixture.create_key("Paint shop", None).await;
        let id = kept.key.id.to_string();
        let new =
            fixture.key_client(&shell.run(&format!("rotate start {id} --name Second")).expect_success());
        let cancelled = shell.run(&format!("rotate cancel {id} --yes"));
        assert_eq!(cancelled.code, 0, "{cancelled:?}");
        assert!(!is_accepted(&new).await && kept.use_once().await, "{}", database.name);
        assert_eq!(shell.rotation_status(&id).0["phase"], "abandoned");
        fixture.server.stop().await;
    })
    .await;
}
