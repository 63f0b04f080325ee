//! The welcome screen, for somebody without a session: sign in with a code, open the demo, or read where a code and a server come
//! from.

use std::sync::Arc;

use crokey::KeyCombination;
use crokey::crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::context::StartOptions;
use super::form::{FormFocus, TextField};
use super::frame::{FrameInfo, SMALLEST_WINDOW, replace_non_ascii};
use super::keymap::{Action, KeyContext, KeyMatch, Keymap, stack};
use super::msg::{ApiRequest, Effect, Msg, Reply, RequestError, Ticket, UiTime};
use super::popup::{PopupTone, content_width, draw_frame, draw_lines};
use super::text_layout::{key_hints, wrap_paragraph, wrap_text};
use super::theme::{StyleRole, Theme};
use super::ui_model::UiModel;
use crate::domain::secret::TokenKind;
use crate::domain::text;
use crate::wire::keys::SecretString;

/// The user's choice on the welcome screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WelcomeChoice {
    /// The user signed in. The session is stored in the profile named after the server.
    SignedIn,
    /// The user wants to open the demo.
    Demo,
}

// Order of the focus.
const SERVER: usize = 0;
const CODE: usize = 1;
const SIGN_IN: usize = 2;
const DEMO: usize = 3;
const LEAVE: usize = 4;

/// The buttons: focus index, label in wide windows, label in narrow windows.
const BUTTONS: [(usize, &str, &str); 3] =
    [(SIGN_IN, "Sign in", "Sign in"), (DEMO, "Try the demo", "Demo"), (LEAVE, "Leave", "Leave")];

const INTRO: &str = "Administer API keys. You are not signed in yet.";

/// Explains where to get a sign-in code and a server. `invite` is the key press that invites a member.
fn help(invite: &str) -> [String; 3] {
    [
        format!(
            "No code? An admin creates one: `keyward members invite ADDRESS`, or {invite} on the Members tab."
        ),
        "No server? On its host, run `keyward admin init`, which prints the first code, then `keyward serve`."
            .to_owned(),
        "Neither? The demo runs on this machine with made-up data, which is deleted when the demo ends.".to_owned(),
    ]
}

const UNENCRYPTED: &str =
    "http:// is not encrypted: others on the network can read the code and the session.";

/// Returns whether requests to this address leave the machine unencrypted. `false` while a partly typed address may still become a
/// local one.
fn is_unencrypted(server: &str) -> bool {
    let host = server.trim().strip_prefix("http://").unwrap_or("");
    let is_local =
        ["localhost", "127.", "[::1]"].iter().any(|local| host.starts_with(local) || local.starts_with(host));
    !is_local && !host.is_empty()
}

/// The welcome screen.
#[derive(Debug)]
pub struct Welcome {
    server: TextField,
    code: TextField,
    focus: FormFocus,
    in_flight: Option<Ticket>,
    /// Number of the last ticket that was issued.
    last_ticket: u64,
    failure: Option<String>,
    keymap: Keymap,
    theme: Theme,
    /// The user's choice; `None` while the screen is open.
    pub choice: Option<WelcomeChoice>,
}

impl Welcome {
    /// Creates the screen with empty fields, and returns it with its first effects.
    pub fn new(start: StartOptions) -> (Self, Vec<Effect>) {
        let welcome = Self {
            server: TextField::default(),
            code: TextField::new_secret(),
            focus: FormFocus::new(LEAVE + 1),
            in_flight: None,
            last_ticket: 0,
            failure: None,
            keymap: start.keymap,
            theme: start.theme,
            choice: None,
        };
        (welcome, Vec::new())
    }

