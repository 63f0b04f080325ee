//! Replies of the driver's fake server.

use keyward::domain::id::Id;
use keyward::domain::key::{Key, KeyKind};
use keyward::domain::review::{Decision, ReviewRecord};
use keyward::domain::time::{DAY, TimeDelta};
use keyward::domain::usage::{Bucket, ClientUse, DailyUse, Usage};
use keyward::tui::msg::{ApiRequest, ListRequest, Reply, RequestError};
use keyward::wire::keys::{CreatedKey, RevokeKey, SecretString};
use keyward::wire::members::ChangedRole;
use keyward::wire::page::{Page, PageMetadata};
use keyward::wire::problem::{Problem, ProblemType};
use keyward::wire::reviews::AppliedDecision;

use super::super::key_fixtures::{self, NOW, ada, id};
use super::super::member_fixtures;
use super::{Driver, created_secret};

impl Driver {
    pub(super) fn reply_to(&mut self, request: ApiRequest) -> Result<Reply, RequestError> {
        let problem = |kind, detail: &str| RequestError::Refused(Box::new(Problem::new(kind, detail)));
        let as_of = Some(NOW.plus(TimeDelta::from_std(self.now.since_start()).unwrap()));
        let page = |data: Vec<Key>| {
            let total = Some(data.len() as u64);
            Page { metadata: PageMetadata { next_cursor: None, as_of, total }, data }
        };
        Ok(match request {
            ApiRequest::Me | ApiRequest::SignIn(_) | ApiRequest::SignInAt { .. } => {
                Reply::Me(Box::new(key_fixtures::me(self.role)))
            }
            ApiRequest::List(ListRequest::Keys(_) | ListRequest::Changes { .. }) if self.deny_key_lists => {
                return Err(problem(ProblemType::NotPermitted, "Not for you."));
            }
            ApiRequest::List(ListRequest::Keys(kind) | ListRequest::Changes { kind, .. }) => {
                Reply::Keys(page(self.keys_of_kind(kind)))
            }
            ApiRequest::Create { kind, body, .. } => {
                let mut key = key_fixtures::key(
                    500 + u16::try_from(self.keys.len()).unwrap(),
                    kind,
                    &body.name,
                    TimeDelta::zero(),
                    None,
                );
                key.masked = created_secret().mask().to_string();
                key.note = body.note;
                key.replaces = body.replaces;
                if let Some(old) = body.replaces {
                    let old = self.find_or_refuse(old)?;
                    old.replaced_by = Some(key.id);
                    let old = old.clone();
                    self.rotations.retain(|rotation| rotation.old.id != old.id);
                    self.rotations.push(member_fixtures::new_rotation(old, key.clone()));
                }
                self.keys.insert(0, key.clone());
                Reply::Created(Box::new(CreatedKey {
                    key,
                    secret: Some(SecretString::new(created_secret().expose())),
                }))
            }
            ApiRequest::Confirm(_, id) => Reply::Key(Box::new(self.find_or_refuse(id)?.clone())),
            ApiRequest::Edit { id, body, .. } => {
                let key = self.find_or_refuse(id)?;
                key.version += 1;
                if let Some(name) = body.name {
                    key.name = name;
                }
                if let Some(note) = body.note {
                    key.note = (!note.is_empty()).then_some(note);
                }
                Reply::Key(Box::new(key.clone()))
            }
            ApiRequest::Revoke { id, body, .. } => {
                let key = self.find_or_refuse(id)?;
                if let Some(since) = body.unless_used_since
                    && key.last_used_at.is_some_and(|at| at >= since)
                {
                    let problem = Problem::new(ProblemType::UsedSince, "The key was used since you looked.");
                    return Err(RequestError::Refused(Box::new(problem.with_key(key.clone()))));
                }
                key.revoked_at = Some(NOW);
                key.revoked_by = Some(ada());
                key.revoke_reason = body.reason;
                key.version += 1;
                Reply::Key(Box::new(key.clone()))
            }
            ApiRequest::List(ListRequest::Members) => {
                Reply::Members(member_fixtures::page(self.members.clone()))
            }
            ApiRequest::List(ListRequest::Rotations(kind)) => {
                let rotations = self.rotations.iter().filter(|rotation| rotation.old.kind == kind).cloned();
                Reply::Rotations(member_fixtures::page(rotations.collect()))
            }
            ApiRequest::Activity(query) => {
                let from: usize = query.cursor.map_or(0, |cursor| cursor.parse().unwrap());
                let to = (from + 200).min(self.log.len());
                let mut page = member_fixtures::page(self.log[from..to].to_vec());
                page.metadata.next_cursor = (to < self.log.len()).then(|| to.to_string());
                Reply::Activity(page)
            }
            ApiRequest::Invite(body) => Reply::Invited(Box::new(member_fixtures::invitation(&body))),
            ApiRequest::ChangeRole(id, body) => {
                let member = self.members.iter_mut().find(|member| member.id == id).unwrap();
                member.role = body.role;
                Reply::RoleChanged(Box::new(ChangedRole { member: member.clone(), revoked: Vec::new() }))
            }
            ApiRequest::Remove { id, dry_run } => Reply::Removal(Box::new(member_fixtures::remove_member(
                &mut self.members,
                &mut self.keys,
                id,
                dry_run,
            ))),
            ApiRequest::EndSessions(_) => Reply::Done("ended all sessions".to_owned()),
            ApiRequest::List(ListRequest::Reviews(query)) => {
                let data = self.reviews.iter().rev();
                let data =
                    data.filter(|r| query.review.is_none_or(|id| r.review_id == id)).cloned().collect();
                Reply::Reviews(Page {
                    metadata: PageMetadata { next_cursor: None, as_of, total: None },
                    data,
                })
            }
            ApiRequest::Decide { body, .. } => {
                if let (Decision::Revoke, Some(since)) = (body.decision, body.unless_used_since) {
                    self.reply_to(ApiRequest::Revoke {
                        kind: KeyKind::Organization,
                        id: body.key_id,
                        body: RevokeKey { unless_used_since: Some(since), ..RevokeKey::default() },
                    })?;
                }
                let key = self.find_or_refuse(body.key_id)?.clone();
                let rules = key_fixtures::staleness_rules();
                let review = ReviewRecord {
                    id: id(3_000 + u16::try_from(self.reviews.len()).unwrap()),
                    review_id: body.review_id,
                    key_id: key.id,
                    key_name: key.name.clone(),
                    key_masked: key.masked.clone(),
                    decision: body.decision,
                    until: body.until,
                    note: body.note,
                    reviewer: ada().as_ref().clone(),
                    reviewed_at: NOW,
                    findings: rules.raised_flags(&Key { revoked_at: None, ..key.clone() }),
                    last_used_at: key.last_used_at,
                };
                self.reviews.push(review.clone());
                Reply::Decided(Box::new(AppliedDecision { review, key }))
            }
            ApiRequest::RecordExport(body) => Reply::Done(format!("recorded {}", body.records)),
            ApiRequest::Usage { id: key_id, .. } => {
                Reply::Usage(usage([id(2), id(70), id(72)].contains(&key_id)))
            }
            ApiRequest::DailyUse { ids, .. } => Reply::DailyUse(ids.into_iter().map(daily_use).collect()),
            other => return Err(problem(ProblemType::NotFound, &format!("no reply to {other:?}"))),
        })
    }

