//! Kills the real program while it applies a batch. A proxy holds back one decision or its reply.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;

use keyward::client::CallRequest;
use keyward::clock::Clock;
use keyward::domain::member::Role;
use keyward::wire::members::{CreateInvitation, InviteMember};
use rustix::process::Signal;

use super::{count_decisions, create_organization_key};
use crate::support::program::{ProgramHome, TIMEOUT};
use crate::support::pty::{Pty, keyward};
use crate::support::test_server::{TestServer, settings_without_limits};
use crate::support::{Database, for_each_database};

/// Number of keys in a batch.
const BATCH_SIZE: usize = 3;

/// The message that the proxy holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeldMessage {
    /// The request with the decision, which therefore never reaches the server.
    Request,
    /// The server's reply to the decision.
    Reply,
}

/// A proxy that holds back one message of the `nth` decision.
struct HoldingProxy {
    address: SocketAddr,
    holds: mpsc::Receiver<()>,
    /// Number of open connections.
    open: Arc<(Mutex<usize>, Condvar)>,
}

impl HoldingProxy {
    fn start(server: SocketAddr, nth: usize, held: HeldMessage) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, holds) = mpsc::channel();
        let decisions_seen = Arc::new(AtomicUsize::new(0));
        let open = Arc::<(Mutex<usize>, Condvar)>::default();
        let count = open.clone();
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let (sender, decisions_seen, count) = (sender.clone(), decisions_seen.clone(), count.clone());
                *count.0.lock().unwrap() += 1;
                thread::spawn(move || {
                    let is_held = |chunk: &[u8]| {
                        chunk.starts_with(b"POST /api/v2/reviews")
                            && decisions_seen.fetch_add(1, Ordering::SeqCst) + 1 == nth
                    };
                    forward(near, TcpStream::connect(server).unwrap(), is_held, held, &sender);
                    *count.0.lock().unwrap() -= 1;
                    count.1.notify_all();
                });
            }
        });
        Self { address, holds, open }
    }

    /// Waits until the server has replied to all forwarded requests and all connections are closed.
    fn wait_until_settled(&self) {
        // The proxy accepts this connection after all earlier ones.
        let mut last = TcpStream::connect(self.address).unwrap();
        last.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        last.read_to_end(&mut Vec::new()).unwrap();
        drop(last);
        let open = self.open.0.lock().unwrap();
        let (_open, waited) = self.open.1.wait_timeout_while(open, TIMEOUT, |open| *open > 0).unwrap();
        assert!(!waited.timed_out(), "requests of the killed program are not answered");
    }
}

/// Forwards bytes in both directions until the connection ends or a message is held back.
fn forward(
    mut near: TcpStream,
    mut far: TcpStream,
    is_held: impl Fn(&[u8]) -> bool,
    held: HeldMessage,
    sender: &mpsc::Sender<()>,
) {
    let (mut server_replies, mut back) = (far.try_clone().unwrap(), near.try_clone().unwrap());
    let (silent, hold_sender) = (Arc::new(AtomicUsize::new(0)), sender.clone());
    let silenced = silent.clone();
    let returning = thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Some(n) = server_replies.read(&mut buffer).ok().filter(|&n| n > 0) {
            if silenced.load(Ordering::SeqCst) > 0 {
                let _ = hold_sender.send(());
            } else {
                // Reads the reply even if the client is gone: it shows that the server has handled the request.
                let _ = back.write_all(&buffer[..n]);
            }
        }
        let _ = back.shutdown(Shutdown::Both);
    });
    let mut buffer = vec![0; 1 << 16];
    while let Some(n) = near.read(&mut buffer).ok().filter(|&n| n > 0) {
        if is_held(&buffer[..n]) {
            match held {
                HeldMessage::Request => {
                    let _ = sender.send(());
                    // Discards what keyward sends until its process has ended.
                    while near.read(&mut buffer).is_ok_and(|n| n > 0) {}
                    break;
                }
                HeldMessage::Reply => silent.store(1, Ordering::SeqCst),
            }
        }
        if far.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    let _ = far.shutdown(Shutdown::Write);
    let _ = returning.join();
}

async fn kill_during_batch(database: &Database, nth: usize, held: HeldMessage) {
    let at = format!("{}, {held:?} {nth}", database.name);
    let mut settings = settings_without_limits();
    settings.policy.never_used_after_days = 0;
    let server = TestServer::start_with(database, settings, Clock::System).await;
    let mut keys = Vec::new();
    for n in 0..BATCH_SIZE {
        keys.push(create_organization_key(&server.ada, &format!("Silent {n}")).await.key.id);
    }
    let proxy = HoldingProxy::start(server.address(), nth, held);
    let invite = InviteMember { email: "ben@plant.example".into(), role: Role::Admin };
    let invited = server.ada.client.send(CallRequest::with(CreateInvitation, invite)).await.unwrap();
    let home = ProgramHome::new();
    let login = ["login", "--code-stdin", &format!("http://{}", proxy.address)];
    home.run_with_input(&login, invited.code.code.expose()).expect_success();
    let folder = home.path("").components().collect::<std::path::PathBuf>();
    let open = || {
        let mut pty = Pty::start(keyward(&folder, &[]), 100, 30);
        pty.wait_for_text("connected");
        pty.press("3");
        pty.wait_for_text("Keys by last use");
        pty
    };

    let mut pty = open();
    pty.wait_for_text("3 to review");
    pty.press("a");
    pty.press("x");
    pty.wait_for_text("Decided: revoke 3");
    pty.press("A");
    pty.wait_for_text("Type revoke 3");
    pty.press("revoke 3");
    pty.wait_for_text(": revoke 3");
    pty.press("\r");
    proxy.holds.recv_timeout(TIMEOUT).unwrap();
    pty.signal(Signal::KILL);
    pty.wait();
    proxy.wait_until_settled();

    // The next start shows which decisions were applied, and applies the others.
    let mut applied = 0;
    for &key in &keys {
        let (recorded, revoked) = count_decisions(&server.ada, key).await;
        assert!(recorded == revoked && recorded <= 1, "{at}");
        applied += recorded;
    }
    let replies_received = usize::from(held == HeldMessage::Reply);
    assert!(applied >= replies_received && applied < BATCH_SIZE + replies_received, "{at}");
    let mut pty = open();
    match BATCH_SIZE - applied {
        0 => pty.wait_for_text("No organization keys need a decision"),
        1 => {
            pty.wait_for_text("Decided: revoke 1");
            pty.press("A");
            pty.wait_for_text("1 key will be revoked for good");
            pty.press("y");
            pty.wait_for_text("all 1 done");
        }
        left => {
            pty.wait_for_text(&format!("Decided: revoke {left}"));
            pty.press("A");
            pty.wait_for_text(&format!("Type revoke {left}"));
            pty.press(&format!("revoke {left}"));
            pty.wait_for_text(&format!(": revoke {left}"));
            pty.press("\r");
            pty.wait_for_text(&format!("all {left} done"));
        }
    }
    for &key in &keys {
        assert_eq!(count_decisions(&server.ada, key).await, (1, 1), "{at}");
    }
    drop(pty);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_batch_interrupted_by_a_kill_is_completed_and_no_decision_is_applied_twice() {
    for held in [HeldMessage::Request, HeldMessage::Reply] {
        for nth in 1..=BATCH_SIZE {
            for_each_database(async |database| kill_during_batch(database, nth, held).await).await;
        }
    }
}