    fn key_contexts(&self) -> &'static [KeyContext] {
        if self.focus.index <= CODE { stack::TEXT } else { stack::POPUP }
    }

    fn handle_key(&mut self, key: KeyCombination) -> Vec<Effect> {
        if let KeyMatch::Action(action) = self.keymap.find(self.key_contexts(), None, key) {
            return self.run_action(action);
        }
        match (self.focus.index, key.codes.first()) {
            (_, KeyCode::Down) => self.focus.focus_next(),
            (_, KeyCode::Up) => self.focus.focus_previous(),
            _ if self.in_flight.is_some() => {}
            (SERVER, _) => drop(self.server.handle_key(key)),
            (CODE, _) => drop(self.code.handle_key(key)),
            (_, KeyCode::Right) => self.focus.focus_next(),
            (_, KeyCode::Left) => self.focus.focus_previous(),
            _ => {}
        }
        Vec::new()
    }

    fn run_action(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::NextField | Action::ScrollDown => self.focus.focus_next(),
            Action::PreviousField | Action::ScrollUp => self.focus.focus_previous(),
            Action::Submit if self.focus.index == SERVER => self.focus.focus_next(),
            Action::Submit => return self.sign_in(),
            Action::Activate => match self.focus.index {
                SIGN_IN => return self.sign_in(),
                DEMO => {
                    self.choice = Some(WelcomeChoice::Demo);
                    return vec![Effect::Quit];
                }
                _ => return vec![Effect::Quit],
            },
            Action::Suspend => return vec![Effect::Suspend],
            // Cancels the request; what was typed stays.
            Action::Cancel | Action::Interrupt if self.in_flight.is_some() => {
                return self.in_flight.take().map(Effect::CancelRequest).into_iter().collect();
            }
            Action::Cancel => self.failure = None,
            Action::Interrupt | Action::ClosePopup | Action::Quit => return vec![Effect::Quit],
            _ => {}
        }
        Vec::new()
    }

    fn sign_in(&mut self) -> Vec<Effect> {
        if self.in_flight.is_some() {
            return Vec::new();
        }
        let server = self.server.text().trim().to_owned();
        if server.is_empty() {
            self.focus.index = SERVER;
            return self.fail("Enter the address of the server, for example https://keys.plant.example.");
        }
        let code = self.code.text().trim();
        if TokenKind::Code.digest(code).is_none() {
            let why = if code.is_empty() {
                "Paste the sign-in code. It begins with inv_ and is never shown."
            } else {
                "This is not a complete sign-in code. A code begins with inv_."
            };
            self.focus.index = CODE;
            return self.fail(why);
        }
        let code = Arc::new(SecretString::new(code));
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        (self.in_flight, self.failure) = (Some(ticket), None);
        vec![Effect::Request { ticket, request: ApiRequest::SignInAt { server, code } }]
    }

    fn fail(&mut self, why: &str) -> Vec<Effect> {
        self.failure = Some(why.to_owned());
        Vec::new()
    }

    fn apply_reply(&mut self, result: Result<Reply, RequestError>) -> Vec<Effect> {
        self.in_flight = None;
        match result {
            Ok(_) => {
                self.choice = Some(WelcomeChoice::SignedIn);
                self.code.clear();
                vec![Effect::Quit]
            }
            Err(failure) => {
                // The focus moves to what is most likely wrong: the code, or the address.
                self.focus.index = if failure.problem_type().is_some() { CODE } else { SERVER };
                self.fail(&failure.to_string())
            }
        }
    }

    fn buttons(&self, columns: usize) -> Line<'static> {
        let mut spans = Vec::new();
        for (at, long, short) in BUTTONS {
            let name = if columns < 40 { short } else { long };
            let style = if self.focus.index == at {
                self.theme.style(StyleRole::Accent).add_modifier(Modifier::REVERSED)
            } else {
                self.theme.style(StyleRole::Accent)
            };
            spans.extend([Span::styled(format!("[{name}]"), style), Span::raw("  ")]);
        }
        Line::from(spans)
    }
}

impl UiModel for Welcome {
    fn update(&mut self, msg: Msg) -> Vec<Effect> {
        match msg {
            Msg::KeyPress(key) => self.handle_key(key),
            Msg::Paste(text) if self.in_flight.is_none() => {
                match self.focus.index {
                    SERVER => self.server.paste(&text),
                    CODE => self.code.paste(&text),
                    _ => {}
                }
                Vec::new()
            }
            Msg::Reply { ticket, result } if self.in_flight == Some(ticket) => self.apply_reply(result),
            _ => Vec::new(),
        }
    }

