//! `keyward sessions …`: lists and ends sessions, and creates codes to sign in on another machine.

use clap::{Args, Subcommand};

use super::connect::CommandContext;
use super::error::{CommandError, ExitCode};
use super::keys::target;
use super::members;
use super::output::schema::field;
use super::output::{
    self, CellValue, JsonField, Output, OutputArgs, OutputColumn, OutputRow, format_time, print_message,
};
use crate::client::CallRequest;
use crate::wire::members::EndMemberSessions;
use crate::wire::page::PageQuery;
use crate::wire::sessions::{CreateSessionCode, EndSession, ListSessions, Session};

/// Subcommands of `keyward sessions`.
#[derive(Subcommand, Debug)]
pub enum SessionsCommand {
    /// List your sessions
    List(ListArgs),
    /// End some of your sessions by id, or all sessions of a member
    End(EndArgs),
    /// Print a code to sign in on another machine; it works once, within 10 minutes
    Code,
}

/// Arguments of `keyward sessions list`.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    #[command(flatten)]
    output: OutputArgs,
}

/// Arguments of `keyward sessions end`.
#[derive(Args, Clone, Debug)]
pub struct EndArgs {
    /// Ids of the sessions to end
    #[arg(value_name = "ID", required_unless_present = "of")]
    ids: Vec<String>,
    /// End all sessions of this member (email address or id); only for admins
    #[arg(long, value_name = "MEMBER", conflicts_with = "ids")]
    of: Option<String>,
}

pub(super) async fn run(
    command: SessionsCommand,
    context: &CommandContext,
) -> Result<ExitCode, CommandError> {
    let connection = context.connect()?;
    match command {
        SessionsCommand::List(args) => {
            let sessions = connection.fetch_all(ListSessions, PageQuery::default(), None).await?;
            let rows: Vec<SessionRow> = sessions.into_iter().map(SessionRow).collect();
            Output::new::<SessionRow>(&args.output, context.is_ascii_only())?
                .print_list(&rows, "No sessions.")?;
        }
        SessionsCommand::End(EndArgs { of: Some(member), .. }) => {
            let member = members::find_member(&connection, &member).await?;
            connection.client.send(CallRequest::to(EndMemberSessions).id(member.id)).await?;
            print_message(&format!("Ended all sessions of {email}.", email = member.email));
        }
        SessionsCommand::End(args) => {
            let ids = args
                .ids
                .iter()
                .map(|id| target::parse_id(id, "keyward sessions list"))
                .collect::<Result<Vec<_>, _>>()?;
            let mut result = Ok(ExitCode::Success);
            for &id in &ids {
                match connection.client.send(CallRequest::to(EndSession).id(id)).await {
                    Ok(()) => print_message(&format!("Ended {id}.")),
                    Err(e) => {
                        let error = CommandError::from(e).with_prefix(&id.to_string());
                        if ids.len() == 1 {
                            return Err(error);
                        }
                        print_message(&error.message);
                        result = Err(CommandError::new(
                            ExitCode::PartialFailure,
                            "Some sessions could not be ended.",
                        ));
                    }
                }
            }
            return result;
        }
        SessionsCommand::Code => {
            let code = connection.client.send(CallRequest::to(CreateSessionCode)).await?;
            print_message(&format!(
                "On the other machine, run `keyward login {address}`. The code works once, until {expiry}.",
                address = connection.target.address,
                expiry = format_time(code.expires_at)
            ));
            output::write_stdout(code.code.expose().as_bytes())?;
            output::write_stdout(b"\n")?;
        }
    }
    Ok(ExitCode::Success)
}

pub(super) struct SessionRow(Session);

impl OutputRow for SessionRow {
    const FIELDS: &'static [JsonField] = &[
        field("id", "id"),
        field("created_at", "time"),
        field("last_used_at", "time"),
        field("expires_at", "time; when the session expires at the latest"),
        field("agent", "text; the `User-Agent` that the client sent"),
        field("address", "text"),
        field("current", "true if this command uses the session"),
    ];

    const COLUMNS: &'static [OutputColumn<Self>] = &[
        OutputColumn {
            title: "Last used",
            field: "last_used_at",
            rank: 0,
            cut: false,
            cell: |s| CellValue::time(Some(s.0.last_used_at)),
        },
        OutputColumn {
            title: "Client",
            field: "agent",
            rank: 3,
            cut: true,
            cell: |s| s.0.agent.as_str().into(),
        },
        OutputColumn {
            title: "From",
            field: "address",
            rank: 2,
            cut: false,
            cell: |s| s.0.address.as_str().into(),
        },
        OutputColumn {
            title: "Current",
            field: "current",
            rank: 1,
            cut: false,
            cell: |s| if s.0.current { "yes" } else { "" }.into(),
        },
        OutputColumn {
            title: "Began",
            field: "created_at",
            rank: 5,
            cut: false,
            cell: |s| CellValue::time(Some(s.0.created_at)),
        },
        OutputColumn {
            title: "Ends by",
            field: "expires_at",
            rank: 4,
            cut: false,
            cell: |s| CellValue::time(Some(s.0.expires_at)),
        },
        OutputColumn { title: "Id", field: "id", rank: 0, cut: false, cell: |s| s.id().into() },
    ];

    fn json(&self) -> String {
        output::to_json(&self.0)
    }

    fn id(&self) -> String {
        self.0.id.to_string()
    }
}
