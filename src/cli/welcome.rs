//! The first screen, for who is signed in nowhere yet: look around in a demo, or sign in to a server.

use super::connect::Context;
use super::exit::Failure;
use super::output::say;
use super::prompt;
use crate::client::Address;

/// What was chosen.
#[derive(Debug, PartialEq, Eq)]
pub enum Choice {
    /// A demo on this machine.
    Demo,
    /// Sign in there.
    Login(Address),
    /// Nothing.
    Leave,
}

/// Whether nobody is signed in anywhere and nothing says where to go.
///
/// # Errors
/// The state cannot be read.
pub fn is_new_here(context: &Context) -> Result<bool, Failure> {
    let named = context.flags.profile.is_some()
        || context.flags.url.is_some()
        || context.environment.get("KEYWARD_URL").is_some()
        || !context.config.profile.is_empty();
    Ok(!named && prompt::possible() && context.profiles()?.is_empty())
}

/// Asks what to do.
///
/// # Errors
/// What was typed is no address of a server, or the input ended.
pub fn ask() -> Result<Choice, Failure> {
    say("keyward: administer API keys. Nobody is signed in here yet.\n\n  \
         d      look around: a demo with a made-up plant on this machine, gone when it ends\n  \
         URL    sign in to a server, such as https://keys.plant.example\n  \
         Enter  leave\n");
    let answer = prompt::line("Your choice:")?;
    match answer.as_str() {
        "" | "q" => Ok(Choice::Leave),
        "d" | "demo" => Ok(Choice::Demo),
        url => Ok(Choice::Login(url.parse()?)),
    }
}