    fn is_deferrable(&self, _: &Msg) -> bool {
        false
    }

    fn wake_at(&self) -> Option<UiTime> {
        None
    }

    fn draw(&self, buf: &mut Buffer) -> FrameInfo {
        buf.reset();
        let (area, theme) = (buf.area, self.theme);
        if area.width < SMALLEST_WINDOW.0 || area.height < SMALLEST_WINDOW.1 {
            let text = format!(
                "needs {}x{}, has {}x{}",
                SMALLEST_WINDOW.0, SMALLEST_WINDOW.1, area.width, area.height
            );
            buf.set_stringn(0, 0, text, usize::from(area.width), Style::new());
            return FrameInfo::default();
        }
        let width = content_width(area, 66);
        let columns = usize::from(width);
        let muted = theme.style(StyleRole::Muted);
        let mut failure = self.failure.as_ref().map_or_else(Vec::new, |why| {
            wrap_paragraph(&theme.text(&text::sanitize_block(why)), theme.style(StyleRole::Danger), columns)
        });
        if failure.is_empty() && is_unencrypted(self.server.text()) {
            failure = wrap_paragraph(UNENCRYPTED, theme.style(StyleRole::Stale), columns);
        }
        let key = |action| self.keymap.key_press(action).unwrap_or_else(|| "-".to_owned());
        let foot = [
            self.buttons(columns),
            Line::default(),
            if self.in_flight.is_some() {
                key_hints(&[(&key(Action::Cancel), "signing in; cancel")], theme)
            } else {
                let (submit, next, leave) =
                    (key(Action::Submit), key(Action::NextField), key(Action::Interrupt));
                key_hints(&[(&submit, "accept"), (&next, "next"), (&leave, "leave")], theme)
            },
        ];
        let help: Vec<Line<'static>> = help(&key(Action::Invite))
            .iter()
            .flat_map(|text| {
                wrap_text(text, columns)
                    .into_iter()
                    .map(|line| Line::styled(line, muted))
                    .chain([Line::default()])
            })
            .collect();
        // In low windows the explanations are left out, never fields or buttons.
        let rows = usize::from(area.height) - 2;
        let mut content = wrap_paragraph(INTRO, theme.style(StyleRole::Strong), columns);
        content.push(Line::default());
        let fields = [
            Line::styled("Server", theme.style(StyleRole::Accent)),
            Line::styled("Code", theme.style(StyleRole::Accent)),
        ];
        let least = fields.len() + 1 + failure.len() + usize::from(!failure.is_empty()) + foot.len();
        if content.len() + least > rows {
            content.clear();
        }
        let at = u16::try_from(content.len()).unwrap_or(0);
        content.extend(fields);
        content.push(Line::default());
        if !failure.is_empty() {
            content.extend(failure);
            content.push(Line::default());
        }
        if content.len() + help.len() + foot.len() <= rows {
            content.extend(help);
        }
        content.extend(foot);
        let size = (width, u16::try_from(content.len()).unwrap_or(u16::MAX));
        let inside = draw_frame("keyward", PopupTone::Calm, size, area, theme, buf);
        draw_lines(&content, inside, theme, buf);
        let field_area = |row: u16| Rect {
            x: inside.x + 8,
            y: inside.y + at + row,
            width: inside.width.saturating_sub(8),
            height: 1,
        };
        let is_idle = self.in_flight.is_none();
        let server = self.server.draw(field_area(0), is_idle && self.focus.index == SERVER, theme, buf);
        let code = self.code.draw(field_area(1), is_idle && self.focus.index == CODE, theme, buf);
        if self.server.text().is_empty() {
            let example = "https://keys.plant.example";
            buf.set_stringn(
                field_area(0).x + 1,
                field_area(0).y,
                example,
                usize::from(field_area(0).width) - 1,
                muted,
            );
        }
        if theme.ascii {
            replace_non_ascii(buf);
        }
        FrameInfo { cursor: server.or(code), ..FrameInfo::default() }
    }
}