    fn keys_of_kind(&self, kind: KeyKind) -> Vec<Key> {
        self.keys.iter().filter(|key| key.kind == kind).cloned().collect()
    }

    /// Finds a key in the tables or in a rotation.
    pub fn find_key(&mut self, id: Id) -> Option<&mut Key> {
        let rotating = self.rotations.iter_mut().flat_map(|rotation| [&mut rotation.old, &mut rotation.new]);
        self.keys.iter_mut().chain(rotating).find(|key| key.id == id)
    }

    fn find_or_refuse(&mut self, id: Id) -> Result<&mut Key, RequestError> {
        self.find_key(id).ok_or_else(|| {
            RequestError::Refused(Box::new(Problem::new(ProblemType::NotFound, "There is no such key.")))
        })
    }

    pub fn key_named(&mut self, name: &str) -> &mut Key {
        self.keys.iter_mut().find(|key| key.name == name).unwrap()
    }
}

/// Returns the daily uses of a key for the last 30 days. The counts of the first six days are unknown.
fn daily_use(id: Id) -> DailyUse {
    let counts =
        (0..30).map(|day| (day >= 6).then_some(if day % 7 < 2 { 0 } else { 40 + day * 3 })).collect();
    DailyUse { id, counts }
}

fn usage(is_busy: bool) -> Usage {
    let client = |agent: &str, address: &str, days: i64, count| ClientUse {
        agent: agent.to_owned(),
        address: address.to_owned(),
        first_seen_at: NOW.minus(TimeDelta::days(days)),
        last_seen_at: NOW.minus(TimeDelta::minutes(4)),
        count,
    };
    Usage {
        tracking_since: NOW.minus(TimeDelta::days(600)),
        buckets: (0..if is_busy { 30 } else { 0 })
            .map(|day| Bucket {
                start: NOW.minus(TimeDelta::days(29 - day)).floor(DAY),
                count: if day % 7 < 2 { 0 } else { 40 + day * 3 },
                refused: 0,
            })
            .collect(),
        clients: if is_busy {
            vec![client("Grafana/11.4.0", "10.0.3.2", 200, 52_417), client("curl/8.5.0", "10.0.9.14", 3, 2)]
        } else {
            vec![]
        },
    }
}
