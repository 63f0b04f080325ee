//! `keyward members …`: lists, invites and removes members, and changes their roles.

use clap::{Args, Subcommand};

use super::connect::{CommandContext, Connection};
use super::error::{CommandError, ExitCode};
use super::output::schema::{field, list, object, one_of};
use super::output::{
    self, CellValue, JsonField, Output, OutputArgs, OutputColumn, OutputRow, format_time, print_message,
};
use super::prompt;
use crate::client::CallRequest;
use crate::domain::email;
use crate::domain::id::Id;
use crate::domain::key::KeyKind;
use crate::domain::member::{MemberStatus, Role};
use crate::domain::text;
use crate::wire::members::{
    ChangeMemberRole, ChangeRole, CreateInvitation, InviteMember, KeySummary, ListMembers, Member,
    MemberRemoval, RemoveMember, RemoveQuery,
};
use crate::wire::page::PageQuery;

/// Subcommands of `keyward members`.
#[derive(Subcommand, Debug)]
pub enum MembersCommand {
    /// List members, including removed ones
    List(ListArgs),
    /// Invite someone, or let an active member sign in again; prints the sign-in code
    Invite(InviteArgs),
    /// Change a member's role
    Role(RoleArgs),
    /// Remove a member: revoke their personal keys, but keep the organization keys they created
    Remove(RemoveArgs),
}

/// Arguments of `keyward members list`.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    #[command(flatten)]
    output: OutputArgs,
}

/// Arguments of `keyward members invite`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:\n  keyward members invite bo@plant.example --role normal")]
pub struct InviteArgs {
    /// Email address of the member (no email is sent; pass the code on yourself)
    #[arg(value_name = "ADDRESS")]
    email: String,
    /// Role of a new member; an active member keeps their role
    #[arg(long, value_enum, value_name = "ROLE", default_value_t = Role::Normal)]
    role: Role,
}

