//! Makes the texts of replies safe to show, once, before the model stores them: nothing behind [`sanitize_result`] cleans the names,
//! notes, agents and addresses that a server sent.
//!
//! Secrets stay as they are. The texts of errors are not cleaned here: some come from this machine.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Reply, RequestError};
use crate::domain::activity::Activity;
use crate::domain::key::Key;
use crate::domain::member::MemberRef;
use crate::domain::review::ReviewRecord;
use crate::domain::text;
use crate::wire::keys::{FoundKey, Rotation};
use crate::wire::members::{KeySummary, Member};

/// Replaces the unsafe characters in every text of a reply, and in the key that comes with a refusal.
pub fn sanitize_result(mut result: Result<Reply, RequestError>) -> Result<Reply, RequestError> {
    match &mut result {
        Ok(reply) => sanitize_reply(reply),
        Err(RequestError::Refused(problem)) => problem.key.as_deref_mut().into_iter().for_each(sanitize_key),
        Err(_) => {}
    }
    result
}

fn sanitize_reply(reply: &mut Reply) {
    match reply {
        Reply::Me(me) => {
            sanitize_member_ref(&mut me.member);
            sanitize(&mut me.organization.name);
        }
        Reply::Keys(page) => page.data.iter_mut().for_each(sanitize_key),
        Reply::Created(created) => sanitize_key(&mut created.key),
        Reply::Key(key) => sanitize_key(key),
        Reply::Usage(usage) => {
            for client in &mut usage.clients {
                sanitize(&mut client.agent);
                sanitize(&mut client.address);
            }
        }
        Reply::Rotations(page) => page.data.iter_mut().for_each(sanitize_rotation),
        Reply::Found(found) => sanitize_found(found),
        Reply::Members(page) => page.data.iter_mut().for_each(sanitize_member),
        Reply::Invited(invitation) => sanitize_member(&mut invitation.member),
        Reply::RoleChanged(changed) => {
            sanitize_member(&mut changed.member);
            changed.revoked.iter_mut().for_each(sanitize_summary);
        }
        Reply::Removal(removal) => {
            sanitize_member(&mut removal.member);
            removal.revoked.iter_mut().chain(&mut removal.to_review).for_each(sanitize_summary);
        }
        Reply::Reviews(page) => page.data.iter_mut().for_each(sanitize_review),
        Reply::Decided(decided) => {
            sanitize_review(&mut decided.review);
            sanitize_key(&mut decided.key);
        }
        Reply::Activity(page) => page.data.iter_mut().for_each(sanitize_activity),
        // Counts, and a phrase of the runtime.
        Reply::DailyUse(_) | Reply::Done(_) => {}
    }
}

fn sanitize_key(key: &mut Key) {
    sanitize(&mut key.name);
    sanitize(&mut key.masked);
    key.note.iter_mut().chain(&mut key.revoke_reason).for_each(sanitize);
    if let Some(client) = &mut key.last_used_by {
        sanitize(&mut client.agent);
        sanitize(&mut client.address);
    }
    sanitize_member_ref(Arc::make_mut(&mut key.created_by));
    if let Some(member) = &mut key.revoked_by {
        sanitize_member_ref(Arc::make_mut(member));
    }
}

fn sanitize_rotation(rotation: &mut Rotation) {
    sanitize_key(&mut rotation.old);
    sanitize_key(&mut rotation.new);
    sanitize(&mut rotation.evidence);
}

fn sanitize_found(found: &mut FoundKey) {
    sanitize(&mut found.masked);
    sanitize_member_ref(&mut found.created_by);
    found.key.iter_mut().for_each(sanitize_key);
}

fn sanitize_summary(key: &mut KeySummary) {
    sanitize(&mut key.name);
    sanitize(&mut key.masked);
}

fn sanitize_member(member: &mut Member) {
    sanitize(&mut member.name);
    sanitize(&mut member.email);
}

fn sanitize_member_ref(member: &mut MemberRef) {
    sanitize(&mut member.name);
    sanitize(&mut member.email);
}

fn sanitize_review(review: &mut ReviewRecord) {
    sanitize(&mut review.key_name);
    sanitize(&mut review.key_masked);
    review.note.iter_mut().for_each(sanitize);
    sanitize_member_ref(&mut review.reviewer);
    review.findings.iter_mut().for_each(|raised| sanitize(&mut raised.evidence));
}

fn sanitize_activity(entry: &mut Activity) {
    sanitize(&mut entry.detail);
    entry.key_name.iter_mut().chain(&mut entry.address).for_each(sanitize);
    entry.actor.iter_mut().for_each(sanitize_member_ref);
}

/// Sanitizes a text in place, and releases its spare capacity, since the model may keep it for long.
fn sanitize(text: &mut String) {
    if let Cow::Owned(safe) = text::sanitize_line(text) {
        *text = safe;
    }
    text.shrink_to_fit();
}
