//! The real program, killed while a batch is on its way: a proxy holds one decision back, or its answer.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use keyward::client::Request;
use keyward::clock::Clock;
use keyward::domain::member::Role;
use keyward::wire::members::{CreateInvitation, Invite};
use rustix::process::Signal;

use super::{create, done};
use crate::support::house::{House, unlimited};
use crate::support::pty::{Pty, Seen, keyward};
use crate::support::served::{Home, PATIENCE};
use crate::support::{Database, for_each_database};

/// How many keys are revoked in one batch.
const KEYS: usize = 3;

/// What is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    /// The decision: it never reaches the server.
    Request,
    /// The server's answer to it.
    Answer,
}

/// Passes everything on, but for the decision of which it is told.
struct Proxy {
    address: SocketAddr,
    holds: mpsc::Receiver<()>,
}

impl Proxy {
    fn start(server: SocketAddr, nth: usize, held: Held) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, holds) = mpsc::channel();
        let seen = Arc::new(AtomicUsize::new(0));
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let (sender, seen) = (sender.clone(), seen.clone());
                thread::spawn(move || {
                    let Ok(far) = TcpStream::connect(server) else { return };
                    let is_held = |chunk: &[u8]| {
                        chunk.starts_with(b"POST /api/v2/reviews")
                            && seen.fetch_add(1, Ordering::SeqCst) + 1 == nth
                    };
                    pass(near, far, is_held, held, &sender);
                });
            }
        });
        Self { address, holds }
    }
}

/// Passes on both ways until the connection ends, or something of it is held back for ever.
fn pass(
    mut near: TcpStream,
    mut far: TcpStream,
    is_held: impl Fn(&[u8]) -> bool,
    held: Held,
    sender: &mpsc::Sender<()>,
) {
    let (mut answers, mut back) = (far.try_clone().unwrap(), near.try_clone().unwrap());
    let (silent, told) = (Arc::new(AtomicUsize::new(0)), sender.clone());
    let silenced = silent.clone();
    let returning = thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Some(n) = answers.read(&mut buffer).ok().filter(|&n| n > 0) {
            if silenced.load(Ordering::SeqCst) > 0 {
                let _ = told.send(());
            } else if back.write_all(&buffer[..n]).is_err() {
                break;
            }
        }
        let _ = back.shutdown(Shutdown::Both);
    });
    let mut buffer = vec![0; 1 << 16];
    while let Some(n) = near.read(&mut buffer).ok().filter(|&n| n > 0) {
        if is_held(&buffer[..n]) {
            match held {
                Held::Request => {
                    let _ = sender.send(());
                    // Until the program is gone; what it says until then is for nobody.
                    while near.read(&mut buffer).is_ok_and(|n| n > 0) {}
                    break;
                }
                Held::Answer => silent.store(1, Ordering::SeqCst),
            }
        }
        if far.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    let _ = far.shutdown(Shutdown::Both);
    let _ = returning.join();
}

async fn killed(database: &Database, nth: usize, held: Held) {
    let at = format!("{}, {held:?} {nth}", database.name);
    let mut settings = unlimited();
    settings.policy.never_used_after_days = 0;
    let house = House::open_with(database, settings, Clock::System).await;
    let mut keys = Vec::new();
    for n in 0..KEYS {
        keys.push(create(&house.ada, &format!("Silent {n}")).await.key.id);
    }
    let proxy = Proxy::start(house.address(), nth, held);
    let invite = Invite { email: "ben@plant.example".into(), role: Role::Admin };
    let invited = house.ada.client.send(Request::with(CreateInvitation, invite)).await.unwrap();
    let home = Home::new();
    let login = ["login", "--code-stdin", &format!("http://{}", proxy.address)];
    home.feed(&login, invited.code.code.expose()).ok();
    let folder = home.path("").components().collect::<std::path::PathBuf>();
    let open = || {
        let mut pty = Pty::start(keyward(&folder, &[]), 100, 30);
        pty.until_text("connected");
        pty.press("3");
        pty.until_text("Keys by last use");
        pty
    };

    let mut pty = open();
    pty.until_text("3 to review");
    pty.press("a");
    pty.press("x");
    pty.until_text("Decided: revoke 3");
    pty.press("A");
    pty.until_text("Type revoke 3");
    pty.press("revoke 3");
    pty.until_text(": revoke 3");
    pty.press("\r");
    proxy.holds.recv_timeout(PATIENCE).unwrap();
    pty.signal(Signal::KILL);
    pty.wait();

    // The next run shows what became of each, and applies what is left.
    let mut pty = open();
    let mut applied = 0;
    for &key in &keys {
        let (recorded, revoked) = done(&house.ada, key).await;
        assert!(recorded == revoked && recorded <= 1, "{at}");
        applied += recorded;
    }
    assert!(
        applied >= usize::from(held == Held::Answer) && applied < KEYS + usize::from(held == Held::Answer),
        "{at}"
    );
    let nothing = "All organization keys are in order".to_owned();
    let decided = |seen: &Seen| seen.text().contains("Decided: revoke");
    if pty.until("what is decided", |seen| {
        (decided(seen) || seen.text().contains(&nothing)).then(|| decided(seen))
    }) {
        pty.press("A");
        // What the dead program had sent may be applied until the decisions were loaded, and even later: then twice asked is once
        // done.
        let asked: Vec<String> = [nothing, "1 key will be revoked, for good".to_owned()]
            .into_iter()
            .chain((2..=KEYS).map(|left| format!("Type revoke {left}")))
            .chain(["nothing is left to decide".to_owned()])
            .collect();
        let none = |left: usize| left == 0 || left + 1 == asked.len();
        let left =
            pty.until("what is left", |seen| asked.iter().position(|words| seen.text().contains(words)));
        match left {
            left if none(left) => {}
            1 => pty.press("y"),
            left => {
                pty.press(&format!("revoke {left}"));
                pty.until_text(&format!(": revoke {left}"));
                pty.press("\r");
            }
        }
        if !none(left) {
            pty.until_text(&format!("all {left} done"));
        }
    }
    for &key in &keys {
        assert_eq!(done(&house.ada, key).await, (1, 1), "{at}");
    }
    drop(pty);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_program_that_is_killed_while_a_batch_is_on_its_way_applies_the_rest_and_nothing_twice() {
    for held in [Held::Request, Held::Answer] {
        for nth in 1..=KEYS {
            for_each_database(async |database| killed(database, nth, held).await).await;
        }
    }
}