/// Arguments of `keyward members role`.
#[derive(Args, Clone, Debug)]
pub struct RoleArgs {
    /// Email address or id of the member
    #[arg(value_name = "MEMBER")]
    member: String,
    /// New role
    #[arg(value_enum, value_name = "ROLE")]
    role: Role,
    /// Also revoke the member's personal keys
    #[arg(long)]
    revoke_personal_keys: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Arguments of `keyward members remove`.
#[derive(Args, Clone, Debug)]
pub struct RemoveArgs {
    /// Email address or id of the member
    #[arg(value_name = "MEMBER")]
    member: String,
    /// Skip the confirmation prompt (required without a terminal)
    #[arg(short, long)]
    yes: bool,
    /// Show what would be done without doing it
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn run(command: MembersCommand, context: &CommandContext) -> Result<ExitCode, CommandError> {
    match command {
        MembersCommand::List(args) => {
            let output = Output::new::<MemberRow>(&args.output, context.is_ascii_only())?;
            let connection = context.connect()?;
            let members = connection.fetch_all(ListMembers, PageQuery::default(), None).await?;
            output.print_list(&members.into_iter().map(MemberRow).collect::<Vec<_>>(), "No members.")?;
            Ok(ExitCode::Success)
        }
        MembersCommand::Invite(args) => invite(args, context).await,
        MembersCommand::Role(args) => change_role(args, context).await,
        MembersCommand::Remove(args) => remove(args, context).await,
    }
}

async fn invite(args: InviteArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let email =
        email::normalize_email(&args.email).map_err(|e| CommandError::usage(format!("The address {e}.")))?;
    let connection = context.connect()?;
    let body = InviteMember { email, role: args.role };
    let invitation = connection.client.send(CallRequest::with(CreateInvitation, body)).await?;
    let member = &invitation.member;
    let summary = if member.status == MemberStatus::Active {
        format!(
            "{email} is an active member ({role}) and gets a sign-in code",
            email = member.email,
            role = member.role
        )
    } else {
        format!("Invited {email} as {role}", email = member.email, role = member.role)
    };
    print_message(&format!(
        "{summary}. Pass the code on yourself. It works once, until {expiry}, with `keyward login {address}`.",
        expiry = format_time(invitation.code.expires_at),
        address = connection.target.address
    ));
    output::write_stdout(invitation.code.code.expose().as_bytes())?;
    output::write_stdout(b"\n")?;
    Ok(ExitCode::Success)
}

/// Finds the member with this id or email address. If several members have had the address, prefers the one who is not removed.
pub(super) async fn find_member(connection: &Connection, target: &str) -> Result<Member, CommandError> {
    let members = connection.fetch_all(ListMembers, PageQuery::default(), None).await?;
    let id = target.trim().parse::<Id>().ok();
    let folded_address = email::fold_case(target.trim());
    let mut matches: Vec<Member> = members
        .into_iter()
        .filter(|m| id.map_or_else(|| email::fold_case(&m.email) == folded_address, |id| m.id == id))
        .collect();
    if matches.iter().any(|m| m.status != MemberStatus::Removed) {
        matches.retain(|m| m.status != MemberStatus::Removed);
    }
    match matches.len() {
        0 => Err(CommandError::new(
            ExitCode::NotFound,
            format!(
                "There is no member `{member}`. List all members with `keyward members list`.",
                member = text::sanitize_line(target)
            ),
        )),
        1 => Ok(matches.remove(0)),
        n => Err(CommandError::new(
            ExitCode::Refused,
            format!(
                "{n} members have the address {email}. Use the id (`keyward members list --json=id,email,status`).",
                email = text::sanitize_line(target)
            ),
        )),
    }
}

async fn change_role(args: RoleArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let output = Output::new::<MemberRow>(&args.output, context.is_ascii_only())?;
    let connection = context.connect()?;
    let member = find_member(&connection, &args.member).await?;
    let body =
        ChangeRole { role: args.role, revoke_personal_keys: args.revoke_personal_keys.then_some(true) };
    let changed = connection.client.send(CallRequest::with(ChangeMemberRole, body).id(member.id)).await?;
    if output.is_table() {
        let revoked = match changed.revoked.as_slice() {
            [] => String::new(),
            keys => format!("\nRevoked:\n{}", describe_keys(keys)),
        };
        print_message(&format!(
            "{email} is now {role}.{revoked}",
            email = changed.member.email,
            role = changed.member.role
        ));
    } else {
        output.print_one(&MemberRow(changed.member), &[])?;
    }
    Ok(ExitCode::Success)
}

async fn remove(args: RemoveArgs, context: &CommandContext) -> Result<ExitCode, CommandError> {
    let output = Output::new::<RemovalRow>(&args.output, context.is_ascii_only())?;
    let connection = context.connect()?;
    let member = find_member(&connection, &args.member).await?;
    let request = |dry_run: bool| {
        CallRequest::to(RemoveMember).id(member.id).query(RemoveQuery { dry_run: dry_run.then_some(true) })
    };
    let preview = connection.client.send(request(true)).await?;
    if args.dry_run {
        return print_removal(preview, &output);
    }
    if !args.yes {
        if !prompt::is_interactive() {
            return Err(CommandError::usage(
                "Standard input is not a terminal, so nobody was removed. Pass --yes to remove without a prompt, or --dry-run to see \
                 what would happen.",
            ));
        }
        print_message(&format!("On {}:\n{}", connection.target.label(), describe_consequences(&preview)));
        prompt::confirm(
            &format!("Remove {email}? Type their email address:", email = member.email),
            &member.email,
        )?;
    }
    print_removal(connection.client.send(request(false)).await?, &output)
}

fn print_removal(removal: MemberRemoval, output: &Output) -> Result<ExitCode, CommandError> {
    if output.is_table() {
        print_message(&describe_consequences(&removal));
    } else {
        output.print_one(&RemovalRow(removal), &[])?;
    }
    Ok(ExitCode::Success)
}

fn describe_consequences(removal: &MemberRemoval) -> String {
    let (member, verb) = (&removal.member.email, if removal.dry_run { "would be" } else { "was" });
    let mut lines =
        vec![format!("{member} {verb} removed. Sessions ended: {count}.", count = removal.sessions_ended)];
    if !removal.revoked.is_empty() {
        lines.push("Revoked personal keys:".to_owned());
        lines.push(describe_keys(&removal.revoked));
    }
    if !removal.to_review.is_empty() {
        lines
            .push("Organization keys that stay active and need a review (`keyward review list`):".to_owned());
        lines.push(describe_keys(&removal.to_review));
    }
    lines.join("\n")
}

fn describe_keys(keys: &[KeySummary]) -> String {
    let line = |key: &KeySummary| {
        let used = key.last_used_at.map_or_else(
            || "never used".to_owned(),
            |at| format!("last used {time}", time = format_time(at)),
        );
        format!(
            "  \"{name}\" ({masked}, {id}) – {used}",
            name = text::sanitize_line(&key.name),
            masked = text::sanitize_line(&key.masked),
            id = key.id
        )
    };
    keys.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// JSON fields of a member, including the number of their keys.
const MEMBER_FIELDS: &[JsonField] = &[
    field("id", "id"),
    field("name", "text"),
    field("email", "text"),
    one_of::<Role>("role"),
    one_of::<MemberStatus>("status"),
    field("created_at", "time"),
    field("removed_at", "time or null"),
    field("last_seen_at", "time or null"),
    field("personal_keys", "number of active personal keys"),
    field("organization_keys", "number of active organization keys that they created"),
];

/// JSON fields of a key that a member's removal affects.
const KEY_SUMMARY_FIELDS: &[JsonField] = &[
    field("id", "id"),
    one_of::<KeyKind>("kind"),
    field("name", "text"),
    field("masked", "masked secret"),
    field("last_used_at", "time; null if never used"),
];

/// A member in the output of `keyward members list`.
pub(super) struct MemberRow(Member);

impl OutputRow for MemberRow {
    const FIELDS: &'static [JsonField] = MEMBER_FIELDS;

    const COLUMNS: &'static [OutputColumn<Self>] = &[
        OutputColumn {
            title: "Member",
            field: "email",
            rank: 0,
            cut: true,
            cell: |m| m.0.email.as_str().into(),
        },
        OutputColumn { title: "Name", field: "name", rank: 5, cut: true, cell: |m| m.0.name.as_str().into() },
        OutputColumn {
            title: "Role",
            field: "role",
            rank: 0,
            cut: false,
            cell: |m| m.0.role.to_string().into(),
        },
        OutputColumn {
            title: "Status",
            field: "status",
            rank: 0,
            cut: false,
            cell: |m| m.0.status.to_string().into(),
        },
        OutputColumn {
            title: "Personal",
            field: "personal_keys",
            rank: 1,
            cut: false,
            cell: |m| m.0.personal_keys.to_string().into(),
        },
        OutputColumn {
            title: "Created",
            field: "organization_keys",
            rank: 2,
            cut: false,
            cell: |m| m.0.organization_keys.to_string().into(),
        },
        OutputColumn {
            title: "Last seen",
            field: "last_seen_at",
            rank: 3,
            cut: false,
            cell: |m| CellValue::Time(m.0.last_seen_at, "Never"),
        },
        OutputColumn {
            title: "Removed",
            field: "removed_at",
            rank: 4,
            cut: false,
            cell: |m| CellValue::time(m.0.removed_at),
        },
        OutputColumn { title: "Id", field: "id", rank: 6, cut: false, cell: |m| m.id().into() },
    ];

    fn json(&self) -> String {
        output::to_json(&self.0)
    }

    fn id(&self) -> String {
        self.0.id.to_string()
    }
}

/// Result of removing a member: the number of ended sessions, and the affected keys.
pub(super) struct RemovalRow(MemberRemoval);

impl OutputRow for RemovalRow {
    const FIELDS: &'static [JsonField] = &[
        object("member", "member, as in `members list`", MEMBER_FIELDS),
        field("dry_run", "true if nothing was changed"),
        list("revoked", "list of revoked personal keys", KEY_SUMMARY_FIELDS),
        list("to_review", "list of organization keys that stay active and need a review", KEY_SUMMARY_FIELDS),
        field("sessions_ended", "number"),
    ];

    const COLUMNS: &'static [OutputColumn<Self>] = &[
        OutputColumn {
            title: "Member",
            field: "email",
            rank: 0,
            cut: true,
            cell: |r| r.0.member.email.as_str().into(),
        },
        OutputColumn {
            title: "Dry run",
            field: "dry_run",
            rank: 0,
            cut: false,
            cell: |r| r.0.dry_run.to_string().into(),
        },
        OutputColumn {
            title: "Revoked",
            field: "revoked",
            rank: 0,
            cut: false,
            cell: |r| r.0.revoked.len().to_string().into(),
        },
        OutputColumn {
            title: "To review",
            field: "to_review",
            rank: 0,
            cut: false,
            cell: |r| r.0.to_review.len().to_string().into(),
        },
    ];

    fn json(&self) -> String {
        output::to_json(&self.0)
    }

    fn id(&self) -> String {
        self.0.member.id.to_string()
    }
}
